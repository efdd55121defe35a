package profile

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
)

// Validate reports the first thing in which a document contradicts itself. What
// a verdict promises must be in the document: a reader that trusts "proven"
// without looking must not be misled by a file that was edited or cut.
func Validate(d *Document) error {
	if d.SchemaVersion != SchemaVersion {
		return fmt.Errorf("schemaVersion: %d, and this capprof writes %d", d.SchemaVersion, SchemaVersion)
	}
	if year := d.Meta.Created.UTC().Year(); year < 0 || year > 9999 {
		return fmt.Errorf("meta.created: the year %d has no place in RFC 3339", year)
	}
	runs, err := validateRuns(d.Runs)
	if err != nil {
		return err
	}
	if err := validateOpenings(d, runs); err != nil {
		return err
	}
	if err := validateRequired(d); err != nil {
		return err
	}
	if err := validateReferences(d, runs); err != nil {
		return err
	}
	if err := validateRemedies(reflect.ValueOf(d)); err != nil {
		return err
	}
	if err := validatePortable(d, runs); err != nil {
		return err
	}
	switch d.Verdict {
	case Proven, Confirmed:
		return validateSuccess(d)
	case Failed:
		if !d.Capabilities.Required.Empty() {
			return fmt.Errorf("the verdict is failed, yet capabilities.required gives a set: %s", d.Capabilities.Required)
		}
		return needReason(d)
	case Incomplete:
		return needReason(d)
	default:
		return fmt.Errorf("verdict: %q is none of %s, %s, %s, %s", d.Verdict, Proven, Confirmed, Incomplete, Failed)
	}
}

func needReason(d *Document) error {
	if len(d.Reasons) == 0 {
		return fmt.Errorf("the verdict is %s, and reasons gives none", d.Verdict)
	}
	return nil
}

func validateRuns(runs []Run) (map[int]Run, error) {
	byNumber := make(map[int]Run, len(runs))
	for i, run := range runs {
		_, twice := byNumber[run.Number]
		switch {
		case run.Number < 1:
			return nil, fmt.Errorf("runs[%d].number: %d; runs count from 1", i, run.Number)
		case twice:
			return nil, fmt.Errorf("runs: two have the number %d", run.Number)
		case !slices.Contains(Purposes(), run.Purpose):
			return nil, fmt.Errorf("run %d: unknown purpose %q", run.Number, run.Purpose)
		case !slices.Contains(Outcomes(), run.Outcome):
			return nil, fmt.Errorf("run %d: unknown outcome %q", run.Number, run.Outcome)
		case run.Without != nil && run.Set.Has(*run.Without):
			return nil, fmt.Errorf("run %d: it is said to be without %s, which is in its set", run.Number, run.Without)
		}
		byNumber[run.Number] = run
	}
	return byNumber, nil
}

// validateRequired holds the explanations against the set.
func validateRequired(d *Document) error {
	explained, err := explain("required", d.Required, d.Capabilities.Required, d.Verdict, d.localRuns(true))
	if err != nil {
		return err
	}
	if explained != d.Capabilities.Required {
		return fmt.Errorf("capabilities.required is %s, while required explains %s", d.Capabilities.Required, explained)
	}
	return nil
}

// explain returns what the requirements of a set explain, and holds each proof
// against the run that it names.
func explain(where string, requirements []Requirement, set capability.Set, verdict Verdict, runs map[int]Run) (capability.Set, error) {
	var explained capability.Set
	for _, requirement := range requirements {
		c := requirement.Capability
		switch {
		case explained.Has(c):
			return 0, fmt.Errorf("%s: %s is explained twice", where, c)
		case requirement.FoundBy != FoundByTrace && requirement.FoundBy != FoundByRemoval:
			return 0, fmt.Errorf("%s: %s is found by %q, which is neither %s nor %s", where, c, requirement.FoundBy, FoundByTrace, FoundByRemoval)
		case requirement.FoundBy == FoundByTrace && len(requirement.Evidence) == 0:
			return 0, fmt.Errorf("%s: %s is said to be found by trace, without evidence", where, c)
		case verdict == Proven && requirement.ProvenBy == 0:
			return 0, fmt.Errorf("%s: the verdict is proven, yet no run proves %s", where, c)
		}
		if requirement.ProvenBy != 0 {
			if err := validateProof(where, c, set, requirement.ProvenBy, runs); err != nil {
				return 0, err
			}
		}
		explained = explained.With(c)
	}
	return explained, nil
}

// validateProof: a run proves that c is needed when it lacked c, lacked nothing
// else of the answer, and did not pass. More than the rest of the answer does
// not weaken it. A set that the engine would not grant proves nothing.
func validateProof(where string, c capability.Cap, set capability.Set, number int, runs map[int]Run) error {
	run, ok := runs[number]
	switch {
	case !ok:
		return fmt.Errorf("%s: %s is proven by run %d, which is not in runs, or was made with other options", where, c, number)
	case run.Set.Has(c):
		return fmt.Errorf("%s: %s is proven by run %d, which had it", where, c, number)
	case !run.Set.Contains(set.Without(c)):
		return fmt.Errorf("%s: %s is proven by run %d, which lacked %s too", where, c, number, set.Without(c).Minus(run.Set))
	case run.Outcome == OutcomePassed || run.Outcome == OutcomeRefused:
		return fmt.Errorf("%s: %s is proven by run %d, whose outcome is %s", where, c, number, run.Outcome)
	}
	return nil
}

