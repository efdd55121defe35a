package search

import (
	"context"
	"errors"

	"github.com/capprof/capprof/internal/grant"
)

// proof is what the confirming and removing runs showed of a set.
type proof struct {
	set       grant.Set
	confirmed bool
	provenBy  map[grant.Grant]int
	// unstable is a run that failed where one with the same set passes, or should.
	unstable *Outcome
}

// unproven is the part of the set that no run proves yet.
func (p proof) unproven() grant.Set {
	rest := p.set
	for g := range p.provenBy {
		rest = rest.Without(g)
	}
	return rest
}

// prove confirms a set that passed, and runs it without each of its grants. What turns
// out removable goes, and then everything that is left is proven anew: only a run that
// had exactly the rest of the set tells whether a grant is needed. A run that may have
// failed by a flake (see needed) is repeated, under the full trace.
func (f *finder) prove(ctx context.Context, set grant.Set) (proof, error) {
	p := proof{set: set}
	for {
		p.provenBy = f.proofs(p.set)
		trials := f.withoutEach(p)
		if !p.confirmed {
			trials = append([]Trial{{Purpose: Confirm, Grants: set}}, trials...)
		}
		if len(trials) == 0 {
			return p, nil
		}
		outcomes, err := f.tryAll(ctx, trials...)
		if err != nil && !endsEarly(err) {
			return p, err
		}
		for _, o := range outcomes {
			if o.End == Refused && err == nil {
				err = &errWithdrawn{o}
			}
		}
		if !p.confirmed {
			if len(outcomes) == 0 || outcomes[0].End == Refused {
				return p, leaves(err, ConfirmSet, set, grant.Set{})
			}
			if smaller, unstable := f.confirmed(set, outcomes[0]); unstable != nil {
				p.unstable = &outcomes[0]
				return p, nil
			} else {
				p.set, p.confirmed = smaller, true
			}
		}
		if p.unstable = f.unstableIn(p.set); p.unstable != nil {
			return p, nil
		}
		removable := f.removable(p.set)
		if !removable.Empty() {
			if smaller, shrinkErr := f.shrink(ctx, p.set, removable, err == nil); shrinkErr != nil {
				p.set, err = smaller, shrinkErr
			} else {
				p.set = smaller
			}
		}
		if err != nil {
			p.provenBy = f.proofs(p.set)
			return p, leaves(err, ProveSet, p.set, p.unproven())
		}
	}
}

// proofs are the runs that show that a grant of the set is needed, by grant.
func (f *finder) proofs(set grant.Set) map[grant.Grant]int {
	proven := map[grant.Grant]int{}
	for _, g := range set.Grants() {
		if run, ok := f.needed(g, set); ok {
			proven[g] = run
		}
	}
	return proven
}

// removable are the grants without which the set passes.
func (f *finder) removable(set grant.Set) grant.Set {
	var removable grant.Set
	for _, g := range set.Grants() {
		if passed, _ := f.history.of(set.Without(g), f.sysctls); len(passed) > 0 {
			removable = removable.With(g)
		}
	}
	return removable
}

// unstableIn finds a removal run that failed where another one with the same set
// passed; nil for none.
func (f *finder) unstableIn(set grant.Set) *Outcome {
	for _, g := range set.Grants() {
		if passed, failed := f.history.of(set.Without(g), f.sysctls); len(passed) > 0 && len(failed) > 0 {
			return &failed[0]
		}
	}
	return nil
}

// withoutEach plans a run of the set without each of its grants that is not proven yet.
// That a run failed for want of a capability shows by the watch, which costs nothing;
// what failed once already is traced, to see what the watch does not. The want of a
// relaxation shows in a trace alone.
func (f *finder) withoutEach(p proof) []Trial {
	var trials []Trial
	for _, g := range f.byDanger(p.unproven()) {
		rest, look := p.set.Without(g), Watched
		if _, failed := f.history.of(rest, f.sysctls); g.IsOption() || len(failed) > 0 {
			look = Traced
		}
		trials = append(trials, Trial{Purpose: Remove, Grants: rest, Without: &g, Look: look})
	}
	return trials
}

