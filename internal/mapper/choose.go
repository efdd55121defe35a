package mapper

import (
	"slices"

	"github.com/capprof/capprof/internal/capability"
)

// Choice is the set to try next.
type Choice struct {
	// Set holds what was granted already and what is added.
	Set capability.Set
	// Added is what the choice adds to it.
	Added capability.Set
}

// Choose finds the least dangerous set, among the allowed capabilities, that
// together with those granted already meets every clause that can be met.
//
// The order is by the most dangerous member first: of two sets the better one
// has the less dangerous worst member, then second-worst member and so on, and
// a set is better than any that contains it. That is a sum of 2^Danger(c), so
// that no number of harmless capabilities outweighs a dangerous one.
//
// A caller that learns that a capability is of no use takes it out of allowed,
// and the choice falls on the alternatives.
func Choose(clauses []Clause, allowed, already capability.Set) Choice {
	var unmet []capability.Set
	for _, c := range clauses {
		candidates := c.AnyOf.Intersect(allowed)
		if c.AnyOf.Intersect(already).Empty() && !candidates.Empty() {
			unmet = append(unmet, candidates)
		}
	}
	var union capability.Set
	for _, c := range unmet {
		union = union.Union(c)
	}
	// Under this order the greedy choice is exact. A set without the most
	// dangerous capability beats every set with it, so it goes whenever the
	// others can meet all clauses, which they can unless a clause holds nothing
	// else; and so on down.
	added := union
	for _, c := range slices.Backward(union.ByDanger()) {
		if without := added.Without(c); meetsAll(without, unmet) {
			added = without
		}
	}
	return Choice{Set: already.Union(added), Added: added}
}

func meetsAll(set capability.Set, clauses []capability.Set) bool {
	return !slices.ContainsFunc(clauses, func(c capability.Set) bool { return c.Intersect(set).Empty() })
}
