package mapper

import (
	"cmp"
	"slices"

	"github.com/capprof/capprof/internal/capability"
)

// Clause is a need: one of its capabilities would meet it.
type Clause struct {
	AnyOf capability.Set
	// Effect is the strongest among the evidence: a clause that is only Silent
	// or Degraded may be no need of the workload at all.
	Effect Effect
	// Denials are the evidence: those of the clause itself in the order in which
	// they were seen, then those of the clauses that it absorbed.
	Denials []Denial
}

// Clauses gathers denials into clauses: alike ones merged, and a wider clause
// absorbed by a narrower one that is at least as strong, since whatever meets
// {A} meets {A, B}. Unreachable denials, noise and what is
// unclear make none. The strongest
// clauses come first, then those with the fewest alternatives.
func Clauses(denials []Denial) []Clause {
	var clauses []Clause
	for _, d := range denials {
		anyOf := capability.Of(d.AnyOf...)
		if d.Unreachable || d.Effect <= Unclear || anyOf.Empty() {
			continue
		}
		i := slices.IndexFunc(clauses, func(c Clause) bool { return c.AnyOf == anyOf })
		if i < 0 {
			clauses = append(clauses, Clause{AnyOf: anyOf})
			i = len(clauses) - 1
		}
		clauses[i].Effect = max(clauses[i].Effect, d.Effect)
		clauses[i].Denials = append(clauses[i].Denials, d)
	}
	slices.SortStableFunc(clauses, func(a, b Clause) int {
		return cmp.Or(cmp.Compare(b.Effect, a.Effect), cmp.Compare(a.AnyOf.Len(), b.AnyOf.Len()))
	})
	// In this order, what absorbs a clause comes before it.
	var kept []Clause
	for _, c := range clauses {
		i := slices.IndexFunc(kept, func(k Clause) bool { return k.Effect >= c.Effect && c.AnyOf.Contains(k.AnyOf) })
		if i < 0 {
			kept = append(kept, c)
			continue
		}
		kept[i].Denials = append(kept[i].Denials, c.Denials...)
	}
	return kept
}
