// Package profiletest builds profile documents for tests: one for each thing
// that a run can end in, complete and free of contradictions.
package profiletest

import (
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/workload"
)

// Sample is a document of the verdict: a web server that needs two
// capabilities, except that a failed one has no set.
func Sample(verdict profile.Verdict) *profile.Document {
	d := Proven()
	switch verdict {
	case profile.Proven:
	case profile.Confirmed:
		d.Verdict = profile.Confirmed
		d.Reasons = []string{"no removal runs were made (--no-prove)"}
		d.Runs = d.Runs[:4]
		for i := range d.Requirements {
			d.Requirements[i].ProvenBy = 0
		}
	case profile.Incomplete:
		d.Verdict = profile.Incomplete
		d.Reasons = []string{"the tracer lost 12 operations"}
		d.Losses = profile.Losses{Operations: 12}
	case profile.Failed:
		return FailedBlocked()
	}
	return d
}

// Proven is a full document: nginx, with every field set that a proven one can
// have.
func Proven() *profile.Document {
	chown := Denial("chown", capability.Chown)
	chown.CallSite, chown.Meaning = "setattr_prepare", "change a file's owner"
	chown.Remedies = remedy.InWords("set the owner at build time: COPY --chown, or chown in a RUN step")
	setgid := Denial("setgid", capability.SetGID)
	setgid.Object, setgid.Run = "101", 2
	d := base("docker.io/library/nginx:1.27")
	d.Verdict = profile.Proven
	d.Capabilities.Required = capability.Of(capability.Chown, capability.SetGID)
	d.Requirements = []profile.Requirement{
		{Grant: grant.Capability(capability.Chown), FoundBy: profile.FoundByTrace, ProvenBy: 5, Denials: []profile.Denial{chown}},
		{Grant: grant.Capability(capability.SetGID), FoundBy: profile.FoundByTrace, ProvenBy: 6, Denials: []profile.Denial{setgid}},
	}
	needed := d.Capabilities.Required
	d.Runs = []profile.Run{
		run(1, profile.PurposeExplore, 0, profile.OutcomeFailed, 1),
		run(2, profile.PurposeExplore, capability.Of(capability.Chown), profile.OutcomeFailed, 1),
		run(3, profile.PurposeExplore, needed, profile.OutcomePassed, 0),
		run(4, profile.PurposeConfirm, needed, profile.OutcomePassed, 0),
		without(run(5, profile.PurposeRemove, needed, profile.OutcomeFailed, 1), capability.Chown),
		without(run(6, profile.PurposeRemove, needed, profile.OutcomeStuck, 137), capability.SetGID),
	}
	d.Runs[5].Detail = "ended after 10 times the time of a passing run"
	d.Meta = profile.Meta{
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), CapprofVersion: "0.1.0", TotalMS: 2345,
		Occurrences: []profile.Occurrence{{ID: "chown", Count: 3, PID: 4711}, {ID: "setgid", Count: 1, PID: 4712}},
	}
	took(d, 300, 310, 450, 440, 290, 4400)
	return d
}

// Empty is a proven document of a workload that needs no capability.
func Empty() *profile.Document {
	d := base("my-api:latest")
	d.Verdict = profile.Proven
	d.Workload.Command = []string{"npm", "test"}
	d.Runs = []profile.Run{run(1, profile.PurposeExplore, 0, profile.OutcomePassed, 0)}
	return d
}

// ByRemoval is a confirmed document made without a trace.
func ByRemoval() *profile.Document {
	d := base("remote:5000/worker")
	d.Verdict = profile.Confirmed
	d.Reasons = []string{"no removal runs were made (--no-prove)"}
	d.Environment.Traced, d.Environment.Hook = false, ""
	d.Capabilities.Required = capability.Of(capability.Kill, capability.SetUID)
	d.Requirements = []profile.Requirement{
		{Grant: grant.Capability(capability.Kill), FoundBy: profile.FoundByRemoval},
		{Grant: grant.Capability(capability.SetUID), FoundBy: profile.FoundByRemoval, ProvenBy: 3},
	}
	d.Runs = []profile.Run{
		run(1, profile.PurposeExplore, 0, profile.OutcomeFailed, 1),
		run(2, profile.PurposeReference, capability.DockerDefault, profile.OutcomePassed, 0),
		without(run(3, profile.PurposeSearch, d.Capabilities.Required, profile.OutcomeTimeout, 137), capability.SetUID),
		run(4, profile.PurposeConfirm, d.Capabilities.Required, profile.OutcomePassed, 0),
	}
	for i := range d.Runs {
		d.Runs[i].Traced = false
	}
	return d
}

