package report

import (
	"fmt"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
)

// required gives each capability of the set its reason.
func required(p *text.Page, d *profile.Document) {
	all := d.ForCapabilities()
	if len(all) == 0 {
		return
	}
	p.Heading("Required")
	width := 0
	for _, r := range all {
		width = max(width, len(r.Grant.String()))
	}
	for _, r := range all {
		p.Row(r.Grant.String(), width, why(d, r))
	}
}

// why is the reason of a required capability.
func why(d *profile.Document, r profile.Requirement) string {
	switch others := len(r.Denials) - 1; {
	case others == 1:
		return sentence.Why(d, r) + "; 1 other operation needs it too"
	case others > 1:
		return sentence.Why(d, r) + fmt.Sprintf("; %d other operations need it too", others)
	}
	return sentence.Why(d, r)
}

// portable is what changes where the engine keeps the kernel's defaults. Docker does
// not; Kubernetes and plain hosts do.
func portable(p *text.Page, d *profile.Document) {
	there := d.Portable
	if there == nil {
		return
	}
	p.Heading("On Kubernetes and plain hosts (" + sentence.Settings(there.Sysctls) + ")")
	switch beyond, spared := d.Beyond(), d.Spared(); {
	case there.Verdict == profile.Failed:
		p.Paragraph("No allowed set of capabilities makes it pass there.")
	case !there.Verdict.Answers():
		p.Paragraph("Not determined for these hosts.")
	case beyond.Empty() && spared.Empty():
		p.Paragraph(fmt.Sprintf("The same set is enough there (run %d).", d.PortableRun()))
	default:
		width := 0
		for c := range beyond.Union(spared).All() {
			width = max(width, len("+ "+c.Short()))
		}
		for _, r := range there.ForCapabilities() {
			if beyond.Has(r.Grant.Capability) {
				p.Row("+ "+r.Grant.String(), width, why(d, r))
			}
		}
		for c := range spared.All() {
			p.Row("- "+c.Short(), width, "not needed there, together with the others")
		}
		p.Paragraph(fmt.Sprintf("There it needs %s (%s; run %d): %s", capability.Counted(there.Capabilities.Required.Len()), there.Verdict, d.PortableRun(), there.Capabilities.Required))
	}
	for _, reason := range there.Reasons {
		p.Items(text.Printable(reason))
	}
}

// relaxations say what takes the place of --privileged, why, and what is left of it.
func relaxations(p *text.Page, d *profile.Document) {
	if !d.Workload.Options.Bool("privileged") {
		return
	}
	if len(d.Relaxations) == 0 {
		p.Heading("--privileged is not needed")
		p.Paragraph("The workload passes without what --privileged allows in addition to capabilities: devices, all of /proc and /sys, no seccomp, no AppArmor.")
		return
	}
	p.Heading("--privileged replaced by")
	for _, r := range d.ForRelaxations() {
		p.Items(sentence.Option(r.Grant.Option) + " allows " + sentence.Why(d, r) + ". The danger: " + text.Printable(r.Danger))
	}
	p.Paragraph("Nothing else of what --privileged allows is needed.")
}

// instead names what would make a required capability needless. Every operation that
// needs it has to be changed for that, so those without a remedy are counted.
func instead(p *text.Page, d *profile.Document) {
	type row struct{ name, words string }
	var all []row
	width := 0
	for _, r := range d.ForCapabilities() {
		ways, open := advice.Sentences(profile.Remedies(r.Denials), sentence.Platform(d))
		if len(ways) == 0 {
			continue
		}
		words := strings.Join(ways, "; and ")
		if open > 0 {
			words += fmt.Sprintf("; for %d of its %d operations no other way is known", open, len(r.Denials))
		}
		all = append(all, row{r.Grant.String(), words})
		width = max(width, len(r.Grant.String()))
	}
	if len(all) == 0 {
		return
	}
	p.Heading("How to avoid these capabilities")
	for _, a := range all {
		p.Row(a.name, width, a.words)
	}
}

func alternatives(p *text.Page, d *profile.Document) {
	first := true
	for _, r := range d.Requirements {
		if len(r.Alternatives) == 0 {
			continue
		}
		if first {
			p.Heading("Alternatives")
			first = false
		}
		words := sentence.Grants(r.Alternatives) + " would meet the need for " + sentence.Grant(r.Grant) + " too"
		// The first is the least dangerous one. capprof took another because today's
		// flags do not grant it, or the engine does not.
		if least := r.Alternatives[0].Capability; !r.Alternatives[0].IsOption() && !r.Grant.IsOption() &&
			capability.Danger(least) < capability.Danger(r.Grant.Capability) && !d.Capabilities.Allowed.Has(least) && !d.Capabilities.Refused.Has(least) {
			words += ", and " + least.Short() + " is less dangerous: --allow " + least.Short() + " lets capprof take it"
		}
		p.Paragraph(words)
	}
}
