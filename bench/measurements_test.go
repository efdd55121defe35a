package main

import (
	"strings"
	"testing"
)

// measured makes measurements in which every ratio to untraced is as given.
func measured(ratio float64) *measurements {
	m := newMeasurements()
	m.peak = 10 << 20
	for _, row := range rows {
		for _, v := range variants {
			value := 100.0
			if v == explored || v == confirmed {
				value *= ratio
			}
			// The median must not care for the outlier.
			for _, x := range []float64{value, 1e6, value, 0, value} {
				m.add(row.subject, v, x)
			}
		}
	}
	for _, v := range []variant{bareSteps, wholeOfOne, eachOfFour} {
		m.add(stepsName, v, 200*ratio)
	}
	return m
}

func TestBarsAreJudgedByMedians(t *testing.T) {
	for _, test := range []struct {
		ratio  float64
		missed string // words of the bars missed, in order
	}{
		{1, ""},
		{1.1, "confirmed,confirmed,confirmed"},
		{1.7, "explored,explored,confirmed,confirmed,confirmed"},
		{0.92, "redis"},
		{0.5, "redis,redis"},
	} {
		var out strings.Builder
		missed, err := printBars(&out, measured(test.ratio))
		if err != nil {
			t.Fatal(err)
		}
		var failed []string
		for line := range strings.Lines(out.String()) {
			if strings.HasSuffix(strings.TrimSpace(line), "FAIL") {
				failed = append(failed, line)
			}
		}
		want := strings.FieldsFunc(test.missed, func(r rune) bool { return r == ',' })
		if missed != len(want) || len(failed) != len(want) {
			t.Errorf("at %v: %d missed, want %d:\n%s", test.ratio, missed, len(want), &out)
			continue
		}
		for i, word := range want {
			if !strings.Contains(failed[i], word) {
				t.Errorf("at %v: %q missed, want %s", test.ratio, failed[i], word)
			}
		}
	}
}

func TestOwnTimeAndMemoryAreBars(t *testing.T) {
	m := measured(1)
	m.peak = 65 << 20
	m.values[stepsName][wholeOfOne] = []float64{351}
	var out strings.Builder
	if missed, err := printBars(&out, m); err != nil || missed != 2 {
		t.Fatalf("%d missed, %v, want time and memory:\n%s", missed, err, &out)
	}
}

func TestWhatWasNotMeasuredIsNoBar(t *testing.T) {
	var out strings.Builder
	if missed, err := printBars(&out, newMeasurements()); err != nil || missed != 0 || strings.Contains(out.String(), "pass") {
		t.Fatalf("%d missed, %v:\n%s", missed, err, &out)
	}
}

func TestMedianOfAnEvenNumber(t *testing.T) {
	m := newMeasurements()
	for _, v := range []float64{4, 1, 3, 2} {
		m.add(loopName, untraced, v)
	}
	if got, ok := m.median(loopName, untraced); !ok || got != 2.5 {
		t.Errorf("%v, want 2.5", got)
	}
}

func TestTableShowsRatios(t *testing.T) {
	var out strings.Builder
	if err := printMeasurements(&out, measured(1.25)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"median of 5", "125 (1.25)", "100 (1.00)", "250 ms", "strace -f"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
