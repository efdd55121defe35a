package profile

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/scenario"
)

// Validate reports the first thing in which a document contradicts itself. What
// a verdict promises must be in the document: a reader that trusts "proven"
// without looking must not be misled by a file that was edited or cut.
func Validate(d *Document) error { return validate(d, false) }

// validate takes, of a newer minor version, values that this code does not know where
// nothing depends on them.
func validate(d *Document, newer bool) error {
	if d.SchemaVersion != SchemaVersion {
		return fmt.Errorf("schemaVersion: %s, and this capprof writes %s", d.SchemaVersion, SchemaVersion)
	}
	if year := d.Meta.Created.UTC().Year(); year < 0 || year > 9999 {
		return fmt.Errorf("meta.created: the year %d has no place in RFC 3339", year)
	}
	if err := d.Workload.Options.Validate(); err != nil {
		return fmt.Errorf("workload.options: %w", err)
	}
	if err := d.Scenario.validate(newer); err != nil {
		return err
	}
	runs, err := validateRuns(d.Runs, d.Scenario, newer)
	if err != nil {
		return err
	}
	if err := validateMeta(d.Meta); err != nil {
		return err
	}
	// A newer minor version may know other kinds.
	if !newer {
		if err := validateRemedies(reflect.ValueOf(d)); err != nil {
			return err
		}
	}
	own := answerCheck{answer: &d.Answer, under: d.under(), runs: runs, scenario: d.Scenario, newer: newer}
	if err := own.validate(); err != nil {
		return err
	}
	p := d.Portable
	if p == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(p.Sysctls)) {
		if d.Environment.Sysctls[name] == "" {
			return fmt.Errorf("portable.sysctls has %s, and environment.sysctls has not", name)
		}
	}
	there := answerCheck{where: "portable.", answer: &p.Answer, under: d.underPortable(), runs: runs, scenario: d.Scenario, newer: newer}
	switch all := d.Capabilities; {
	case len(p.Sysctls) == 0:
		return fmt.Errorf("portable.sysctls: none is named")
	case p.Verdict.Answers() && !d.Verdict.Answers():
		return fmt.Errorf("portable.verdict is %s, next to a verdict that is %s", p.Verdict, d.Verdict)
	case p.Capabilities.Baseline != all.Baseline || p.Capabilities.Allowed != all.Allowed:
		return fmt.Errorf("portable.capabilities: baseline and allowed are not those of capabilities")
	}
	return there.validate()
}

func validateRuns(runs []Run, s *Scenario, newer bool) (map[int]Run, error) {
	byNumber := make(map[int]Run, len(runs))
	for i, run := range runs {
		_, twice := byNumber[run.Number]
		switch {
		case run.Number < 1:
			return nil, fmt.Errorf("runs[%d].number: %d; runs count from 1", i, run.Number)
		case twice:
			return nil, fmt.Errorf("runs: two have the number %d", run.Number)
		case !newer && !slices.Contains(Purposes(), run.Purpose):
			return nil, fmt.Errorf("run %d: unknown purpose %q", run.Number, run.Purpose)
		case !newer && !slices.Contains(Outcomes(), run.Outcome):
			return nil, fmt.Errorf("run %d: unknown outcome %q", run.Number, run.Outcome)
		case run.Without != nil && run.Grants().Has(*run.Without):
			return nil, fmt.Errorf("run %d: it is said to be without %s, which it had", run.Number, run.Without)
		case run.Kept && run.Outcome != OutcomeFailed:
			return nil, fmt.Errorf("run %d: privileges were kept, and its outcome is %s", run.Number, run.Outcome)
		case run.FailedIn != nil && run.Outcome == OutcomePassed:
			return nil, fmt.Errorf("run %d: it passed, and failed in the %s", run.Number, run.FailedIn)
		}
		if run.FailedIn != nil {
			if err := s.checkPhase(*run.FailedIn, newer); err != nil {
				return nil, fmt.Errorf("run %d, failedIn: %w", run.Number, err)
			}
		}
		for _, o := range run.Options {
			if o.Name == "" || o.Value == "" {
				return nil, fmt.Errorf("run %d: an option has no name or no value", run.Number)
			}
			// An option that is left out would make it another run.
			if err := o.Validate(); err != nil && !newer {
				return nil, fmt.Errorf("run %d: %w", run.Number, err)
			}
		}
		byNumber[run.Number] = run
	}
	return byNumber, nil
}

// validateMeta: nothing is told twice.
func validateMeta(m Meta) error {
	times, ids := map[int]bool{}, map[string]bool{}
	for _, r := range m.Runs {
		if times[r.Number] {
			return fmt.Errorf("meta.runs: two have the number %d", r.Number)
		}
		times[r.Number] = true
	}
	for _, o := range m.Occurrences {
		if ids[o.ID] {
			return fmt.Errorf("meta.occurrences: two have the id %q", o.ID)
		}
		ids[o.ID] = true
	}
	return nil
}

// answerCheck holds an answer against itself and against the runs.
type answerCheck struct {
	// where is the place of the answer in the document, with a dot at its end.
	where    string
	answer   *Answer
	under    conditions
	runs     map[int]Run
	scenario *Scenario
	newer    bool
}

func (c answerCheck) validate() error {
	if err := c.relaxations(); err != nil {
		return err
	}
	if err := c.requirements(); err != nil {
		return err
	}
	if err := c.references(); err != nil {
		return err
	}
	a := c.answer
	switch a.Verdict {
	case Proven, Confirmed:
		return c.success()
	case Failed:
		if given := a.Grants(); !given.Empty() {
			return fmt.Errorf("%sverdict is failed, yet an answer is given: %s", c.where, given)
		}
	case Incomplete:
	default:
		return fmt.Errorf("%sverdict: %q is none of %s", c.where, a.Verdict, listed(Verdicts()))
	}
	if len(a.Reasons) == 0 {
		return fmt.Errorf("%sverdict is %s, and %sreasons gives none", c.where, a.Verdict, c.where)
	}
	return nil
}

