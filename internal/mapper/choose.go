package mapper

import "github.com/capprof/capprof/internal/capability"

// Choice is the set to try next.
type Choice struct {
	// Set holds what was granted already and what is added.
	Set capability.Set
	// Added is what the choice adds to it.
	Added capability.Set
	// Unmet are the clauses that no allowed capability meets.
	Unmet []Clause
}

// Choose finds the least dangerous set, among the allowed capabilities, that
// together with those granted already meets every clause that can be met.
func Choose(clauses []Clause, allowed, already capability.Set) Choice { return Choice{Set: already} }
