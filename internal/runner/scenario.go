package runner

import (
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/search"
	"github.com/capprof/capprof/internal/scenario"
)

// scenario describes what a run of a service was; nil for a batch job, and where no run
// showed what the workload is.
func (w *writer) scenario() *profile.Scenario {
	learned, _ := w.lab.room.Learned()
	told := w.opts.Told
	if learned.Kind != scenario.Service && told.IsService() {
		// It never got as far as to show it.
		learned = scenario.Learned{Kind: scenario.Service, Ready: told.Ready}
		if told.Ready.How == "" && w.id.Healthcheck {
			learned.Ready.How = scenario.Healthy
		}
	}
	if learned.Kind != scenario.Service || learned.Ready.How == "" {
		return nil
	}
	s := &profile.Scenario{
		Ready: learned.Ready.String(), Told: told.Ready.How != "",
		Sockets: learned.Sockets, Processes: learned.Processes,
		Probes: told.Probes, Execs: told.Execs, CountExec: w.lab.room.ExecsCount(),
		StopSignal: signalName(w.id.StopSignal),
	}
	s.Boots = told.Plan(w.lab.room.HasVolumes())
	if len(learned.Boots) > 0 {
		s.Stopped = &learned.Boots[0].Stopped
	}
	return s
}

// execs takes the operations of the user's own commands inside the container out of an
// observation, unless they count, and returns what they used for themselves.
func (l *lab) execs(o *observation.Observation) capability.Set {
	told := l.opts.Told
	if len(told.Execs) == 0 && told.Ready.How != scenario.Command {
		return 0
	}
	var theirs observation.Observation
	rest := slices.Clone(o.Operations)[:0]
	for _, op := range o.Operations {
		entered := op.Phase.Step == scenario.Exec || told.Ready.How == scenario.Command && op.Phase.Step == scenario.Start
		switch {
		case !op.Joined || !entered:
			rest = append(rest, op)
		case l.room.ExecsCount():
			op.Joined, op.ByExec = false, true
			rest = append(rest, op)
		default:
			theirs.Operations = append(theirs.Operations, op)
		}
	}
	o.Operations = rest
	var used capability.Set
	for _, u := range mapper.Uses(theirs) {
		used = used.With(u.Capability)
	}
	return used
}

// phases are the parts of a run that asked for a grant: where it was refused, where it
// was used at the same places by the run that passed, and otherwise where the run failed
// that had all but it.
func (w *writer) phases(r *profile.Requirement, refused []scenario.Phase, a search.Answer) {
	if !w.service {
		return
	}
	r.Phases = slices.Clone(refused)
	records := w.lab.records()
	if last := a.Knowledge.Last; last.Run > 0 && last.End == search.Passed {
		for _, u := range records[last.Run-1].uses {
			if u.Capability == r.Grant.Capability && !r.Grant.IsOption() && slices.ContainsFunc(r.Denials, func(d profile.Denial) bool { return sameNeed(d, u) }) {
				r.Phases = append(r.Phases, u.Operation.Phase)
			}
		}
	}
	if len(r.Phases) == 0 && r.ProvenBy > 0 {
		if in := records[r.ProvenBy-1].FailedIn; in != nil {
			r.Phases = append(r.Phases, *in)
		}
	}
	r.Phases = slices.DeleteFunc(r.Phases, scenario.Phase.IsZero)
}

// sameNeed reports whether a capability was used for what it was refused for elsewhere.
func sameNeed(d profile.Denial, u mapper.Use) bool {
	return d.Executable == u.Operation.Executable && d.Syscall == u.Operation.Syscall && (d.CallSite == u.CallSite || d.CallSite == "")
}

// phaseOf is when something was seen; nil for a batch job, which has one step alone.
func (e *explainer) phaseOf(p scenario.Phase) *scenario.Phase {
	if p.IsZero() || !e.service {
		return nil
	}
	return &p
}

// shells are those that people wrap a command in.
var shells = []string{"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"}

// asker says who asked for an operation, where that is not the image's own program. The
// shell of the user's own command is process 1 and stays it, unless it executes another
// program in its place.
func (e *explainer) asker(op observation.Operation) profile.Asker {
	switch {
	case op.ByExec:
		return profile.AskerExec
	case op.Init && len(e.command) > 1 && slices.Contains(shells, path.Base(e.command[0])) && path.Base(op.Executable) == path.Base(e.command[0]):
		return profile.AskerWrapper
	}
	return ""
}

// signalName is a signal as docker spells it.
func signalName(signal unix.Signal) string {
	if name := unix.SignalName(signal); name != "" {
		return name
	}
	return "SIG" + signal.String()
}