func listed(all []Verdict) string {
	words := make([]string, len(all))
	for i, v := range all {
		words[i] = string(v)
	}
	return strings.Join(words, ", ")
}

func (c answerCheck) relaxations() error {
	all := c.answer.Relaxations
	for i, o := range all {
		switch {
		case o.Name == "" || o.Value == "":
			return fmt.Errorf("%srelaxations[%d]: an option needs a name and a value", c.where, i)
		case slices.Contains(all[i+1:], o):
			return fmt.Errorf("%srelaxations: %s is there twice", c.where, o)
		case !c.newer && o.Validate() != nil:
			return fmt.Errorf("%srelaxations[%d]: %w", c.where, i, o.Validate())
		}
	}
	return nil
}

// requirements explain the answer, all of it and nothing else, and each proof is
// held against the run that it names.
func (c answerCheck) requirements() error {
	var explained grant.Set
	for _, r := range c.answer.Requirements {
		g := r.Grant
		switch {
		case explained.Has(g):
			return fmt.Errorf("%srequirements: %s is explained twice", c.where, g)
		case !c.newer && r.FoundBy != FoundByTrace && r.FoundBy != FoundByRemoval:
			return fmt.Errorf("%srequirements: %s is found by %q, which is neither %s nor %s", c.where, g, r.FoundBy, FoundByTrace, FoundByRemoval)
		case r.FoundBy == FoundByTrace && len(r.Denials)+len(r.Failures) == 0:
			return fmt.Errorf("%srequirements: %s is said to be found by trace, without denials or failures", c.where, g)
		case c.answer.Verdict == Proven && r.ProvenBy == 0:
			return fmt.Errorf("%sverdict is proven, yet no run proves %s", c.where, g)
		}
		explained = explained.With(g)
	}
	if given := c.answer.Grants(); !explained.Equal(given) {
		return fmt.Errorf("%srequirements explain %s, while the answer is %s", c.where, explained, given)
	}
	for _, r := range c.answer.Requirements {
		if r.ProvenBy == 0 {
			continue
		}
		run, ok := c.runs[r.ProvenBy]
		if !ok {
			return fmt.Errorf("%srequirements: %s is proven by run %d, which is not in runs", c.where, r.Grant, r.ProvenBy)
		}
		if err := rule.proves(run, c.under, r.Grant); err != nil {
			return fmt.Errorf("%srequirements: %s is proven by %w", c.where, r.Grant, err)
		}
	}
	return nil
}

// references: what was seen names a run of this document, or none (0), and a part of
// it.
func (c answerCheck) references() error {
	var err error
	check := func(place string, run int, phase *scenario.Phase, by Operation) {
		if problem := c.seen(run, phase, by); err == nil && problem != nil {
			err = fmt.Errorf("%s%s: %w", c.where, place, problem)
		}
	}
	for _, r := range c.answer.Requirements {
		for _, p := range r.Phases {
			check("requirements: phases of "+r.Grant.String(), 0, &p, Operation{})
		}
		for _, d := range r.Denials {
			check("requirements: a denial of "+r.Grant.String(), d.Run, d.Phase, d.Operation)
		}
		for _, f := range r.Failures {
			check("requirements: a failure of "+r.Grant.String(), f.Run, f.Phase, f.Operation)
		}
	}
	for _, list := range []struct {
		name    string
		denials []Denial
	}{
		{"tolerated", c.answer.Tolerated},
		{"keptPrivileges", c.answer.KeptPrivileges},
		{"blocked", c.answer.Blocked},
	} {
		for i, d := range list.denials {
			check(fmt.Sprintf("%s[%d]", list.name, i), d.Run, d.Phase, d.Operation)
		}
	}
	for i, f := range c.answer.Failures {
		check(fmt.Sprintf("failures[%d]", i), f.Run, f.Phase, f.Operation)
	}
	return err
}

// seen reports what is wrong with where something was seen, and with who asked.
func (c answerCheck) seen(run int, phase *scenario.Phase, by Operation) error {
	if _, ok := c.runs[run]; !ok && run != 0 {
		return fmt.Errorf("it was seen in run %d, which is not in runs", run)
	}
	if by.Asker != "" && !c.newer && !slices.Contains(Askers(), by.Asker) {
		return fmt.Errorf("asked by %q, which is neither %s nor %s", by.Asker, AskerWrapper, AskerExec)
	}
	if phase != nil {
		return c.scenario.checkPhase(*phase, c.newer)
	}
	return nil
}

// success: an answer that is called right was allowed, passed in a run of its own,
// and was learned without losses.
func (c answerCheck) success() error {
	a, caps := c.answer, c.answer.Capabilities
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%sverdict is %s, yet %s", c.where, a.Verdict, fmt.Sprintf(format, args...))
	}
	if beyond := caps.Required.Minus(caps.Allowed); !beyond.Empty() {
		return refuse("%s was not allowed", beyond)
	}
	if refused := caps.Required.Intersect(caps.Refused); !refused.Empty() {
		return refuse("the engine refused %s", refused)
	}
	if a.Losses != (Losses{}) {
		return refuse("losses counts some; that is incomplete")
	}
	for _, run := range c.runs {
		if run.Outcome == OutcomePassed && run.Grants().Equal(c.under.all()) {
			return nil
		}
	}
	return refuse("no run passed with %s", c.under.all())
}