// FailedBlocked is a failed document: the workload wants to set the clock.
func FailedBlocked() *profile.Document {
	clock := Denial("settime", capability.SysTime)
	clock.Executable, clock.Process = "/usr/sbin/chronyd", "chronyd"
	clock.Syscall, clock.Object = "clock_settime", "CLOCK_REALTIME"
	clock.CallSite, clock.Meaning = "security_settime64", "set the system clock"
	d := base("chrony")
	d.Verdict = profile.Failed
	d.Reasons = []string{"it needs SYS_TIME, which is beyond the allowed capabilities"}
	d.Capabilities.BeyondAllowed = capability.Of(capability.SysTime)
	d.Blocked = []profile.Denial{clock}
	d.Runs = []profile.Run{
		run(1, profile.PurposeExplore, 0, profile.OutcomeFailed, 1),
		run(2, profile.PurposeReference, capability.DockerDefault, profile.OutcomeFailed, 1),
	}
	return d
}

// FailedOther is a failed document for a reason that no capability changes.
func FailedOther() *profile.Document {
	d := base("my-api:latest")
	d.Verdict = profile.Failed
	d.Reasons = []string{"it fails with every allowed capability too: exit code 1"}
	d.Failures = []profile.Failure{{
		ID: "open", Operation: profile.Operation{
			Executable: "/app/server", Process: "server", Syscall: "openat", Errno: "EACCES", Object: "/data/state.db",
		}, Run: 2, Cause: "the file is on a read-only volume",
		Remedies: remedy.InWords("mount the volume without :ro"),
	}}
	d.Runs = []profile.Run{
		run(1, profile.PurposeExplore, 0, profile.OutcomeFailed, 1),
		run(2, profile.PurposeReference, capability.DockerDefault, profile.OutcomeFailed, 1),
	}
	return d
}

// Confined is a failed document of a workload that a security module keeps from what its
// capabilities allow.
func Confined() *profile.Document {
	d := FailedOther()
	d.Reasons = []string{"even with everything that is allowed (14 capabilities) the workload exits with 1"}
	d.Environment.Confinement = []profile.Confinement{{Module: "apparmor", Label: "docker-default"}}
	const record = `apparmor="DENIED" operation="ptrace" class="ptrace" profile="docker-default" requested_mask="trace" denied_mask="trace" peer="unconfined"`
	d.Failures = []profile.Failure{
		{
			ID: "mount", Operation: profile.Operation{Executable: "/bin/mount", Process: "mount", Syscall: "mount", Errno: "EACCES", Object: "none on /mnt"},
			Cause:    "the capability was granted and the call refused all the same: AppArmor's profile docker-default refuses it whatever the capabilities",
			Refuser:  &profile.Refuser{Module: "apparmor", Label: "docker-default", ShownBy: profile.EvidencePolicy},
			Remedies: []remedy.Remedy{{Kind: remedy.SecurityModule, Name: "apparmor"}}, Run: 2,
		},
		{
			ID: "ptrace", Operation: profile.Operation{Executable: "/usr/bin/strace", Process: "strace", Syscall: "ptrace", Errno: "EACCES", Object: "process 1"},
			Cause:    "AppArmor's profile docker-default refuses it; dmesg has the record: " + record,
			Refuser:  &profile.Refuser{Module: "apparmor", Label: "docker-default", ShownBy: profile.EvidenceLog, Record: record, Rule: "ptrace (trace) peer=unconfined"},
			Remedies: []remedy.Remedy{{Kind: remedy.SecurityModule, Name: "apparmor", Value: "ptrace (trace) peer=unconfined"}}, Run: 2,
		},
	}
	return d
}

// Tolerated is a proven document with denials that the workload survived and
// an alternative to its one capability.
func Tolerated() *profile.Document {
	search := Denial("search", capability.DACOverride, capability.DACReadSearch)
	search.Syscall, search.Object, search.Errno = "openat", "/var/lib/app/secret", "EACCES"
	search.CallSite, search.Meaning = "generic_permission", "search a directory or read a file"
	nice := Denial("nice", capability.SysNice)
	nice.Syscall, nice.Object, nice.Errno, nice.Run = "setpriority", "-5", "EACCES", 2
	netlink := Denial("netlink", capability.NetAdmin)
	netlink.Syscall, netlink.Object, netlink.Errno, netlink.Run = "sendmsg", "netlink", "", 2
	bit := Denial("bit", capability.FSetID)
	bit.Syscall, bit.Object, bit.Errno, bit.Run = "fchmodat", "/srv/shared", "", 2
	bit.CallSite, bit.Meaning, bit.Silent = "setattr_prepare", "the set-user-ID or set-group-ID bit of the file was dropped, without an error", true
	d := base("app")
	d.Verdict = profile.Proven
	d.Capabilities.Required = capability.Of(capability.DACReadSearch)
	d.Capabilities.Allowed = d.Capabilities.Allowed.With(capability.DACReadSearch)
	d.Capabilities.Tolerated = capability.Of(capability.FSetID, capability.SysNice, capability.NetAdmin)
	d.Requirements = []profile.Requirement{{
		Grant: grant.Capability(capability.DACReadSearch), FoundBy: profile.FoundByTrace, ProvenBy: 1,
		Alternatives: []grant.Grant{grant.Capability(capability.DACOverride)}, Denials: []profile.Denial{search},
	}}
	d.Tolerated = []profile.Denial{nice, netlink, bit}
	d.Runs = []profile.Run{
		run(1, profile.PurposeExplore, 0, profile.OutcomeFailed, 2),
		run(2, profile.PurposeConfirm, d.Capabilities.Required, profile.OutcomePassed, 0),
	}
	return d
}

