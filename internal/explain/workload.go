package explain

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
)

// Profile is what a profile says as a whole.
type Profile struct {
	Image    string          `json:"image"`
	Verdict  profile.Verdict `json:"verdict"`
	Reasons  []string        `json:"reasons"`
	Required capability.Set  `json:"required"`
	// About says what the workload was taken for, what it was given and what was done
	// with it, a sentence each; empty for a batch job without data.
	About []string `json:"about"`
	// Dropped is what the engine grants today and the workload does not require;
	// empty where the verdict does not vouch for the set.
	Dropped capability.Set `json:"dropped"`
	// Relaxations are what the workload needs of --privileged in addition to
	// capabilities, the least dangerous first.
	Relaxations []Relaxation `json:"relaxations"`
}

// Relaxation is a docker run option that stands for a part of --privileged.
type Relaxation struct {
	Option string `json:"option"`
	Value  string `json:"value"`
	// Allows is what it allows, Danger what comes with it, and Why the evidence that
	// the workload needs it, in one sentence.
	Allows string `json:"allows"`
	Danger string `json:"danger"`
	Why    string `json:"why"`
}

// Status is what a profile says of one capability.
type Status string

// The statuses. Where several hold, the first of this list is given.
const (
	Required Status = "required"
	// Portable: required where the engine keeps the kernel's defaults, not here.
	Portable Status = "required on other hosts"
	// Blocked: something was denied without it, and it was not allowed.
	Blocked Status = "blocked"
	// Alternative: it would have met a need that a required one meets.
	Alternative Status = "alternative"
	// Kept: denied in the final run to a process that meant to give up privileges with it.
	Kept Status = "privileges kept"
	// Tolerated: denied in the final run, without harm.
	Tolerated Status = "tolerated"
	// Refused: the engine would not grant it.
	Refused Status = "refused"
	// Dropped: the engine grants it today, and the workload does not require it.
	Dropped Status = "dropped"
	// NotNeeded: neither granted today nor required.
	NotNeeded Status = "not needed"
	// Undecided: the profile is failed or incomplete, so nothing is said of it.
	Undecided Status = "undecided"
)

// Workload is what a profile says of one capability.
type Workload struct {
	Status Status `json:"status"`
	// Meaning is the status in a sentence.
	Meaning string `json:"meaning"`
	// Phases are the parts of a run of a service that asked for it, in their order, and
	// When is that in words; empty for a batch job.
	Phases []scenario.Phase `json:"phases"`
	When   string           `json:"when"`
	// Proof is what happened in the run without it, "" when there was none.
	Proof string `json:"proof"`
	// Alternatives would meet the need of a required one too, the least dangerous
	// first.
	Alternatives []capability.Cap `json:"alternatives"`
	// Evidence are the denials that it would have allowed.
	Evidence []Evidence `json:"evidence"`
	// Better are ways that would make it needless, for all or some of the evidence.
	Better []string `json:"better"`
	// Notes warn of what the statement depends on.
	Notes []string `json:"notes"`
}

// Evidence is one kind of refused operation, printable.
type Evidence struct {
	Operation string           `json:"operation"`
	Because   string           `json:"because"`
	AnyOf     []capability.Cap `json:"anyOf"`
	Run       int              `json:"run"`
	// When is the part of the run in which it was seen first, "" for a batch job.
	When string `json:"when"`
	// Count is how often it was seen, 0 when that was not counted.
	Count uint64 `json:"count"`
}

func byName(a, b capability.Cap) int { return cmp.Compare(a.String(), b.String()) }

func profileOf(d *profile.Document) *Profile {
	p := &Profile{
		Image: text.Printable(d.Workload.Name()), Verdict: d.Verdict,
		Reasons: []string{}, Required: d.Capabilities.Required, About: []string{}, Relaxations: []Relaxation{},
	}
	p.About = append(p.About, sentence.About(d)...)
	for _, r := range d.ForRelaxations() {
		p.Relaxations = append(p.Relaxations, Relaxation{
			Option: text.Printable(r.Grant.Option.Name), Value: text.Printable(r.Grant.Option.Value),
			Allows: text.Printable(r.Allows), Danger: text.Printable(r.Danger), Why: sentence.Why(d, r),
		})
	}
	for _, reason := range d.Reasons {
		p.Reasons = append(p.Reasons, text.Printable(reason))
	}
	if d.Verdict.Answers() {
		p.Dropped = d.Capabilities.Baseline.Minus(d.Capabilities.Required)
	}
	return p
}

