// Package report writes the result of a run for people: the set, one piece of
// evidence for each capability, and what to do next. It reads nothing but the
// profile document, so a saved profile reads the same as a fresh one.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

// Options are about the terminal.
type Options struct {
	// Color allows ANSI colours.
	Color bool
	// Width is where lines are wrapped, 80 when it is 0.
	Width int
}

// listed bounds the denials and failures of one section; a shell script may
// easily survive hundreds. The profile holds all of them.
const listed = 10

// Write writes the report.
func Write(w io.Writer, d *profile.Document, options Options) error {
	p := newPage(options)
	verdict(p, d)
	if d.Verdict == profile.Failed {
		blocked(p, d)
		failures(p, d)
		refused(p, d)
		losses(p, d)
		tolerated(p, d)
		runs(p, d)
	} else {
		required(p, d)
		opened(p, d)
		portable(p, d)
		instead(p, d)
		compared(p, d)
		alternatives(p, d)
		tolerated(p, d)
		blocked(p, d)
		failures(p, d)
		refused(p, d)
		losses(p, d)
		runs(p, d)
		use(p, d)
	}
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// verdict is the headline and why it is not a better one.
func verdict(p *page, d *profile.Document) {
	image := profile.Printable(d.Workload.Image.Reference)
	count := d.Capabilities.Required.Len()
	change := fmt.Sprintf("%d -> %d", d.Capabilities.Baseline.Len(), count)
	switch d.Verdict {
	case profile.Proven:
		p.headline(green, d.Verdict, fmt.Sprintf("%s needs %s, %s", image, capabilities(count), change))
	case profile.Confirmed:
		text := fmt.Sprintf("%s passes with %s, %s", image, capabilities(count), change)
		if count > 0 {
			text += "; whether each is needed was not proven"
		}
		p.headline(yellow, d.Verdict, text)
	case profile.Failed:
		p.headline(red, d.Verdict, fmt.Sprintf("no allowed set of capabilities makes %s pass", image))
	default:
		p.headline(yellow, d.Verdict, fmt.Sprintf("%s may need more or less than %s, %s", image, capabilities(count), change))
	}
	for _, reason := range d.Reasons {
		p.item(profile.Printable(reason))
	}
	if !d.Environment.Traced {
		p.item("not traced: the set was found by removal, so there are no explanations")
	}
}

func capabilities(n int) string {
	if n == 0 {
		return "no capability at all"
	}
	return capability.Counted(n)
}

// required gives each capability of the set its reason.
func required(p *page, d *profile.Document) {
	if len(d.Required) == 0 {
		return
	}
	p.heading("Required")
	width := 0
	for _, r := range d.Required {
		width = max(width, len(r.Capability.Short()))
	}
	for _, r := range d.Required {
		p.row(r.Capability.Short(), width, why(d, r))
	}
}

// why is the reason of a required capability.
func why(d *profile.Document, r profile.Requirement) string {
	switch others := len(r.Evidence) - 1; {
	case others == 1:
		return d.Explain(r) + "; 1 other operation needs it too"
	case others > 1:
		return d.Explain(r) + fmt.Sprintf("; %d other operations need it too", others)
	}
	return d.Explain(r)
}

// portable is what changes where the engine keeps the kernel's defaults. Docker does
// not; Kubernetes and plain hosts do.
func portable(p *page, d *profile.Document) {
	there := d.Portable
	if there == nil {
		return
	}
	p.heading("Where the engine keeps the kernel's " + profile.Settings(there.Sysctls) + " (Kubernetes, plain hosts)")
	switch beyond, spared := d.Beyond(), d.Spared(); {
	case there.Verdict == profile.Failed:
		p.paragraph("no allowed set of capabilities makes it pass")
	case !there.Verdict.Answers():
		p.paragraph("what it needs there was not found out")
	case beyond.Empty() && spared.Empty():
		p.paragraph(fmt.Sprintf("the same set is enough; run %d passes with it", d.PortableRun()))
	default:
		width := 0
		for c := range beyond.Union(spared).All() {
			width = max(width, len("+ "+c.Short()))
		}
		for _, r := range there.Required {
			if beyond.Has(r.Capability) {
				p.row("+ "+r.Capability.Short(), width, why(d, r))
			}
		}
		for c := range spared.All() {
			p.row("- "+c.Short(), width, "not needed beside the others there")
		}
		p.paragraph(fmt.Sprintf("%s there: %s; run %d passes with %s", there.Verdict, capabilities(there.Capabilities.Len()), d.PortableRun(), there.Capabilities))
	}
	for _, reason := range there.Reasons {
		p.item(profile.Printable(reason))
	}
}

// opened says what takes the place of --privileged, why, and what is closed.
func opened(p *page, d *profile.Document) {
	if !d.Workload.Privileged {
		return
	}
	if len(d.Openings) == 0 {
		p.heading("--privileged is not needed")
		p.paragraph("it passes without what --privileged opens beside capabilities: devices, /proc and /sys, seccomp, AppArmor")
		return
	}
	p.heading("--privileged replaced by")
	for _, o := range d.Openings {
		p.item(profile.Printable(o.Shell()) + " opens " + d.WhyOpen(o) + ". The danger: " + profile.Printable(o.Danger))
	}
	p.paragraph("all else that --privileged opens stays closed")
}

// instead names what would make a required capability needless. All that needs it
// has to be cured for that, so the number of operations without a cure is told.
func instead(p *page, d *profile.Document) {
	type advice struct{ name, text string }
	var all []advice
	width := 0
	for _, r := range d.Required {
		cures, open := r.Cures()
		if len(cures) == 0 {
			continue
		}
		text := strings.Join(cures, "; and ")
		if open > 0 {
			text += fmt.Sprintf("; for %d of its %d operations no better way is known", open, len(r.Evidence))
		}
		all = append(all, advice{r.Capability.Short(), text})
		width = max(width, len(r.Capability.Short()))
	}
	if len(all) == 0 {
		return
	}
	p.heading("Better than granting it")
	for _, a := range all {
		p.row(a.name, width, a.text)
	}
}

// compared is the difference to what the container gets today.
func compared(p *page, d *profile.Document) {
	required, baseline := d.Capabilities.Required, d.Capabilities.Baseline
	if dropped := baseline.Minus(required); !dropped.Empty() {
		p.heading(fmt.Sprintf("Dropped, compared with today (%d)", dropped.Len()))
		p.paragraph(dropped.String())
	}
	if added := required.Minus(baseline); !added.Empty() {
		p.heading(fmt.Sprintf("Added, compared with today (%d)", added.Len()))
		p.paragraph(added.String())
	}
}

func alternatives(p *page, d *profile.Document) {
	first := true
	for _, r := range d.Required {
		if len(r.Alternatives) == 0 {
			continue
		}
		if first {
			p.heading("Alternatives")
			first = false
		}
		others := profile.Denial{AnyOf: r.Alternatives}.Choice()
		text := others + " would meet the need for " + r.Capability.Short() + " too"
		// The first is the least dangerous one. capprof took another because today's
		// flags do not grant it, or the engine does not.
		if least := r.Alternatives[0]; capability.Danger(least) < capability.Danger(r.Capability) &&
			!d.Capabilities.Allowed.Has(least) && !d.Capabilities.Refused.Has(least) {
			text += ", and " + least.Short() + " is less dangerous: --allow " + least.Short() + " lets capprof take it"
		}
		p.paragraph(text)
	}
}

func tolerated(p *page, d *profile.Document) {
	// What was lost is no harmless denial, although the run passed.
	var harmless, lost []profile.Denial
	for _, denial := range d.Tolerated {
		if denial.Lost {
			lost = append(lost, denial)
		} else {
			harmless = append(harmless, denial)
		}
	}
	if len(lost) > 0 {
		p.heading("Lost without an error: see whether it matters (--strict counts it as required)")
		denials(p, lost)
	}
	if len(harmless) > 0 {
		p.heading("Tolerated: denied without harm (--strict counts them as required)")
		denials(p, harmless)
	}
}

// denials lists what was refused, each with the capabilities that would cure it.
func denials(p *page, all []profile.Denial) {
	shown := all[:min(len(all), listed)]
	width := 0
	for _, denial := range shown {
		width = max(width, len(denial.Choice()))
	}
	for _, denial := range shown {
		what := denial.Operation()
		if because := denial.Because(); because != "" {
			what += " (" + because + ")"
		}
		p.row(denial.Choice(), min(width, widestLabel), what)
	}
	more(p, len(all)-len(shown))
}

func more(p *page, n int) {
	if n > 0 {
		p.paragraph(fmt.Sprintf("and %d more in the profile (-o FILE)", n))
	}
}

// blocked says what --allow would have to say. Of the capabilities that would
// do, the least dangerous one is proposed; what the engine refuses helps nobody.
func blocked(p *page, d *profile.Document) {
	usable := func(c capability.Cap) bool {
		return !d.Capabilities.Allowed.Has(c) && !d.Capabilities.Refused.Has(c)
	}
	var proposed capability.Set
	for _, denial := range d.Blocked {
		for _, c := range capability.Of(denial.AnyOf...).ByDanger() {
			if usable(c) {
				proposed = proposed.With(c)
				break
			}
		}
	}
	if len(d.Blocked) == 0 {
		for c := range d.Capabilities.BeyondAllowed.All() {
			if usable(c) {
				proposed = proposed.With(c)
			}
		}
	}
	if len(d.Blocked) == 0 && proposed.Empty() {
		return
	}
	p.heading("Beyond the allowed capabilities")
	denials(p, d.Blocked)
	if cures, _ := (profile.Requirement{Evidence: d.Blocked}).Cures(); len(cures) > 0 {
		p.paragraph("better than granting it: " + strings.Join(cures, "; and "))
	}
	if !proposed.Empty() {
		p.paragraph("to allow more, say: --allow " + strings.Join(proposed.ShortNames(), ","))
	}
}

// failures tells what stopped the workload from what it took in its stride: a
// server that makes sure that it cannot become root again needs no cure.
func failures(p *page, d *profile.Document) {
	passed := map[int]bool{}
	for _, run := range d.Runs {
		passed[run.Number] = run.Outcome == profile.OutcomePassed
	}
	var fatal, survived []profile.Failure
	for _, failure := range d.Failures {
		if passed[failure.Run] {
			failure.Cure = ""
			survived = append(survived, failure)
		} else {
			fatal = append(fatal, failure)
		}
	}
	if len(fatal) > 0 {
		p.heading("Failed, and no capability cures it")
		failed(p, fatal, d.Reasons)
	}
	if len(survived) > 0 {
		p.heading("Refused without harm, and no capability would change it")
		failed(p, survived, d.Reasons)
	}
}

// failed lists failures, those of one cause together. What the reasons of the
// verdict tell is not told again.
func failed(p *page, all []profile.Failure, told []string) {
	type reason struct{ cause, cure string }
	operations := map[reason][]string{}
	var reasons []reason
	for _, failure := range all {
		r := reason{failure.Cause, failure.Cure}
		if operations[r] == nil {
			reasons = append(reasons, r)
		}
		if operation := failure.Operation(); !slices.Contains(operations[r], operation) {
			operations[r] = append(operations[r], operation)
		}
	}
	for _, r := range reasons[:min(len(reasons), listed)] {
		const alike = 3
		same := operations[r]
		text := strings.Join(same[:min(len(same), alike)], "; ")
		if n := len(same) - alike; n > 0 {
			text += fmt.Sprintf("; and %d more", n)
		}
		switch said := slices.ContainsFunc(told, func(reason string) bool { return strings.Contains(reason, r.cause) }); {
		case r.cause == "":
		case said:
			text += ": see the reason above"
		default:
			text += ": " + profile.Printable(r.cause)
			if r.cure != "" {
				text += "; " + profile.Printable(r.cure)
			}
		}
		p.item(text)
	}
	more(p, len(reasons)-listed)
}

func refused(p *page, d *profile.Document) {
	if d.Capabilities.Refused.Empty() {
		return
	}
	p.heading("Refused by the engine")
	p.paragraph(d.Capabilities.Refused.String() + ": the engine or its runtime will not grant them, which says nothing about the workload")
}

// losses says in plain words what the trace lacks.
func losses(p *page, d *profile.Document) {
	if d.Losses == (profile.Losses{}) {
		return
	}
	p.heading("Lost by the trace")
	for _, loss := range []struct {
		n    uint64
		what string
	}{
		{d.Losses.Unseen, "runs in which no process of the container was seen"},
		{d.Losses.Operations, "operations not recorded"},
		{d.Losses.Details, "operations recorded without what they were about"},
		{d.Losses.Checks, "capability checks beyond what one operation can hold"},
		{d.Losses.Stacks, "checks recorded without the place that made them"},
		{d.Losses.Tasks, "processes or threads not followed"},
		{d.Losses.Missed, "events skipped by the kernel"},
	} {
		if loss.n > 0 {
			p.item(fmt.Sprintf("%s: %d", loss.what, loss.n))
		}
	}
}

// runs lists what was tried, with exit codes and times.
func runs(p *page, d *profile.Document) {
	if len(d.Runs) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Runs (%d)", len(d.Runs)))
	for _, r := range d.Runs {
		line := r.Line(time.Duration(d.Meta.DurationsMS[r.Number]) * time.Millisecond)
		if len(indent)+len(line) > p.width {
			p.paragraph(strings.Join(strings.Fields(line), " "))
		} else {
			p.verbatim(line)
		}
		if len(r.Options) > 0 {
			p.verbatim("             " + profile.Printable(strings.Join(r.Options, " ")))
		}
	}
}

// use is what to do with the set. An incomplete one is no set to hand on
// without a thought, so nothing invites to.
func use(p *page, d *profile.Document) {
	if d.Verdict == profile.Incomplete {
		return
	}
	p.heading("Use it")
	flags := "docker run --cap-drop ALL"
	for _, name := range d.Capabilities.Required.ShortNames() {
		flags += " --cap-add " + name
	}
	for _, o := range d.Openings {
		flags += " " + profile.Printable(o.Shell())
	}
	p.verbatim(flags)
	p.paragraph("--format compose|docker|k8s writes it out for Compose, docker run or Kubernetes")
}
