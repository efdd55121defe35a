// Package drift compares two profiles of a workload: whether it needs something else
// than before. It reads nothing but the profile documents.
package drift

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
)

// Outcome is what a comparison came to.
type Outcome string

// The outcomes. The command line maps them to exit codes 0, 3 and 1.
const (
	None  Outcome = "none"
	Drift Outcome = "drift"
	// Unfit: one of the profiles is no answer, so nothing was compared. It never
	// passes for None.
	Unfit Outcome = "unfit"
)

// ErrUnfit says that profiles cannot be compared.
var ErrUnfit = errors.New("the profiles cannot be compared")

// SchemaVersion is the version of a comparison's JSON, major.minor, with the rules of
// the profile's.
const SchemaVersion = "2.1"

// Result is a comparison.
type Result struct {
	SchemaVersion string  `json:"schemaVersion"`
	Outcome       Outcome `json:"outcome"`
	Old           Side    `json:"old"`
	New           Side    `json:"new"`
	// Unfit says, one sentence each, why nothing was compared.
	Unfit []string `json:"unfit"`
	// Added and Removed are the drift: capabilities by name, then relaxations.
	Added   []Change `json:"added"`
	Removed []Change `json:"removed"`
	// NotPortable says, in a sentence, that there is no portable set any more, "" where
	// there is. It is drift.
	NotPortable string `json:"notPortable,omitempty"`
	// Evidence are grants needed as before, for other operations. This is no drift.
	Evidence []EvidenceChange `json:"evidence"`
	// Phases are grants needed as before, in other parts of a service's run. This is no
	// drift either.
	Phases []PhaseChange `json:"phases,omitempty"`
	// Context is what else changed: the image, the engine, the kernel. This is no
	// drift either, and may explain one.
	Context []ContextChange `json:"context"`
}

// Side is one of the two profiles.
type Side struct {
	Image   string          `json:"image"`
	Digest  string          `json:"digest,omitempty"`
	Verdict profile.Verdict `json:"verdict"`
	// Required is the set that the profile gives, and Relaxations what it needs of
	// --privileged in addition.
	Required    capability.Set     `json:"required"`
	Relaxations []workload.Setting `json:"relaxations"`
	// Portable is the portable answer, nil where the profile has none.
	Portable *PortableSide `json:"portable,omitempty"`
}

// PortableSide is the portable answer of one of the two profiles.
type PortableSide struct {
	Sysctls  map[string]string `json:"sysctls"`
	Verdict  profile.Verdict   `json:"verdict"`
	Required capability.Set    `json:"required"`
}

// Change is a capability or a relaxation that is required on one side alone.
type Change struct {
	Grant grant.Grant `json:"grant"`
	// Why is the evidence of the profile that requires it, in one sentence.
	Why string `json:"why"`
	// Portable says that the change is in the portable answers alone.
	Portable bool `json:"portable,omitempty"`
}

// EvidenceChange is something required on both sides for other operations.
type EvidenceChange struct {
	Grant grant.Grant `json:"grant"`
	// Gone and Appeared are the operations that only the old or only the new
	// profile has, sorted.
	Gone     []string `json:"gone"`
	Appeared []string `json:"appeared"`
}

// PhaseChange is something required on both sides by other parts of a run.
type PhaseChange struct {
	Grant grant.Grant `json:"grant"`
	// Old and New are the parts that asked for it, in words: "at start, first boot
	// only".
	Old string `json:"old"`
	New string `json:"new"`
}

// ContextChange is another difference between the profiles.
type ContextChange struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Compare compares two profiles. Only the answers and the portable answers make
// drift. A profile that is incomplete or failed, on either side, makes the comparison
// Unfit: an incomplete set may lack something, and then nothing added would mean
// nothing.
func Compare(old, new *profile.Document) Result {
	r := Result{
		SchemaVersion: SchemaVersion, Outcome: None, Old: side(old), New: side(new),
		Unfit: append(append(unfit("old", old), unfit("new", new)...), unfitPortable(old, new)...),
		Added: []Change{}, Removed: []Change{}, Evidence: []EvidenceChange{}, Context: contextChanges(old, new),
	}
	if len(r.Unfit) > 0 {
		r.Outcome = Unfit
		return r
	}
	before, now := old.Grants(), new.Grants()
	r.Added = changes(new, &new.Answer, now.Minus(before))
	r.Removed = changes(old, &old.Answer, before.Minus(now))
	r.Evidence = append(r.Evidence, evidenceChanges(old, new)...)
	r.Phases = phaseChanges(old, new)
	r.portable(old, new)
	if len(r.Added)+len(r.Removed) > 0 || r.NotPortable != "" {
		r.Outcome = Drift
	}
	return r
}