func workload(d *profile.Document, c capability.Cap) *Workload {
	w := &Workload{Phases: []scenario.Phase{}, Alternatives: []capability.Cap{}, Better: []string{}, Evidence: []Evidence{}, Notes: notes(d, c)}
	blocked, tolerated, kept := allowedBy(d, d.Blocked, c), allowedBy(d, d.Tolerated, c), allowedBy(d, d.KeptPrivileges, c)
	requirement, required := d.Requirement(grant.Capability(c))
	var there profile.Requirement
	portable := d.Beyond().Has(c)
	if portable {
		there, _ = d.Portable.Requirement(grant.Capability(c))
	}
	instead := alternativeTo(d, c)
	name := c.Short()
	switch {
	case required:
		w.Status, w.Proof = Required, sentence.Proof(d, requirement)
		w.Meaning = "the workload needs " + name
		if w.Proof == "" {
			w.Meaning = name + " is in the set; no run without it was made to show that it cannot go"
		}
		w.asked(d, requirement)
		w.Alternatives = append(w.Alternatives, capabilitiesOf(requirement.Alternatives)...)
		w.Evidence, w.Better = evidence(d, requirement.Denials), better(d, requirement.Denials)
		if requirement.FoundBy == profile.FoundByRemoval {
			w.Notes = append(w.Notes, "found by trying without it: what exactly is denied then was not seen")
		}
	case portable:
		w.Status, w.Proof = Portable, sentence.Proof(d, there)
		w.Meaning = "the workload does not need " + name + " here, and needs it " + sentence.Where(d.Portable)
		w.asked(d, there)
		w.Alternatives = append(w.Alternatives, capabilitiesOf(there.Alternatives)...)
		w.Evidence, w.Better = evidence(d, there.Denials), better(d, there.Denials)
	case len(blocked) > 0 || d.Capabilities.BeyondAllowed.Has(c):
		w.Status, w.Evidence, w.Better = Blocked, blocked, better(d, sharedNeed(d.Blocked, c))
		w.Meaning = name + " was not among the capabilities that capprof might grant, and something was denied without it (to allow it: capprof run --allow " + name + ")"
	case len(instead) > 0:
		w.Status = Alternative
		w.Meaning = name + " is not required: " + strings.Join(names(instead), ", ") + " meets the need that it would have met too"
		for _, other := range instead {
			if r, ok := d.Requirement(grant.Capability(other)); ok {
				w.Evidence = append(w.Evidence, evidence(d, sharedNeed(r.Denials, c))...)
			}
		}
	case d.Verdict.Answers() && len(kept) > 0:
		w.Status, w.Evidence, w.Better = Kept, kept, better(d, sharedNeed(d.KeptPrivileges, c))
		w.Meaning = name + " is not in the set: a process meant to give up privileges with it, and went on with them (without --tolerate drops, capprof run counts such as required where it may grant it)"
	case d.Verdict.Answers() && (len(tolerated) > 0 || d.Capabilities.Tolerated.Has(c)):
		w.Status, w.Evidence = Tolerated, tolerated
		w.Meaning = name + " is not required: something was denied without it, and the workload passed all the same (capprof run --strict counts such as required)"
	case d.Capabilities.Refused.Has(c):
		w.Status = Refused
		w.Meaning = "the engine or its runtime would not grant " + name + ", which says nothing about the workload"
	case !d.Verdict.Answers():
		w.Status, w.Evidence = Undecided, tolerated
		w.Meaning = "the profile is " + string(d.Verdict) + ", so it does not say whether the workload needs " + name
	case d.Capabilities.Baseline.Has(c):
		w.Status = Dropped
		w.Meaning = name + " is not required: it is granted today, and the workload passed without it" + undenied(d)
	default:
		w.Status = NotNeeded
		w.Meaning = name + " is not required: it is not granted today either, and the workload passed without it" + undenied(d)
	}
	return w
}

// asked notes which parts of a run asked for it.
func (w *Workload) asked(d *profile.Document, r profile.Requirement) {
	w.Phases, w.When = append(w.Phases, r.Phases...), sentence.Phases(d, r.Phases)
}

// undenied adds what only a trace can tell.
func undenied(d *profile.Document) string {
	if !d.Environment.Traced {
		return ""
	}
	return " and without a denial that it would have allowed"
}

// allowedBy lists the denials that the capability would have allowed.
func allowedBy(d *profile.Document, denials []profile.Denial, c capability.Cap) []Evidence {
	return evidence(d, sharedNeed(denials, c))
}

