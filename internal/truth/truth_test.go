package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

var of = capability.Of

func TestCompare(t *testing.T) {
	read, write, raw := capability.DACReadSearch, capability.DACOverride, capability.NetRaw
	both := []capability.Set{of(read, raw), of(write, raw)}
	for name, test := range map[string]struct {
		truth []capability.Set
		is    answer
		want  verdict
	}{
		"equal":         {both, answer{set: of(read, raw)}, verdict{exact: true}},
		"dearer":        {both, answer{set: of(write, raw)}, verdict{dearer: true}},
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
		if got := compare(test.truth, test.is); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

func TestAccidentsAreToBeNoticed(t *testing.T) {
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
		"differs because it is so", "no engine", "traps      4      1          1      1       1        2      2",
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

func TestCasesAreWellFormed(t *testing.T) {
	all, err := cases()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, k := range all {
		if seen[k.title()] {
			t.Errorf("%s is there twice", k.title())
		}
		seen[k.title()] = true
		if command, err := k.argv(); err != nil || len(command) == 0 {
			t.Errorf("%s: command %q, %v", k.title(), command, err)
		}
		if k.group == traps && k.naive == "" {
			t.Errorf("%s does not say what a naive tool answers", k.title())
		}
		if k.group != causes {
			continue
		}
		if len(k.says) == 0 || len(k.remedies) == 0 && k.incurable == "" {
			t.Errorf("%s does not say what capprof must say, or what cures it", k.title())
		}
		for _, cure := range k.remedies {
			if cure.name == "" || cure.image == k.image && cure.command == nil && slices.Equal(cure.flags, k.flags) && cure.set.Empty() {
				t.Errorf("%s: the remedy %q changes nothing", k.title(), cure.name)
			}
		}
	}
	for name := range programNoSets {
		if !seen["program/"+name] {
			t.Errorf("a reason for a program that is not there: %s", name)
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
		"equal":          {raw, answer{verdict: "proven", elsewhere: raw[0]}, true},
		"missing":        {raw, answer{verdict: "proven"}, false},
		"extra":          {[]capability.Set{0}, answer{verdict: "proven", elsewhere: raw[0]}, false},
		"none":           {nil, answer{verdict: "proven", nowhere: true}, true},
		"none of a set":  {raw, answer{verdict: "proven", nowhere: true}, false},
		"a set for none": {nil, answer{verdict: "proven", elsewhere: raw[0]}, false},
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

func TestCommandLine(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
	}{
		"help":            {[]string{"-h"}, 0},
		"list":            {[]string{"-list", "-run", "program/true$"}, 0},
		"no case":         {[]string{"-run", "^nothing-like-it$"}, 1},
		"bad expression":  {[]string{"-run", "("}, 2},
		"no jobs":         {[]string{"-jobs", "0"}, 2},
		"stray argument":  {[]string{"nginx"}, 2},
		"unknown flag":    {[]string{"-x"}, 2},
		"list everything": {[]string{"-list"}, 0},
	} {
		var out, complaints bytes.Buffer
		if code := run(t.Context(), test.args, &out, &complaints); code != test.code {
			t.Errorf("%s: exit code %d, want %d: %s", name, code, test.code, complaints.String())
		}
		if name == "list" && out.String() != "program/true\n" {
			t.Errorf("the list is %q", out.String())
		}
	}
}

// Every capability has an operation that needs it and looks at its effect, or a
// reason why none can, and not both.
func TestEveryCapabilityHasACase(t *testing.T) {
	names := map[string]bool{}
	for _, k := range operationCases() {
		names[k.name] = true
	}
	for c := range capability.Known().All() {
		name, shown := shownBy[c]
		_, excused := unexercised[c]
		if shown == excused {
			t.Errorf("%v: shown by %q, excused %t", c, name, excused)
		}
		if shown && !names[name] {
			t.Errorf("%v is shown by %s, which is no case", c, name)
		}
	}
	if len(shownBy)+len(unexercised) != capability.Known().Len() {
		t.Errorf("%d and %d entries for %d capabilities", len(shownBy), len(unexercised), capability.Known().Len())
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

func TestContradictoryRuns(t *testing.T) {
	run := func(set capability.Set, outcome profile.Outcome) profile.Run {
		return profile.Run{Set: set, Outcome: outcome}
	}
	raw := of(capability.NetRaw)
	for name, test := range map[string]struct {
		runs []profile.Run
		want bool
	}{
		"none":       {nil, false},
		"consistent": {[]profile.Run{run(0, "failed"), run(raw, "passed"), run(raw, "passed")}, false},
		"flaky":      {[]profile.Run{run(raw, "passed"), run(0, "failed"), run(raw, "failed")}, true},
		"elsewhere":  {[]profile.Run{run(0, "passed"), {Options: []string{"--sysctl a=b"}, Outcome: "failed"}}, false},
		"refused":    {[]profile.Run{run(raw, "passed"), run(raw, "refused")}, false},
	} {
		if got := contradictory(test.runs); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// What a profiler stumbles over, and the cases that show each.
func TestEveryTrapHasACase(t *testing.T) {
	all, err := cases()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, k := range all {
		known[k.title()] = true
	}
	for what, names := range map[string]string{
		"memory accounting":                                  "memory-accounting",
		"overlay credentials on a copy-up":                   "copy-up",
		"a check granted in a user namespace of its own":     "own-user-namespace own-user-namespace-by-seccomp",
		"denied, then allowed by an alternative":             "alternative-in-one-call alternative-changes-later",
		"the same asked by two processes, one of them noise": "one-asks-for-noise all-noise",
		"FSETID's silent loss":                               "silent-loss-chmod silent-loss-write silent-loss-unnoticed silent-setfsuid",
		"netlink errors that the program ignores":            "netlink-ignored",
		"netlink errors that it does not ignore":             "netlink audit",
		"execve of a file with capabilities":                 "file-capabilities-entrypoint file-capabilities-child file-capabilities-user",
		"no-new-privileges":                                  "setuid-no-new-privileges file-capabilities-no-new-privileges file-capabilities-user-no-new-privileges",
		"capset above the permitted set":                     "capset-above-permitted capset-inheritable",
		"PR_CAP_AMBIENT_RAISE":                               "ambient-raise",
		"PR_CAPBSET_DROP":                                    "bounding-drop-ignored",
		"never ends when refused":                            "respawns-for-ever retries-for-ever",
		"a seccomp gate that depends on arguments":           "gate-by-clone-flags gate-by-personality compat-gate",
		"seccomp refuses whatever the capabilities":          "gate-without-a-key-keyring gate-without-a-key-pivot-root gate-only",
		"seccomp(2) without no_new_privs":                    "filter-without-no-new-privileges",
		"io_uring completions":                               "ring-completion ring-completion-by-worker",
		"threads that make different calls at once":          "crowd-of-threads",
		"vfork and clone with shared memory":                 "vfork-shared-memory crowd-of-threads",
		"a process that dies inside the call":                "exit-amid-calls",
		"32-bit calls":                                       "compat-setuid compat-nice compat-gate compat-harmless",
		"docker exec during the run":                         "docker-exec docker-exec-that-matters",
		"health checks during the run":                       "health-check health-check-that-matters",
		"needed only to be given up":                         "needed-to-be-given-up",
		"a flaky program":                                    "flaky",
		"fails with more":                                    "fails-with-more",
	} {
		for name := range strings.FieldsSeq(names) {
			if !known["trap/"+name] {
				t.Errorf("%s: there is no case trap/%s", what, name)
			}
		}
	}
}
