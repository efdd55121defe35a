package profile

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/remedy"
)

// Normalize puts everything whose order means nothing into one fixed order and
// turns nil arrays and maps into empty ones, so that the same findings give the
// same bytes. What the order is part of (commands, environment, reasons) stays.
func Normalize(d *Document) {
	normalizeRequirements(d.Required)
	if d.Portable != nil {
		normalizeRequirements(d.Portable.Required)
	}
	for i := range d.Openings {
		slices.SortStableFunc(d.Openings[i].Evidence, compareFailures)
	}
	normalizeDenials(d.Tolerated)
	normalizeDenials(d.Blocked)
	slices.SortStableFunc(d.Failures, compareFailures)
	slices.SortStableFunc(d.Runs, func(a, b Run) int { return cmp.Compare(a.Number, b.Number) })
	d.Meta.Created = d.Meta.Created.UTC().Truncate(time.Millisecond)
	fillEmpty(reflect.ValueOf(d).Elem())
}

// normalizeRequirements sorts by name, as the sets are.
func normalizeRequirements(all []Requirement) {
	slices.SortStableFunc(all, func(a, b Requirement) int {
		return cmp.Compare(a.Capability.String(), b.Capability.String())
	})
	for i := range all {
		all[i].Alternatives = byDanger(all[i].Alternatives)
		normalizeDenials(all[i].Evidence)
	}
}

// byDanger sorts alternatives from the least to the most dangerous, the order in
// which people should think of them, and drops repetitions.
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
		cmp.Compare(a.Executable, b.Executable),
		cmp.Compare(a.Syscall, b.Syscall),
		cmp.Compare(a.Object, b.Object),
		cmp.Compare(a.Errno, b.Errno),
		cmp.Compare(a.Process, b.Process),
		cmp.Compare(a.UID, b.UID),
		cmp.Compare(a.Mechanism, b.Mechanism),
		cmp.Compare(a.CallSite, b.CallSite),
		cmp.Compare(a.Meaning, b.Meaning),
		slices.Compare(a.AnyOf, b.AnyOf),
		cmp.Compare(a.ID, b.ID),
	)
}

func compareFailures(a, b Failure) int {
	return cmp.Or(
		cmp.Compare(a.Run, b.Run),
		cmp.Compare(a.Executable, b.Executable),
		cmp.Compare(a.Syscall, b.Syscall),
		cmp.Compare(a.Object, b.Object),
		cmp.Compare(a.Errno, b.Errno),
		cmp.Compare(a.Process, b.Process),
		cmp.Compare(a.UID, b.UID),
		cmp.Compare(a.Cause, b.Cause),
		slices.CompareFunc(a.Remedies, b.Remedies, func(a, b remedy.Remedy) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) }),
		cmp.Compare(a.ID, b.ID),
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
	c.Required = cloneRequirements(d.Required)
	if d.Portable != nil {
		portable := *d.Portable
		portable.Required = cloneRequirements(portable.Required)
		c.Portable = &portable
	}
	c.Openings = slices.Clone(d.Openings)
	for i := range c.Openings {
		c.Openings[i].Evidence = slices.Clone(c.Openings[i].Evidence)
	}
	c.Tolerated = cloneDenials(d.Tolerated)
	c.Blocked = cloneDenials(d.Blocked)
	c.Failures = slices.Clone(d.Failures)
	c.Runs = slices.Clone(d.Runs)
	return &c
}

func cloneRequirements(all []Requirement) []Requirement {
	c := slices.Clone(all)
	for i := range c {
		c[i].Alternatives = slices.Clone(c[i].Alternatives)
		c[i].Evidence = cloneDenials(c[i].Evidence)
	}
	return c
}

func cloneDenials(denials []Denial) []Denial {
	c := slices.Clone(denials)
	for i := range c {
		c[i].AnyOf = slices.Clone(c[i].AnyOf)
	}
	return c
}
