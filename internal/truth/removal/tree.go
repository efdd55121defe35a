package removal

import (
	"context"
	"slices"

	"github.com/capprof/capprof/internal/capability"
)

// without finds the minimal sets that have nothing of excluded: one of them by
// removal, the others by excluding each of its members in turn. Reiter's hitting
// set tree ("A theory of diagnosis from first principles", 1987): no minimal set
// of a monotone workload escapes it.
func (s *Search) without(ctx context.Context, excluded capability.Set) error {
	if s.closed[excluded] {
		return nil
	}
	s.closed[excluded] = true
	set, found, err := s.oneWithout(ctx, excluded)
	if err != nil || !found {
		return err
	}
	if !slices.Contains(s.found, set) {
		if len(s.found) == s.options.MaxSets {
			s.truncated = true
			return nil
		}
		s.found = append(s.found, set)
	}
	for c := range set.All() {
		if err := s.without(ctx, excluded.With(c)); err != nil {
			return err
		}
	}
	return nil
}

// oneWithout is a minimal set that has nothing of excluded.
func (s *Search) oneWithout(ctx context.Context, excluded capability.Set) (set capability.Set, found bool, err error) {
	for _, set := range s.found {
		if set.Intersect(excluded).Empty() {
			return set, true, nil
		}
	}
	rest := s.all.Minus(excluded)
	passed, err := s.passes(ctx, rest)
	if err != nil || !passed {
		return 0, false, err
	}
	order := removalOrder(rest)
	if s.options.OneByOne {
		set, err = s.shrink(ctx, rest, order)
	} else {
		set, err = s.halve(ctx, 0, false, order)
	}
	if err != nil {
		return 0, false, err
	}
	set, err = s.settle(ctx, set)
	return set, err == nil, err
}

// shrink takes one capability after the other away, where the workload lets it.
func (s *Search) shrink(ctx context.Context, set capability.Set, order []capability.Cap) (capability.Set, error) {
	for _, c := range order {
		passed, err := s.passes(ctx, set.Without(c))
		if err != nil {
			return 0, err
		}
		if passed {
			set = set.Without(c)
		}
	}
	return set, nil
}

// halve is QuickXplain (Junker, 2004): the members of candidates, which are in
// the order of removal, that are needed in addition to base. It takes about
// k log(n/k) runs where k of n are needed. That base and what it returns pass
// together was seen in a run; that all of it is needed follows from monotony alone.
// Whether base changed since the last run is told, because a run with an unchanged
// one would tell nothing new.
func (s *Search) halve(ctx context.Context, base capability.Set, changed bool, candidates []capability.Cap) (capability.Set, error) {
	if changed {
		passed, err := s.passes(ctx, base)
		if err != nil || passed {
			return 0, err
		}
	}
	if len(candidates) == 1 {
		return capability.Of(candidates[0]), nil
	}
	first, second := candidates[:len(candidates)/2], candidates[len(candidates)/2:]
	// What is to stay if possible, the second half, is background to the first.
	kept := capability.Of(second...)
	fromFirst, err := s.halve(ctx, base.Union(kept), true, first)
	if err != nil {
		return 0, err
	}
	fromSecond, err := s.halve(ctx, base.Union(fromFirst), !fromFirst.Empty(), second)
	if err != nil {
		return 0, err
	}
	return fromFirst.Union(fromSecond), nil
}
