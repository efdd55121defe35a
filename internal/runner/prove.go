package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
)

// proof is what the confirming and removing runs showed.
type proof struct {
	set       capability.Set
	confirmed bool
	// failures are the removal runs without a capability that failed.
	failures map[capability.Cap][]result
	// provenBy is the number of the failing run without a capability.
	provenBy map[capability.Cap]int
	// unstable is a run that failed where one with the same set passes, or should.
	unstable *result
}

// unproven is the part of the set that no run proves yet.
func (p proof) unproven() capability.Set {
	return p.set.Minus(capability.Of(slices.Collect(maps.Keys(p.provenBy))...))
}

// missing says which removals are missing.
func (p proof) missing() string {
	return fmt.Sprintf("the workload passes with %s; that it needs %s was not shown", p.set, p.unproven())
}

// confirm runs the set by itself.
func (s *session) confirm(ctx context.Context, set capability.Set) (result, error) {
	r, err := s.granted(ctx, plan{purpose: profile.PurposeConfirm, set: set})
	return r, unfinishedBy(err, fmt.Sprintf("%s was not confirmed by a run of its own", set))
}

// prove confirms a set that passed, and runs it less each of its capabilities, all
// at the same time as far as --jobs goes. What turns out removable goes. A run
// that failed without a capability counts for what is left as well: that is less
// than what failed. One whose failure may be an accident (see isNeeded) is repeated,
// under the full trace. provenBy are the removals that need not be made.
func (s *session) prove(ctx context.Context, env mapper.Environment, found *findings, set capability.Set, provenBy map[capability.Cap]int) (proof, error) {
	p := proof{set: set, failures: map[capability.Cap][]result{}, provenBy: provenBy}
	plans := append([]plan{{purpose: profile.PurposeConfirm, set: set}}, s.withoutEach(p)...)
	for {
		results, err := s.batch(ctx, plans)
		if err != nil && !endsEarly(err) {
			return p, err
		}
		if !p.confirmed {
			if len(results) == 0 || results[0].refused {
				return p, unfinishedBy(err, fmt.Sprintf("%s was not confirmed by a run of its own", set))
			}
			if !results[0].passed {
				p.unstable = &results[0]
				return p, nil
			}
			p.confirmed, results = true, results[1:]
		}
		removable := p.judge(results, env, found)
		if p.unstable != nil {
			return p, nil
		}
		if err != nil {
			if worst, ok := mostDangerous(removable); ok {
				p.set = p.set.Without(worst)
			}
			s.settled(p, found)
			return p, unfinishedBy(err, p.missing())
		}
		if !removable.Empty() {
			if p.set, err = s.less(ctx, p.set, removable); err != nil {
				s.settled(p, found)
				return p, err
			}
		}
		s.settled(p, found)
		// What could go alone and not together is needed by now, or still not.
		if plans = s.withoutEach(p); len(plans) == 0 {
			return p, nil
		}
	}
}

// judge notes what removal runs tell, and returns what they show to be removable.
func (p *proof) judge(results []result, env mapper.Environment, found *findings) capability.Set {
	var removable capability.Set
	for _, r := range results {
		c := r.run.Without.Capability
		if r.run.Traced && !r.refused {
			found.note(env, r)
		}
		switch before := p.failures[c]; {
		case r.refused:
		case !r.passed:
			p.failures[c] = append(before, r)
		case len(before) > 0 && before[len(before)-1].run.Capabilities == r.run.Capabilities:
			p.unstable = &before[len(before)-1]
		default:
			// What failed before had more, with which the workload may do more.
			delete(p.failures, c)
			removable = removable.With(c)
		}
	}
	return removable
}

// settled notes what is proven by now.
func (s *session) settled(p proof, found *findings) {
	for c := range p.unproven().All() {
		if number, ok := s.isNeeded(c, p.set, p.failures[c], found); ok {
			p.provenBy[c] = number
		}
	}
}

// withoutEach plans a run of the set without each of its members that are not proven
// yet. That a run failed for want of a capability shows by the watch, which costs
// nothing; what failed once already is traced, to see what the watch does not.
func (s *session) withoutEach(p proof) []plan {
	var plans []plan
	for _, c := range p.unproven().ByDanger() {
		traced, left := s.tracer != nil && len(p.failures[c]) > 0, grant.Capability(c)
		plans = append(plans, plan{
			purpose: profile.PurposeRemove, set: p.set.Without(c), without: &left, traced: traced, watched: s.tracer != nil && !traced,
		})
	}
	return plans
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

// batch makes runs that do not depend on each other, several at a time. When the
// run limit, or an engine that refuses, leaves some out, it returns the results of
// the others, in order, beside the error.
func (s *session) batch(ctx context.Context, plans []plan) ([]result, error) {
	var numbers []int
	var short error
	for _, p := range plans {
		number, err := s.reserve(p)
		if err != nil {
			short = err
			break
		}
		numbers = append(numbers, number)
	}
	results := make([]result, len(numbers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, s.opts.Jobs))
	for i := range numbers {
		group.Go(func() error {
			r, err := s.runNumbered(ctx, numbers[i], plans[i])
			results[i] = r
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, r := range results {
		if r.refused {
			short = errors.Join(short, withdrawn(r))
		}
	}
	return results, short
}
