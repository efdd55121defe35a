package removal

import (
	"context"
	"fmt"

	"github.com/capprof/capprof/internal/capability"
)

// every runs each combination of the capabilities that can make a difference, and
// keeps those that are minimal.
func (s *Search) every(ctx context.Context) (Answer, error) {
	among := s.options.Among
	if outside := among.Minus(s.all); !outside.Empty() {
		return Answer{}, fmt.Errorf("{%s} cannot be granted", outside)
	}
	if among.Len() > mostAmong {
		return Answer{}, fmt.Errorf("%d capabilities have too many combinations, %d are the most", among.Len(), mostAmong)
	}
	answer := Answer{Complete: true, Exhaustive: 1 << among.Len()}
	combinations := subsets(among)
	for _, set := range combinations {
		if _, err := s.passes(ctx, set); err != nil {
			return Answer{}, err
		}
	}
	for _, set := range combinations {
		minimal, err := s.IsMinimal(ctx, set)
		if err != nil {
			return Answer{}, err
		}
		if minimal {
			answer.Sets = append(answer.Sets, set)
		}
		for c := range among.Minus(set).All() {
			s.unordered = s.unordered || s.known[set] && !s.known[set.With(c)]
		}
	}
	return answer, s.othersDoNothing(ctx, answer.Sets)
}

// othersDoNothing checks that a capability outside Among makes no difference where
// it matters: with and without each member of a minimal set, with nothing and with
// all of Among.
func (s *Search) othersDoNothing(ctx context.Context, minimal []capability.Set) error {
	among := s.options.Among
	checked := []capability.Set{0, among}
	for _, set := range minimal {
		checked = append(checked, set)
		for c := range set.All() {
			checked = append(checked, set.Without(c))
		}
	}
	others := s.all.Minus(among)
	for _, set := range checked {
		with, err := s.passes(ctx, set.Union(others))
		if err != nil {
			return err
		}
		if with != s.known[set] {
			return fmt.Errorf("with {%s} the others make a difference: passed %t, and %t with them; {%s} is not all that matters",
				set, s.known[set], with, among)
		}
	}
	return nil
}

// subsets lists all sets within all, each before those that hold it.
func subsets(all capability.Set) []capability.Set {
	sets := []capability.Set{0}
	for c := range all.All() {
		for _, set := range sets {
			sets = append(sets, set.With(c))
		}
	}
	return sets
}