// shrink takes what is removable out of a set: all together if the rest passes, else
// the most dangerous one, for they may stand in for each other. With that one out a run
// passed already; try says whether another run may be made.
func (f *finder) shrink(ctx context.Context, set, removable grant.Set, try bool) (grant.Set, error) {
	ordered := f.byDanger(removable)
	without := set.Without(ordered[len(ordered)-1])
	if len(ordered) == 1 || !try {
		return without, nil
	}
	rest := set.Minus(removable)
	passed, failed := f.history.of(rest, f.sysctls)
	switch {
	case len(failed) > 0:
		return without, nil
	case len(passed) > 0:
		return rest, nil
	}
	ok, err := f.passes(ctx, Confirm, rest)
	if ok {
		return rest, nil
	}
	return without, err
}

// needed judges a member of a set by the runs that had exactly the rest of it, and
// failed. It returns the number of the run that proves it.
//
// A workload may fail for reasons of its own, now and then. One failed run proves
// nothing then, whatever it was refused: most programs survive some refusals, and one
// that survives a refusal and fails by a flake looks like one that needs what it was
// refused. So a grant is needed when two runs failed for which only its want, or a
// flake, can be the reason: one flake does not make a proof, and two have to come in the
// same place. When neither run shows that the grant was asked for, it takes three.
func (f *finder) needed(g grant.Grant, set grant.Set) (run int, ok bool) {
	_, failed := f.history.of(set.Without(g), f.sysctls)
	if len(failed) == 0 {
		return 0, false
	}
	count, explained := len(failed), false
	run = failed[0].Run
	for _, o := range failed {
		if o.NotStarted {
			// With the grant the command starts: nothing ran that could flake.
			return o.Run, true
		}
		if !explained && f.known.explains(o, g) {
			run, explained = o.Run, true
		}
	}
	if f.supported(g, set) {
		count++
	}
	return run, explained && count >= 2 || count >= 3
}

// supported reports whether a run that lacked other grants too failed for want of
// nothing but g: its trace shows that no other member was asked for. That tells only
// where the want of each member shows in a trace, and only of a run that had nothing
// beyond the set.
func (f *finder) supported(g grant.Grant, set grant.Set) bool {
	for _, o := range f.history.outcomes {
		if !o.failed() || o.Look != Traced || !o.same(o.Grants, f.sysctls) || !set.Contains(o.Grants) || o.Grants.Has(g) {
			continue
		}
		lacks := set.Minus(o.Grants)
		if lacks.Len() > 1 && f.onlyAskedFor(o, g, lacks) {
			return true
		}
	}
	return false
}

// onlyAskedFor reports whether a run was refused something for want of g, and of no
// other of the grants that it lacked.
func (f *finder) onlyAskedFor(o Outcome, g grant.Grant, lacks grant.Set) bool {
	if !f.known.explains(o, g) {
		return false
	}
	for _, other := range lacks.Grants() {
		if !f.known.visible(other) || other != g && f.known.explains(o, other) {
			return false
		}
	}
	return true
}

// errUnstable says that a set failed that should pass.
var errUnstable = errors.New("the workload is not stable")

// confirmed returns the set that a confirming run leaves: the set itself when the run
// passed. When it failed, and the set was only inferred by a search by removal, the
// workload is not monotone, and the smallest set that did pass takes its place.
func (f *finder) confirmed(set grant.Set, o Outcome) (grant.Set, error) {
	if o.End == Passed {
		return set, nil
	}
	passed, _ := f.history.of(set, f.sysctls)
	smallest, found := f.history.smallest(f.sysctls)
	if len(passed) > 0 || !found {
		return set, errUnstable
	}
	return smallest, nil
}
