package runner

import (
	"context"

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

// confirm runs the set by itself.
func (s *session) confirm(ctx context.Context, set capability.Set) (result, error) {
	return s.run(ctx, plan{purpose: profile.PurposeConfirm, set: set})
}

// prove confirms a set that passed, and runs it less each of its capabilities.
// What turns out removable goes, and the rest is proven anew: a program may
// behave otherwise with fewer capabilities.
func (s *session) prove(ctx context.Context, set capability.Set) (proof, error) {
	r, err := s.confirm(ctx, set)
	if err != nil || !r.passed {
		return proof{set: set, failedRun: r}, err
	}
	for {
		p := proof{set: set, confirmed: true, provenBy: map[capability.Cap]int{}}
		runs, err := s.withoutEach(ctx, set)
		if err != nil {
			return p, err
		}
		var removable capability.Set
		for c, r := range runs {
			if r.passed {
				removable = removable.With(c)
			} else {
				p.provenBy[c] = r.run.Number
			}
		}
		if removable.Empty() {
			return p, nil
		}
		smaller := set.Minus(removable)
		if removable.Len() > 1 {
			// Each of them can go; all together only if they do not stand in for each
			// other.
			together, err := s.confirm(ctx, smaller)
			if err != nil {
				return p, err
			}
			if !together.passed {
				dangerous := removable.ByDanger()
				smaller = set.Without(dangerous[len(dangerous)-1])
			}
		}
		set = smaller
	}
}

// withoutEach runs a set less each of its members, several at a time.
func (s *session) withoutEach(ctx context.Context, set capability.Set) (map[capability.Cap]result, error) {
	members := set.ByDanger()
	results := make([]result, len(members))
	numbers := make([]int, len(members))
	plans := make([]plan, len(members))
	for i, c := range members {
		plans[i] = plan{purpose: profile.PurposeRemove, set: set.Without(c), without: &c}
		number, err := s.reserve(plans[i])
		if err != nil {
			s.unreserve(numbers[:i])
			return nil, err
		}
		numbers[i] = number
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, s.opts.Jobs))
	for i := range members {
		group.Go(func() error {
			r, err := s.runNumbered(ctx, numbers[i], plans[i])
			results[i] = r
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byCap := make(map[capability.Cap]result, len(members))
	for i, c := range members {
		byCap[c] = results[i]
	}
	return byCap, nil
}

// unreserve gives numbers back that were planned and not run; they are the last
// ones.
func (s *session) unreserve(numbers []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = s.runs[:len(s.runs)-len(numbers)]
	s.durations = s.durations[:len(s.runs)]
}
