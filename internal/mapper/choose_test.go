package mapper

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/capability"
)

func clauseOf(effect Effect, caps ...capability.Cap) Clause {
	return Clause{AnyOf: capability.Of(caps...), Effect: effect}
}

func TestChooseTakesTheLeastDangerous(t *testing.T) {
	type caps = []capability.Cap
	all := capability.Known()
	for _, c := range []struct {
		name             string
		clauses          []caps
		allowed, already capability.Set
		added            capability.Set
		unmet            int
	}{
		{name: "nothing to meet", allowed: all},
		{
			name: "not what opens the host's files as well", allowed: all,
			clauses: []caps{{capability.DACOverride, capability.DACReadSearch}},
			added:   capability.Of(capability.DACOverride),
		},
		{
			name: "one that is needed anyway serves for both", allowed: all,
			clauses: []caps{{capability.DACOverride, capability.DACReadSearch}, {capability.DACReadSearch}},
			added:   capability.Of(capability.DACReadSearch),
		},
		{
			name: "two harmless ones rather than a dangerous one", allowed: all,
			clauses: []caps{{capability.NetRaw, capability.NetAdmin}, {capability.SysNice, capability.NetAdmin}},
			added:   capability.Of(capability.NetRaw, capability.SysNice),
		},
		{
			name: "SYS_ADMIN last", allowed: all,
			clauses: []caps{{capability.SysAdmin, capability.BPF}, {capability.SysAdmin, capability.Perfmon}},
			added:   capability.Of(capability.BPF, capability.Perfmon),
		},
		{
			name: "the alternative that the engine grants", allowed: all.Without(capability.BPF),
			clauses: []caps{{capability.SysAdmin, capability.BPF}},
			added:   capability.Of(capability.SysAdmin),
		},
		{
			name: "what is granted already costs nothing", allowed: all, already: capability.Of(capability.SysAdmin),
			clauses: []caps{{capability.SysAdmin, capability.BPF}, {capability.Kill}},
			added:   capability.Of(capability.Kill),
		},
		{
			name: "what is not allowed is left unmet", allowed: capability.DockerDefault,
			clauses: []caps{{capability.SysTime}, {capability.Chown}, {capability.Syslog, capability.SysAdmin}},
			added:   capability.Of(capability.Chown),
		},
		{
			name: "a number without a name ranks last", allowed: all.With(41),
			clauses: []caps{{41, capability.SysAdmin}},
			added:   capability.Of(capability.SysAdmin),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var clauses []Clause
			for _, caps := range c.clauses {
				clauses = append(clauses, clauseOf(Decisive, caps...))
			}
			choice := Choose(clauses, c.allowed, c.already)
			checkChoice(t, choice, clauses, c.allowed, c.already)
			if choice.Added != c.added {
				t.Fatalf("added %v, want %v", choice.Added, c.added)
			}
		})
	}
}

// better compares as Choose documents it: by the most dangerous member in
// which two sets differ.
func better(a, b capability.Set) bool {
	inA, inB := a.Minus(b).ByDanger(), b.Minus(a).ByDanger()
	switch {
	case len(inB) == 0:
		return false
	case len(inA) == 0:
		return true
	default:
		return capability.Danger(inA[len(inA)-1]) < capability.Danger(inB[len(inB)-1])
	}
}

// exhaustive tries every subset of the allowed capabilities.
func exhaustive(clauses []Clause, allowed, already capability.Set) capability.Set {
	candidates := allowed.Minus(already).Slice()
	best, found := capability.Set(0), false
	for mask := range 1 << len(candidates) {
		var set capability.Set
		for i, c := range candidates {
			if mask>>i&1 != 0 {
				set = set.With(c)
			}
		}
		meets := !slices.ContainsFunc(clauses, func(c Clause) bool {
			return !c.AnyOf.Intersect(allowed.Union(already)).Empty() && c.AnyOf.Intersect(set.Union(already)).Empty()
		})
		if meets && (!found || better(set, best)) {
			best, found = set, true
		}
	}
	return best
}

func randomSet(r *rand.Rand, from []capability.Cap, most int) capability.Set {
	var s capability.Set
	for range 1 + r.IntN(most) {
		s = s.With(from[r.IntN(len(from))])
	}
	return s
}

func TestChooseAgreesWithExhaustiveSearch(t *testing.T) {
	known := append(capability.Known().Slice(), 41, 63)
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 12))
		from := slices.Clone(known)
		r.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
		from = from[:4+r.IntN(9)] // up to 12
		allowed := randomSet(r, from, 24)
		var already capability.Set
		if r.IntN(2) == 0 {
			already = randomSet(r, from, 2)
		}
		var clauses []Clause
		for range r.IntN(10) {
			clauses = append(clauses, Clause{AnyOf: randomSet(r, from, 4), Effect: Decisive})
		}
		choice := Choose(clauses, allowed, already)
		checkChoice(t, choice, clauses, allowed, already)
		if want := exhaustive(clauses, allowed, already); choice.Added != want {
			t.Fatalf("seed %d: added %v, the best is %v", seed, choice.Added, want)
		}
	}
}

func TestClausesAbsorb(t *testing.T) {
	denial := func(effect Effect, caps ...capability.Cap) Denial {
		return Denial{AnyOf: caps, Effect: effect, Mechanism: Check}
	}
	a, b, c := capability.DACReadSearch, capability.DACOverride, capability.Kill
	unreachable := denial(Decisive, capability.NetRaw)
	unreachable.Unreachable = true
	clauses := Clauses([]Denial{
		denial(Decisive, a, b), denial(Decisive, b), denial(Decisive, a, b), denial(Noise, capability.SysAdmin),
		unreachable, denial(Silent, c), denial(Decisive, c, b), denial(Degraded, c),
	})
	type shape struct {
		anyOf  capability.Set
		effect Effect
	}
	var got []shape
	for _, c := range clauses {
		got = append(got, shape{c.AnyOf, c.Effect})
	}
	// {KILL} is only silent, so it absorbs no decisive clause; {DAC_OVERRIDE} does.
	want := []shape{{capability.Of(b), Decisive}, {capability.Of(c), Silent}}
	if !slices.Equal(got, want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
	weak := Clauses([]Denial{denial(Silent, b), denial(Decisive, a, b)})
	if len(weak) != 2 || weak[0].AnyOf != capability.Of(a, b) {
		t.Fatalf("a silent clause absorbed a decisive one: %+v", weak)
	}
	if Clauses(nil) != nil {
		t.Fatal("clauses of nothing")
	}
}

// Absorbing must not change what the choice is.
func TestAbsorbingKeepsTheChoice(t *testing.T) {
	known := capability.Known().Slice()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 7))
		var denials []Denial
		var plain []Clause
		for range 1 + r.IntN(12) {
			anyOf := randomSet(r, known[:10], 4)
			denials = append(denials, Denial{AnyOf: anyOf.ByDanger(), Effect: Degraded + Effect(r.IntN(3))})
			plain = append(plain, Clause{AnyOf: anyOf})
		}
		clauses := Clauses(denials)
		if got, want := Choose(clauses, capability.Known(), 0), Choose(plain, capability.Known(), 0); got.Set != want.Set {
			t.Fatalf("seed %d: %v with absorbing, %v without", seed, got.Set, want.Set)
		}
	}
}
