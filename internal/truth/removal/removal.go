// Package removal finds the minimal capability sets of a workload by running it
// with fewer and fewer of them. It knows nothing but whether a run passed: no
// trace, no kernel, no table of who needs what. That is why its answers can judge
// those of a profiler that knows more.
//
// A set is minimal when the workload passes with it and fails with any one member
// removed. Most programs are monotone: what passes with a set passes with more, and
// then few runs find all minimal sets. Others are not, because a step that succeeds
// may be what makes another one needed. Every set that is found is therefore run
// without each of its members. Where that shows a program that is not monotone, the
// sets are still minimal, but there may be more of them. Options.Among finds all.
package removal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/capprof/capprof/internal/capability"
)

// Runs tells whether the workload passes with a set. It is asked about a set once,
// and a second time where two answers contradict each other or break monotony.
type Runs func(ctx context.Context, set capability.Set) (passed bool, err error)

// ErrUnstable says that the workload passed and failed with the same set.
var ErrUnstable = errors.New("the workload's runs contradict each other")

// Answer is what a search found.
type Answer struct {
	// Sets are minimal sets, the least dangerous first; none when the workload fails
	// with everything, or with Among, with every combination. A workload that needs
	// nothing has one, which is empty.
	Sets []capability.Set
	// Complete is false when there may be more sets than were found.
	Complete bool
	// Monotone is false when the workload failed with more than it passes with.
	Monotone bool
	// Runs is the number of sets that were run.
	Runs int
	// Exhaustive is what the plain way takes to find a single one of the sets: a
	// run with everything, one with nothing, one for each capability removed.
	Exhaustive int
}

// Options bound a search.
type Options struct {
	// OneByOne removes one capability at a time instead of halves. It finds the
	// same with more runs, by the simplest means there is.
	OneByOne bool
	// MaxSets ends the search for alternatives; 0 is 16.
	MaxSets int
	// Among are the capabilities that can make a difference to the workload. Where it
	// is set, every combination of them is run: the only way to find all minimal sets
	// of a program that is not monotone.
	Among capability.Set
}

// mostAmong bounds the combinations to 1024.
const mostAmong = 10

// Search finds the minimal sets of one workload within what may be granted.
type Search struct {
	all     capability.Set
	runs    Runs
	options Options
	// known are the results so far, by set.
	known map[capability.Set]bool
	// closed are the exclusions that were looked at.
	closed map[capability.Set]bool
	found  []capability.Set
	// truncated is set when MaxSets ended the search.
	truncated bool
	// unordered is set when the workload turned out not to be monotone.
	unordered bool
}

// New prepares a search within all.
func New(all capability.Set, runs Runs, options Options) *Search {
	if options.MaxSets == 0 {
		options.MaxSets = 16
	}
	return &Search{all: all, runs: runs, options: options, known: map[capability.Set]bool{}, closed: map[capability.Set]bool{}}
}

// Find finds the minimal sets.
func (s *Search) Find(ctx context.Context) (Answer, error) {
	answer, err := s.find(ctx)
	if err != nil {
		return Answer{}, err
	}
	answer.Runs, answer.Monotone = len(s.known), !s.unordered
	slices.SortFunc(answer.Sets, LessDangerous)
	return answer, nil
}

func (s *Search) find(ctx context.Context) (Answer, error) {
	if !s.options.Among.Empty() {
		return s.every(ctx)
	}
	passed, err := s.passes(ctx, s.all)
	if err != nil || !passed {
		return Answer{Complete: true, Exhaustive: 1}, err
	}
	passed, err = s.passes(ctx, 0)
	if err != nil {
		return Answer{}, err
	}
	if passed {
		return Answer{Sets: []capability.Set{0}, Complete: true, Exhaustive: 2}, nil
	}
	if err := s.without(ctx, 0); err != nil {
		return Answer{}, err
	}
	return Answer{Sets: s.found, Complete: !s.truncated && !s.unordered, Exhaustive: 2 + s.all.Len()}, nil
}

// Runs is the number of sets that were run so far.
func (s *Search) Runs() int { return len(s.known) }

// IsMinimal runs what a minimal set must show: the workload passes with it, and
// fails with any one member removed. It takes nothing for granted.
func (s *Search) IsMinimal(ctx context.Context, set capability.Set) (bool, error) {
	passed, err := s.passes(ctx, set)
	if err != nil || !passed {
		return false, err
	}
	removable, err := s.removable(ctx, set)
	return removable.Empty(), err
}

// removable holds the first member of a passing set without which the workload
// passes too, and is empty when there is none.
func (s *Search) removable(ctx context.Context, set capability.Set) (capability.Set, error) {
	for _, c := range removalOrder(set) {
		passed, err := s.passes(ctx, set.Without(c))
		if err != nil {
			return 0, err
		}
		if passed {
			return capability.Of(c), nil
		}
	}
	return 0, nil
}

// settle takes away from a passing set what can still go. There is nothing where
// the workload is monotone: then each member was needed in a larger set already.
func (s *Search) settle(ctx context.Context, set capability.Set) (capability.Set, error) {
	for {
		removable, err := s.removable(ctx, set)
		if err != nil || removable.Empty() {
			return set, err
		}
		smaller := set.Minus(removable)
		if err := s.confirmUnordered(ctx, smaller, removable); err != nil {
			return 0, err
		}
		set = smaller
	}
}

// confirmUnordered repeats the two runs that show that the workload is not monotone:
// it passed with the smaller set, and failed with a larger one that lacks the same
// member. There is one, since that failure is why the member was kept. A flaky
// workload shows the like by chance.
func (s *Search) confirmUnordered(ctx context.Context, smaller, lacking capability.Set) error {
	for larger, passed := range s.known {
		if passed || !larger.Contains(smaller) || larger.Intersect(lacking) != 0 {
			continue
		}
		for set, want := range map[capability.Set]bool{smaller: true, larger: false} {
			again, err := s.run(ctx, set)
			if err != nil {
				return err
			}
			if again != want {
				return fmt.Errorf("%w: with {%s} it passed once and failed once", ErrUnstable, set)
			}
		}
		break
	}
	s.unordered = true
	return nil
}

func (s *Search) passes(ctx context.Context, set capability.Set) (bool, error) {
	if passed, known := s.known[set]; known {
		return passed, nil
	}
	passed, err := s.run(ctx, set)
	if err == nil {
		s.known[set] = passed
	}
	return passed, err
}

func (s *Search) run(ctx context.Context, set capability.Set) (bool, error) {
	passed, err := s.runs(ctx, set)
	if err != nil {
		return false, fmt.Errorf("running with {%s}: %w", set, err)
	}
	return passed, nil
}

// removalOrder puts the most dangerous first, so that of two alternatives the
// better one is what remains.
func removalOrder(set capability.Set) []capability.Cap {
	order := set.ByDanger()
	slices.Reverse(order)
	return order
}

// LessDangerous orders sets by their most dangerous member, then by the next
// one, and a set before those that hold it.
func LessDangerous(a, b capability.Set) int {
	return slices.CompareFunc(removalOrder(a), removalOrder(b), func(x, y capability.Cap) int {
		return capability.Danger(x) - capability.Danger(y)
	})
}
