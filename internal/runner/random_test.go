package runner

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

// universe are the capabilities of random programs, from the least to the most
// dangerous. FSETID is left out: the want of it makes no call fail.
var universe = capability.Of(kill, setgid, setuid, chown, override, chroot, netRaw, capability.MkNod).ByDanger()

// randomProgram needs clauses of one to three capabilities, some of them hidden
// from the trace, and is refused some things without harm.
func randomProgram(r *rand.Rand) []step {
	var steps []step
	for range r.IntN(7) {
		var s step
		for range 1 + r.IntN(3) {
			s.anyOf = s.anyOf.With(universe[r.IntN(len(universe))])
		}
		s.then = []reaction{dies, dies, failsLater, survives, hangs}[r.IntN(5)]
		if r.IntN(4) == 0 {
			s.sight = hidden
		}
		steps = append(steps, s)
	}
	return steps
}

func passesWith(steps []step, set capability.Set) bool {
	for _, s := range steps {
		if s.then != survives && s.anyOf.Intersect(set).Empty() {
			return false
		}
	}
	return true
}

// weight orders sets as the documentation does: the most dangerous member counts
// first.
func weight(set capability.Set) uint64 {
	var w uint64
	for c := range set.All() {
		w += 1 << capability.Danger(c)
	}
	return w
}

// TestRandomPrograms holds the loop against brute force: over programs that pass
// with every greater set too, the result passes, nothing in it can go, a second
// time gives the same bytes, and there are not more runs than promised.
func TestRandomPrograms(t *testing.T) {
	programs := 400
	if testing.Short() {
		programs = 60
	}
	for seed := range programs {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		steps := randomProgram(r)
		allowed := capability.Set(0)
		for _, c := range universe {
			if r.IntN(8) > 0 {
				allowed = allowed.With(c)
			}
		}
		change := both(func(o *Options) { o.Allowed, o.MaxRuns = allowed, 200 }, jobs(1+3*r.IntN(2)))
		if r.IntN(4) == 0 {
			change = both(change, untraced)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			a := try(t, newEngine(t, does(steps...)), change)
			if a.err != nil {
				t.Fatal(a.err)
			}
			set := a.Document.Capabilities.Required
			if !passesWith(steps, allowed) {
				a.gives(t, profile.Failed)
			} else {
				a.gives(t, profile.Proven, set.Slice()...)
				if !passesWith(steps, set) || !allowed.Contains(set) {
					t.Errorf("%+v does not pass with %s, or that is not allowed", steps, set)
				}
				for c := range set.All() {
					if passesWith(steps, set.Without(c)) {
						t.Errorf("%+v passes without %s", steps, c)
					}
				}
			}
			n, k := len(universe), max(1, set.Len())
			// Exploring adds a capability a run at least; a search takes 2k log2(n/k) + 2k
			// runs; each round of removals, of which each takes a capability away, one a
			// capability and one more; a reference, a confirmation and a last look.
			if most := n + 2*k*4 + 2*k + n*(n+3)/2 + 3; len(a.Document.Runs) > most {
				t.Errorf("%d runs, more than %d", len(a.Document.Runs), most)
			}
			again := try(t, newEngine(t, does(steps...)), change)
			if first, second := withoutMeta(t, a.json), withoutMeta(t, again.json); first != second {
				t.Errorf("a second time gives:\n%s\nthe first gave:\n%s", second, first)
			}
		})
	}
}

func withoutMeta(t *testing.T, data []byte) string {
	t.Helper()
	var d map[string]json.RawMessage
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	delete(d, "meta")
	rest, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(rest)
}

// TestRandomProgramsThatShowAllTheyNeed: where one run shows every need, and nothing
// else is denied, the result is the least dangerous of all sets that pass.
func TestRandomProgramsThatShowAllTheyNeed(t *testing.T) {
	for seed := range 150 {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		var steps []step
		for _, s := range randomProgram(r) {
			s.then, s.sight = failsLater, checked
			steps = append(steps, s)
		}
		a := try(t, newEngine(t, does(steps...)), allow(universe...))
		if a.err != nil {
			t.Fatal(a.err)
		}
		best := capability.Of(universe...)
		for bits := range 1 << len(universe) {
			var set capability.Set
			for i, c := range universe {
				if bits>>i&1 == 1 {
					set = set.With(c)
				}
			}
			if passesWith(steps, set) && weight(set) < weight(best) {
				best = set
			}
		}
		a.gives(t, profile.Proven, best.Slice()...)
		// One run explains, the next one passes.
		if best != 0 && (a.Document.Runs[1].Outcome != profile.OutcomePassed || a.Document.Runs[1].Capabilities != best) {
			t.Errorf("runs:\n%s", a.runs())
		}
		for _, r := range a.Document.Requirements {
			if r.FoundBy != profile.FoundByTrace {
				t.Errorf("%s is found by %s", r.Grant, r.FoundBy)
			}
		}
	}
}
