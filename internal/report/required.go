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
	if len(d.Required) == 0 {
		return
	}
	p.Heading("Required")
	width := 0
	for _, r := range d.Required {
		width = max(width, len(r.Capability.Short()))
	}
	for _, r := range d.Required {
		p.Row(r.Capability.Short(), width, why(d, r))
	}
}

// why is the reason of a required capability.
func why(d *profile.Document, r profile.Requirement) string {
	switch others := len(r.Evidence) - 1; {
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
	p.Heading("Where the engine keeps the kernel's " + sentence.Settings(there.Sysctls) + " (Kubernetes, plain hosts)")
	switch beyond, spared := d.Beyond(), d.Spared(); {
	case there.Verdict == profile.Failed:
		p.Paragraph("no allowed set of capabilities makes it pass")
	case !there.Verdict.Answers():
		p.Paragraph("what it needs there was not found out")
	case beyond.Empty() && spared.Empty():
		p.Paragraph(fmt.Sprintf("the same set is enough; run %d passes with it", d.PortableRun()))
	default:
		width := 0
		for c := range beyond.Union(spared).All() {
			width = max(width, len("+ "+c.Short()))
		}
		for _, r := range there.Required {
			if beyond.Has(r.Capability) {
				p.Row("+ "+r.Capability.Short(), width, why(d, r))
			}
		}
		for c := range spared.All() {
			p.Row("- "+c.Short(), width, "not needed beside the others there")
		}
		p.Paragraph(fmt.Sprintf("%s there: %s; run %d passes with %s", there.Verdict, capabilities(there.Capabilities.Len()), d.PortableRun(), there.Capabilities))
	}
	for _, reason := range there.Reasons {
		p.Items(text.Printable(reason))
	}
}

// opened says what takes the place of --privileged, why, and what is closed.
func opened(p *text.Page, d *profile.Document) {
	if !d.Workload.Options.Bool("privileged") {
		return
	}
	if len(d.Openings) == 0 {
		p.Heading("--privileged is not needed")
		p.Paragraph("it passes without what --privileged opens beside capabilities: devices, /proc and /sys, seccomp, AppArmor")
		return
	}
	p.Heading("--privileged replaced by")
	for _, o := range d.Openings {
		p.Items(text.Printable(o.Shell()) + " opens " + sentence.WhyOpen(d, o) + ". The danger: " + text.Printable(o.Danger))
	}
	p.Paragraph("all else that --privileged opens stays closed")
}

// instead names what would make a required capability needless. Every operation that
// needs it has to be changed for that, so those without a remedy are counted.
func instead(p *text.Page, d *profile.Document) {
	type row struct{ name, words string }
	var all []row
	width := 0
	for _, r := range d.Required {
		ways, open := advice.Sentences(profile.Remedies(r.Evidence), advice.Docker)
		if len(ways) == 0 {
			continue
		}
		words := strings.Join(ways, "; and ")
		if open > 0 {
			words += fmt.Sprintf("; for %d of its %d operations no better way is known", open, len(r.Evidence))
		}
		all = append(all, row{r.Capability.Short(), words})
		width = max(width, len(r.Capability.Short()))
	}
	if len(all) == 0 {
		return
	}
	p.Heading("Better than granting it")
	for _, a := range all {
		p.Row(a.name, width, a.words)
	}
}

func alternatives(p *text.Page, d *profile.Document) {
	first := true
	for _, r := range d.Required {
		if len(r.Alternatives) == 0 {
			continue
		}
		if first {
			p.Heading("Alternatives")
			first = false
		}
		others := sentence.Choice(r.Alternatives)
		words := others + " would meet the need for " + r.Capability.Short() + " too"
		// The first is the least dangerous one. capprof took another because today's
		// flags do not grant it, or the engine does not.
		if least := r.Alternatives[0]; capability.Danger(least) < capability.Danger(r.Capability) &&
			!d.Capabilities.Allowed.Has(least) && !d.Capabilities.Refused.Has(least) {
			words += ", and " + least.Short() + " is less dangerous: --allow " + least.Short() + " lets capprof take it"
		}
		p.Paragraph(words)
	}
}
