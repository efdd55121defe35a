// Package relax is the catalogue of the docker run options that each do a part of what
// --privileged does: which there are, what each allows, how dangerous it is, and which
// of them lets through what a call failed at.
package relax

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/runner/search"
	"github.com/capprof/capprof/internal/workload"
)

// Relaxation is an option that does a part of what --privileged does (moby
// daemon/oci_linux.go: WithDevices, WithMounts, WithSeccomp, WithApparmor, and
// daemon_unix.go: adaptContainerSettings, for what that is).
type Relaxation struct {
	option workload.Setting
	// prefix says that option.Value is the beginning of what the entry covers.
	prefix bool
	// Allows says what the option allows, and Danger what comes with it.
	Allows, Danger string
}

var (
	hostCgroups   = workload.Setting{Name: "cgroupns", Value: "host"}
	allDevices    = workload.Setting{Name: "device", Value: "/dev"}
	anyDeviceNode = workload.Setting{Name: "device-cgroup-rule", Value: "a *:* rwm"}
	noSELinux     = workload.Setting{Name: "security-opt", Value: "label=disable"}
	noAppArmor    = workload.Setting{Name: "security-opt", Value: "apparmor=unconfined"}
	noSeccomp     = workload.Setting{Name: "security-opt", Value: "seccomp=unconfined"}
	openPaths     = workload.Setting{Name: "security-opt", Value: "systempaths=unconfined"}
	wholeSys      = workload.Setting{Name: "volume", Value: "/sys:/sys"}
	writeCgroups  = workload.Setting{Name: "volume", Value: "/sys/fs/cgroup:/sys/fs/cgroup"}
)

// table is in the order of danger, the least first: what names the one thing that the
// workload needs, then what lets it see more, then what widens what the kernel takes
// from the container, last what hands the host over.
var table = []Relaxation{
	{
		option: workload.Setting{Name: "sysctl"}, prefix: true,
		Allows: "one kernel setting of the container's own namespaces",
		Danger: "none for the host",
	},
	{
		option: hostCgroups,
		Allows: "the host's control group namespace",
		Danger: "the container sees where in the host's tree it is, and writes nothing",
	},
	{
		option: workload.Setting{Name: "device", Value: "/dev/"}, prefix: true,
		Allows: "one device, or the devices of one directory",
		Danger: "what the device lets root do: a disk or /dev/mem is the host, /dev/fuse is the container's own",
	},
	{
		option: workload.Setting{Name: "device-cgroup-rule"}, prefix: true,
		Allows: "one device, for which the workload makes the node itself",
		Danger: "what the device lets root do",
	},
	{
		option: noSELinux,
		Allows: "what SELinux keeps containers from",
		Danger: "the second wall behind file modes and namespaces is gone",
	},
	{
		option: noAppArmor,
		Allows: "what AppArmor keeps containers from: mounts, parts of /proc and /sys",
		Danger: "the second wall behind capabilities and masked paths is gone",
	},
	{
		option: noSeccomp,
		Allows: "the system calls that the engine's seccomp profile refuses",
		Danger: "all of the kernel's system calls can be reached, the seldom tested ones too; a profile of your own allows a single one (--security-opt seccomp=FILE)",
	},
	{
		option: workload.Setting{Name: "volume", Value: "/sys/"}, prefix: true,
		Allows: "one directory of the host's /sys, for writing",
		Danger: "the settings of the host's kernel in that directory",
	},
	{
		option: openPaths,
		Allows: "the masked and the read-only paths of /proc and /sys",
		Danger: "root writes the host's settings under /proc/sys, core_pattern among them, which runs programs on the host; a setting of a namespace needs --sysctl alone",
	},
	{
		option: workload.Setting{Name: "volume", Value: "/sys/fs/cgroup:"}, prefix: true,
		Allows: "the host's control groups, for writing",
		Danger: "it limits and freezes every process of the host, and release_agent (cgroup v1) runs programs there",
	},
	{
		option: workload.Setting{Name: "volume", Value: "/sys:"}, prefix: true,
		Allows: "all of the host's /sys, for writing",
		Danger: "the settings and devices of the host's kernel, and the names of its network interfaces",
	},
	{
		option: anyDeviceNode,
		Allows: "every device for which the workload makes a node",
		Danger: "with CAP_MKNOD the host's disks and memory are a mknod away",
	},
	{
		option: allDevices,
		Allows: "all devices of the host",
		Danger: "the host's disks",
	},
}

// Find returns the entry that says most of an option, and its rank, 0 for the least
// dangerous one; the length of the table for an option that is not in it.
func Find(o workload.Setting) (r Relaxation, rank int) {
	rank = len(table)
	for i, entry := range table {
		covers := entry.option == o || entry.prefix && entry.option.Name == o.Name && strings.HasPrefix(o.Value, entry.option.Value)
		if covers && (rank == len(table) || len(entry.option.Value) >= len(r.option.Value)) {
			r, rank = entry, i
		}
	}
	return r, rank
}

