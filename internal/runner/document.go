package runner

import (
	"cmp"
	"maps"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
)

// document puts an answer and what explains it together.
func (s *session) document(a answer, found *findings) *profile.Document {
	d := &profile.Document{
		SchemaVersion: profile.SchemaVersion,
		Verdict:       a.verdict,
		Reasons:       a.reasons,
		Workload:      s.workload(),
		Environment:   s.environment(found),
		Runs:          slices.Clone(s.runs),
		Losses:        profile.Losses(s.losses),
		Meta: profile.Meta{
			CapprofVersion: s.opts.Version,
			DurationsMS:    map[int]int64{},
			Counts:         map[string]uint64{},
			PIDs:           map[string]int{},
		},
	}
	d.Capabilities = profile.Capabilities{
		Required: a.set,
		Baseline: s.opts.Baseline,
		Allowed:  s.opts.Allowed,
		Refused:  s.refused,
	}
	for i, took := range s.durations {
		d.Meta.DurationsMS[i+1] = took.Milliseconds()
	}
	e := &explainer{meta: &d.Meta}
	for c := range a.set.All() {
		d.Required = append(d.Required, e.requirement(c, a, found))
	}
	last := found.last.run.Number
	success := a.verdict == profile.Proven || a.verdict == profile.Confirmed
	var survived []mapper.Denial
	for _, denial := range found.denials[last] {
		switch {
		case denial.Unreachable:
			d.Failures = append(d.Failures, e.unreachable(last, denial))
		case success:
			d.Tolerated = append(d.Tolerated, e.denial(last, denial))
			survived = append(survived, denial)
		}
	}
	d.Capabilities.Tolerated = mapper.Choose(mapper.Clauses(survived), capability.Known(), a.set).Added
	if !success {
		for _, clause := range found.unmet {
			for _, denial := range clause.Denials {
				d.Blocked = append(d.Blocked, e.denial(last, denial))
			}
		}
		d.Capabilities.BeyondAllowed = mapper.Choose(found.unmet, capability.Known(), 0).Added.Minus(s.opts.Allowed)
	}
	for _, failure := range found.failures[last] {
		d.Failures = append(d.Failures, e.failure(last, failure))
	}
	d.Tolerated, d.Blocked = slices.CompactFunc(byID(d.Tolerated), sameID), slices.CompactFunc(byID(d.Blocked), sameID)
	slices.SortFunc(d.Failures, func(a, b profile.Failure) int { return cmp.Compare(a.ID, b.ID) })
	d.Failures = slices.CompactFunc(d.Failures, func(a, b profile.Failure) bool { return a.ID == b.ID })
	profile.Normalize(d)
	return d
}

func byID(denials []profile.Denial) []profile.Denial {
	slices.SortFunc(denials, func(a, b profile.Denial) int { return cmp.Compare(a.ID, b.ID) })
	return denials
}

func sameID(a, b profile.Denial) bool { return a.ID == b.ID }

func (s *session) workload() profile.Workload {
	w := s.opts.Workload
	return profile.Workload{
		Image:       profile.Image{Reference: s.image.Reference, ID: s.image.ID, Digest: s.image.Digest},
		Command:     w.Command,
		Entrypoint:  w.Entrypoint,
		Env:         w.Env,
		Volumes:     w.Volumes,
		WorkingDir:  w.WorkingDir,
		User:        w.User,
		Network:     w.Network,
		Sysctls:     w.Sysctls,
		SecurityOpt: w.SecurityOpt,
		Devices:     w.Devices,
		Tmpfs:       w.Tmpfs,
		ReadOnly:    w.ReadOnly,
		Interactive: w.Interactive,
		TTY:         w.TTY,
		CapAdd:      s.opts.CapAdd,
		CapDrop:     s.opts.CapDrop,
		Privileged:  s.opts.Privileged,
		ExpectExit:  s.opts.Success.ExpectedExit(),
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
		Seccomp:        seccompName(s.info, s.opts.Workload),
		Sysctls:        maps.Clone(found.last.obs.Sysctls),
	}
	if s.tracer != nil {
		e.Traced, e.Hook = true, s.tracer.Hook()
	}
	return e
}
