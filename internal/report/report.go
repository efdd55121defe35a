// Package report writes the result of a run for people: the set, one piece of
// evidence for each capability, and what to do next. It reads nothing but the
// profile document, so a saved profile reads the same as a fresh one.
package report

import (
	"fmt"
	"io"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/text"
)

// Options are about the terminal.
type Options struct {
	// Color allows ANSI colours.
	Color bool
	// Width is where lines are wrapped, 80 when it is 0.
	Width int
	// RunsWereShown leaves the list of runs out: the reader has just seen it.
	RunsWereShown bool
}

// Write writes the report.
func Write(w io.Writer, d *profile.Document, options Options) error {
	p := text.NewPage(options.Width, options.Color)
	verdict(p, d)
	if d.Verdict == profile.Failed {
		blocked(p, d)
		failures(p, d)
		refused(p, d)
		losses(p, d)
		tolerated(p, d)
		if !options.RunsWereShown {
			runs(p, d)
		}
	} else {
		required(p, d)
		relaxations(p, d)
		portable(p, d)
		instead(p, d)
		compared(p, d)
		alternatives(p, d)
		tolerated(p, d)
		blocked(p, d)
		failures(p, d)
		refused(p, d)
		losses(p, d)
		if !options.RunsWereShown {
			runs(p, d)
		}
		use(p, d)
	}
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// verdict is the headline and why it is not a better one.
func verdict(p *text.Page, d *profile.Document) {
	image := text.Printable(d.Workload.Image.Reference)
	count := d.Capabilities.Required.Len()
	change := fmt.Sprintf("%d -> %d", d.Capabilities.Baseline.Len(), count)
	switch d.Verdict {
	case profile.Proven:
		p.Headline(text.Green, string(d.Verdict), fmt.Sprintf("%s needs %s, %s", image, capabilities(count), change))
	case profile.Confirmed:
		words := fmt.Sprintf("%s passes with %s, %s", image, capabilities(count), change)
		if count > 0 {
			words += "; whether each is needed was not proven"
		}
		p.Headline(text.Yellow, string(d.Verdict), words)
	case profile.Failed:
		p.Headline(text.Red, string(d.Verdict), fmt.Sprintf("no allowed set of capabilities makes %s pass", image))
	default:
		p.Headline(text.Yellow, string(d.Verdict), fmt.Sprintf("%s may need more or less than %s, %s", image, capabilities(count), change))
	}
	for _, reason := range d.Reasons {
		p.Items(text.Printable(reason))
	}
	if may := d.Capabilities.Allowed; d.Capabilities.Baseline.Empty() && !may.Empty() {
		// Most pasted commands drop everything, which is no wish to be granted nothing.
		p.Items(fmt.Sprintf("today's --cap-drop ALL grants nothing; %s could be granted during the search (--allow LIST says which)", capability.Counted(may.Len())))
	}
	if !d.Environment.Traced {
		p.Items("not traced: the set was found by removal, so there are no explanations")
	}
}

func capabilities(n int) string {
	if n == 0 {
		return "no capability at all"
	}
	return capability.Counted(n)
}
