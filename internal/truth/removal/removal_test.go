package removal_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/truth/removal"
)

// needs makes a workload that passes when one of the sets is granted.
func needs(asked map[capability.Set]int, sets ...capability.Set) removal.Runs {
	return func(_ context.Context, granted capability.Set) (bool, error) {
		asked[granted]++
		return slices.ContainsFunc(sets, granted.Contains), nil
	}
}

var known = capability.Known()

func find(t *testing.T, all capability.Set, runs removal.Runs, options removal.Options) (removal.Answer, error) {
	t.Helper()
	return removal.New(all, runs, options).Find(t.Context())
}

func TestSearchFindsEveryMinimalSet(t *testing.T) {
	of := capability.Of
	for name, want := range map[string][]capability.Set{
		"nothing":      {0},
		"one":          {of(capability.Chown)},
		"four":         {of(capability.Chown, capability.DACOverride, capability.SetGID, capability.SetUID)},
		"alternatives": {of(capability.DACOverride, capability.SetUID), of(capability.DACReadSearch, capability.SetUID)},
		"disjoint":     {of(capability.NetRaw), of(capability.NetAdmin), of(capability.SysPtrace, capability.SysAdmin)},
		"hopeless":     nil,
	} {
		for _, oneByOne := range []bool{false, true} {
			asked := map[capability.Set]int{}
			got, err := find(t, known, needs(asked, want...), removal.Options{OneByOne: oneByOne})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Sets, want) || !got.Complete || !got.Monotone {
				t.Errorf("%s: found %v, complete %t; want %v", name, got.Sets, got.Complete, want)
			}
			if got.Runs != len(asked) {
				t.Errorf("%s: %d runs counted, %d made", name, got.Runs, len(asked))
			}
			for set, times := range asked {
				if times > 1 {
					t.Errorf("%s: asked %d times about {%s}", name, times, set)
				}
			}
		}
	}
}

// Both ways of removal give the same, on workloads that nobody thought up.
func TestWaysAgreeOnGeneratedNeeds(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 1))
	universe := capability.Set(1<<12 - 1)
	for range 400 {
		var sets []capability.Set
		for range 1 + random.IntN(4) {
			sets = append(sets, capability.Set(random.Uint64()&random.Uint64())&universe)
		}
		sets = minimal(sets)
		var found [2][]capability.Set
		for i := range found {
			got, err := find(t, universe, needs(map[capability.Set]int{}, sets...),
				removal.Options{OneByOne: i == 1})
			if err != nil {
				t.Fatal(err)
			}
			found[i] = got.Sets
		}
		if !slices.Equal(found[0], found[1]) {
			t.Fatalf("needs %v: halves find %v, one by one %v", sets, found[0], found[1])
		}
		if slices.Sort(sets); !slices.Equal(slices.Sorted(slices.Values(found[0])), sets) {
			t.Fatalf("needs %v: found %v", sets, found[0])
		}
	}
}

// minimal leaves out what holds another set.
func minimal(sets []capability.Set) []capability.Set {
	var kept []capability.Set
	for i, set := range sets {
		if !slices.ContainsFunc(sets[:i], func(o capability.Set) bool { return o == set }) &&
			!slices.ContainsFunc(sets, func(o capability.Set) bool { return o != set && set.Contains(o) }) {
			kept = append(kept, set)
		}
	}
	return kept
}

func TestFewerRunsThanOneByOne(t *testing.T) {
	workload := needs(map[capability.Set]int{}, capability.Of(capability.SetUID))
	got, err := find(t, known, workload, removal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Runs > 12 || got.Exhaustive != known.Len()+2 {
		t.Errorf("%d runs, %d by exhaustive removal", got.Runs, got.Exhaustive)
	}
}

func TestSetsAreBounded(t *testing.T) {
	var sets []capability.Set
	for c := range capability.Set(0xff).All() {
		sets = append(sets, capability.Of(c))
	}
	got, err := find(t, known, needs(map[capability.Set]int{}, sets...), removal.Options{MaxSets: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Sets) != 3 || got.Complete {
		t.Errorf("found %v, complete %t", got.Sets, got.Complete)
	}
}

func TestErrorsEndTheSearch(t *testing.T) {
	broken := errors.New("no engine")
	_, err := find(t, known, func(context.Context, capability.Set) (bool, error) { return false, broken }, removal.Options{})
	if !errors.Is(err, broken) {
		t.Errorf("err = %v", err)
	}
}
