package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/capprof/capprof/internal/capability"
)

// table is the result of all.
type table struct {
	results []result
	grants  grants
	// bruteForceOnly says that there are no answers to compare.
	bruteForceOnly bool
	// whole says that all cases were run, so that what none shows is not shown.
	whole bool
}

func newTable(results []result, g grants, o options) *table {
	return &table{results: results, grants: g, bruteForceOnly: o.bruteForceOnly, whole: o.only.String() == ""}
}

// word is the verdict in a word or two.
func (r result) word() string {
	v := r.verdict
	switch {
	case r.err != nil:
		return "error"
	case r.absent != "":
		return "not here"
	case r.answer.verdict == "":
		return "done"
	case v.exact && v.riskier:
		return "exact, not the least dangerous"
	case v.exact:
		return "exact"
	case r.testCase.explained != "":
		return "explained"
	}
	var parts []string
	if !v.missing.Empty() {
		parts = append(parts, "missing "+strings.Join(r.testCase.members(v.missing), ", "))
	}
	if !v.extra.Empty() {
		parts = append(parts, "extra "+strings.Join(r.testCase.members(v.extra), ", "))
	}
	if v.riskier {
		parts = append(parts, "not the least dangerous")
	}
	if v.note != "" {
		parts = append(parts, v.note)
	}
	return strings.Join(parts, "; ")
}

// right says that nothing is left to explain.
func (r result) right() bool {
	return r.err == nil && (r.answer.verdict == "" || r.verdict.exact || r.testCase.explained != "")
}

// wrong says that some result is not right, or that a capability was forgotten.
func (t *table) wrong() bool {
	if len(t.unshown()) > 0 {
		return true
	}
	if t.whole && slices.ContainsFunc(t.unseen().Slice(), func(c capability.Cap) bool { return t.whyUnseen(c) == "" }) {
		return true
	}
	return slices.ContainsFunc(t.results, func(r result) bool { return !r.right() })
}

// setsText lists alternatives.
func (k testCase) setsText(sets []capability.Set, complete bool) string {
	if len(sets) == 0 {
		return "no set"
	}
	var texts []string
	for _, set := range sets {
		texts = append(texts, k.setText(set))
	}
	text := strings.Join(texts, " | ")
	if !complete {
		text += " | ..."
	}
	return text
}

// setText names a set's members, relaxations among them.
func (k testCase) setText(set capability.Set) string {
	if set.Empty() {
		return set.String()
	}
	return strings.Join(k.members(set), "+")
}

func (r result) truthText() string {
	if r.absent != "" {
		return "-"
	}
	text := r.testCase.setsText(r.truth, r.complete)
	if r.testCase.strict != nil {
		text += "; portable " + r.testCase.setsText(r.strict, true)
	}
	return text
}

func (a answer) text(k testCase) string {
	switch {
	case a.verdict == "":
		return "-"
	case a.none:
		return "no set"
	}
	return k.setText(a.set)
}

func (t *table) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tBRUTE FORCE\tCAPPROF\tRUNS\tCAPPROF\tVERDICT")
	for _, r := range t.results {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", r.testCase.title(), r.truthText(), r.answer.text(r.testCase),
			r.bruteForceRuns, r.answer.runs, r.word())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	t.printRemarks(out)
	t.printCoverage(out)
	t.printTotals(out)
	return nil
}

// printRemarks says what does not fit into a row.
func (t *table) printRemarks(out io.Writer) {
	for _, r := range t.results {
		var remarks []string
		if r.err != nil {
			remarks = append(remarks, r.err.Error())
		}
		if r.testCase.explained != "" && r.err == nil && !r.verdict.exact {
			remarks = append(remarks, "differs because "+r.testCase.explained)
		}
		if r.absent != "" {
			remarks = append(remarks, "shows nothing here: "+r.absent)
		} else if len(r.truth) == 0 && r.err == nil {
			if r.testCase.noSet != "" {
				remarks = append(remarks, "no set: "+r.testCase.noSet)
			}
			remarks = append(remarks, "with everything it says: "+lastLine(r.withAll))
		}
		if len(r.needed) > 0 {
			remarks = append(remarks, "without it, fails in: "+r.neededText())
		}
		if r.testCase.noSetStrict != "" {
			remarks = append(remarks, "no portable set: "+r.testCase.noSetStrict)
		}
		if len(r.testCase.remedies) > 0 && r.err == nil && r.absent == "" {
			var names []string
			for _, fix := range r.testCase.remedies {
				names = append(names, fmt.Sprintf("%s (passes with %s)", fix.name, fix.set))
			}
			remarks = append(remarks, "fixed by "+strings.Join(names, "; "))
		}
		if r.testCase.unfixable != "" {
			remarks = append(remarks, "no remedy here: "+r.testCase.unfixable)
		}
		if !r.right() && r.err == nil {
			remarks = append(remarks, fmt.Sprintf("capprof says %s: %s", r.answer.verdict, strings.Join(r.answer.reasons, " ")))
			if r.testCase.group == causes {
				remarks = append(remarks, r.answer.said)
			}
		}
		if !r.answer.byRemoval.Empty() {
			remarks = append(remarks, fmt.Sprintf("capprof found {%s} by removal alone: the trace does not explain it", r.answer.byRemoval))
		}
		if r.testCase.naive != "" && !t.bruteForceOnly {
			remarks = append(remarks, "a naive tool says "+r.testCase.naive)
		}
		if len(remarks) > 0 {
			fmt.Fprintf(out, "\n%s\n", r.testCase.title())
			for _, remark := range remarks {
				fmt.Fprintf(out, "    %s\n", strings.ReplaceAll(remark, "\n", "\n    "))
			}
		}
	}
}

