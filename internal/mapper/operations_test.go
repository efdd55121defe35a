package mapper

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// testdata/operations.json holds single operations as they were measured on
// Linux 6.18, outside of seccomp: the error, the smallest sufficient sets, and
// the capabilities asked in turn, with the functions that ask.
func operations(t testing.TB) []modelled {
	t.Helper()
	data, err := os.ReadFile("testdata/operations.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []modelled
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) < 130 {
		t.Fatalf("%d operations in the test data", len(all))
	}
	return all
}

func TestEveryOperationGetsAMinimalSet(t *testing.T) {
	for _, m := range operations(t) {
		t.Run(m.ID, func(t *testing.T) {
			held, whole := solve(t, m, capability.Known())
			if !whole {
				t.Fatalf("stuck at %v, which lacks its effect; needs%s", held, named(m.Needs))
			}
			if len(m.Needs) == 0 {
				if !held.Empty() {
					t.Fatalf("got %v for what needs nothing", held)
				}
				return
			}
			if !slices.ContainsFunc(m.Needs, func(set []capability.Cap) bool { return capability.Of(set...) == held }) {
				t.Fatalf("got %v, needs%s", held, named(m.Needs))
			}
			for _, set := range m.Needs {
				if worst(capability.Of(set...)) < worst(held) {
					t.Errorf("got %v although %v is less dangerous", held, capability.Of(set...))
				}
			}
		})
	}
}

func worst(s capability.Set) int {
	rank := -1
	for c := range s.All() {
		rank = max(rank, capability.Danger(c))
	}
	return rank
}

// Where one alternative cannot be had, the next one is taken, and where none
// can, the clause is reported as unmet.
func TestAlternativesAreTriedInTurn(t *testing.T) {
	for _, m := range operations(t) {
		if len(m.Needs) < 2 {
			continue
		}
		t.Run(m.ID, func(t *testing.T) {
			for _, want := range m.Needs {
				allowed := capability.Of(want...)
				held, whole := solve(t, m, allowed)
				if !whole || held != allowed {
					t.Errorf("with only %v allowed: got %v, whole effect %v", allowed, held, whole)
				}
			}
			if held, whole := solve(t, m, 0); whole || !held.Empty() {
				t.Errorf("with nothing allowed: got %v", held)
			}
		})
	}
}

// An operation's own effects must not be called noise, and what needs nothing
// must leave no clause.
func TestOperationsThatNeedNothingLeaveNoClause(t *testing.T) {
	for _, m := range operations(t) {
		op, whole := m.run(0)
		r := Map(observation.Observation{Operations: []observation.Operation{op}}, onDocker(Environment{}))
		if clauses := Clauses(r.Denials); whole != (len(clauses) == 0) {
			t.Errorf("%s: whole effect %v, clauses %+v", m.ID, whole, clauses)
		}
		noisy := explain(observation.Observation{Operations: []observation.Operation{op}}, onDocker(Environment{}), Noise)
		if whole && len(op.Checks) > 0 && len(noisy.Denials) == 0 {
			t.Errorf("%s: the noise is not shown on demand", m.ID)
		}
		if extra := Clauses(noisy.Denials); len(extra) != len(Clauses(r.Denials)) {
			t.Errorf("%s: noise makes clauses: %+v", m.ID, extra)
		}
	}
}

func TestEveryOperationIsExplainedInWords(t *testing.T) {
	for _, m := range operations(t) {
		op, _ := m.run(0)
		for _, d := range Map(observation.Observation{Operations: []observation.Operation{op}}, onDocker(Environment{})).Denials {
			if d.Meaning == "" || d.CallSite == "" {
				t.Errorf("%s: %+v", m.ID, d)
			}
		}
	}
}
