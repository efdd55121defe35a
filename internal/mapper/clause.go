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
}

// Clauses gathers denials into clauses: alike ones merged, and a clause absorbed by
// one with fewer alternatives that is at least as strong, since whatever meets {A}
// meets {A, B}. Unreachable denials, noise and what is unclear make none. The
// strongest clauses come first, then those with the fewest alternatives.
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
	}
	slices.SortStableFunc(clauses, func(a, b Clause) int {
		return cmp.Or(cmp.Compare(b.Effect, a.Effect), cmp.Compare(a.AnyOf.Len(), b.AnyOf.Len()))
	})
	// In this order, what absorbs a clause comes before it.
	var kept []Clause
	for _, c := range clauses {
		if !slices.ContainsFunc(kept, func(k Clause) bool { return k.Effect >= c.Effect && c.AnyOf.Contains(k.AnyOf) }) {
			kept = append(kept, c)
		}
	}
	return kept
}
