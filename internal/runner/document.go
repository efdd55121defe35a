package runner

import (
	"maps"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
)

// document puts an answer and what explains it together.
func (s *session) document(a answer, found *findings, portable *elsewhere) *profile.Document {
	d := &profile.Document{
		SchemaVersion: profile.SchemaVersion,
		Answer:        profile.Answer{Verdict: a.verdict, Reasons: a.reasons, Losses: profile.Losses(s.losses)},
		Workload:      s.workload(),
		Environment:   s.environment(found),
		Runs:          slices.Clone(s.runs),
		Meta:          profile.Meta{CapprofVersion: s.opts.Version},
	}
	d.Capabilities = profile.Capabilities{
		Required: a.set,
		Baseline: s.opts.Baseline,
		Allowed:  s.opts.Allowed,
		Refused:  s.refused,
	}
	for i, took := range s.durations {
		d.Meta.Runs = append(d.Meta.Runs, profile.RunTime{Number: i + 1, DurationMS: took.Milliseconds()})
	}
	e := &explainer{meta: &d.Meta, counted: map[sighting]bool{}}
	for c := range a.set.All() {
		d.Requirements = append(d.Requirements, e.requirement(c, a.set, a.provenBy[c], found))
	}
	if a.verdict != profile.Failed {
		d.Relaxations = slices.Clone(s.options)
		d.Requirements = append(d.Requirements, s.openings(e, found)...)
	}
	s.explainLast(d, e, found)
	d.Portable = portable.document(a, e, d)
	profile.Normalize(d)
	return d
}

// explainLast puts in what the last traced run was refused beyond what the set
// cures: with the answer's set and a run that passed that is tolerated, otherwise it
// may be what is in the way.
func (s *session) explainLast(d *profile.Document, e *explainer, found *findings) {
	last := found.last.run
	survived := found.last.passed && s.atAnswer(last, d.Capabilities.Required)
	var tolerated []mapper.Denial
	for i, denial := range found.latest() {
		switch {
		case denial.Unreachable:
			d.Failures = append(d.Failures, e.unreachable(last.Number, i, denial))
		case survived:
			tolerated = append(tolerated, denial)
			d.Tolerated = append(d.Tolerated, e.denial(last.Number, i, denial))
		}
	}
	d.Capabilities.Tolerated = mapper.Choose(mapper.Clauses(tolerated), ^capability.Set(0), d.Capabilities.Required).Added
	if !survived {
		for _, i := range found.unmet(s.allowed()) {
			d.Blocked = append(d.Blocked, e.denial(last.Number, i, found.latest()[i]))
		}
		d.Capabilities.BeyondAllowed = found.beyond(s.allowed(), s.refused)
	}
	for i, failure := range found.failures[last.Number] {
		d.Failures = append(d.Failures, e.failure(last.Number, i, failure))
	}
	d.Tolerated, d.Blocked = unique(d.Tolerated, denialID), unique(d.Blocked, denialID)
	d.Failures = unique(d.Failures, func(f profile.Failure) string { return f.ID })
}

func denialID(d profile.Denial) string { return d.ID }

// unique drops what was described before: alike operations have one ID.
func unique[T any](all []T, id func(T) string) []T {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(one T) bool {
		again := seen[id(one)]
		seen[id(one)] = true
		return again
	})
}

func (s *session) workload() profile.Workload {
	w, id := s.opts.Workload, s.subject.Identity()
	return profile.Workload{
		Image:      profile.Image{Reference: id.Reference, ID: id.ID, Digest: id.Digest},
		Command:    w.Command,
		Options:    w.Options,
		ExpectExit: s.opts.Success.ExpectedExit(),
	}
}

func (s *session) environment(found *findings) profile.Environment {
	e := profile.Environment{
		Engine:         s.info.Name,
		EngineVersion:  s.info.Version,
		Runtime:        s.info.Runtime,
		RuntimeVersion: s.info.RuntimeVersion,
		StorageDriver:  s.info.StorageDriver,
		CgroupVersion:  s.info.CgroupVersion,
		Kernel:         s.info.KernelRelease,
		Architecture:   s.info.Architecture,
		Seccomp:        s.seccompName(),
		Sysctls:        maps.Clone(s.sysctls(found)),
	}
	if s.tracer != nil {
		e.Traced, e.Hook = true, s.tracer.Hook()
	}
	return e
}

// sysctls are those of the container: as they were seen, and without a trace those
// that the engine is known to set.
func (s *session) sysctls(found *findings) map[string]string {
	given := s.opts.Workload.Options
	if s.tracer != nil || given.SharesNetwork() {
		return found.last.obs.Sysctls
	}
	sysctls := maps.Clone(s.info.Sysctls)
	for name, value := range given.Sysctls() {
		if _, ofTheEngine := sysctls[name]; ofTheEngine {
			sysctls[name] = value
		}
	}
	return sysctls
}
