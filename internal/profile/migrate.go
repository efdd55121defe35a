package profile

import (
	"maps"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	v1 "github.com/capprof/capprof/internal/profile/v1"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/workload"
)

// bringForward makes a document of one of version 1. What contradicts itself there
// contradicts itself here, for Validate to say.
func bringForward(old *v1.Document) *Document {
	d := &Document{
		SchemaVersion: SchemaVersion,
		Workload:      workloadV1(old.Workload),
		Environment:   environmentV1(old.Environment),
		Meta:          metaV1(old.Meta),
	}
	for _, run := range old.Runs {
		d.Runs = append(d.Runs, runV1(run))
	}
	d.Answer = Answer{
		Verdict: Verdict(old.Verdict), Reasons: old.Reasons, Capabilities: capabilitiesV1(old.Capabilities),
		Tolerated: denialsV1(old.Tolerated), Blocked: denialsV1(old.Blocked), Failures: failuresV1(old.Failures),
		Losses: lossesV1(old.Losses),
	}
	for _, r := range old.Required {
		d.Requirements = append(d.Requirements, requirementV1(r))
	}
	for _, o := range old.Openings {
		option := optionV1(o.Option)
		d.Relaxations = append(d.Relaxations, option)
		d.Requirements = append(d.Requirements, Requirement{
			Grant: grant.Option(option), FoundBy: FoundBy(o.FoundBy), ProvenBy: o.ProvenBy,
			Failures: failuresV1(o.Evidence), Allows: o.Opens, Danger: o.Danger,
		})
	}
	if d.Portable = portableV1(old.Portable, d); d.Portable != nil {
		d.Environment.Sysctls = withDefaults(d.Environment.Sysctls, d.Portable.Sysctls)
	}
	keepProofs(&d.Answer, d.under(), d.Runs)
	if p := d.Portable; p != nil {
		keepProofs(&p.Answer, d.underPortable(), d.Runs)
	}
	return d
}

// keepProofs drops the proofs that version 1 took from runs with more than the rest
// of the answer, or with other sysctls. They show that a grant was needed there, not
// that the answer needs it.
func keepProofs(a *Answer, under conditions, runs []Run) {
	dropped := false
	for i, r := range a.Requirements {
		at := slices.IndexFunc(runs, func(run Run) bool { return run.Number == r.ProvenBy })
		if r.ProvenBy == 0 || at < 0 {
			continue
		}
		// What was no proof in version 1 either is left for Validate to say.
		if version1.proves(runs[at], under, r.Grant) == nil && exactly.proves(runs[at], under, r.Grant) != nil {
			a.Requirements[i].ProvenBy, dropped = 0, true
		}
	}
	if dropped && a.Verdict == Proven {
		a.Verdict = Confirmed
		a.Reasons = append(slices.Clip(a.Reasons), "an older capprof took proofs from runs that differ from the answer in more than one grant; profile the workload again to have it proven")
	}
}

// portableV1 gives the portable answer what version 1 left to the main one.
func portableV1(old *v1.Portable, d *Document) *Portable {
	if old == nil {
		return nil
	}
	p := &Portable{Sysctls: old.Sysctls, Answer: Answer{
		Verdict: Verdict(old.Verdict), Reasons: old.Reasons, Losses: lossesV1(old.Losses),
		Capabilities: Capabilities{
			Required: old.Capabilities,
			Baseline: d.Capabilities.Baseline, Allowed: d.Capabilities.Allowed, Refused: d.Capabilities.Refused,
		},
	}}
	var explained capability.Set
	for _, r := range old.Required {
		explained = explained.With(r.Capability)
		p.Requirements = append(p.Requirements, requirementV1(r))
	}
	for _, r := range d.Requirements {
		if r.Grant.IsOption() && p.Verdict != Failed || !r.Grant.IsOption() && old.Capabilities.Minus(explained).Has(r.Grant.Capability) {
			p.Requirements = append(p.Requirements, r)
		}
	}
	if p.Verdict != Failed {
		p.Relaxations = d.Relaxations
	}
	return p
}

// withDefaults adds the values of sysctls that a profile without a trace did not see.
// Version 1 knew but one engine that sets them (moby daemon/oci_linux.go, withSysctls).
func withDefaults(seen, portable map[string]string) map[string]string {
	all := maps.Clone(seen)
	if all == nil {
		all = map[string]string{}
	}
	for name, value := range map[string]string{
		"net.ipv4.ip_unprivileged_port_start": "0",
		"net.ipv4.ping_group_range":           "0 2147483647",
	} {
		if _, asked := portable[name]; asked && all[name] == "" {
			all[name] = value
		}
	}
	return all
}

