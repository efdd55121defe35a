// Package drift compares two profiles of a workload: whether it needs other
// capabilities than before. It reads nothing but the profile documents.
package drift

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
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

// Result is a comparison.
type Result struct {
	SchemaVersion int     `json:"schemaVersion"`
	Outcome       Outcome `json:"outcome"`
	Old           Side    `json:"old"`
	New           Side    `json:"new"`
	// Unfit says, one sentence each, why nothing was compared.
	Unfit []string `json:"unfit"`
	// Added and Removed are the drift, sorted by name.
	Added   []Change `json:"added"`
	Removed []Change `json:"removed"`
	// Lost says, in a sentence, that there is no portable set any more, "" where
	// there is. It is drift.
	Lost string `json:"lost,omitempty"`
	// Opened and Closed are openings (what is needed of --privileged) that only the
	// new or only the old profile has. This is drift too.
	Opened []OptionChange `json:"opened,omitempty"`
	Closed []OptionChange `json:"closed,omitempty"`
	// Evidence are capabilities needed as before, for other operations. This is
	// no drift.
	Evidence []EvidenceChange `json:"evidence"`
	// Context is what else changed: the image, the engine, the kernel. This is no
	// drift either, and may explain one.
	Context []ContextChange `json:"context"`
}

// Side is one of the two profiles.
type Side struct {
	Image   string          `json:"image"`
	Digest  string          `json:"digest"`
	Verdict profile.Verdict `json:"verdict"`
	// Required is the set that the profile gives.
	Required capability.Set `json:"required"`
}

// Change is a capability that is required on one side alone.
type Change struct {
	Capability capability.Cap `json:"capability"`
	// Why is the evidence of the profile that requires it, in one sentence.
	Why string `json:"why"`
	// Where says that the change is in the portable sets alone, and where those
	// hold; "" for one of the required sets.
	Where string `json:"where,omitempty"`
}

// OptionChange is a docker run option that the answer has on one side alone.
type OptionChange struct {
	Option string `json:"option"`
	Why    string `json:"why"`
}

// EvidenceChange is a capability required on both sides for other operations.
type EvidenceChange struct {
	Capability capability.Cap `json:"capability"`
	// Gone and Appeared are the operations that only the old or only the new
	// profile has, sorted.
	Gone     []string `json:"gone"`
	Appeared []string `json:"appeared"`
}

// ContextChange is another difference between the profiles.
type ContextChange struct {
	Name string `json:"name"`
	Old  string `json:"old"`
	New  string `json:"new"`
}

// Compare compares two profiles. Only the required and the portable sets and the
// openings make drift. A profile
// that is incomplete or failed, on either side, makes the comparison Unfit: an
// incomplete set may lack something, and then nothing added would mean nothing.
func Compare(old, new *profile.Document) Result {
	r := Result{
		SchemaVersion: 1, Outcome: None, Old: side(old), New: side(new),
		Unfit: append(append(unfit("old", old), unfit("new", new)...), unfitElsewhere(old, new)...),
		Added: []Change{}, Removed: []Change{}, Evidence: []EvidenceChange{}, Context: contextChanges(old, new),
	}
	if len(r.Unfit) > 0 {
		r.Outcome = Unfit
		return r
	}
	before, now := old.Capabilities.Required, new.Capabilities.Required
	r.Added = changes(new, now.Minus(before))
	r.Removed = changes(old, before.Minus(now))
	r.Evidence = append(r.Evidence, evidenceChanges(old, new)...)
	r.elsewhere(old, new)
	r.Opened, r.Closed = openings(new, old), openings(old, new)
	if len(r.Added)+len(r.Removed)+len(r.Opened)+len(r.Closed) > 0 || r.Lost != "" {
		r.Outcome = Drift
	}
	return r
}

// Drift reports whether the required sets differ. False alone does not mean that
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
	return Side{
		Image: text.Printable(image.Reference), Digest: text.Printable(image.Digest),
		Verdict: d.Verdict, Required: d.Capabilities.Required,
	}
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

func changes(d *profile.Document, set capability.Set) []Change {
	all := make([]Change, 0, set.Len())
	for _, c := range byName(set) {
		all = append(all, Change{Capability: c, Why: why(d, c)})
	}
	return all
}

func why(d *profile.Document, c capability.Cap) string {
	r, _ := d.Requirement(c)
	return sentence.Why(d, r)
}

// openings are those that one profile has and the other has not.
func openings(d, other *profile.Document) []OptionChange {
	var all []OptionChange
	for _, o := range d.Openings {
		same := func(p profile.Opening) bool { return p.Option == o.Option }
		if !slices.ContainsFunc(other.Openings, same) {
			all = append(all, OptionChange{Option: text.Printable(o.Option), Why: sentence.WhyOpen(d, o)})
		}
	}
	return all
}

// byName orders like capabilities.required in the profile.
func byName(set capability.Set) []capability.Cap {
	return slices.SortedFunc(set.All(), func(a, b capability.Cap) int {
		return strings.Compare(a.String(), b.String())
	})
}

// evidenceChanges compares what the common capabilities are needed for. A side
// without evidence, found by removal, says nothing about that.
func evidenceChanges(old, new *profile.Document) []EvidenceChange {
	var all []EvidenceChange
	for _, c := range byName(old.Capabilities.Required.Intersect(new.Capabilities.Required)) {
		before, now := operations(old, c), operations(new, c)
		if len(before) == 0 || len(now) == 0 {
			continue
		}
		gone, appeared := minus(before, now), minus(now, before)
		if len(gone)+len(appeared) > 0 {
			all = append(all, EvidenceChange{Capability: c, Gone: gone, Appeared: appeared})
		}
	}
	return all
}

// operations are the refused operations behind a required capability, sorted.
func operations(d *profile.Document, c capability.Cap) []string {
	r, _ := d.Requirement(c)
	var all []string
	for _, denial := range r.Evidence {
		all = append(all, sentence.Operation(denial.Operation))
	}
	slices.Sort(all)
	return slices.Compact(all)
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
