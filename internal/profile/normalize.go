package profile

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
)

// Normalize puts everything whose order means nothing into one fixed order and
// turns nil arrays and maps into empty ones, so that the same findings give the
// same bytes. What the order is part of (commands, environment, reasons, relaxations)
// stays.
func Normalize(d *Document) {
	normalizeAnswer(&d.Answer)
	if d.Portable != nil {
		normalizeAnswer(&d.Portable.Answer)
	}
	normalizeScenario(d.Scenario)
	slices.SortStableFunc(d.Runs, func(a, b Run) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortStableFunc(d.Meta.Runs, func(a, b RunTime) int { return cmp.Compare(a.Number, b.Number) })
	slices.SortStableFunc(d.Meta.Occurrences, func(a, b Occurrence) int { return cmp.Compare(a.ID, b.ID) })
	d.Meta.Created = d.Meta.Created.UTC().Truncate(time.Millisecond)
	fillEmpty(reflect.ValueOf(d).Elem())
}

func normalizeAnswer(a *Answer) {
	place := func(g grant.Grant) int { return slices.Index(a.Relaxations, g.Option) }
	slices.SortStableFunc(a.Requirements, func(a, b Requirement) int {
		switch g, h := a.Grant, b.Grant; {
		case g.IsOption() && h.IsOption():
			return cmp.Compare(place(g), place(h))
		case g.IsOption() != h.IsOption():
			if g.IsOption() {
				return 1
			}
			return -1
		default:
			return cmp.Compare(g.Capability.String(), h.Capability.String())
		}
	})
	for i := range a.Requirements {
		r := &a.Requirements[i]
		r.Alternatives = grantsByDanger(r.Alternatives)
		slices.SortFunc(r.Phases, comparePhases)
		r.Phases = slices.Compact(r.Phases)
		normalizeDenials(r.Denials)
		slices.SortStableFunc(r.Failures, compareFailures)
	}
	normalizeDenials(a.Tolerated)
	normalizeDenials(a.KeptPrivileges)
	normalizeDenials(a.Blocked)
	slices.SortStableFunc(a.Failures, compareFailures)
}

// grantsByDanger sorts the capabilities among alternatives from the least to the most
// dangerous, the order in which people should think of them, and drops repetitions.
// Relaxations come after them.
func grantsByDanger(grants []grant.Grant) []grant.Grant {
	slices.SortStableFunc(grants, func(a, b grant.Grant) int {
		return cmp.Or(
			cmp.Compare(a.Option.Name, b.Option.Name),
			cmp.Compare(a.Option.Value, b.Option.Value),
			cmp.Compare(capability.Danger(a.Capability), capability.Danger(b.Capability)),
		)
	})
	return slices.Compact(grants)
}

// byDanger does the same with capabilities alone.
func byDanger(caps []capability.Cap) []capability.Cap {
	slices.SortFunc(caps, func(a, b capability.Cap) int {
		return cmp.Compare(capability.Danger(a), capability.Danger(b))
	})
	return slices.Compact(caps)
}

func normalizeDenials(denials []Denial) {
	for i := range denials {
		denials[i].AnyOf = byDanger(denials[i].AnyOf)
	}
	slices.SortStableFunc(denials, compareDenials)
}

// compareDenials orders by the run first: what stopped the first run is what a
// reader should see first. Threads race within a run, so the order in which the
// kernel saw their calls is not kept.
func compareDenials(a, b Denial) int {
	return cmp.Or(
		cmp.Compare(a.Run, b.Run),
		compareOperations(a.Operation, b.Operation),
		cmp.Compare(a.Mechanism, b.Mechanism),
		cmp.Compare(a.CallSite, b.CallSite),
		cmp.Compare(a.Meaning, b.Meaning),
		slices.Compare(a.AnyOf, b.AnyOf),
		compareSeen(a.Phase, b.Phase),
		cmp.Compare(a.ID, b.ID),
	)
}

func compareFailures(a, b Failure) int {
	return cmp.Or(
		cmp.Compare(a.Run, b.Run),
		compareOperations(a.Operation, b.Operation),
		cmp.Compare(a.Cause, b.Cause),
		compareSeen(a.Phase, b.Phase),
		cmp.Compare(a.ID, b.ID),
	)
}

func compareOperations(a, b Operation) int {
	return cmp.Or(
		cmp.Compare(a.Executable, b.Executable),
		cmp.Compare(a.Syscall, b.Syscall),
		cmp.Compare(a.Object, b.Object),
		cmp.Compare(a.Errno, b.Errno),
		cmp.Compare(a.Process, b.Process),
		cmp.Compare(a.UID, b.UID),
		cmp.Compare(a.Asker, b.Asker),
	)
}

// fillEmpty replaces nil slices and maps by empty ones, all the way down, so
// that no field of a later version can be forgotten: readers in other languages
// (jq, JavaScript) iterate over [] and trip over null.
func fillEmpty(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fillEmpty(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			// time.Time and the like keep their fields to themselves.
			if v.Type().Field(i).IsExported() {
				fillEmpty(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			fillEmpty(v.Index(i))
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	}
}

// clone copies what Normalize changes in place, so that encoding a document
// leaves the caller's alone.
func clone(d *Document) *Document {
	c := *d
	c.Answer = cloneAnswer(d.Answer)
	if d.Portable != nil {
		c.Portable = &Portable{Sysctls: d.Portable.Sysctls, Answer: cloneAnswer(d.Portable.Answer)}
	}
	c.Scenario = cloneScenario(d.Scenario)
	c.Runs = slices.Clone(d.Runs)
	c.Meta.Runs = slices.Clone(d.Meta.Runs)
	c.Meta.Occurrences = slices.Clone(d.Meta.Occurrences)
	return &c
}

func cloneAnswer(a Answer) Answer {
	a.Requirements = slices.Clone(a.Requirements)
	for i := range a.Requirements {
		r := &a.Requirements[i]
		r.Alternatives, r.Phases = slices.Clone(r.Alternatives), slices.Clone(r.Phases)
		r.Denials, r.Failures = cloneDenials(r.Denials), cloneFailures(r.Failures)
	}
	a.Tolerated, a.KeptPrivileges, a.Blocked = cloneDenials(a.Tolerated), cloneDenials(a.KeptPrivileges), cloneDenials(a.Blocked)
	a.Failures = cloneFailures(a.Failures)
	return a
}

func cloneDenials(denials []Denial) []Denial {
	c := slices.Clone(denials)
	for i := range c {
		c[i].AnyOf = slices.Clone(c[i].AnyOf)
	}
	return c
}

// cloneFailures: fillEmpty gives each its array of remedies.
func cloneFailures(failures []Failure) []Failure { return slices.Clone(failures) }
