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
	passes := func(set capability.Set) (bool, error) {
		r, err := s.granted(ctx, plan{purpose: profile.PurposeSearch, set: set})
		if err == nil && r.passed && set.Len() < smallest.Len() {
			smallest = set
		}
		return r.passed, err
	}
	needed, err := quickXplain(background, from.Minus(background).ByDanger(), passes)
	if err != nil {
		return smallest, unfinishedBy(err, fmt.Sprintf("the workload passes with %s, and the search for less was not finished", smallest))
	}
	return background.Union(needed), nil
}

// quickXplain returns the members of candidates, in order of preference, that are
// needed beside background for passes to hold. background alone must not pass,
// with all candidates it must.
func quickXplain(background capability.Set, candidates []capability.Cap, passes func(capability.Set) (bool, error)) (capability.Set, error) {
	var divide func(background capability.Set, added bool, candidates []capability.Cap) (capability.Set, error)
	divide = func(background capability.Set, added bool, candidates []capability.Cap) (capability.Set, error) {
		if added {
			if ok, err := passes(background); err != nil || ok {
				return 0, err
			}
		}
		if len(candidates) == 1 {
			return capability.Of(candidates[0]), nil
		}
		preferred, rest := slices.Clone(candidates[:len(candidates)/2]), candidates[len(candidates)/2:]
		fromRest, err := divide(background.Union(capability.Of(preferred...)), true, rest)
		if err != nil {
			return 0, err
		}
		fromPreferred, err := divide(background.Union(fromRest), !fromRest.Empty(), preferred)
		return fromRest.Union(fromPreferred), err
	}
	if len(candidates) == 0 {
		return 0, nil
	}
	return divide(background, false, candidates)
}
