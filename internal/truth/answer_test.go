package main

import (
	"context"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/truth/removal"
	"github.com/capprof/capprof/internal/workload"
)

func TestCompare(t *testing.T) {
	read, write, raw := capability.DACReadSearch, capability.DACOverride, capability.NetRaw
	both := []capability.Set{of(read, raw), of(write, raw)}
	for name, test := range map[string]struct {
		truth []capability.Set
		is    answer
		want  verdict
	}{
		"equal":         {both, answer{set: of(read, raw)}, verdict{exact: true}},
		"riskier":       {both, answer{set: of(write, raw)}, verdict{riskier: true}},
		"missing":       {both, answer{set: of(read)}, verdict{missing: of(raw)}},
		"extra":         {both, answer{set: of(write, raw, capability.Kill)}, verdict{extra: of(capability.Kill)}},
		"both wrong":    {[]capability.Set{of(raw)}, answer{set: of(read)}, verdict{missing: of(raw), extra: of(read)}},
		"nothing":       {[]capability.Set{0}, answer{}, verdict{exact: true}},
		"no set":        {nil, answer{none: true}, verdict{exact: true}},
		"a set of none": {nil, answer{set: of(raw)}, verdict{extra: of(raw), note: "no set makes it pass"}},
		"contradicts itself": {
			both,
			answer{set: of(read, raw), verdict: "proven", contradictory: true},
			verdict{note: "says proven though its own runs contradict each other"},
		},
		"contradicts itself and says so": {
			both,
			answer{set: of(read, raw), verdict: "incomplete", contradictory: true},
			verdict{exact: true},
		},
		"none of a set": {both, answer{none: true}, verdict{missing: of(read, raw), note: "found none"}},
	} {
		if got := (testCase{}).compare(test.truth, test.is); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func TestFlakesAreToBeNoticed(t *testing.T) {
	for name, test := range map[string]struct {
		is    answer
		right bool
	}{
		"noticed":    {answer{verdict: "incomplete", contradictory: true, set: of(capability.Chown, capability.NetRaw)}, true},
		"given up":   {answer{verdict: "incomplete"}, false},
		"proven":     {answer{verdict: "proven", set: of(capability.Chown)}, false},
		"proven yet": {answer{verdict: "proven", contradictory: true}, false},
	} {
		if got := notices(test.is); got.exact != test.right {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// Where a program is not monotone any minimal set is right, and the table says which
// answers are not the least dangerous or not the smallest.
func TestCompareDependent(t *testing.T) {
	small, large := of(capability.SysChroot), of(capability.Chown, capability.SetUID)
	k := testCase{group: dependent, among: small.Union(large)}
	for name, test := range map[string]struct {
		truth []capability.Set
		is    capability.Set
		want  verdict
		word  string
	}{
		"least dangerous": {[]capability.Set{small, large}, small, verdict{exact: true}, "exact"},
		"riskier":         {[]capability.Set{large, small}, small, verdict{exact: true, riskier: true}, "exact, not the least dangerous"},
		"larger":          {[]capability.Set{large, small}, large, verdict{exact: true, larger: true}, "exact"},
		"not minimal":     {[]capability.Set{small}, small.Union(large), verdict{extra: large}, "extra CHOWN, SETUID"},
	} {
		got := k.compare(test.truth, answer{set: test.is})
		r := result{testCase: k, answer: answer{verdict: "proven"}, verdict: got}
		if got != test.want || r.word() != test.word {
			t.Errorf("%s: %+v, %q", name, got, r.word())
		}
		if s := sum([]result{r}); (s.Larger == 1) != got.larger {
			t.Errorf("%s: %d counted as not smallest", name, s.Larger)
		}
	}
}

// An answer that brute force did not find is run before it is called wrong: removal
// finds all minimal sets of monotone programs alone.
func TestAnswersAreChecked(t *testing.T) {
	chroot, owner := of(capability.SysChroot), of(capability.Chown, capability.SetUID)
	all := chroot.Union(owner).With(capability.Kill)
	search := removal.New(all, func(_ context.Context, set capability.Set) (bool, error) {
		if set.Has(capability.Chown) {
			return set.Has(capability.SetUID), nil
		}
		return set.Has(capability.SysChroot), nil
	}, removal.Options{})
	for name, test := range map[string]struct {
		set   capability.Set
		exact bool
	}{
		"known":      {chroot, true},
		"minimal":    {owner, true},
		"not enough": {of(capability.Chown), false},
		"too much":   {owner.With(capability.Kill), false},
	} {
		own := &found{search: search, all: all, sets: []capability.Set{chroot}, complete: true}
		r := result{testCase: testCase{among: all}, truth: own.sets, complete: true, answer: answer{set: test.set, verdict: "proven"}}
		if err := r.compare(t.Context(), own, own); err != nil || r.verdict.exact != test.exact || r.complete != (test.set != owner) {
			t.Errorf("%s: %+v of %v, complete %t, %v", name, r.verdict, r.truth, r.complete, err)
		}
	}
}

func TestPortableSetsAreCompared(t *testing.T) {
	raw := []capability.Set{of(capability.NetRaw)}
	for name, test := range map[string]struct {
		strict []capability.Set
		is     answer
		exact  bool
	}{
		"equal":          {raw, answer{verdict: "proven", portable: raw[0]}, true},
		"missing":        {raw, answer{verdict: "proven"}, false},
		"extra":          {[]capability.Set{0}, answer{verdict: "proven", portable: raw[0]}, false},
		"none":           {nil, answer{verdict: "proven", unportable: true}, true},
		"none of a set":  {raw, answer{verdict: "proven", unportable: true}, false},
		"a set for none": {nil, answer{verdict: "proven", portable: raw[0]}, false},
	} {
		v := verdict{exact: true}
		if v.portable(testCase{}, test.strict, test.is); v.exact != test.exact || v.exact != (v.note == "") {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

func TestFindings(t *testing.T) {
	k := testCase{group: causes, says: []string{"read-only", "--tmpfs"}}
	for name, test := range map[string]struct {
		k     testCase
		is    answer
		exact bool
		note  string
	}{
		"says both":     {k, answer{said: "a read-only root; --tmpfs /tmp", runs: 6}, true, ""},
		"lacks one":     {k, answer{said: "a read-only root", runs: 2}, false, `does not say "--tmpfs"`},
		"spins":         {k, answer{said: "a read-only root; --tmpfs /tmp", runs: 7}, false, "7 runs, and 6 should do"},
		"for one found": {k, answer{said: "a read-only root; --tmpfs /tmp", runs: 9, set: of(capability.Kill)}, true, ""},
		"another group": {testCase{group: traps}, answer{runs: 30}, true, ""},
	} {
		v := verdict{exact: true}
		if v.finds(test.k, test.is); v.exact != test.exact || v.note != test.note {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// Runs for other engines that contradict each other say nothing of the local answer,
// where the portable one takes note.
func TestContradictionsAreOfOneAnswer(t *testing.T) {
	strict := []workload.Setting{{Name: "sysctl", Value: "a=1"}}
	d := &profile.Document{Runs: []profile.Run{
		{Outcome: profile.OutcomePassed},
		{Outcome: profile.OutcomePassed, Options: strict},
		{Outcome: profile.OutcomeFailed, Options: strict},
	}}
	for verdict, want := range map[profile.Verdict]bool{profile.Proven: true, profile.Incomplete: false} {
		d.Portable = &profile.Portable{Sysctls: map[string]string{"a": "1"}, Answer: profile.Answer{Verdict: verdict}}
		if got := contradicted(d); got != want {
			t.Errorf("portable %s: %t", verdict, got)
		}
	}
	d.Runs = append(d.Runs, profile.Run{Outcome: profile.OutcomeFailed})
	if !contradicted(d) {
		t.Error("the local answer's own contradiction is lost")
	}
}

func TestContradictoryRuns(t *testing.T) {
	run := func(set capability.Set, outcome profile.Outcome) profile.Run {
		return profile.Run{Capabilities: set, Outcome: outcome}
	}
	raw := of(capability.NetRaw)
	for name, test := range map[string]struct {
		runs []profile.Run
		want bool
	}{
		"none":       {nil, false},
		"consistent": {[]profile.Run{run(0, "failed"), run(raw, "passed"), run(raw, "passed")}, false},
		"flaky":      {[]profile.Run{run(raw, "passed"), run(0, "failed"), run(raw, "failed")}, true},
		"elsewhere":  {[]profile.Run{run(0, "passed"), {Options: []workload.Setting{{Name: "sysctl", Value: "a=b"}}, Outcome: "failed"}}, false},
		"refused":    {[]profile.Run{run(raw, "passed"), run(raw, "refused")}, false},
	} {
		if got := contradictory(test.runs); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
