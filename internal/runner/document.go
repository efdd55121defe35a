package runner

import (
	"fmt"
	"maps"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/relax"
	"github.com/capprof/capprof/internal/runner/search"
)

// writer puts what was found and what explains it into a document.
type writer struct {
	opts  Options
	facts engine.Facts
	id    engine.Identity
	lab   *lab
	found search.Result
	// hook is how checks were seen, "" for runs that were not traced.
	hook string

	explainer
}

func (w *writer) document() *profile.Document {
	d := &profile.Document{
		SchemaVersion: profile.SchemaVersion,
		Workload: profile.Workload{
			Image:   profile.Image{Reference: w.id.Reference, ID: w.id.ID, Digest: w.id.Digest},
			Command: w.opts.Workload.Command, Options: w.opts.Workload.Options, ExpectExit: w.opts.Success.ExpectedExit(),
			Data: w.opts.dataPolicy(),
		},
		Environment: w.environment(),
		Scenario:    w.scenario(),
		Meta:        profile.Meta{CapprofVersion: w.opts.Version},
	}
	for _, r := range w.lab.records() {
		if d.Scenario == nil {
			r.FailedIn = nil
		}
		d.Runs = append(d.Runs, w.judged(r.Run))
		d.Meta.Runs = append(d.Meta.Runs, profile.RunTime{Number: r.Number, DurationMS: r.took.Milliseconds()})
	}
	w.explainer = explainer{meta: &d.Meta, counted: map[sighting]bool{}, relaxations: w.relaxations(), command: w.opts.Workload.Command, service: d.Scenario != nil, unit: w.opts.Workload.Options.Value("unit") != ""}
	d.Answer = w.answer(w.found.Answer, w.found.Knowledge)
	if p := w.found.Portable; p != nil {
		d.Portable = &profile.Portable{Sysctls: map[string]string{}, Answer: w.answer(*p, p.Knowledge, w.found.Knowledge)}
		for _, s := range p.Sysctls {
			d.Portable.Sysctls[s.Name] = s.Value
		}
	}
	profile.Normalize(d)
	return d
}

// judged is a run as it counts in the end: what the engine turned out to refuse could
// not have kept it from passing.
func (w *writer) judged(run profile.Run) profile.Run {
	for _, known := range w.known() {
		if denials, ok := known.Denials[run.Number]; ok && run.Kept && len(search.Keeps(denials, w.opts.Allowed.Minus(w.found.Refused))) == 0 {
			run.Outcome, run.Kept = profile.OutcomePassed, false
		}
	}
	return run
}

// known is what the runs of each answer explained.
func (w *writer) known() []*search.Knowledge {
	all := []*search.Knowledge{w.found.Knowledge}
	if p := w.found.Portable; p != nil {
		all = append(all, p.Knowledge)
	}
	return all
}

// relaxations is the catalogue in which evidence for an option is looked up.
func (w *writer) relaxations() search.Relaxations {
	return relax.For(w.facts, w.opts.Workload.Options)
}

// answer describes an answer. What explains it comes from its own runs, and from those
// of the answer that it started from.
func (w *writer) answer(a search.Answer, known ...*search.Knowledge) profile.Answer {
	allowed := w.opts.Allowed.Minus(w.found.Refused)
	p := profile.Answer{
		Verdict: profile.Verdict(a.Verdict), Reasons: w.reasons(a),
		Capabilities: profile.Capabilities{
			Required: a.Grants.Capabilities, Baseline: w.opts.Baseline, Allowed: w.opts.Allowed, Refused: w.found.Refused,
		},
		Relaxations: relax.Sort(a.Grants.Options()),
	}
	losses := w.lab.losses(a)
	p.Skipped, losses.Missed = losses.Missed, 0
	p.Losses = profile.Losses(losses)
	for c := range a.Grants.Capabilities.All() {
		p.Requirements = append(p.Requirements, w.requirement(grant.Capability(c), a, known))
	}
	for _, o := range p.Relaxations {
		p.Requirements = append(p.Requirements, w.requirement(grant.Option(o), a, known))
	}
	w.explainLast(&p, a, known[0], allowed)
	for _, r := range w.lab.records() {
		p.ExecNeeds = p.ExecNeeds.Union(r.execNeeds)
	}
	return p
}

