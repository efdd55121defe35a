package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/capprof/capprof/internal/kernels/plan"
	"github.com/capprof/capprof/internal/profile"
)

// row is a line of the table: a setup of a machine, or the tracer's tests in it.
type row struct {
	kernel, userland, engine, version, hook string
	// right of cases are as expected.
	right, cases int
	// note says what is expected, where that is not a proven profile.
	note string
	// took is the time of the cases, machine that of all in the machine, in its first row.
	took, machine time.Duration
	differences   []string
}

// judgeTests takes the answer of the tracer's tests.
func (r *row) judgeTests(answers []plan.Answer) {
	if len(answers) != 1 {
		r.differences = append(r.differences, "the tests did not come to an end")
		return
	}
	a := answers[0]
	r.took = seconds(a.Seconds)
	for line := range strings.Lines(a.Said) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "--- PASS"):
			r.cases++
			r.right++
		case strings.HasPrefix(line, "--- FAIL"):
			r.cases++
		case strings.HasPrefix(line, "--- SKIP"):
			r.cases++
			r.differences = append(r.differences, "a test was skipped: "+line)
		}
	}
	if a.Exit != 0 || a.Problem != "" || r.cases == 0 {
		r.differences = append(r.differences, fmt.Sprintf("exit code %d %s\n%s", a.Exit, a.Problem, a.Said))
	}
}

// judge takes the answers of a setup and returns the profiles by case.
func (r *row) judge(s setup, cases []plan.Case, answers []plan.Answer) map[string]*profile.Document {
	documents := map[string]*profile.Document{}
	missing := map[string]bool{}
	for _, c := range cases {
		missing[c.Name] = true
	}
	r.cases = len(missing)
	if s.refused != nil {
		r.note = "refused as expected; --no-trace works"
	}
	for _, a := range answers {
		r.took += seconds(a.Seconds)
		if a.Case == "" {
			r.version = a.Version
			if a.Problem != "" {
				r.differences = append(r.differences, a.Problem)
			}
			continue
		}
		delete(missing, a.Case)
		document, differences := s.judge(workloadOf(a.Case), a)
		if document != nil {
			documents[a.Case] = document
		}
		if len(differences) == 0 {
			r.right++
		}
		for _, difference := range differences {
			r.differences = append(r.differences, a.Case+": "+difference)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		r.differences = append(r.differences, name+": no answer")
	}
	return documents
}

// compare takes the profiles of the same cases under another hook.
func (r *row) compare(others, own map[string]*profile.Document) {
	for _, name := range slices.Sorted(maps.Keys(own)) {
		other := others[name]
		if other == nil {
			continue
		}
		difference, err := alike(other, own[name])
		if err != nil {
			difference = err.Error()
		}
		if difference != "" {
			r.differences = append(r.differences, name+": not the profile of the first hook: "+difference)
		}
	}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// print prints the table and what differs.
func print(out io.Writer, rows []row) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "kernel\tuserland\tengine\thook\tright\ttime\tmachine\tresult")
	for _, r := range rows {
		result, machine := "as expected", ""
		if r.note != "" {
			result = r.note
		}
		if len(r.differences) > 0 {
			result = fmt.Sprintf("%d differences", len(r.differences))
		}
		if r.machine > 0 {
			machine = clock(r.machine)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d of %d\t%s\t%s\t%s\n",
			r.kernel, r.userland, strings.TrimSpace(r.engine+" "+r.version), r.hook, r.right, r.cases, clock(r.took), machine, result)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		for _, difference := range r.differences {
			if _, err := fmt.Fprintf(out, "\n%s %s %s: %s\n", r.kernel, r.engine, r.hook, difference); err != nil {
				return err
			}
		}
	}
	return nil
}

// clock is a duration in minutes and seconds.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
