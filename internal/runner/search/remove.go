package search

import (
	"context"
	"errors"
	"slices"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/workload"
)

// searchByRemoval finds a smallest set with which the workload passes: background, with
// which it is known not to pass, and some of all that is allowed, with which it is
// known to. It is QuickXplain (Junker, AAAI 2004), which among the smallest sets
// prefers the least dangerous grants, and needs about 2k log2(n/k) + 2k runs for k of n.
// It takes programs to be monotone. For one that is not it may end with a set that
// fails; the smallest one that passed is the answer then.
func (e explorer) searchByRemoval(ctx context.Context, background grant.Set) (grant.Set, error) {
	everything := grant.Of(e.allowed(), background.Options()...)
	needed, err := quickXplain(e.byDanger(background), e.byDanger(everything.Minus(background)), func(grants []grant.Grant) (bool, error) {
		return e.passes(ctx, Search, grant.Set{}.With(grants...))
	})
	set := background.With(needed...)
	if passed, failed := e.history.of(set, e.sysctls); err != nil || len(failed) > 0 && len(passed) == 0 {
		smallest, found := e.history.smallest(e.sysctls)
		if !found {
			smallest = e.everything()
		}
		return smallest, leaves(err, FindSmaller, smallest, grant.Set{})
	}
	return set, nil
}

// searchRelaxations finds a smallest set of relaxations with which the workload passes,
// given every capability that is allowed; with all of them it is known to.
func (e explorer) searchRelaxations(ctx context.Context, named grant.Set) ([]workload.Setting, error) {
	passes := func(options []workload.Setting) (bool, error) {
		return e.passes(ctx, Search, grant.Of(e.allowed(), options...))
	}
	needed, err := e.fewestRelaxations(named.Options(), passes)
	return needed, leaves(err, FindRelaxations, named, grant.Set{})
}

func (e explorer) fewestRelaxations(named []workload.Setting, passes func([]workload.Setting) (bool, error)) ([]workload.Setting, error) {
	if ok, err := passes(nil); ok || err != nil {
		return nil, err
	}
	// What the trace named is narrower than what covers it.
	var candidates []workload.Setting
	for _, g := range e.byDanger(grant.Of(0, slices.Concat(named, e.relaxations())...)) {
		candidates = append(candidates, g.Option)
	}
	return quickXplain(nil, candidates, passes)
}

// narrow replaces relaxations of a set that passed by narrower ones, where the workload
// passes with these too.
func (e explorer) narrow(ctx context.Context, set grant.Set) (grant.Set, error) {
	if e.goal.Relaxations == nil {
		return set, nil
	}
	for _, wide := range set.Options() {
		others := set.Without(grant.Option(wide))
		narrower, err := e.narrower(ctx, wide, others)
		if err != nil {
			return set, leaves(err, FindRelaxations, set, grant.Set{})
		}
		if len(narrower) > 0 {
			set = others.Union(grant.Of(0, narrower...))
		}
	}
	return set, nil
}

// narrower finds the fewest of the narrower options that do for a wide one; none when
// they do not.
func (e explorer) narrower(ctx context.Context, wide workload.Setting, others grant.Set) ([]workload.Setting, error) {
	with := func(options []workload.Setting) Trial {
		return Trial{Purpose: Search, Grants: others.Union(grant.Of(0, options...))}
	}
	for {
		candidates := e.takable(e.goal.Relaxations.Narrower(wide))
		if len(candidates) == 0 {
			return nil, nil
		}
		o, err := e.try(ctx, with(candidates))
		switch {
		case err != nil:
			return nil, err
		case o.End == Refused:
			var unusable *Unusable
			if err := e.withdraw(ctx, o); errors.As(err, &unusable) {
				return nil, nil // only together are they refused
			} else if err != nil {
				return nil, err
			}
		case o.End != Passed:
			return nil, nil
		default:
			return quickXplain(nil, candidates, func(options []workload.Setting) (bool, error) {
				o, err := e.granted(ctx, with(options))
				return err == nil && o.End == Passed, err
			})
		}
	}
}

// quickXplain returns the members of candidates, in order of preference, that are
// needed in addition to background for passes to hold. background alone must not pass,
// with all candidates it must.
func quickXplain[T any](background, candidates []T, passes func([]T) (bool, error)) ([]T, error) {
	var divide func(background []T, added bool, candidates []T) ([]T, error)
	divide = func(background []T, added bool, candidates []T) ([]T, error) {
		if added {
			if ok, err := passes(background); err != nil || ok {
				return nil, err
			}
		}
		if len(candidates) == 1 {
			return candidates, nil
		}
		preferred, rest := candidates[:len(candidates)/2], candidates[len(candidates)/2:]
		fromRest, err := divide(slices.Concat(background, preferred), true, rest)
		if err != nil {
			return nil, err
		}
		fromPreferred, err := divide(slices.Concat(background, fromRest), len(fromRest) > 0, preferred)
		return slices.Concat(fromRest, fromPreferred), err
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	return divide(background, false, candidates)
}