// Sort puts options into the order of their danger, and drops repetitions.
func Sort(options []workload.Setting) []workload.Setting {
	options = slices.Clone(options)
	slices.SortFunc(options, func(a, b workload.Setting) int {
		_, rankA := Find(a)
		_, rankB := Find(b)
		return cmp.Or(cmp.Compare(rankA, rankB), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	return slices.Compact(options)
}

// Catalogue are the relaxations of one workload on one engine.
type Catalogue struct {
	facts engine.Facts
	own   workload.Options
}

var _ search.Relaxations = Catalogue{}

// For makes the catalogue. What the workload's own options decide stays as they say, as
// it does under --privileged.
func For(facts engine.Facts, own workload.Options) Catalogue { return Catalogue{facts, own} }

// All come nearest to --privileged together, in the order of their danger.
func (c Catalogue) All() []workload.Setting {
	all := []workload.Setting{hostCgroups, allDevices, anyDeviceNode, openPaths, wholeSys, writeCgroups}
	if c.facts.Seccomp.Name != engine.Unconfined {
		all = append(all, noSeccomp)
	}
	return c.undecided(append(all, c.securityModules()...))
}

// securityModules are the options that take the modules of the engine away.
func (c Catalogue) securityModules() []workload.Setting {
	var all []workload.Setting
	for _, module := range c.facts.SecurityModules {
		all = append(all, lifting(module)...)
	}
	return all
}

// lifting are the options that take a module away, none for one that docker run has no
// option for.
func lifting(module engine.SecurityModule) []workload.Setting {
	switch module {
	case engine.AppArmor:
		return []workload.Setting{noAppArmor}
	case engine.SELinux:
		return []workload.Setting{noSELinux}
	}
	return nil
}

// undecided leaves out what the workload's own options decide, and sorts the rest.
func (c Catalogue) undecided(options []workload.Setting) []workload.Setting {
	return Sort(slices.DeleteFunc(slices.Clone(options), func(o workload.Setting) bool {
		switch o.Name {
		case "cgroupns":
			return c.own.Value("cgroupns") != ""
		case "security-opt":
			option, err := workload.ParseSecurityOption(o.Value)
			return err == nil && c.own.Security(option.Name) != ""
		case "sysctl":
			name, _, _ := strings.Cut(o.Value, "=")
			_, set := c.own.Sysctls()[name]
			return set
		case "volume":
			v, err := workload.ParseVolume(o.Value)
			return err == nil && c.own.Mounts(v.Target)
		}
		return false
	}))
}

// For are the options that let through what a failure ran into; likely is false where
// that is a guess: of a security module that may have refused.
func (c Catalogue) For(f mapper.Failure) (options []workload.Setting, likely bool) {
	o := f.Obstacle
	likely = true
	switch o.Kind {
	case mapper.NoDevice:
		if c.facts.HasDevice(o.Path) {
			options = []workload.Setting{{Name: "device", Value: o.Path}}
		}
	case mapper.NoDeviceRule:
		options = []workload.Setting{{Name: "device-cgroup-rule", Value: o.Rule + " rwm"}}
	case mapper.ReadOnlySys:
		dir := path.Dir(o.Path)
		options = []workload.Setting{{Name: "volume", Value: dir + ":" + dir}}
		if strings.HasPrefix(o.Path, "/sys/fs/cgroup/") {
			// In a control group namespace of its own the container's paths are not
			// those of the host's tree.
			options = []workload.Setting{hostCgroups, writeCgroups}
		}
	case mapper.SystemPath:
		options = []workload.Setting{openPaths}
	case mapper.NamespacedSysctl:
		// What it was to be set to is not known: most that containers set are switches.
		// The more dangerous of the two goes where both let the workload pass.
		options = []workload.Setting{{Name: "sysctl", Value: o.Sysctl + "=1"}, openPaths}
	case mapper.SeccompProfile:
		options = []workload.Setting{noSeccomp}
	case mapper.SecurityModule:
		options, likely = lifting(engine.SecurityModule(o.Module)), o.Certain
	}
	return c.undecided(options), likely
}

// Narrower are options that together may do for a wide one: the devices of the machine,
// those of one directory together, for all of /dev.
func (c Catalogue) Narrower(wide workload.Setting) []workload.Setting {
	if wide != allDevices {
		return nil
	}
	var all []workload.Setting
	for _, d := range c.facts.Devices {
		top, _, _ := strings.Cut(strings.TrimPrefix(d, "/dev/"), "/")
		all = append(all, workload.Setting{Name: "device", Value: "/dev/" + top})
	}
	return Sort(all)
}

// Danger ranks an option: 0 is the least dangerous.
func (c Catalogue) Danger(o workload.Setting) int {
	_, rank := Find(o)
	return rank
}

// LiftsSeccomp reports whether an option takes the engine's seccomp profile away.
func LiftsSeccomp(o workload.Setting) bool { return o == noSeccomp }
