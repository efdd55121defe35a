// Package removal finds the minimal capability sets of a workload by running it
// with fewer and fewer of them. It knows nothing but whether a run passed: no
// trace, no kernel, no table of who needs what. That is what makes its answers a
// judge of those of a profiler that knows more.
//
// One thing is taken for granted, and checked on every answer: that a workload
// which passes with a set passes with more as well.
package removal

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/capprof/capprof/internal/capability"
)

// Runs tells whether the workload passes with a set. It is asked about each set
// once at most.
type Runs func(ctx context.Context, set capability.Set) (passed bool, err error)

// ErrUnstable says that the answers contradict each other: the workload is
// flaky, or fails when it has more.
var ErrUnstable = errors.New("the workload's runs contradict each other")

// Answer is what a search found.
type Answer struct {
	// Sets are all minimal sets, the least dangerous first; none when the workload
	// fails with everything. A workload that needs nothing has one, which is empty.
	Sets []capability.Set
	// Complete is false when there may be more sets than were looked for.
	Complete bool
	// Runs is the number of runs that it took.
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
}

// Search finds the minimal sets within all.
func Search(ctx context.Context, all capability.Set, runs Runs, options Options) (Answer, error) {
	if options.MaxSets == 0 {
		options.MaxSets = 16
	}
	s := &search{all: all, runs: runs, options: options, known: map[capability.Set]bool{}, closed: map[capability.Set]bool{}}
	answer, err := s.run(ctx)
	answer.Runs = len(s.known)
	return answer, err
}

type search struct {
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
}

func (s *search) run(ctx context.Context) (Answer, error) {
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
	for _, set := range s.found {
		if err := s.verify(ctx, set); err != nil {
			return Answer{}, err
		}
	}
	slices.SortFunc(s.found, lessDangerous)
	return Answer{Sets: s.found, Complete: !s.truncated, Exhaustive: 2 + s.all.Len()}, nil
}

// without finds the minimal sets that have nothing of excluded: one of them by
// removal, the others by excluding each of its members in turn. Reiter's hitting
// set tree ("A theory of diagnosis from first principles", 1987): no minimal set
// escapes it.
func (s *search) without(ctx context.Context, excluded capability.Set) error {
	if s.closed[excluded] {
		return nil
	}
	s.closed[excluded] = true
	set, err := s.oneWithout(ctx, excluded)
	if err != nil || set == 0 {
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

// oneWithout is a minimal set that has nothing of excluded, or none.
func (s *search) oneWithout(ctx context.Context, excluded capability.Set) (capability.Set, error) {
	for _, set := range s.found {
		if set.Intersect(excluded).Empty() {
			return set, nil
		}
	}
	rest := s.all.Minus(excluded)
	passed, err := s.passes(ctx, rest)
	if err != nil || !passed {
		return 0, err
	}
	// The most dangerous ones go first, so that of two alternatives the better
	// one is what remains.
	order := rest.ByDanger()
	slices.Reverse(order)
	if s.options.OneByOne {
		return s.shrink(ctx, rest, order)
	}
	return s.halve(ctx, 0, false, order)
}

// shrink takes one capability after the other away, where the workload lets it.
func (s *search) shrink(ctx context.Context, set capability.Set, order []capability.Cap) (capability.Set, error) {
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
// the order of removal, that are needed beside base. It takes about
// k log(n/k) runs where k of n are needed. Whether base changed since the last
// run is told, because a run with an unchanged one would tell nothing new.
func (s *search) halve(ctx context.Context, base capability.Set, changed bool, candidates []capability.Cap) (capability.Set, error) {
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

// verify runs what the answer says: the set passes, and less of it does not.
func (s *search) verify(ctx context.Context, set capability.Set) error {
	passed, err := s.passes(ctx, set)
	if err != nil {
		return err
	}
	if !passed {
		return fmt.Errorf("%w: it fails with {%s}, which removal left", ErrUnstable, set)
	}
	for c := range set.All() {
		passed, err := s.passes(ctx, set.Without(c))
		if err != nil {
			return err
		}
		if passed {
			return fmt.Errorf("%w: it passes with {%s}, though not with some set that holds it", ErrUnstable, set.Without(c))
		}
	}
	return nil
}

func (s *search) passes(ctx context.Context, set capability.Set) (bool, error) {
	if passed, known := s.known[set]; known {
		return passed, nil
	}
	passed, err := s.runs(ctx, set)
	if err != nil {
		return false, fmt.Errorf("running with {%s}: %w", set, err)
	}
	s.known[set] = passed
	return passed, nil
}

// lessDangerous orders sets by their most dangerous member, then by the next
// one, and a set before those that hold it.
func lessDangerous(a, b capability.Set) int {
	aCaps, bCaps := a.ByDanger(), b.ByDanger()
	slices.Reverse(aCaps)
	slices.Reverse(bCaps)
	return slices.CompareFunc(aCaps, bCaps, func(x, y capability.Cap) int {
		return capability.Danger(x) - capability.Danger(y)
	})
}
