package search

import (
	"slices"
	"testing"
)

// Of a set whose trace lacks events it is not certain that no process keeps privileges; it
// is where the last traced run lacks none, and where nobody asks.
func TestWhetherPrivilegesAreKeptMayBeMissed(t *testing.T) {
	last := func(run int) bool { return run == 2 }
	for name, c := range map[string]struct {
		missed func(int) bool
		drops  bool
		unsure bool
	}{
		"the last traced run":      {missed: last, drops: true, unsure: true},
		"an earlier one":           {missed: func(run int) bool { return run == 1 }, drops: true},
		"drops are tolerated":      {missed: last},
		"a run that is not traced": {missed: func(run int) bool { return run > 2 }, drops: true},
	} {
		t.Run(name, func(t *testing.T) {
			g := goal()
			g.Drops = c.drops
			r := find(t, &lab{steps: []step{needs(chown)}, missed: c.missed}, g)
			i := slices.IndexFunc(r.Reasons, func(r Reason) bool { return r.Cause == TraceMissed })
			if r.Verdict != Proven || (i < 0) != (name == "a run that is not traced") || i >= 0 && r.Reasons[i].Unsure != c.unsure {
				t.Errorf("%s, %+v", r.Verdict, r.Reasons)
			}
		})
	}
}

// That a run was refused nothing else is no support for a proof where it may have been.
func TestATraceWithMissedEventsSupportsNoProof(t *testing.T) {
	steps := []step{needs(chown), needs(kill)}
	whole, missed := &lab{steps: steps}, &lab{steps: steps, missed: always}
	for _, l := range []*lab{whole, missed} {
		g := goal()
		g.KernelDefaults = nil
		if r := find(t, l, g); r.Verdict != Proven {
			t.Errorf("%s\n%s", r.Verdict, l.list())
		}
	}
	if len(missed.trials) <= len(whole.trials) {
		t.Errorf("%d runs with missed events, %d without:\n%s", len(missed.trials), len(whole.trials), missed.list())
	}
}
