package search

import (
	"context"
	"slices"

	"github.com/capprof/capprof/internal/grant"
)

// prover shows that a set is enough, and that each of its grants is needed.
type prover struct {
	*bench
	set       grant.Set
	confirmed bool
	// provenBy is the number of the failed run without a grant.
	provenBy map[grant.Grant]int
	// before are the grants that were proven to be needed in a larger set, or under
	// other sysctls. That is no proof of this set, but speaks against a flake.
	before map[grant.Grant]bool
	// unstable is a run that failed where one with the same set passes, or should.
	unstable *Outcome
}

// unproven is the part of the set that no run proves yet.
func (p *prover) unproven() grant.Set {
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
func (p *prover) prove(ctx context.Context) error {
	for {
		p.provenBy = p.proofs()
		trials := p.withoutEach()
		if !p.confirmed {
			trials = append([]Trial{{Purpose: Confirm, Grants: p.set}}, trials...)
		}
		if len(trials) == 0 {
			return nil
		}
		outcomes, err := p.tryAll(ctx, trials...)
		if err != nil && !endsEarly(err) {
			return err
		}
		for _, o := range outcomes {
			if o.End == Refused && err == nil {
				err = &errWithdrawn{o}
			}
		}
		if !p.confirmed {
			if len(outcomes) == 0 || outcomes[0].End == Refused {
				return leaves(err, ConfirmSet, p.set, grant.Set{})
			}
			if p.set, p.confirmed = p.confirm(p.set, outcomes[0]); !p.confirmed {
				p.unstable = &outcomes[0]
				return nil
			}
		}
		if p.unstable = p.flake(); p.unstable != nil {
			return nil
		}
		if removable := p.removable(); !removable.Empty() {
			for g := range p.proofs() {
				p.before[g] = true
			}
			var shrinking error
			if p.set, shrinking = p.shrink(ctx, removable, err == nil); shrinking != nil {
				err = shrinking
			}
		}
		if err != nil {
			p.provenBy = p.proofs()
			return leaves(err, ProveSet, p.set, p.unproven())
		}
	}
}

// proofs are the runs that show that a grant of the set is needed, by grant.
func (p *prover) proofs() map[grant.Grant]int {
	proven := map[grant.Grant]int{}
	for _, g := range p.set.Grants() {
		if run, ok := p.needed(g); ok {
			proven[g] = run
		}
	}
	return proven
}

// removable are the grants without which the set passes.
func (p *prover) removable() grant.Set {
	var removable grant.Set
	for _, g := range p.set.Grants() {
		if passed, _ := p.history.of(p.set.Without(g), p.sysctls); len(passed) > 0 {
			removable = removable.With(g)
		}
	}
	return removable
}

// flake finds a removal run that failed where another one with the same set
// passed; nil for none.
func (p *prover) flake() *Outcome {
	for _, g := range p.set.Grants() {
		if passed, failed := p.history.of(p.set.Without(g), p.sysctls); len(passed) > 0 && len(failed) > 0 {
			return &failed[0]
		}
	}
	return nil
}

// withoutEach plans a run of the set without each of its grants that is not proven yet.
// That a run failed because a capability was missing shows by the watch, which costs nothing;
// what failed once already is traced, to see what the watch does not. A missing
// relaxation shows in a trace alone.
func (p *prover) withoutEach() []Trial {
	var trials []Trial
	for _, g := range p.byDanger(p.unproven()) {
		rest, look := p.set.Without(g), Watched
		_, failed := p.history.of(rest, p.sysctls)
		explained := slices.ContainsFunc(failed, func(o Outcome) bool { return p.known.explains(o, g) })
		if !explained && (g.IsOption() || len(failed) > 0) {
			look = Traced
		}
		trials = append(trials, Trial{Purpose: Remove, Grants: rest, Without: &g, Look: look})
	}
	return trials
}

// shrink takes what is removable out of a set: all together if the rest passes, else
// the most dangerous one, for they may stand in for each other. With that one out a run
// passed already; try says whether another run may be made.
func (p *prover) shrink(ctx context.Context, removable grant.Set, try bool) (grant.Set, error) {
	ordered := p.byDanger(removable)
	without := p.set.Without(ordered[len(ordered)-1])
	if len(ordered) == 1 || !try {
		return without, nil
	}
	rest := p.set.Minus(removable)
	passed, failed := p.history.of(rest, p.sysctls)
	switch {
	case len(failed) > 0:
		return without, nil
	case len(passed) > 0:
		return rest, nil
	}
	ok, err := p.passes(ctx, Confirm, rest)
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
// same place. When neither run shows that the grant was asked for, it takes three. One
// of them may be another proof (before) or another run (supported).
func (p *prover) needed(g grant.Grant) (run int, ok bool) {
	_, failed := p.history.of(p.set.Without(g), p.sysctls)
	if len(failed) == 0 {
		return 0, false
	}
	count, explained := len(failed), false
	var proof Outcome
	for _, o := range failed {
		if o.NotStarted {
			// With the grant the command starts: nothing ran that could flake.
			return o.Run, true
		}
		explains := p.known.explains(o, g)
		if o.End == Kept && explains {
			// It was seen in the run, which went well otherwise: no flake does that.
			return o.Run, true
		}
		// What was made to show it comes first, where it shows why.
		if proof.Run == 0 || explains && !explained || explains == explained && o.Purpose == Remove && proof.Purpose != Remove {
			proof = o
		}
		explained = explained || explains
	}
	if p.before[g] || p.supported(g) {
		count++
	}
	return proof.Run, explained && count >= 2 || count >= 3
}

// supported reports whether a run that lacked other grants too failed because of
// nothing but g: its trace shows that no other member was asked for. That tells only
// where the want of each member shows in a trace of which no event was skipped, and only
// of a run that had nothing beyond the set.
func (p *prover) supported(g grant.Grant) bool {
	for _, o := range p.history.outcomes() {
		if !o.failed() || o.Look != Traced || o.Missed || !slices.Equal(o.Sysctls, p.sysctls) || !p.set.Contains(o.Grants) || o.Grants.Has(g) {
			continue
		}
		lacks := p.set.Minus(o.Grants)
		if lacks.Len() > 1 && p.onlyAskedFor(o, g, lacks) {
			return true
		}
	}
	return false
}

// onlyAskedFor reports whether a run was refused something because g was missing, and no
// other of the grants that it lacked.
func (p *prover) onlyAskedFor(o Outcome, g grant.Grant, lacks grant.Set) bool {
	if !p.known.explains(o, g) {
		return false
	}
	for _, other := range lacks.Grants() {
		if !p.known.visible(other) || other != g && p.known.explains(o, other) {
			return false
		}
	}
	return true
}