func requirementV1(old v1.Requirement) Requirement {
	r := Requirement{
		Grant: grant.Capability(old.Capability), FoundBy: FoundBy(old.FoundBy), ProvenBy: old.ProvenBy,
		Denials: denialsV1(old.Evidence),
	}
	for _, c := range old.Alternatives {
		r.Alternatives = append(r.Alternatives, grant.Capability(c))
	}
	return r
}

func runV1(old v1.Run) Run {
	run := Run{
		Number: old.Number, Purpose: Purpose(old.Purpose), Traced: old.Traced,
		Capabilities: old.Set, Outcome: Outcome(old.Outcome), Detail: old.Detail,
	}
	for _, option := range old.Options {
		run.Options = append(run.Options, optionV1(option))
	}
	switch {
	case old.Closed != "":
		without := grant.Option(optionV1(old.Closed))
		run.Without = &without
	case old.Without != nil:
		without := grant.Capability(*old.Without)
		run.Without = &without
	}
	// A run that capprof ended, or that never was, had a code that means nothing.
	if run.Outcome == OutcomePassed || run.Outcome == OutcomeFailed {
		run.Exited(old.ExitCode)
	}
	return run
}

// optionV1 reads an option as it stood on a command line: "--device /dev/fuse".
func optionV1(option string) workload.Setting {
	name, value, _ := strings.Cut(option, " ")
	return workload.Setting{Name: strings.TrimPrefix(name, "--"), Value: value}
}

func denialsV1(old []v1.Denial) []Denial {
	denials := make([]Denial, len(old))
	for i, d := range old {
		denials[i] = Denial{
			ID: d.ID, AnyOf: d.AnyOf, Mechanism: Mechanism(d.Mechanism), CallSite: d.CallSite, Meaning: d.Meaning,
			Silent: d.Lost, Remedies: remedy.InWords(d.Cure), Run: d.Run,
			Operation: Operation{
				Executable: d.Executable, Process: d.Process, FromExec: d.Joined, UID: d.UID,
				Syscall: d.Syscall, Errno: d.Errno, Object: d.Object,
			},
		}
	}
	return denials
}

func failuresV1(old []v1.Failure) []Failure {
	failures := make([]Failure, len(old))
	for i, f := range old {
		failures[i] = Failure{
			ID: f.ID, Cause: f.Cause, Remedies: remedy.InWords(f.Cure), Run: f.Run,
			Operation: Operation{
				Executable: f.Executable, Process: f.Process, FromExec: f.Joined, UID: f.UID,
				Syscall: f.Syscall, Errno: f.Errno, Object: f.Object,
			},
		}
	}
	return failures
}

func capabilitiesV1(old v1.Capabilities) Capabilities {
	return Capabilities{
		Required: old.Required, Tolerated: old.Tolerated, BeyondAllowed: old.BeyondAllowed,
		Baseline: old.Baseline, Allowed: old.Allowed, Refused: old.Refused,
	}
}

func lossesV1(old v1.Losses) Losses {
	return Losses{
		Operations: old.Operations, Details: old.Details, Checks: old.Checks,
		Stacks: old.Stacks, Tasks: old.Tasks, Missed: old.Missed,
	}
}

func metaV1(old v1.Meta) Meta {
	m := Meta{Created: old.Created, CapprofVersion: old.CapprofVersion, TotalMS: old.TotalMS}
	for _, number := range slices.Sorted(maps.Keys(old.DurationsMS)) {
		m.Runs = append(m.Runs, RunTime{Number: number, DurationMS: old.DurationsMS[number]})
	}
	for _, id := range slices.Sorted(maps.Keys(old.Counts)) {
		m.Occurrences = append(m.Occurrences, Occurrence{ID: id, Count: old.Counts[id], PID: old.PIDs[id]})
	}
	return m
}

func environmentV1(old v1.Environment) Environment {
	return Environment{
		Engine: old.Engine, EngineVersion: old.EngineVersion, Runtime: old.Runtime, RuntimeVersion: old.RuntimeVersion,
		StorageDriver: old.StorageDriver, CgroupVersion: old.CgroupVersion, Kernel: old.Kernel, Architecture: old.Architecture,
		Hook: old.Hook, Traced: old.Traced, Seccomp: old.Seccomp, Sysctls: old.Sysctls,
	}
}

func workloadV1(old v1.Workload) Workload {
	command, options := old.Forward()
	return Workload{Image: Image(old.Image), Command: command, Options: options, ExpectExit: old.ExpectExit}
}