// Portable is a proven document of a web server that needs more where the engine
// keeps the kernel's defaults.
func Portable() *profile.Document {
	bind := Denial("bind", capability.NetBindService)
	bind.Object, bind.Errno, bind.Run = "0.0.0.0:80", "EACCES", 7
	bind.CallSite, bind.Meaning = "__inet_bind", "listening on a port below 1024"
	d := Proven()
	needed := d.Capabilities.Required
	more := needed.With(capability.NetBindService)
	d.Portable = &profile.Portable{
		Sysctls: map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024"},
		Answer:  profile.Answer{Verdict: profile.Proven, Capabilities: d.Capabilities},
	}
	p := d.Portable
	p.Capabilities.Required = more
	for i, r := range append(d.Requirements[:2:2], profile.Requirement{
		Grant: grant.Capability(capability.NetBindService), FoundBy: profile.FoundByTrace, Denials: []profile.Denial{bind},
	}) {
		r.ProvenBy = 10 + i
		p.Requirements = append(p.Requirements, r)
	}
	for _, r := range []profile.Run{
		run(7, profile.PurposeExplore, needed, profile.OutcomeFailed, 1),
		run(8, profile.PurposeExplore, more, profile.OutcomePassed, 0),
		run(9, profile.PurposeConfirm, more, profile.OutcomePassed, 0),
		without(run(10, profile.PurposeRemove, more, profile.OutcomeFailed, 1), capability.Chown),
		without(run(11, profile.PurposeRemove, more, profile.OutcomeFailed, 1), capability.SetGID),
		without(run(12, profile.PurposeRemove, more, profile.OutcomeFailed, 1), capability.NetBindService),
	} {
		r.Options = profile.Sysctls(p.Sysctls)
		d.Runs = append(d.Runs, r)
	}
	took(d, 300, 310, 450, 440, 290, 4400, 300, 300, 300, 300, 300, 300)
	d.Meta.Saw("bind", 1, 4713)
	profile.Normalize(d)
	return d
}

// NotPortable is a proven document of a web server that no capability helps where
// the engine keeps the kernel's defaults.
func NotPortable() *profile.Document {
	d := Portable()
	p := d.Portable
	all := p.Capabilities
	all.Required = 0
	p.Answer = profile.Answer{
		Verdict: profile.Failed, Capabilities: all,
		Reasons: []string{
			"with everything allowed (NET_BIND_SERVICE) the workload exits 1",
			"it asks for NET_BIND_SERVICE, and granting that changes nothing: the process runs as user 1000",
		},
	}
	d.Runs = append(d.Runs[:7:7], run(8, profile.PurposeReference, capability.DockerDefault, profile.OutcomeFailed, 1))
	d.Runs[7].Options = d.Runs[6].Options
	took(d, 300, 310, 450, 440, 290, 4400, 300, 300)
	d.Meta.Occurrences = d.Meta.Occurrences[1:]
	profile.Normalize(d)
	return d
}

