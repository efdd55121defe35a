package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

// proof is what the confirming and removing runs showed.
type proof struct {
	set       capability.Set
	confirmed bool
	// provenBy is the number of the failing run without a capability.
	provenBy map[capability.Cap]int
	// failedRun is the confirming run that failed, when confirmed is false.
	failedRun result
}

// unproven says which removals are missing.
func (p proof) unproven() string {
	if left := p.set.Minus(capability.Of(slices.Collect(maps.Keys(p.provenBy))...)); !left.Empty() {
		return fmt.Sprintf("the workload passes with %s; that it needs %s was not shown", p.set, left)
	}
	return fmt.Sprintf("the workload passes with %s; that it needs each of them was shown only beside what has gone since", p.set)
}

// confirm runs the set by itself.
func (s *session) confirm(ctx context.Context, set capability.Set) (result, error) {
	r, err := s.granted(ctx, plan{purpose: profile.PurposeConfirm, set: set})
	return r, unfinishedBy(err, fmt.Sprintf("%s was not confirmed by a run of its own", set))
}

// prove confirms a set that passed, and runs it less each of its capabilities.
// What turns out removable goes, and the rest is proven anew: a program may
// behave otherwise with fewer capabilities.
func (s *session) prove(ctx context.Context, set capability.Set) (proof, error) {
	p := proof{set: set, provenBy: map[capability.Cap]int{}}
	r, err := s.confirm(ctx, set)
	if err != nil || !r.passed {
		p.failedRun = r
		return p, err
	}
	p.confirmed = true
	for {
		runs, err := s.withoutEach(ctx, p.set)
		if err != nil && !endsEarly(err) {
			return p, err
		}
		var removable capability.Set
		for c, r := range runs {
			if r.passed {
				removable = removable.With(c)
				delete(p.provenBy, c)
			} else {
				p.provenBy[c] = r.run.Number
			}
		}
		if err != nil {
			if worst, ok := mostDangerous(removable); ok {
				p.set = p.set.Without(worst)
			}
			return p, unfinishedBy(err, p.unproven())
		}
		if removable.Empty() {
			return p, nil
		}
		if p.set, err = s.less(ctx, p.set, removable); err != nil {
			return p, err
		}
		maps.DeleteFunc(p.provenBy, func(c capability.Cap, _ int) bool { return !p.set.Has(c) })
	}
}

// less takes what is removable out of a set: all together if the rest passes, else
// the most dangerous one, for they may stand in for each other. When no run tells,
// it is the set less the most dangerous one, with which a run passed.
func (s *session) less(ctx context.Context, set, removable capability.Set) (capability.Set, error) {
	worst, _ := mostDangerous(removable)
	if removable.Len() == 1 {
		return set.Without(worst), nil
	}
	together, err := s.confirm(ctx, set.Minus(removable))
	if err == nil && together.passed {
		return set.Minus(removable), nil
	}
	return set.Without(worst), err
}

func mostDangerous(set capability.Set) (capability.Cap, bool) {
	if set.Empty() {
		return 0, false
	}
	all := set.ByDanger()
	return all[len(all)-1], true
}

// withoutEach runs a set less each of its members, several at a time. When the run
// limit, or an engine that refuses, leaves some out, it returns the other results
// beside the error.
func (s *session) withoutEach(ctx context.Context, set capability.Set) (map[capability.Cap]result, error) {
	var plans []plan
	var numbers []int
	var short error
	for _, c := range set.ByDanger() {
		p := plan{purpose: profile.PurposeRemove, set: set.Without(c), without: &c}
		number, err := s.reserve(p)
		if err != nil {
			short = err
			break
		}
		plans, numbers = append(plans, p), append(numbers, number)
	}
	results := make([]result, len(plans))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, s.opts.Jobs))
	for i := range plans {
		group.Go(func() error {
			r, err := s.runNumbered(ctx, numbers[i], plans[i])
			results[i] = r
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byCap := make(map[capability.Cap]result, len(plans))
	for i, p := range plans {
		if results[i].refused {
			short = errors.Join(short, withdrawn(results[i]))
			continue
		}
		byCap[*p.without] = results[i]
	}
	return byCap, short
}
