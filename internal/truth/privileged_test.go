package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/truth/removal"
)

const (
	narrowDevice = "--device /dev/one"
	allDevices   = "--device /dev"
)

// fake is an engine for one workload, which needs CHOWN, and one of some relaxations.
func fake(needs ...string) runner {
	return func(_ context.Context, flags []string, caps capability.Set) (testengine.Outcome, error) {
		given := strings.Join(flags, " ")
		if strings.Contains(given, "refused") {
			return testengine.Outcome{}, &testengine.RefusedError{Message: "invalid argument"}
		}
		device := slices.ContainsFunc(needs, func(o string) bool { return strings.Contains(given+" ", o+" ") })
		if caps.Has(capability.Chown) && (device || len(needs) == 0) {
			return testengine.Outcome{}, nil
		}
		return testengine.Outcome{Code: 1}, nil
	}
}

func searched(t *testing.T, k testCase, run runner) removal.Answer {
	t.Helper()
	all := of(capability.Chown, capability.SysAdmin, capability.Kill).Union(k.candidates())
	answer, err := removal.New(all, func(ctx context.Context, set capability.Set) (bool, error) {
		o, err := k.with(ctx, run, isolated, set, all)
		return o.Passed(), err
	}, removal.Options{}).Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// The search finds relaxations as it finds capabilities, the narrow ones first.
func TestRelaxationsAreSearched(t *testing.T) {
	k := testCase{relaxations: relaxing(narrowDevice)}
	narrow, _ := k.together(of(capability.Chown), []string{narrowDevice})
	wide, _ := k.together(of(capability.Chown), []string{allDevices})
	for name, test := range map[string]struct {
		needs []string
		want  []capability.Set
	}{
		"none": {nil, []capability.Set{of(capability.Chown)}},
		"one":  {[]string{allDevices}, []capability.Set{wide}},
		"two":  {[]string{allDevices, narrowDevice}, []capability.Set{narrow, wide}},
	} {
		if got := searched(t, k, fake(test.needs...)); !slices.Equal(got.Sets, test.want) || !got.Complete {
			t.Errorf("%s: %v, want %v", name, k.fullNames(got.Sets...), k.fullNames(test.want...))
		}
	}
	if got := searched(t, k, fake("--device /dev/nowhere")); len(got.Sets) != 0 {
		t.Errorf("found %v for what fails with everything", k.fullNames(got.Sets...))
	}
}

// What the engine refuses is a failure, and no answer where it is everything.
func TestRefusedOpeningsFail(t *testing.T) {
	k := testCase{relaxations: []string{"--device refused", narrowDevice}}
	all := of(capability.Chown).Union(k.candidates())
	some := all.Without(firstRelaxation + 1)
	if o, err := k.with(t.Context(), fake(), nil, some, all); o.Passed() || err != nil {
		t.Errorf("with some: %+v, %v", o, err)
	}
	if _, err := k.with(t.Context(), fake(), nil, all, all); err == nil {
		t.Error("nothing is known of what the engine refuses, and no error says so")
	}
	broken := func(context.Context, []string, capability.Set) (testengine.Outcome, error) {
		return testengine.Outcome{}, errors.New("no engine")
	}
	if _, err := k.with(t.Context(), broken, nil, some, all); err == nil {
		t.Error("an engine that is gone passes for a failure of the workload")
	}
	bare := testCase{}
	if _, err := bare.with(t.Context(), func(context.Context, []string, capability.Set) (testengine.Outcome, error) {
		return testengine.Outcome{}, &testengine.RefusedError{Message: "unknown capability"}
	}, nil, of(capability.Chown), all); err == nil {
		t.Error("a refused capability passes for a failure of the workload")
	}
}

func TestRelaxationsAreCompared(t *testing.T) {
	k := testCase{relaxations: relaxing(narrowDevice)}
	narrow, _ := k.together(of(capability.Chown), []string{narrowDevice})
	wide, _ := k.together(of(capability.Chown), []string{allDevices})
	truth := []capability.Set{narrow, wide}
	for name, test := range map[string]struct {
		relaxations []string
		want        string
	}{
		"equal":      {[]string{narrowDevice}, "exact"},
		"riskier":    {[]string{allDevices}, "not the least dangerous"},
		"missing":    {nil, "missing " + narrowDevice},
		"extra":      {[]string{narrowDevice, unmasked}, "extra " + unmasked},
		"unheard of": {[]string{narrowDevice, "--device /dev/two"}, "extra --device /dev/two, of which brute force knows nothing"},
	} {
		set, unknown := k.together(of(capability.Chown), test.relaxations)
		v := k.compare(truth, answer{set: set})
		v.opens(unknown)
		r := result{testCase: k, answer: answer{verdict: "proven"}, verdict: v}
		if got := r.word(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	if got, want := k.setsText(truth, true), "CHOWN+"+narrowDevice+" | CHOWN+"+allDevices; got != want {
		t.Errorf("the table says %q, want %q", got, want)
	}
}

// Each case's candidates have a number of their own, and an order in which the wide
// ones come last.
func TestPrivilegedCasesAreWellFormed(t *testing.T) {
	for _, k := range privilegedCases {
		if k.candidates().Len() != len(k.relaxations) || len(k.relaxations) < len(everywhere) {
			t.Errorf("%s: %d numbers for %q", k.title(), k.candidates().Len(), k.relaxations)
		}
		if slices.Contains(k.flags, "--privileged") {
			t.Errorf("%s gives brute force what is to be replaced", k.title())
		}
		if !k.candidates().Intersect(capability.Known()).Empty() {
			t.Errorf("%s: a number is a capability's", k.title())
		}
		for _, o := range k.relaxations {
			if name, value, ok := strings.Cut(o, " "); !ok || !strings.HasPrefix(name, "--") || value == "" {
				t.Errorf("%s: %q is no option with a value", k.title(), o)
			}
		}
	}
}
