// Package report writes the result of a run for people: the set, one piece of
// evidence for each capability, and what to do next. It reads nothing but the
// profile document, so a saved profile reads the same as a fresh one.
package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
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
		kept(p, d)
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
	image := text.Printable(d.Workload.Name())
	switch d.Verdict {
	case profile.Proven:
		p.Headline(text.Green, string(d.Verdict), image+" needs "+capabilities(d))
	case profile.Confirmed:
		words := image + " passes with " + capabilities(d)
		if !d.Capabilities.Required.Empty() {
			words += "; whether each is needed was not proven"
		}
		p.Headline(text.Yellow, string(d.Verdict), words)
	case profile.Failed:
		words := fmt.Sprintf("no allowed set of capabilities makes %s pass", image)
		if run, ok := stillRunning(d); ok && run.FailedIn != nil {
			words = image + " " + sentence.Ending(run)
		} else if ok {
			words = image + " was neither done nor ready in time"
		}
		p.Headline(text.Red, string(d.Verdict), words)
	default:
		words := "no certain answer for " + image
		if run, ok := passed(d); ok {
			words += fmt.Sprintf("; %s were enough in run %d", capability.Counted(run.Capabilities.Len()), run.Number)
		}
		p.Headline(text.Yellow, string(d.Verdict), words)
	}
	for _, reason := range d.Reasons {
		p.Items(text.Printable(reason))
	}
	p.Items(sentence.About(d)...)
	if may := d.Capabilities.Allowed; d.Capabilities.Baseline.Empty() && !may.Empty() {
		// Most pasted commands drop everything, which is no wish to be granted nothing.
		what := capability.Counted(may.Len())
		if may == capability.DockerDefault || may == capability.PodmanDefault {
			what = fmt.Sprintf("%s's %d defaults", cmp.Or(text.Printable(d.Environment.Engine), "the engine"), may.Len())
		}
		p.Items(fmt.Sprintf("today's --cap-drop ALL grants nothing; %s could be granted during the search (--allow LIST says which)", what))
	}
	if shared := workload.Shared(d.Workload.Options, dataPolicy(d)); len(shared) > 0 {
		p.Items("the runs were made one at a time, since they share " + text.Printable(strings.Join(shared, " and ")) + "; what one run left there, the next one found")
	}
	if !d.Environment.Traced {
		p.Items("not traced: the set was found by trying without each capability, so there are no explanations")
	}
}

// dataPolicy is the one under which the runs were made: before there were others, it was
// the user's own data.
func dataPolicy(d *profile.Document) workload.DataPolicy {
	if d.Workload.Data == "" {
		return workload.OwnData
	}
	return d.Workload.Data
}

// stillRunning is the run in which the workload was running at the time limit with
// everything allowed, so that the sets are not what it fails for; false for none.
func stillRunning(d *profile.Document) (profile.Run, bool) {
	i := slices.IndexFunc(d.Runs, func(r profile.Run) bool {
		return r.Purpose == profile.PurposeReference && r.Outcome == profile.OutcomeTimeout
	})
	if i < 0 {
		return profile.Run{}, false
	}
	return d.Runs[i], true
}

// capabilities are those required, as a part of those that the container has today.
func capabilities(d *profile.Document) string {
	required, today := d.Capabilities.Required, d.Capabilities.Baseline
	kept := required.Intersect(today)
	switch {
	case today.Empty() && required.Empty():
		return capability.Counted(0)
	case required.Empty():
		return "none of its " + capability.Counted(today.Len())
	case kept == required:
		return fmt.Sprintf("%d of its %s", required.Len(), capability.Counted(today.Len()))
	case kept.Empty():
		return capability.Counted(required.Len()) + " that it does not have today"
	default:
		return fmt.Sprintf("%s, %d of which it does not have today", capability.Counted(required.Len()), required.Minus(kept).Len())
	}
}

// passed returns the first run that passed with the set of an answer without
// certainty.
func passed(d *profile.Document) (profile.Run, bool) {
	for _, run := range d.Runs {
		if run.Outcome == profile.OutcomePassed && run.Capabilities == d.Capabilities.Required {
			return run, true
		}
	}
	return profile.Run{}, false
}