// Drift reports whether the answers differ. False alone does not mean that
// they agree: see Err.
func (r Result) Drift() bool { return r.Outcome == Drift }

// Err is an error wrapping ErrUnfit when nothing was compared, nil otherwise.
func (r Result) Err() error {
	if r.Outcome != Unfit {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrUnfit, strings.Join(r.Unfit, "; "))
}

func side(d *profile.Document) Side {
	image := d.Workload.Image
	s := Side{
		Image: text.Printable(d.Workload.Name()), Digest: text.Printable(image.Digest),
		Verdict: d.Verdict, Required: d.Capabilities.Required, Relaxations: append([]workload.Setting{}, d.Relaxations...),
	}
	if p := d.Portable; p != nil {
		s.Portable = &PortableSide{Sysctls: p.Sysctls, Verdict: p.Verdict, Required: p.Capabilities.Required}
	}
	return s
}

// unfit lists why a profile is no answer.
func unfit(which string, d *profile.Document) []string {
	if d.Verdict.Answers() {
		return []string{}
	}
	sentence := fmt.Sprintf("the %s profile is %s", which, text.Printable(string(d.Verdict)))
	if len(d.Reasons) > 0 {
		sentence += " (" + text.Printable(strings.Join(d.Reasons, "; ")) + ")"
	}
	return []string{sentence}
}

// changes explains grants that one answer of a profile alone has.
func changes(d *profile.Document, a *profile.Answer, only grant.Set) []Change {
	all := make([]Change, 0, only.Len())
	for _, g := range ordered(only) {
		r, _ := a.Requirement(g)
		all = append(all, Change{Grant: g, Why: sentence.Why(d, r)})
	}
	return all
}

// ordered are the capabilities of a set by name, as in a profile, then the rest.
func ordered(s grant.Set) []grant.Grant {
	var all []grant.Grant
	for _, c := range slices.SortedFunc(s.Capabilities.All(), func(a, b capability.Cap) int {
		return strings.Compare(a.String(), b.String())
	}) {
		all = append(all, grant.Capability(c))
	}
	for _, o := range s.Options() {
		all = append(all, grant.Option(o))
	}
	return all
}

// name is what a grant is called in a comparison.
func name(g grant.Grant) string {
	if g.IsOption() {
		return sentence.Option(g.Option)
	}
	return g.Capability.String()
}

// evidenceChanges compares what the common grants are needed for. A side without
// evidence, found by removal, says nothing about that.
func evidenceChanges(old, new *profile.Document) []EvidenceChange {
	var all []EvidenceChange
	common := old.Grants().Minus(old.Grants().Minus(new.Grants()))
	for _, g := range ordered(common) {
		before, now := operations(old, g), operations(new, g)
		if len(before) == 0 || len(now) == 0 {
			continue
		}
		gone, appeared := minus(before, now), minus(now, before)
		if len(gone)+len(appeared) > 0 {
			all = append(all, EvidenceChange{Grant: g, Gone: gone, Appeared: appeared})
		}
	}
	return all
}

// operations are the refused operations behind a grant, sorted.
func operations(d *profile.Document, g grant.Grant) []string {
	r, _ := d.Requirement(g)
	var all []string
	for _, denial := range r.Denials {
		all = append(all, operation(denial.Operation))
	}
	for _, failure := range r.Failures {
		all = append(all, operation(failure.Operation))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// operation is the same whoever asked for it.
func operation(o profile.Operation) string {
	o.Asker = ""
	return sentence.Operation(o)
}

func minus(a, b []string) []string {
	rest := []string{}
	for _, s := range a {
		if !slices.Contains(b, s) {
			rest = append(rest, s)
		}
	}
	return rest
}
