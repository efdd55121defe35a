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

// opened are the candidates of a case, of which some make the workload pass: what is
// narrow comes before what is wide, so that of two that do, the narrow one is right.
func opened(narrow ...string) []string { return slices.Concat(narrow, everywhere) }

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
		openings: opened("--device " + fuse),
	},
	{
		group: privileged, name: "device-made", command: ops("make-node /tmp/node 10 229 + use-device /tmp/node"),
		openings: opened("--device-cgroup-rule c 10:229 rwm"), absent: absentPath(fuse),
	},
	{
		// runc lets every container use this one.
		group: privileged, name: "device-made-and-allowed", command: ops("make-node /tmp/node 10 200 + use-device /tmp/node"),
		openings: opened("--device-cgroup-rule c 10:200 rwm"), absent: absentPath("/dev/net/tun"),
	},
	{
		group: privileged, name: "sys", command: ops("rewrite " + pages + "/sleep_millisecs"), absent: absentPath(pages),
		openings: opened("--volume " + pages + ":" + pages),
	},
	{group: privileged, name: "proc-sys", command: ops("rewrite /proc/sys/kernel/printk_ratelimit"), openings: opened()},
	{group: privileged, name: "masked", command: ops("read-content /proc/timer_list"), openings: opened(), absent: absentPath("/proc/timer_list")},
	{group: privileged, name: "call-without-a-key", command: ops("keyring"), openings: opened()},
	{group: privileged, name: "call-with-a-key", command: ops("own-user-space"), openings: opened()},
	{group: privileged, name: "capability", command: []string{"/privop", "chown"}, openings: opened()},
	{
		group: privileged, name: "capability-and-device", command: ops("change-owner /own/file + use-device " + fuse), absent: absentPath(fuse),
		openings: opened("--device " + fuse),
	},
	{
		group: privileged, name: "two-openings", command: ops("keyring + use-device " + fuse), absent: absentPath(fuse),
		openings: opened("--device " + fuse),
	},
	{group: privileged, name: "mount", command: []string{"/privop", "mount"}, openings: opened()},
	{group: privileged, name: "nothing", command: []string{"/privop", "nothing"}, openings: opened()},
	{group: privileged, name: "control-group", command: ops("make-group"), openings: opened()},
	{
		group: privileged, name: "missing-device", command: ops("use-device /dev/nowhere"), openings: opened(),
		noSet: "the machine has no such device",
	},
}

// firstOpening is the number that stands for the first candidate in a set, so that
// the search for capabilities finds openings too. A number without a name ranks
// above all capabilities, by its size: what can be had by a capability is not to be
// had by opening what confines all of them.
const firstOpening capability.Cap = 48

// candidates are all of a case's openings, as members of a set.
func (k testCase) candidates() capability.Set {
	var all capability.Set
	for i := range k.openings {
		all = all.With(firstOpening + capability.Cap(i))
	}
	return all
}

// apart splits a set into the capabilities and the openings that it stands for.
func (k testCase) apart(set capability.Set) (caps capability.Set, openings []string) {
	for c := range set.Intersect(k.candidates()).All() {
		openings = append(openings, k.openings[c-firstOpening])
	}
	return set.Minus(k.candidates()), openings
}

// together is the set that stands for capabilities and openings; unknown are those
// openings that are no candidates.
func (k testCase) together(caps capability.Set, openings []string) (set capability.Set, unknown []string) {
	for _, o := range openings {
		if i := slices.Index(k.openings, o); i >= 0 {
			caps = caps.With(firstOpening + capability.Cap(i))
		} else {
			unknown = append(unknown, o)
		}
	}
	return caps, unknown
}

// members name what is in a set.
func (k testCase) members(set capability.Set) []string {
	caps, openings := k.apart(set)
	return slices.Concat(caps.ShortNames(), openings)
}

// optionFlags are openings as arguments of docker run.
func optionFlags(openings []string) []string {
	var flags []string
	for _, o := range openings {
		name, value, _ := strings.Cut(o, " ")
		flags = append(flags, name, value)
	}
	return flags
}

// runner runs a workload with a set, which may hold openings.
type runner func(ctx context.Context, flags []string, caps capability.Set) (testengine.Outcome, error)

// with runs a case with a set. What the engine refuses fails, unless it is all that
// there is: then nothing would be known.
func (k testCase) with(ctx context.Context, run runner, flags []string, set, all capability.Set) (testengine.Outcome, error) {
	caps, openings := k.apart(set)
	o, err := run(ctx, slices.Concat(flags, optionFlags(openings)), caps)
	if _, refused := errors.AsType[*testengine.RefusedError](err); refused && len(openings) > 0 && set != all {
		return testengine.Outcome{Code: testengine.EngineFailed, Tail: err.Error()}, nil
	}
	return o, err
}

// opens completes the verdict with openings that are no candidates.
func (v *verdict) opens(unknown []string) {
	if len(unknown) > 0 {
		v.exact = false
		v.note = fmt.Sprintf("extra %s, of which brute force knows nothing", strings.Join(unknown, ", "))
	}
}
