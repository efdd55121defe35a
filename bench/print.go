package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// rows of the table and their units.
var rows = []struct{ subject, title, unit string }{
	{loopName, "1-byte read + write", "ns"},
	{checkName, "call with one refused check", "ns"},
	{redisName, "redis-benchmark GET", "requests/s"},
	{neighbourName, "untraced neighbour, read + write", "ns"},
}

func printMeasurements(w io.Writer, m *measurements) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	rounds := 0
	for _, values := range m.values {
		for _, v := range values {
			rounds = max(rounds, len(v))
		}
	}
	heading := []string{fmt.Sprintf("median of %d (ratio to untraced)", rounds)}
	for _, v := range variants {
		heading = append(heading, string(v))
	}
	fmt.Fprintln(table, strings.Join(heading, "\t"))
	for _, row := range rows {
		if m.values[row.subject] == nil {
			continue
		}
		cells := []string{row.title + ", " + row.unit}
		for _, v := range variants {
			value, ok := m.median(row.subject, v)
			if !ok {
				cells = append(cells, "-")
				continue
			}
			cell := fmt.Sprintf("%.0f", value)
			if v != untraced {
				ratio, _ := m.ratio(row.subject, v, untraced)
				cell += fmt.Sprintf(" (%.2f)", ratio)
			}
			cells = append(cells, cell)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	if m.values[stepsName] != nil {
		fmt.Fprintln(w)
		for _, v := range []variant{bareSteps, wholeOfOne, eachOfFour} {
			value, _ := m.median(stepsName, v)
			fmt.Fprintf(table, "%s\t%.0f ms\n", v, value)
		}
	}
	for _, v := range []variant{ownRuns, wholeOfService} {
		if value, ok := m.median(serviceName, v); ok {
			fmt.Fprintf(table, "a service: %s\t%.0f ms\n", v, value)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the table: %w", err)
	}
	return nil
}

// bar is a limit that the project set itself.
type bar struct {
	what     string
	unit     string
	measured func(*measurements) (float64, bool)
	limit    float64
	// atLeast says that the limit is a lower one.
	atLeast bool
}

func bars() []bar {
	of := func(subject string, v, to variant) func(*measurements) (float64, bool) {
		return func(m *measurements) (float64, bool) { return m.ratio(subject, v, to) }
	}
	added := func(v variant) func(*measurements) (float64, bool) {
		return func(m *measurements) (float64, bool) {
			whole, ok := m.median(stepsName, v)
			bare, okBare := m.median(stepsName, bareSteps)
			return whole - bare, ok && okBare
		}
	}
	return []bar{
		{"explored / empty programs, read + write", "x", of(loopName, explored, underNone), 1.15, false},
		{"explored / empty programs, one refused check", "x", of(checkName, explored, underNone), 1.6, false},
		{"explored / untraced, redis requests/s", "x", of(redisName, explored, untraced), 0.90, true},
		{"confirmed / untraced, read + write", "x", of(loopName, confirmed, untraced), 1.05, false},
		{"confirmed / untraced, one refused check", "x", of(checkName, confirmed, untraced), 1.05, false},
		// 1.05 of the time a request takes.
		{"confirmed / untraced, redis requests/s", "x", of(redisName, confirmed, untraced), 1 / 1.05, true},
		{"confirmed / untraced, neighbour", "x", of(neighbourName, confirmed, untraced), 1.05, false},
		{"removal / untraced, read + write", "x", of(loopName, watched, untraced), 1.05, false},
		// Nothing but denials, each of which is noted.
		{"removal / untraced, one refused check", "x", of(checkName, watched, untraced), 2, false},
		{"capprof's own time, its only run", "ms", added(wholeOfOne), 150, false},
		{"capprof's own time, each of four runs", "ms", added(eachOfFour), 150, false},
		{"a service, whole command / its runs", "x", of(serviceName, wholeOfService, ownRuns), 1.25, false},
		{"capprof's peak memory", "MiB", func(m *measurements) (float64, bool) { return float64(m.peak) / (1 << 20), m.peak > 0 }, 64, false},
	}
}

// printBars judges what was measured and returns how many bars were missed.
func printBars(w io.Writer, m *measurements) (missed int, err error) {
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "bar\tmeasured\tlimit\t")
	for _, b := range bars() {
		measured, ok := b.measured(m)
		if !ok {
			continue
		}
		sign, verdict := "<=", "pass"
		if b.atLeast {
			sign = ">="
		}
		if b.atLeast && measured < b.limit || !b.atLeast && measured > b.limit {
			verdict = "FAIL"
			missed++
		}
		digits := 0
		if b.unit == "x" {
			digits = 2
		}
		fmt.Fprintf(table, "%s\t%.*f %s\t%s %.*f %s\t%s\n", b.what, digits, measured, b.unit, sign, digits, b.limit, b.unit, verdict)
	}
	if err := table.Flush(); err != nil {
		return missed, fmt.Errorf("printing the bars: %w", err)
	}
	return missed, nil
}
