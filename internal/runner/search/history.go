package search

import (
	"slices"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/workload"
)

// history are the trials of a search, in the order of their making.
type history struct{ outcomes []Outcome }

func (h *history) add(o Outcome) {
	if o.Run > 0 {
		h.outcomes = append(h.outcomes, o)
	}
}

// of are the outcomes of a set under the sysctls.
func (h *history) of(set grant.Set, sysctls []Sysctl) (passed, failed []Outcome) {
	for _, o := range h.outcomes {
		switch {
		case !o.same(set, sysctls):
		case o.End == Passed:
			passed = append(passed, o)
		case o.failed():
			failed = append(failed, o)
		}
	}
	return passed, failed
}

// contradiction finds two trials of one set of which one passed and one did not.
func (h *history) contradiction(sysctls []Sysctl) (passed, failed Outcome, found bool) {
	for i, o := range h.outcomes {
		if o.End == Refused || !slices.Equal(o.Sysctls, sysctls) {
			continue
		}
		for _, before := range h.outcomes[:i] {
			if before.End == Refused || !before.same(o.Grants, o.Sysctls) || (before.End == Passed) == (o.End == Passed) {
				continue
			}
			if o.End == Passed {
				return o, before, true
			}
			return before, o, true
		}
	}
	return passed, failed, false
}

// smallest is the smallest set that passed, and never failed, under the sysctls; false
// when none did. Of several it is the one tried first.
func (h *history) smallest(sysctls []Sysctl) (grant.Set, bool) {
	var best grant.Set
	found := false
	for _, o := range h.outcomes {
		if o.End != Passed || !slices.Equal(o.Sysctls, sysctls) || found && o.Grants.Len() >= best.Len() {
			continue
		}
		if _, failed := h.of(o.Grants, sysctls); len(failed) == 0 {
			best, found = o.Grants, true
		}
	}
	return best, found
}

// accepted reports whether the engine has taken an option before.
func (h *history) accepted(o workload.Setting) bool {
	return slices.ContainsFunc(h.outcomes, func(made Outcome) bool {
		return made.End != Refused && made.Grants.Has(grant.Option(o))
	})
}

// anyPassed reports whether a trial passed, so that the Lab knows how long one takes.
func (h *history) anyPassed() bool {
	return slices.ContainsFunc(h.outcomes, func(o Outcome) bool { return o.End == Passed })
}
