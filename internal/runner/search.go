package runner

import (
	"context"
	"fmt"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

// searchByRemoval finds a smallest set, between background and from, with which
// the workload passes; with from it is known to, with background it is known not
// to. It is QuickXplain (Junker, AAAI 2004), which among the smallest sets prefers
// the least dangerous capabilities, and needs about 2k log2(n/k) + 2k runs for k
// of n. A search that cannot go on returns the smallest set that passed by then.
func (s *session) searchByRemoval(ctx context.Context, background, from capability.Set) (capability.Set, error) {
	smallest := from
	passes := func(caps []capability.Cap) (bool, error) {
		set := capability.Of(caps...)
		r, err := s.granted(ctx, plan{purpose: profile.PurposeSearch, set: set})
		if err == nil && r.passed && set.Len() < smallest.Len() {
			smallest = set
		}
		return r.passed, err
	}
	needed, err := quickXplain(background.ByDanger(), from.Minus(background).ByDanger(), passes)
	if err != nil {
		return smallest, unfinishedBy(err, fmt.Sprintf("the workload passes with %s, and the search for less was not finished", smallest))
	}
	return background.Union(capability.Of(needed...)), nil
}

// quickXplain returns the members of candidates, in order of preference, that are
// needed beside background for passes to hold. background alone must not pass,
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
