package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
)

// The table is what the bars are read from, so its sums are checked by hand.
func TestTableSums(t *testing.T) {
	row := func(name string, is verdict, explained string, err error) result {
		return result{
			testCase: testCase{group: traps, name: name, explained: explained}, truth: []capability.Set{of(capability.Chown)},
			complete: true, bruteForceRuns: 10, exhaustiveRuns: 40, answer: answer{verdict: "proven", runs: 4}, verdict: is, err: err,
		}
	}
	results := []result{
		row("right", verdict{exact: true}, "", nil),
		row("explained", verdict{missing: of(capability.Kill)}, "it is so", nil),
		row("wrong", verdict{missing: of(capability.Chown), extra: of(capability.Kill, capability.NetRaw)}, "", nil),
		row("broken", verdict{}, "", errors.New("no engine")),
	}
	got := sum(results)
	want := totals{
		Cases: 4, Exact: 1, Explained: 1, Wrong: 1, Errors: 1, Missing: 2, Extra: 2,
		BruteForceRuns: 30, ExhaustiveRuns: 120, CapprofRuns: 12, TimesFewer: 10, ExactPercentage: 25,
	}
	if got != want {
		t.Errorf("sums %+v, want %+v", got, want)
	}

	only := regexp.MustCompile("trap")
	table := newTable(results, grants{}, options{only: only})
	var out bytes.Buffer
	if err := table.print(&out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"trap/wrong      CHOWN        none     10    4        missing CHOWN; extra KILL, NET_RAW",
		"differs because it is so", "no engine", "traps      4      1             0          1      1       1        2      2",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the table lacks %q:\n%s", part, out.String())
		}
	}
	if !table.wrong() {
		t.Error("a wrong answer passes")
	}
	if newTable(results[:2], grants{}, options{only: only}).wrong() {
		t.Error("an explained difference does not pass")
	}
	if newTable(results[3:], grants{}, options{only: only}).wrong() == false {
		t.Error("an error passes")
	}
	if !newTable(results[:1], grants{}, options{only: regexp.MustCompile("")}).wrong() {
		t.Error("the whole table passes although most capabilities are in no case")
	}
}

func TestTableAsJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "table.json")
	results := []result{{
		testCase: testCase{group: operations, name: "one"}, truth: []capability.Set{of(capability.Chown)}, complete: true,
		answer: answer{verdict: "proven", set: of(capability.Chown), runs: 4}, verdict: verdict{exact: true},
	}}
	refused := map[capability.Cap]string{capability.BPF: "unknown"}
	if err := newTable(results, grants{refused: refused}, options{only: regexp.MustCompile("")}).writeJSON(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Refused map[string]string
		Rows    []struct {
			Name        string
			MinimalSets [][]string
			Capprof     []string
			Verdict     string
		}
		Totals map[string]totals
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Rows) != 1 || document.Rows[0].Verdict != "exact" || document.Rows[0].MinimalSets[0][0] != "CAP_CHOWN" ||
		document.Refused["CAP_BPF"] != "unknown" || document.Totals["operation"].Exact != 1 || document.Totals["all"].Cases != 1 {
		t.Errorf("the file holds %+v", document)
	}
}

// A case that shows nothing here is no error, and no success either.
func TestAbsentCases(t *testing.T) {
	absent := result{testCase: testCase{group: causes, name: "elsewhere"}, absent: "there is no such rule here"}
	table := newTable([]result{absent}, grants{}, options{only: regexp.MustCompile("cause")})
	var out bytes.Buffer
	if err := table.print(&out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "not here") || !strings.Contains(out.String(), "there is no such rule here") || table.wrong() {
		t.Errorf("%s", out.String())
	}
	if got := sum([]result{absent}); got != (totals{Absent: 1}) {
		t.Errorf("it counts: %+v", got)
	}
}

// A case that is there to show a capability and needs another makes the table
// wrong, unless the engine has not got it to give.
func TestACaseShowsItsCapability(t *testing.T) {
	results := []result{{
		testCase: testCase{group: operations, name: shownBy[capability.Chown]}, truth: []capability.Set{of(capability.Kill)},
		complete: true, answer: answer{verdict: "proven"}, verdict: verdict{exact: true},
	}}
	some := options{only: regexp.MustCompile("chown")}
	given := newTable(results, grants{all: of(capability.Chown)}, some)
	if !given.wrong() {
		t.Error("another need passes")
	}
	var out bytes.Buffer
	given.printCoverage(&out)
	if !strings.Contains(out.String(), "CAP_CHOWN                operation/chown is there to show it") {
		t.Errorf("the table does not say so:\n%s", out.String())
	}
	if newTable(results, grants{}, some).wrong() {
		t.Error("what the engine refuses is missed")
	}
}

func TestReasonsAreForKnownCapabilities(t *testing.T) {
	for c, reason := range unexercised {
		if !capability.Known().Has(c) || reason == "" {
			t.Errorf("%v: %q", c, reason)
		}
	}
}
