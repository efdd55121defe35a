package report

import (
	"fmt"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
)

// losses says in plain words what the trace lacks.
func losses(p *text.Page, d *profile.Document) {
	if d.Losses == (profile.Losses{}) && d.Skipped == 0 {
		return
	}
	p.Heading("Not seen by the trace")
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
		{d.Losses.Missed + d.Skipped, "events skipped by the kernel, perhaps of other processes"},
	} {
		if loss.n > 0 {
			p.Items(fmt.Sprintf("%s: %d", loss.what, loss.n))
		}
	}
}

// given is the column in which a run's line says what it was given.
const given = 11

// runs lists what was tried, with exit codes and times.
func runs(p *text.Page, d *profile.Document) {
	if len(d.Runs) == 0 {
		return
	}
	p.Heading(fmt.Sprintf("Runs (%d)", len(d.Runs)))
	for _, r := range d.Runs {
		p.Line(sentence.RunLine(r, d.Meta.Took(r.Number)))
		if len(r.Options) > 0 {
			p.Verbatim("             " + sentence.Options(r.Options))
		}
		if failed := sentence.Failed(r); failed != "" {
			p.Row("", given, failed)
		}
	}
}

// compared is the difference to what the container gets today.
func compared(p *text.Page, d *profile.Document) {
	required, baseline := d.Capabilities.Required, d.Capabilities.Baseline
	if dropped := baseline.Minus(required); !dropped.Empty() {
		p.Heading(fmt.Sprintf("No longer granted (%d)", dropped.Len()))
		p.Paragraph(dropped.String())
	}
	if added := required.Minus(baseline); !added.Empty() {
		p.Heading(fmt.Sprintf("Newly granted (%d)", added.Len()))
		p.Paragraph(added.String())
	}
}

// use is what to do with the set. An incomplete one is no set to hand on
// without a thought, so nothing invites to.
func use(p *text.Page, d *profile.Document) {
	if d.Verdict == profile.Incomplete {
		return
	}
	p.Heading("Use it")
	if d.Plain() {
		for _, line := range sentence.DropIn(d) {
			p.Verbatim(line)
		}
		p.Paragraph("As a drop-in of systemd, with what belongs to it: --format systemd")
		return
	}
	// What Podman's command line takes, it takes as docker run does.
	flags, more := "docker run --cap-drop ALL", append(d.Workload.Options.Permits(), d.Relaxations...)
	if d.Environment.Engine == "Podman" {
		flags = "podman run --cap-drop ALL"
		for i, s := range more {
			more[i] = s.ForPodman()
		}
	}
	for _, name := range d.Capabilities.Required.ShortNames() {
		flags += " --cap-add " + name
	}
	if len(more) > 0 {
		flags += " " + sentence.Options(more)
	}
	p.Verbatim(flags)
	p.Paragraph("Also as: --format compose, docker, k8s, podman, quadlet")
}
