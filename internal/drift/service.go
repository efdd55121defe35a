package drift

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
)

// phaseChanges compares which parts of a run ask for the common grants. A side that
// does not know, being a batch job or found by removal, says nothing about that.
func phaseChanges(old, new *profile.Document) []PhaseChange {
	var all []PhaseChange
	common := old.Grants().Minus(old.Grants().Minus(new.Grants()))
	for _, g := range ordered(common) {
		if before, now := when(old, g), when(new, g); before != "" && now != "" && before != now {
			all = append(all, PhaseChange{Grant: g, Old: before, New: now})
		}
	}
	return all
}

// when says which parts of a run ask for a grant, so that more restarts than before are
// no change.
func when(d *profile.Document, g grant.Grant) string {
	r, _ := d.Requirement(g)
	return sentence.Phases(d, r.Phases)
}

// serviceFacts are those of a service; a batch job has empty ones.
func serviceFacts(s *profile.Scenario) []fact {
	kind := "service"
	if s == nil {
		s, kind = &profile.Scenario{}, "batch job"
	}
	var sockets, processes, boots, stopped string
	for _, socket := range s.Sockets {
		sockets += ", " + socket.String()
	}
	for _, p := range s.Processes {
		processes += fmt.Sprintf(", %s (user %d)", p.Name, p.UID)
	}
	for _, boot := range s.Boots {
		boots += ", " + string(boot)
	}
	if s.Stopped != nil {
		stopped = fmt.Sprintf("%s, exit code %d", s.StopSignal, s.Stopped.ExitCode)
		if s.Stopped.Killed {
			stopped = s.StopSignal + ", then killed"
		}
	}
	return []fact{
		{"kind", kind},
		{"ready", s.Ready},
		{"listens on", strings.TrimPrefix(sockets, ", ")},
		{"processes", strings.TrimPrefix(processes, ", ")},
		{"probes", words(s.Probes)},
		{"commands inside", words(s.Execs)},
		{"counts the commands inside", counts(s)},
		{"boots", strings.TrimPrefix(boots, ", ")},
		{"stops by", stopped},
	}
}

func counts(s *profile.Scenario) string {
	if len(s.Execs) == 0 {
		return ""
	}
	return strconv.FormatBool(s.CountExec)
}
