package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
)

// listed bounds the denials and failures of one section; a shell script may
// easily survive hundreds. The profile holds all of them.
const listed = 10

// widestLabel bounds the column of labels; a longer label has a line of its own.
const widestLabel = 20

func tolerated(p *text.Page, d *profile.Document) {
	// What failed silently is no harmless denial, although the run passed.
	var harmless, silent []profile.Denial
	for _, denial := range d.Tolerated {
		if denial.Silent {
			silent = append(silent, denial)
		} else {
			harmless = append(harmless, denial)
		}
	}
	if len(silent) > 0 {
		p.Heading("Silently ignored by the kernel: check whether you need it (--strict makes it required)")
		denials(p, silent)
	}
	if len(harmless) > 0 {
		p.Heading("Denied, but the command still succeeded (--strict makes these required)")
		denials(p, harmless)
	}
}

// kept says which processes are left with more than they meant to have, and what would
// let them give it up.
func kept(p *text.Page, d *profile.Document) {
	if len(d.KeptPrivileges) == 0 {
		return
	}
	heading := "Went on with more privileges"
	if slices.ContainsFunc(d.KeptPrivileges, func(k profile.Denial) bool {
		return !capability.Of(k.AnyOf...).Intersect(d.Capabilities.Allowed.Minus(d.Capabilities.Refused)).Empty()
	}) {
		heading += " (required without --tolerate drops)"
	}
	p.Heading(heading)
	denialsAs(p, d.KeptPrivileges, sentence.Kept)
}

// denials lists what was refused, each with the capabilities that would allow it.
func denials(p *text.Page, all []profile.Denial) { denialsAs(p, all, sentence.Denial) }

func denialsAs(p *text.Page, all []profile.Denial, words func(profile.Denial) string) {
	shown := all[:min(len(all), listed)]
	width := 0
	for _, denial := range shown {
		width = max(width, len(sentence.Choice(denial.AnyOf)))
	}
	for _, denial := range shown {
		p.Row(sentence.Choice(denial.AnyOf), min(width, widestLabel), words(denial))
	}
	more(p, len(all)-len(shown))
}

func more(p *text.Page, n int) {
	if n > 0 {
		p.Paragraph(fmt.Sprintf("and %d more in the profile (-o FILE)", n))
	}
}

// blocked says what --allow would have to say. Of the capabilities that would
// do, the least dangerous one is proposed; what the engine refuses helps nobody.
func blocked(p *text.Page, d *profile.Document) {
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
	if d.Verdict.Answers() {
		p.Heading("Denied beyond the allowed capabilities, but the command still succeeded")
		denials(p, d.Blocked)
		return
	}
	p.Heading("Beyond the allowed capabilities")
	denials(p, d.Blocked)
	if ways, _ := advice.Sentences(profile.Remedies(d.Blocked), sentence.Platform(d)); len(ways) > 0 {
		p.Paragraph("How to avoid it: " + strings.Join(ways, "; and "))
	}
	if !proposed.Empty() {
		p.Paragraph("To allow it: --allow " + strings.Join(proposed.ShortNames(), ","))
	}
}

// failures tells what stopped the workload from what it took in its stride: a
// server that makes sure that it cannot become root again needs no remedy.
func failures(p *text.Page, d *profile.Document) {
	passed := map[int]bool{}
	for _, run := range d.Runs {
		passed[run.Number] = run.Outcome == profile.OutcomePassed
	}
	var fatal, survived []profile.Failure
	for _, failure := range d.Failures {
		if passed[failure.Run] {
			failure.Remedies, failure.Phase = nil, nil
			survived = append(survived, failure)
		} else {
			fatal = append(fatal, failure)
		}
	}
	if len(fatal) > 0 {
		p.Heading("Refused operations (no capability would help)")
		failed(p, d, fatal)
	}
	if len(survived) > 0 {
		p.Heading("Refused, harmless (no capability involved)")
		failed(p, d, survived)
	}
}

// failed lists failures, those of one cause together. What the reasons of the
// verdict tell is not told again.
func failed(p *text.Page, d *profile.Document, all []profile.Failure) {
	type reason struct{ cause, remedies string }
	operations := map[reason][]string{}
	var reasons []reason
	for _, failure := range all {
		r := reason{failure.Cause, advice.Sentence(failure.Remedies, sentence.Platform(d))}
		if operations[r] == nil {
			reasons = append(reasons, r)
		}
		if operation := sentence.Failure(failure); !slices.Contains(operations[r], operation) {
			operations[r] = append(operations[r], operation)
		}
	}
	for _, r := range reasons[:min(len(reasons), listed)] {
		const alike = 3
		same := operations[r]
		words := strings.Join(same[:min(len(same), alike)], "; ")
		if n := len(same) - alike; n > 0 {
			words += fmt.Sprintf("; and %d more", n)
		}
		switch said := slices.ContainsFunc(d.Reasons, func(reason string) bool { return strings.Contains(reason, r.cause) }); {
		case r.cause == "":
		case said:
			words += ": see the reason above"
		default:
			words += ": " + text.Printable(r.cause)
			if r.remedies != "" {
				words += "; " + r.remedies
			}
		}
		p.Items(words)
	}
	more(p, len(reasons)-listed)
}

func refused(p *text.Page, d *profile.Document) {
	if d.Capabilities.Refused.Empty() {
		return
	}
	p.Heading("Refused by the engine")
	p.Paragraph(d.Capabilities.Refused.String() + ": the engine or its runtime does not grant these. This says nothing about the workload.")
}
