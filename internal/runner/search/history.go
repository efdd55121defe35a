package search

import (
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/workload"
)

// history are the trials of a search, in the order of their making.
type history struct {
	made []Outcome
	// counted are the capabilities that count where a process goes on with privileges
	// that it meant to give up, and blind says that one was seen to: since then, only a
	// trace tells whether a run passed.
	counted capability.Set
	blind   bool
}

func (h *history) add(o Outcome) {
	if o.Run > 0 {
		h.made = append(h.made, o)
		h.blind = h.blind || len(Keeps(o.Denials, h.counted)) > 0
	}
}

// outcomes are the trials with what is known of their ends by now. One that passed
// without a trace tells nothing where a traced one of its set kept privileges, or where
// there is no traced one. What the engine refuses by now does not count any more.
func (h *history) outcomes() []Outcome {
	if !h.blind {
		return h.made
	}
	var known []Outcome
	for _, o := range h.made {
		switch {
		case o.End == Kept && len(Keeps(o.Denials, h.counted)) == 0:
			o.End = Passed
		case o.End == Passed && o.Look != Traced && (h.kept(o.Grants, o.Sysctls) || !h.traced(o.Grants, o.Sysctls)):
			continue
		}
		known = append(known, o)
	}
	return known
}

// kept reports whether a process kept privileges in a trial of a set.
func (h *history) kept(set grant.Set, sysctls []Sysctl) bool {
	return slices.ContainsFunc(h.made, func(o Outcome) bool {
		return o.End == Kept && o.same(set, sysctls) && len(Keeps(o.Denials, h.counted)) > 0
	})
}

// traced reports whether there was a traced trial of a set.
func (h *history) traced(set grant.Set, sysctls []Sysctl) bool {
	return slices.ContainsFunc(h.made, func(o Outcome) bool { return o.Look == Traced && o.End != Refused && o.same(set, sysctls) })
}

// of are the outcomes of a set under the sysctls.
func (h *history) of(set grant.Set, sysctls []Sysctl) (passed, failed []Outcome) {
	for _, o := range h.outcomes() {
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
	all := h.outcomes()
	for i, o := range all {
		if o.End == Refused || !slices.Equal(o.Sysctls, sysctls) {
			continue
		}
		for _, before := range all[:i] {
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
	for _, o := range h.outcomes() {
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
	return slices.ContainsFunc(h.made, func(made Outcome) bool {
		return made.End != Refused && made.Grants.Has(grant.Option(o))
	})
}

// anyPassed reports whether a trial passed, so that the Lab knows how long one takes.
func (h *history) anyPassed() bool {
	return slices.ContainsFunc(h.made, func(o Outcome) bool { return o.End == Passed || o.End == Kept })
}