// explainLast puts in what the last traced run was refused beyond what the answer
// grants: with the answer's grants and a run that passed that is tolerated, otherwise it
// may be what is in the way.
func (w *writer) explainLast(p *profile.Answer, a search.Answer, known *search.Knowledge, allowed capability.Set) {
	last := known.Last
	survived := last.End == search.Passed && last.Grants.Equal(a.Grants)
	within := allowed.Union(a.Grants.Capabilities)
	var tolerated []mapper.Denial
	for i, d := range known.Latest() {
		switch {
		case d.Unreachable:
			p.Failures = append(p.Failures, w.failed(last.Run, i, d.Operation, d.Why, d.Remedies))
		case d.Effect == mapper.Unclear:
			// --strict does not count it, so it is not among the tolerated ones.
			cause := fmt.Sprintf("%s was asked for in %s, a place that capprof does not know, and the call succeeded", capability.Of(d.AnyOf...), placeOf(d))
			p.Failures = append(p.Failures, w.failed(last.Run, i, d.Operation, cause, d.Remedies))
		case survived && d.Keeps != "":
			p.KeptPrivileges = append(p.KeptPrivileges, w.denial(last.Run, i, d))
		case capability.Of(d.AnyOf...).Intersect(within).Empty():
			p.Blocked = append(p.Blocked, w.denial(last.Run, i, d))
		case survived:
			tolerated = append(tolerated, d)
			p.Tolerated = append(p.Tolerated, w.denial(last.Run, i, d))
		}
	}
	p.Capabilities.Tolerated = mapper.Choose(mapper.Clauses(tolerated), within, a.Grants.Capabilities).Added
	if !survived {
		p.Capabilities.BeyondAllowed = known.Beyond(allowed, w.found.Refused)
	}
	for i, f := range known.Failures[last.Run] {
		p.Failures = append(p.Failures, w.refused(last.Run, i, f))
	}
	denialID := func(d profile.Denial) string { return d.ID }
	p.Tolerated, p.KeptPrivileges, p.Blocked = unique(p.Tolerated, denialID), unique(p.KeptPrivileges, denialID), unique(p.Blocked, denialID)
	p.Failures = unique(p.Failures, func(f profile.Failure) string { return f.ID })
}

func placeOf(d mapper.Denial) string {
	if d.CallSite != "" {
		return d.CallSite
	}
	return "the kernel"
}

func (w *writer) environment() profile.Environment {
	e := profile.Environment{
		Engine:         w.facts.Name,
		EngineVersion:  w.facts.Version,
		Runtime:        w.facts.Runtime,
		RuntimeVersion: w.facts.RuntimeVersion,
		StorageDriver:  w.facts.StorageDriver,
		CgroupVersion:  w.facts.CgroupVersion,
		Kernel:         w.facts.KernelRelease,
		Architecture:   w.facts.Architecture,
		Seccomp:        w.id.Seccomp.Name,
		Confinement:    w.confinement(),
		Sysctls:        w.sysctls(),
		Traced:         w.hook != "",
		Hook:           w.hook,
		Ambient:        w.facts.Ambient && !w.id.StartsAsRoot(),
	}
	for _, o := range w.found.Grants.Options() {
		if relax.LiftsSeccomp(o) {
			e.Seccomp = engine.Unconfined
		}
	}
	return e
}

// confinement is what held the containers of the last traced run, one with the answer's
// options where there was one.
func (w *writer) confinement() []profile.Confinement {
	var held []engine.Confinement
	for _, r := range w.lab.records() {
		if r.Traced && (len(held) == 0 || r.Grants().Equal(w.found.Grants)) {
			held = r.held
		}
	}
	var all []profile.Confinement
	for _, c := range held {
		all = append(all, profile.Confinement{Module: string(c.Module), Label: c.Label, Permissive: c.Permissive})
	}
	return all
}

// sysctls are those of the container: as they were seen, and without a trace those that
// the engine is known to set.
func (w *writer) sysctls() map[string]string {
	given := w.opts.Workload.Options
	if w.hook != "" || given.SharesNetwork() {
		return maps.Clone(w.found.Knowledge.Last.SysctlValues)
	}
	sysctls := maps.Clone(w.facts.Sysctls)
	for name, value := range given.Sysctls() {
		if _, ofTheEngine := sysctls[name]; ofTheEngine {
			sysctls[name] = value
		}
	}
	return sysctls
}
