package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
)

// comparePhases orders them as a run has them.
func comparePhases(a, b scenario.Phase) int {
	return cmp.Or(
		cmp.Compare(slices.Index(scenario.Boots(), a.Boot), slices.Index(scenario.Boots(), b.Boot)),
		cmp.Compare(slices.Index(scenario.Steps(), a.Step), slices.Index(scenario.Steps(), b.Step)),
	)
}

// asks says in which phases the capabilities of an answer were asked for.
func asks(requirements []profile.Requirement) map[capability.Cap][]scenario.Phase {
	all := map[capability.Cap][]scenario.Phase{}
	for _, r := range requirements {
		all[r.Grant.Capability] = r.Phases
	}
	return all
}

// goes completes the verdict on a service: what it was taken for, and when each
// capability was asked for. Nothing fails for want of one before it is asked for.
func (v *verdict) goes(k testCase, own *found, a answer) {
	if k.serves == nil || !v.exact || a.none {
		return
	}
	s := a.scenario
	if s == nil {
		v.wrong("taken for a batch job")
		return
	}
	sockets, processes, stopped := own.judge.Learned()
	switch {
	case !slices.Equal(s.Sockets, sockets):
		v.wrong("listens on %v, and not on %v", sockets, s.Sockets)
	case !slices.Equal(s.Processes, processes):
		v.wrong("its processes are %v, and not %v", processes, s.Processes)
	case s.Stopped == nil || *s.Stopped != stopped:
		v.wrong("it ends with %+v, and not %+v", stopped, s.Stopped)
	}
	v.asked(k, own, a)
}

// wrong says what is, beside the set.
func (v *verdict) wrong(format string, args ...any) {
	v.exact, v.note = false, fmt.Sprintf(format, args...)
}

// asked completes the verdict with the phases.
func (v *verdict) asked(k testCase, own *found, a answer) {
	for c := range a.set.All() {
		phases := a.asks[c]
		fails, ran := own.failed[a.set.Without(c)]
		switch want := k.serves.asks[c]; {
		case len(phases) == 0 && !a.byRemoval.Has(c):
			v.wrong("does not say when %s is asked for", c.Short())
		case want != nil && !slices.Equal(phases, want):
			v.wrong("%s is asked for in %s, and not in %s", c.Short(), phasesText(want), phasesText(phases))
		case ran && len(phases) > 0 && comparePhases(phases[0], fails) > 0:
			v.wrong("%s is asked for in %s, and its want shows in the %s", c.Short(), phasesText(phases), fails)
		}
	}
}

func phasesText(phases []scenario.Phase) string {
	var parts []string
	for _, p := range phases {
		parts = append(parts, "the "+p.String())
	}
	return strings.Join(parts, ", ")
}
