package main

import "slices"

// measurements are the values of all rounds.
type measurements struct {
	values map[string]map[variant][]float64
	// peak is capprof's largest resident set, in bytes.
	peak int64
}

func newMeasurements() *measurements {
	return &measurements{values: map[string]map[variant][]float64{}}
}

func (m *measurements) add(subject string, v variant, value float64) {
	if m.values[subject] == nil {
		m.values[subject] = map[variant][]float64{}
	}
	m.values[subject][v] = append(m.values[subject][v], value)
}

// median of a subject's variant; false when it was not measured.
func (m *measurements) median(subject string, v variant) (float64, bool) {
	values := slices.Sorted(slices.Values(m.values[subject][v]))
	if len(values) == 0 {
		return 0, false
	}
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle], true
	}
	return (values[middle-1] + values[middle]) / 2, true
}

// ratio of two medians.
func (m *measurements) ratio(subject string, v, to variant) (float64, bool) {
	value, ok := m.median(subject, v)
	base, okBase := m.median(subject, to)
	return value / base, ok && okBase && base > 0
}