// WithoutPrivileged is a proven document of a workload that ran with --privileged, and
// needs a device, a volume and a capability.
func WithoutPrivileged() *profile.Document {
	mount := Denial("mount", capability.SysAdmin)
	mount.Executable, mount.Process, mount.Object, mount.Run = "/usr/bin/fusermount", "fusermount", "/dev/fuse on /mnt", 2
	d := base("files:1")
	d.Verdict = profile.Proven
	d.Workload.Options = d.Workload.Options.Set("privileged", "true")
	d.Capabilities.Baseline, d.Capabilities.Allowed = capability.Known(), capability.Known()
	needed := capability.Of(capability.SysAdmin)
	d.Capabilities.Required = needed
	device := workload.Setting{Name: "device", Value: "/dev/fuse"}
	volume := workload.Setting{Name: "volume", Value: "/sys/kernel/mm/ksm:/sys/kernel/mm/ksm"}
	d.Relaxations = []workload.Setting{device, volume}
	d.Requirements = []profile.Requirement{
		{Grant: grant.Capability(capability.SysAdmin), FoundBy: profile.FoundByTrace, ProvenBy: 6, Denials: []profile.Denial{mount}},
		{
			Grant: grant.Option(device), Allows: "one device", Danger: "what the device lets root do",
			FoundBy: profile.FoundByTrace, ProvenBy: 4, Failures: []profile.Failure{{
				ID: "fuse", Operation: profile.Operation{
					Executable: "/usr/bin/fusermount", Process: "fusermount", Syscall: "openat", Errno: "ENOENT", Object: "/dev/fuse",
				}, Run: 1, Cause: "the container has no such device, and the machine has it", Remedies: remedy.InWords("--device /dev/fuse"),
			}},
		},
		{
			Grant: grant.Option(volume), Allows: "one directory of the host's /sys, for writing",
			Danger: "the settings of the host's kernel in that directory", FoundBy: profile.FoundByRemoval, ProvenBy: 5,
		},
	}
	with := func(r profile.Run, without *grant.Grant, options ...workload.Setting) profile.Run {
		r.Options, r.Without = options, without
		return r
	}
	noDevice, noVolume := grant.Option(device), grant.Option(volume)
	d.Runs = []profile.Run{
		run(1, profile.PurposeExplore, 0, profile.OutcomeFailed, 1),
		with(run(2, profile.PurposeExplore, 0, profile.OutcomeFailed, 1), nil, device, volume),
		with(run(3, profile.PurposeExplore, needed, profile.OutcomePassed, 0), nil, device, volume),
		with(run(4, profile.PurposeRemove, needed, profile.OutcomeFailed, 1), &noDevice, volume),
		with(run(5, profile.PurposeRemove, needed, profile.OutcomeFailed, 1), &noVolume, device),
		without(with(run(6, profile.PurposeRemove, needed, profile.OutcomeFailed, 1), nil, device, volume), capability.SysAdmin),
	}
	profile.Normalize(d)
	return d
}

// Denial is a refused chown in run 1 that any of the capabilities would prevent.
func Denial(id string, anyOf ...capability.Cap) profile.Denial {
	return profile.Denial{
		ID: id, AnyOf: anyOf, Operation: profile.Operation{
			Executable: "/usr/sbin/nginx", Process: "nginx", Syscall: id, Errno: "EPERM", Object: "/var/cache/nginx",
		}, Mechanism: "capability check", Run: 1,
	}
}

func run(number int, purpose profile.Purpose, set capability.Set, outcome profile.Outcome, exit int) profile.Run {
	r := profile.Run{
		Number: number, Purpose: purpose, Traced: purpose == profile.PurposeExplore,
		Capabilities: set, Outcome: outcome,
	}
	if outcome == profile.OutcomePassed || outcome == profile.OutcomeFailed {
		r.Exited(exit)
	}
	return r
}

func without(r profile.Run, c capability.Cap) profile.Run {
	g := grant.Capability(c)
	r.Capabilities, r.Without = r.Capabilities.Without(c), &g
	return r
}

// took sets the times of all runs, in milliseconds.
func took(d *profile.Document, times ...int64) {
	d.Meta.Runs = nil
	for i, ms := range times {
		d.Meta.Runs = append(d.Meta.Runs, profile.RunTime{Number: i + 1, DurationMS: ms})
	}
}

// base is what all samples share: Docker with its defaults, traced.
func base(reference string) *profile.Document {
	d := &profile.Document{
		SchemaVersion: profile.SchemaVersion,
		Answer:        profile.Answer{Capabilities: profile.Capabilities{Baseline: capability.DockerDefault, Allowed: capability.DockerDefault}},
		Workload: profile.Workload{Image: profile.Image{
			Reference: reference,
			ID:        "sha256:2f5c6e3b1f0d4b7e9a8c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c8d7e6f5a",
		}},
		Environment: profile.Environment{
			Engine: "docker", EngineVersion: "28.5.2", Runtime: "runc", RuntimeVersion: "1.2.5",
			StorageDriver: "overlay2", CgroupVersion: "2", Kernel: "6.18.0", Architecture: "x86_64",
			Hook: "tp_btf/cap_capable", Traced: true, Seccomp: "default",
			Sysctls: map[string]string{
				"net.ipv4.ip_unprivileged_port_start": "0",
				"net.ipv4.ping_group_range":           "0\t2147483647",
			},
		},
		Meta: profile.Meta{Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), CapprofVersion: "0.1.0", TotalMS: 1234},
	}
	profile.Normalize(d)
	return d
}
