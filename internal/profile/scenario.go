package profile

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/capprof/capprof/internal/scenario"
)

// Scenario is what a run of a service was, as the run with everything allowed showed it
// and as every other run was held to it.
type Scenario struct {
	// Ready is how the service shows that it is ready, in the form of
	// scenario.Readiness: "listening", "healthy", "tcp:80". Told is whether the user
	// said so.
	Ready string `json:"ready"`
	Told  bool   `json:"told"`
	// Sockets are those on which it listens when it is ready, and Processes the kinds
	// of processes that are there from then on until its stop.
	Sockets   []scenario.Socket  `json:"sockets"`
	Processes []scenario.Process `json:"processes"`
	// Probes are the commands that used it from outside, Execs those inside the
	// container, as they were given.
	Probes []string `json:"probes"`
	Execs  []string `json:"execs"`
	// CountExec says that what Execs need for themselves is in the answer.
	CountExec bool `json:"countExec,omitempty"`
	// Boots are those of one run, in their order.
	Boots []scenario.Boot `json:"boots"`
	// StopSignal is the name of the signal that asks it to end: "SIGTERM".
	StopSignal string `json:"stopSignal"`
	// Stopped is how its first boot ended with everything allowed; nil where it never
	// got that far.
	Stopped *scenario.Stopped `json:"stopped,omitempty"`
}

// validate takes, of a newer minor version, what this code does not know.
func (s *Scenario) validate(newer bool) error {
	if s == nil {
		return nil
	}
	for _, socket := range s.Sockets {
		if socket.Protocol == "" || socket.Port < 1 || socket.Port > 65535 {
			return fmt.Errorf("scenario.sockets: %s is none", socket)
		}
	}
	switch {
	case len(s.Boots) == 0 || s.Boots[0] != scenario.FirstBoot:
		return fmt.Errorf("scenario.boots: a run begins with the %s", scenario.FirstBoot)
	case slices.Contains(s.Boots[1:], scenario.FirstBoot):
		return fmt.Errorf("scenario.boots: the %s is there twice", scenario.FirstBoot)
	case s.StopSignal == "":
		return errors.New("scenario.stopSignal: it has no name")
	case s.Ready == "":
		return errors.New("scenario.ready: it does not say how")
	case newer:
		return nil
	}
	for _, boot := range s.Boots {
		if !slices.Contains(scenario.Boots(), boot) {
			return fmt.Errorf("scenario.boots: %q is none", boot)
		}
	}
	switch how, err := scenario.ParseReadiness(s.Ready); {
	case s.Ready == string(scenario.Listening), s.Ready == string(scenario.Quiet):
	case err != nil:
		return fmt.Errorf("scenario.ready: %w", err)
	case how.How == scenario.Never:
		return fmt.Errorf("scenario.ready: %s is for what is no service", s.Ready)
	}
	return nil
}

// checkPhase reports what is wrong with a phase of a run. A service has the boots of
// its plan alone.
func (s *Scenario) checkPhase(p scenario.Phase, newer bool) error {
	known := slices.Contains(scenario.Boots(), p.Boot) && slices.Contains(scenario.Steps(), p.Step)
	switch {
	case !known && !newer:
		return fmt.Errorf("%q of %q is no phase of a run", p.Step, p.Boot)
	case s != nil && !slices.Contains(s.Boots, p.Boot):
		return fmt.Errorf("scenario.boots has no %s", p.Boot)
	}
	return nil
}

// comparePhases orders phases as a run has them. One that this code does not know comes
// last.
func comparePhases(a, b scenario.Phase) int {
	return cmp.Or(
		cmp.Compare(place(scenario.Boots(), a.Boot), place(scenario.Boots(), b.Boot)),
		cmp.Compare(place(scenario.Steps(), a.Step), place(scenario.Steps(), b.Step)),
		cmp.Compare(a.Boot, b.Boot),
		cmp.Compare(a.Step, b.Step),
	)
}

func place[T comparable](all []T, one T) int {
	if i := slices.Index(all, one); i >= 0 {
		return i
	}
	return len(all)
}

// compareSeen orders what was seen first in a run; nil, which is not known, comes first.
func compareSeen(a, b *scenario.Phase) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return comparePhases(*a, *b)
}

func normalizeScenario(s *Scenario) {
	if s == nil {
		return
	}
	slices.SortFunc(s.Sockets, func(a, b scenario.Socket) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})
	s.Sockets = slices.Compact(s.Sockets)
	slices.SortFunc(s.Processes, func(a, b scenario.Process) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
	})
	s.Processes = slices.Compact(s.Processes)
}

func cloneScenario(s *Scenario) *Scenario {
	if s == nil {
		return nil
	}
	c := *s
	c.Sockets, c.Processes = slices.Clone(s.Sockets), slices.Clone(s.Processes)
	return &c
}
