package mapper

import "github.com/capprof/capprof/internal/capability"

// Clause is a need: one of its capabilities would meet it.
type Clause struct {
	AnyOf capability.Set
	// Effect is the strongest among the evidence: a clause that is only Silent
	// or Degraded may be no need of the workload at all.
	Effect Effect
	// Denials are the evidence, in the order in which they were seen.
	Denials []Denial
}

// Clauses gathers denials into clauses: alike ones merged, and a wider clause
// absorbed by a narrower one that is at least as strong, since whatever meets
// {A} meets {A, B}. Unreachable denials and noise make none.
func Clauses(denials []Denial) []Clause { return nil }