// validateOpenings holds each opening's proof against the run that it names.
func validateOpenings(d *Document, runs map[int]Run) error {
	options := d.openingOptions()
	for i, o := range d.Openings {
		name, value, _ := strings.Cut(o.Option, " ")
		switch {
		case !strings.HasPrefix(name, "--") || value == "":
			return fmt.Errorf("openings[%d].option: %q is no option with a value", i, o.Option)
		case slices.Contains(options[i+1:], o.Option):
			return fmt.Errorf("openings: %s is explained twice", o.Option)
		case o.FoundBy != FoundByTrace && o.FoundBy != FoundByRemoval:
			return fmt.Errorf("openings: %s is found by %q, which is neither %s nor %s", o.Option, o.FoundBy, FoundByTrace, FoundByRemoval)
		case o.FoundBy == FoundByTrace && len(o.Evidence) == 0:
			return fmt.Errorf("openings: %s is said to be found by trace, without evidence", o.Option)
		case d.Verdict == Proven && o.ProvenBy == 0:
			return fmt.Errorf("the verdict is proven, yet no run proves %s", o.Option)
		}
		if o.ProvenBy == 0 {
			continue
		}
		run, ok := runs[o.ProvenBy]
		others := slices.Concat(options[:i], options[i+1:])
		switch {
		case !ok:
			return fmt.Errorf("openings: %s is proven by run %d, which is not in runs", o.Option, o.ProvenBy)
		case slices.Contains(run.Options, o.Option):
			return fmt.Errorf("openings: %s is proven by run %d, which had it", o.Option, o.ProvenBy)
		case !run.Set.Contains(d.Capabilities.Required) || !containsAll(run.Options, others):
			return fmt.Errorf("openings: %s is proven by run %d, which lacked more of the answer", o.Option, o.ProvenBy)
		case run.Outcome == OutcomePassed || run.Outcome == OutcomeRefused:
			return fmt.Errorf("openings: %s is proven by run %d, whose outcome is %s", o.Option, o.ProvenBy, run.Outcome)
		}
	}
	if d.Verdict == Failed && len(d.Openings) > 0 {
		return fmt.Errorf("the verdict is failed, yet openings gives some: %s", strings.Join(options, ", "))
	}
	return nil
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}

// validateReferences: evidence names runs of this document, or none (0).
func validateReferences(d *Document, runs map[int]Run) error {
	check := func(where string, number int) error { return seenIn(runs, where, number) }
	for _, requirement := range d.Required {
		for _, denial := range requirement.Evidence {
			if err := check("required: evidence of "+requirement.Capability.String(), denial.Run); err != nil {
				return err
			}
		}
	}
	for _, o := range d.Openings {
		for _, failure := range o.Evidence {
			if err := check("openings: evidence of "+o.Option, failure.Run); err != nil {
				return err
			}
		}
	}
	for i, denial := range d.Tolerated {
		if err := check(fmt.Sprintf("tolerated[%d]", i), denial.Run); err != nil {
			return err
		}
	}
	for i, denial := range d.Blocked {
		if err := check(fmt.Sprintf("blocked[%d]", i), denial.Run); err != nil {
			return err
		}
	}
	for i, failure := range d.Failures {
		if err := check(fmt.Sprintf("failures[%d]", i), failure.Run); err != nil {
			return err
		}
	}
	return nil
}

func seenIn(runs map[int]Run, where string, number int) error {
	if _, ok := runs[number]; !ok && number != 0 {
		return fmt.Errorf("%s: it was seen in run %d, which is not in runs", where, number)
	}
	return nil
}

// validateSuccess: see successful.
func validateSuccess(d *Document) error {
	return successful("the verdict", d.Verdict, d.Capabilities.Required, d.Capabilities, d.Losses, withJust(d.localRuns(true), len(d.Openings)))
}

// withJust are the runs with a number of options.
func withJust(runs map[int]Run, options int) map[int]Run {
	just := maps.Clone(runs)
	maps.DeleteFunc(just, func(_ int, run Run) bool { return len(run.Options) != options })
	return just
}

// successful: a set that is called right was allowed, passed in a run of its own,
// and was learned without losses.
func successful(what string, verdict Verdict, set capability.Set, all Capabilities, losses Losses, runs map[int]Run) error {
	if beyond := set.Minus(all.Allowed); !beyond.Empty() {
		return fmt.Errorf("%s is %s, yet %s was not allowed", what, verdict, beyond)
	}
	if refused := set.Intersect(all.Refused); !refused.Empty() {
		return fmt.Errorf("%s is %s, yet the engine refused %s", what, verdict, refused)
	}
	if losses != (Losses{}) {
		return fmt.Errorf("%s is %s, yet losses counts some; that is incomplete", what, verdict)
	}
	for _, run := range runs {
		if run.Set == set && run.Outcome == OutcomePassed {
			return nil
		}
	}
	return fmt.Errorf("%s is %s, yet no run passed with %s", what, verdict, set)
}