// neededText says in which phase the want of each capability shows.
func (r result) neededText() string {
	var parts []string
	for _, c := range slices.Sorted(maps.Keys(r.needed)) {
		parts = append(parts, fmt.Sprintf("%s the %s", c.Short(), r.needed[c]))
	}
	return strings.Join(parts, ", ")
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// unseen are the known capabilities that are in no minimal set of any case.
func (t *table) unseen() capability.Set {
	rest := capability.Known()
	for _, r := range t.results {
		for _, set := range r.truth {
			rest = rest.Minus(set)
		}
	}
	return rest
}

// unshown are the capabilities that the engine grants and whose own case, which
// was run, needs something else.
func (t *table) unshown() []capability.Cap {
	var all []capability.Cap
	for _, r := range t.results {
		for c, name := range shownBy {
			if r.testCase.group != operations || r.testCase.name != name || r.err != nil || !t.grants.all.Has(c) {
				continue
			}
			if !slices.ContainsFunc(r.truth, func(set capability.Set) bool { return set.Has(c) }) {
				all = append(all, c)
			}
		}
	}
	slices.Sort(all)
	return all
}

// whyUnseen is the reason why no case can show that a capability is needed.
func (t *table) whyUnseen(c capability.Cap) string {
	if message := t.grants.refused[c]; message != "" {
		return "the engine refuses it: " + message
	}
	return unexercised[c]
}

// printCoverage says which of the known capabilities some minimal set holds, and
// of the others why not.
func (t *table) printCoverage(out io.Writer) {
	rest, known := t.unseen(), capability.Known()
	fmt.Fprintf(out, "\n%d of %d capabilities are in a minimal set of some case\n", known.Len()-rest.Len(), known.Len())
	for _, c := range t.unshown() {
		fmt.Fprintf(out, "    %-24s operation/%s is there to show it, and does not need it\n", c, shownBy[c])
	}
	if !t.whole {
		return
	}
	for c := range rest.All() {
		reason := t.whyUnseen(c)
		if reason == "" {
			reason = "no case needs it, and nobody says why"
		}
		fmt.Fprintf(out, "    %-24s %s\n", c, reason)
	}
}

// totals are the sums under the table.
type totals struct {
	Cases           int     `json:"cases"`
	Absent          int     `json:"absentCases,omitempty"`
	Exact           int     `json:"exact"`
	Larger          int     `json:"exactButNotSmallest"`
	Explained       int     `json:"explained"`
	Wrong           int     `json:"wrong"`
	Errors          int     `json:"errors"`
	Missing         int     `json:"missingCapabilities"`
	Extra           int     `json:"extraCapabilities"`
	ByRemoval       int     `json:"capabilitiesFoundByRemoval"`
	BruteForceRuns  int     `json:"bruteForceRuns"`
	ExhaustiveRuns  int     `json:"exhaustiveRuns"`
	CapprofRuns     int     `json:"capprofRuns"`
	TimesFewer      float64 `json:"timesFewerThanExhaustive"`
	ExactPercentage float64 `json:"exactPercentage"`
}

func sum(results []result) totals {
	var t totals
	for _, r := range results {
		if r.absent != "" {
			t.Absent++
			continue
		}
		t.Cases++
		switch {
		case r.err != nil:
			t.Errors++
			continue
		case r.answer.verdict == "":
		case r.verdict.exact:
			t.Exact++
			if r.verdict.larger {
				t.Larger++
			}
		case r.testCase.explained != "":
			t.Explained++
		default:
			t.Wrong++
		}
		t.Missing += r.verdict.missing.Len()
		t.Extra += r.verdict.extra.Len()
		t.ByRemoval += r.answer.byRemoval.Len()
		t.BruteForceRuns += r.bruteForceRuns
		t.ExhaustiveRuns += r.exhaustiveRuns
		t.CapprofRuns += r.answer.runs
	}
	if t.CapprofRuns > 0 {
		t.TimesFewer = float64(t.ExhaustiveRuns) / float64(t.CapprofRuns)
	}
	if t.Cases > 0 {
		t.ExactPercentage = 100 * float64(t.Exact) / float64(t.Cases)
	}
	return t
}

// groups splits the results, in the order of the groups' first cases.
func (t *table) groups() []group {
	var all []group
	for _, r := range t.results {
		if !slices.Contains(all, r.testCase.group) {
			all = append(all, r.testCase.group)
		}
	}
	return all
}

func (t *table) of(g group) []result {
	var some []result
	for _, r := range t.results {
		if r.testCase.group == g {
			some = append(some, r)
		}
	}
	return some
}

func (t *table) printTotals(out io.Writer) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tcases\texact\tnot smallest\texplained\twrong\terrors\tmissing\textra\tby removal\tbrute force's\texhaustive\tcapprof's\ttimes fewer\t")
	line := func(name string, s totals) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f\t\n", name, s.Cases, s.Exact, s.Larger, s.Explained,
			s.Wrong, s.Errors, s.Missing, s.Extra, s.ByRemoval, s.BruteForceRuns, s.ExhaustiveRuns, s.CapprofRuns, s.TimesFewer)
	}
	for _, g := range t.groups() {
		line(g.plural(), sum(t.of(g)))
	}
	line("all", sum(t.results))
	// A broken pipe shows at the next write; the table was out before.
	_ = w.Flush()
}
