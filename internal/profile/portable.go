package profile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
)

// Portable is the answer where the engine leaves sysctls of the network alone on
// which the workload depends. Docker sets them so that low ports and ping need no
// capability; Kubernetes and other engines keep the kernel's defaults.
type Portable struct {
	// Sysctls are the kernel's defaults with which it was found.
	Sysctls map[string]string `json:"sysctls"`
	// Verdict is what it is worth, and Reasons why that is not more.
	Verdict Verdict  `json:"verdict"`
	Reasons []string `json:"reasons"`
	// Capabilities is the set; it is empty where the verdict is failed.
	Capabilities capability.Set `json:"capabilities"`
	// Required explains the capabilities that the document's set lacks, and those
	// for which the need had to be shown anew.
	Required []Requirement `json:"required"`
	// Losses counts what the tracer could not record in the runs with the sysctls.
	Losses Losses `json:"losses"`
}

// SysctlOption is a sysctl as Run.Options has it.
func SysctlOption(name, value string) string { return "--sysctl " + name + "=" + value }

// Opened are the sysctls of the portable answer with the values that the document's
// own answer was found with; a value that was not seen is Docker's.
func (d *Document) Opened() map[string]string {
	opened := map[string]string{}
	for name := range d.Portable.Sysctls {
		value, seen := d.Environment.Sysctls[name]
		if !seen {
			value = map[string]string{"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}[name]
		}
		opened[name] = strings.Join(strings.Fields(value), " ")
	}
	return opened
}

// PortableRun is the number of the run that shows the portable set to be enough, 0
// when there is none.
func (d *Document) PortableRun() int {
	shown := 0
	for _, run := range d.Runs {
		if d.Portable != nil && d.Portable.made(run) && run.Set == d.Portable.Capabilities && run.Outcome == OutcomePassed {
			shown = run.Number
		}
	}
	return shown
}

// made says whether a run had the sysctls.
func (p *Portable) made(run Run) bool {
	for name, value := range p.Sysctls {
		if !slices.Contains(run.Options, SysctlOption(name, value)) {
			return false
		}
	}
	return len(p.Sysctls) > 0
}

// Beyond is what the portable set has beyond the document's own, and Spared what it
// does without; both are empty where there is no portable set.
func (d *Document) Beyond() capability.Set {
	if d.Portable == nil || !d.Portable.Verdict.Answers() {
		return 0
	}
	return d.Portable.Capabilities.Minus(d.Capabilities.Required)
}

// Spared: see Beyond.
func (d *Document) Spared() capability.Set {
	if d.Portable == nil || !d.Portable.Verdict.Answers() {
		return 0
	}
	return d.Capabilities.Required.Minus(d.Portable.Capabilities)
}

// validatePortable holds a portable answer to what the document's own is held to:
// its set was allowed and passed with the sysctls, and what it says to be proven is.
// A run with the sysctls proves what one of the document's own proves, and not the
// other way round.
func validatePortable(d *Document, runs map[int]Run) error {
	p := d.Portable
	if p == nil {
		return nil
	}
	if len(p.Sysctls) == 0 {
		return fmt.Errorf("portable.sysctls: none is named")
	}
	with := d.localRuns(false)
	explained, err := explain("portable.required", p.Required, p.Capabilities, p.Verdict, with)
	if err != nil {
		return err
	}
	if beyond := explained.Minus(p.Capabilities); !beyond.Empty() {
		return fmt.Errorf("portable.required explains %s, which is not in portable.capabilities", beyond)
	}
	elsewhere := p.Capabilities.Minus(explained)
	if missing := elsewhere.Minus(d.Capabilities.Required); !missing.Empty() {
		return fmt.Errorf("portable.capabilities has %s, which neither portable.required nor required explains", missing)
	}
	for _, requirement := range p.Required {
		for _, denial := range requirement.Evidence {
			if err := seenIn(runs, "portable.required: evidence of "+requirement.Capability.String(), denial.Run); err != nil {
				return err
			}
		}
	}
	switch p.Verdict {
	case Proven, Confirmed:
		if d.Verdict != Proven && d.Verdict != Confirmed {
			return fmt.Errorf("portable.verdict is %s, beside a verdict that is %s", p.Verdict, d.Verdict)
		}
		if p.Verdict == Proven {
			for _, requirement := range d.Required {
				if elsewhere.Has(requirement.Capability) && requirement.ProvenBy == 0 {
					return fmt.Errorf("portable.verdict is proven, yet no run proves %s", requirement.Capability)
				}
			}
		}
		return successful("portable.verdict", p.Verdict, p.Capabilities, d.Capabilities, p.Losses, withJust(with, len(d.Openings)+len(p.Sysctls)))
	case Failed:
		if !p.Capabilities.Empty() {
			return fmt.Errorf("portable.verdict is failed, yet portable.capabilities gives a set: %s", p.Capabilities)
		}
	case Incomplete:
	default:
		return fmt.Errorf("portable.verdict: %q is none of %s, %s, %s, %s", p.Verdict, Proven, Confirmed, Incomplete, Failed)
	}
	if len(p.Reasons) == 0 {
		return fmt.Errorf("portable.verdict is %s, and portable.reasons gives none", p.Verdict)
	}
	return nil
}

// localRuns are the runs with the openings, by number, that were made with the engine's own sysctls, or,
// when that is false, those with the portable answer's.
func (d *Document) localRuns(local bool) map[int]Run {
	runs, openings := map[int]Run{}, d.openingOptions()
	for _, run := range d.Runs {
		if containsAll(run.Options, openings) && local != (d.Portable != nil && d.Portable.made(run)) {
			runs[run.Number] = run
		}
	}
	return runs
}
