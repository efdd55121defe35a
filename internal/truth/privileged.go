package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/testengine"
)

// unmasked opens the masked and the read-only paths of /proc and /sys.
const unmasked = "--security-opt systempaths=unconfined"

// everywhere are the wide ones of docker run's options that give a container a part
// of what --privileged does, the least dangerous first.
var everywhere = []string{
	"--cgroupns host",
	"--security-opt seccomp=unconfined",
	unmasked,
	"--volume /sys/fs/cgroup:/sys/fs/cgroup",
	"--volume /sys:/sys",
	"--device-cgroup-rule a *:* rwm",
	"--device /dev",
}

// relaxing are the candidates of a case, of which some make the workload pass: what is
// narrow comes before what is wide, so that of two that do, the narrow one is right.
func relaxing(narrow ...string) []string { return slices.Concat(narrow, everywhere) }

// absentPath says that a case needs something of the machine's.
func absentPath(path string) func() string {
	return func() string {
		if _, err := os.Stat(path); err != nil {
			return "the machine has no " + path
		}
		return ""
	}
}

const (
	fuse = "/dev/fuse"
	// pages is a setting of the kernel's that takes what it holds.
	pages = "/sys/kernel/mm/ksm"
)

// privilegedCases are given to capprof with --privileged, and to brute force with any
// of their candidates instead.
var privilegedCases = []testCase{
	{
		group: privileged, name: "device", command: ops("use-device " + fuse), absent: absentPath(fuse),
		relaxations: relaxing("--device " + fuse),
	},
	{
		// Some engines' root file systems are mounted nodev.
		group: privileged, name: "device-made", flags: []string{"--tmpfs", "/nodes:dev"}, command: ops("make-node /nodes/node 10 229 + use-device /nodes/node"),
		relaxations: relaxing("--device-cgroup-rule c 10:229 rwm"), absent: absentPath(fuse),
	},
	{
		// runc lets every container use this one.
		group: privileged, name: "device-made-and-allowed", flags: []string{"--tmpfs", "/nodes:dev"}, command: ops("make-node /nodes/node 10 200 + use-device /nodes/node"),
		relaxations: relaxing("--device-cgroup-rule c 10:200 rwm"), absent: absentPath("/dev/net/tun"),
	},
	{
		group: privileged, name: "sys", command: ops("rewrite " + pages + "/sleep_millisecs"), absent: absentPath(pages),
		relaxations: relaxing("--volume " + pages + ":" + pages),
	},
	{group: privileged, name: "proc-sys", command: ops("rewrite /proc/sys/kernel/printk_ratelimit"), relaxations: relaxing()},
	{group: privileged, name: "masked", command: ops("read-content /proc/timer_list"), relaxations: relaxing(), absent: absentPath("/proc/timer_list")},
	{group: privileged, name: "call-without-a-key", command: ops("keyring"), relaxations: relaxing()},
	{group: privileged, name: "call-with-a-key", command: ops("own-user-space"), relaxations: relaxing()},
	{group: privileged, name: "capability", command: []string{"/privop", "chown"}, relaxations: relaxing()},
	{
		group: privileged, name: "capability-and-device", command: ops("change-owner /own/file + use-device " + fuse), absent: absentPath(fuse),
		relaxations: relaxing("--device " + fuse),
	},
	{
		group: privileged, name: "two-relaxations", command: ops("keyring + use-device " + fuse), absent: absentPath(fuse),
		relaxations: relaxing("--device " + fuse),
	},
	{group: privileged, name: "mount", command: []string{"/privop", "mount"}, relaxations: relaxing()},
	{group: privileged, name: "nothing", command: []string{"/privop", "nothing"}, relaxations: relaxing()},
	{group: privileged, name: "control-group", command: ops("make-group"), relaxations: relaxing()},
	{
		group: privileged, name: "missing-device", command: ops("use-device /dev/nowhere"), relaxations: relaxing(),
		noSet: "the machine has no such device",
	},
}

// firstRelaxation is the number that stands for the first candidate in a set, so that
// the search for capabilities finds relaxations too. A number without a name ranks
// above all capabilities, by its size: what can be had by a capability is not to be
// had by relaxing what confines all of them.
const firstRelaxation capability.Cap = 48

// candidates are all of a case's relaxations, as members of a set.
func (k testCase) candidates() capability.Set {
	var all capability.Set
	for i := range k.relaxations {
		all = all.With(firstRelaxation + capability.Cap(i))
	}
	return all
}

// apart splits a set into the capabilities and the relaxations that it stands for.
func (k testCase) apart(set capability.Set) (caps capability.Set, relaxations []string) {
	for c := range set.Intersect(k.candidates()).All() {
		relaxations = append(relaxations, k.relaxations[c-firstRelaxation])
	}
	return set.Minus(k.candidates()), relaxations
}

// together is the set that stands for capabilities and relaxations; unknown are those
// relaxations that are no candidates.
func (k testCase) together(caps capability.Set, relaxations []string) (set capability.Set, unknown []string) {
	for _, o := range relaxations {
		if i := slices.Index(k.relaxations, o); i >= 0 {
			caps = caps.With(firstRelaxation + capability.Cap(i))
		} else {
			unknown = append(unknown, o)
		}
	}
	return caps, unknown
}

// members name what is in a set.
func (k testCase) members(set capability.Set) []string {
	caps, relaxations := k.apart(set)
	return slices.Concat(caps.ShortNames(), relaxations)
}

// optionFlags are relaxations as arguments of docker run.
func optionFlags(relaxations []string) []string {
	var flags []string
	for _, o := range relaxations {
		name, value, _ := strings.Cut(o, " ")
		flags = append(flags, name, value)
	}
	return flags
}

// runner runs a workload with a set, which may hold relaxations.
type runner func(ctx context.Context, flags []string, caps capability.Set) (testengine.Outcome, error)

// with runs a case with a set. What the engine refuses fails, unless it is all that
// there is: then nothing would be known.
func (k testCase) with(ctx context.Context, run runner, flags []string, set, all capability.Set) (testengine.Outcome, error) {
	caps, relaxations := k.apart(set)
	o, err := run(ctx, slices.Concat(flags, optionFlags(relaxations)), caps)
	if _, refused := errors.AsType[*testengine.RefusedError](err); refused && len(relaxations) > 0 && set != all {
		return testengine.Outcome{Code: testengine.EngineFailed, Tail: err.Error()}, nil
	}
	return o, err
}

// opens completes the verdict with relaxations that are no candidates.
func (v *verdict) opens(unknown []string) {
	if len(unknown) > 0 {
		v.exact = false
		v.note = fmt.Sprintf("extra %s, of which brute force knows nothing", strings.Join(unknown, ", "))
	}
}