func sharedNeed(denials []profile.Denial, c capability.Cap) []profile.Denial {
	var found []profile.Denial
	for _, denial := range denials {
		if slices.Contains(denial.AnyOf, c) {
			found = append(found, denial)
		}
	}
	return found
}

func evidence(d *profile.Document, denials []profile.Denial) []Evidence {
	all := make([]Evidence, len(denials))
	for i, denial := range denials {
		because := sentence.Because(denial)
		if denial.Keeps != "" {
			because = strings.TrimPrefix(because+"; "+text.Printable(denial.Keeps), "; ")
		}
		all[i] = Evidence{
			Operation: sentence.Operation(denial.Operation), Because: because,
			AnyOf: denial.AnyOf, Run: denial.Run, Count: d.Meta.Count(denial.ID), When: sentence.When(denial.Phase),
		}
	}
	return all
}

// better collects what would do without the capability. Every operation that needs
// it has to be changed for that, so those without a remedy are counted.
func better(d *profile.Document, denials []profile.Denial) []string {
	ways, open := advice.Sentences(profile.Remedies(denials), sentence.Platform(d))
	if len(ways) > 0 && open > 0 {
		ways = append(ways, fmt.Sprintf("for %d of the %d operations no better way is known", open, len(denials)))
	}
	return append([]string{}, ways...)
}

// alternativeTo lists the required capabilities to which c is an alternative.
func alternativeTo(d *profile.Document, c capability.Cap) []capability.Cap {
	var found []capability.Cap
	for _, r := range d.ForCapabilities() {
		if slices.Contains(r.Alternatives, grant.Capability(c)) {
			found = append(found, r.Grant.Capability)
		}
	}
	return found
}

// capabilitiesOf are those among grants.
func capabilitiesOf(grants []grant.Grant) []capability.Cap {
	var all []capability.Cap
	for _, g := range grants {
		if !g.IsOption() {
			all = append(all, g.Capability)
		}
	}
	return all
}

func names(caps []capability.Cap) []string {
	all := make([]string, len(caps))
	for i, c := range caps {
		all[i] = c.Short()
	}
	return all
}

// notes warn where the statement would not hold on other hosts, or is worth less
// than it looks.
func notes(d *profile.Document, c capability.Cap) []string {
	all := []string{}
	if d.Verdict == profile.Incomplete && d.Capabilities.Required.Has(c) {
		all = append(all, "the profile is incomplete, so it may lack something or hold too much")
	}
	if d.ExecNeeds.Has(c) {
		all = append(all, "the --exec commands used it for themselves, which does not count (capprof run --count exec counts it)")
	}
	if p := d.Portable; p != nil {
		switch {
		case d.Spared().Has(c):
			all = append(all, sentence.Where(p)+", the other capabilities that are needed there make it needless")
		case p.Verdict == profile.Failed && (c == capability.NetBindService || c == capability.NetRaw):
			all = append(all, sentence.Where(p)+", the workload fails with it too: "+strings.Join(p.Reasons, "; "))
		}
		for i := range all {
			all[i] = text.Printable(all[i])
		}
		return all
	}
	// A trace that led to an answer shows that it does not depend on the sysctls.
	if d.Capabilities.Required.Has(c) || d.Environment.Traced && d.Verdict.Answers() {
		return all
	}
	switch c {
	case capability.NetBindService:
		// The kernel's default is 1024; Docker sets 0 (moby daemon/oci_linux.go).
		if start, err := strconv.Atoi(d.Environment.Sysctls[portStart]); err == nil && start < 1024 {
			all = append(all, "learned with "+portStart+"="+strconv.Itoa(start)+"; where that is 1024, as in Kubernetes on containerd 1.x, listening on a port below needs it")
		}
	case capability.NetRaw:
		// The kernel's default is "1 0", which is nobody.
		if bounds := strings.Fields(d.Environment.Sysctls[pingRange]); len(bounds) == 2 && bounds[0] == "0" {
			all = append(all, "learned with "+pingRange+"="+strings.Join(bounds, " ")+"; where no group may use ICMP sockets, ping needs it")
		}
	}
	for i := range all {
		all[i] = text.Printable(all[i])
	}
	return all
}

// The sysctls on which a profile's answer depends.
const (
	portStart = "net.ipv4.ip_unprivileged_port_start"
	pingRange = "net.ipv4.ping_group_range"
)
