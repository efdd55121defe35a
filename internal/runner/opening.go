package runner

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/workload"
)

// openingKind is one thing that --privileged opens, as a narrower option of docker
// run opens it (moby daemon/oci_linux.go: WithDevices, WithMounts, WithSeccomp,
// WithApparmor, and daemon_unix.go: adaptContainerSettings, for what --privileged
// does).
type openingKind struct {
	option workload.Setting
	// prefix says that option.Value is the beginning of what the kind covers.
	prefix bool
	// opens says what the option opens, danger what comes with it.
	opens, danger string
}

// openingKinds are in the order of their danger, the least first: what names the one
// thing that the workload needs, then what opens the view, then what widens what the
// kernel takes from the container, last what hands the host over.
var openingKinds = []openingKind{
	{
		option: workload.Setting{Name: "cgroupns", Value: "host"},
		opens:  "the host's control group namespace",
		danger: "the container sees where in the host's tree it is, and writes nothing",
	},
	{
		option: workload.Setting{Name: "device", Value: "/dev/"}, prefix: true,
		opens:  "one device, or the devices of one directory",
		danger: "what the device lets root do: a disk or /dev/mem is the host, /dev/fuse is the container's own",
	},
	{
		option: workload.Setting{Name: "device-cgroup-rule", Value: ""}, prefix: true,
		opens:  "one device, for which the workload makes the node itself",
		danger: "what the device lets root do",
	},
	{
		option: workload.Setting{Name: "security-opt", Value: "label=disable"},
		opens:  "what SELinux keeps containers from",
		danger: "the second wall behind file modes and namespaces is gone",
	},
	{
		option: workload.Setting{Name: "security-opt", Value: "apparmor=unconfined"},
		opens:  "what AppArmor keeps containers from: mounts, parts of /proc and /sys",
		danger: "the second wall behind capabilities and masked paths is gone",
	},
	{
		option: workload.Setting{Name: "security-opt", Value: "seccomp=unconfined"},
		opens:  "the system calls that the engine's seccomp profile refuses",
		danger: "all of the kernel's system calls can be reached, the seldom tested ones too; a profile of your own opens one alone (--security-opt seccomp=FILE)",
	},
	{
		option: workload.Setting{Name: "volume", Value: "/sys/"}, prefix: true,
		opens:  "one directory of the host's /sys, for writing",
		danger: "the settings of the host's kernel in that directory",
	},
	{
		option: workload.Setting{Name: "security-opt", Value: "systempaths=unconfined"},
		opens:  "the masked and the read-only paths of /proc and /sys",
		danger: "root writes the host's settings under /proc/sys, core_pattern among them, which runs programs on the host; a setting of a namespace needs --sysctl alone",
	},
	{
		option: workload.Setting{Name: "volume", Value: "/sys/fs/cgroup:"}, prefix: true,
		opens:  "the host's control groups, for writing",
		danger: "it limits and freezes every process of the host, and release_agent (cgroup v1) runs programs there",
	},
	{
		option: workload.Setting{Name: "volume", Value: "/sys:"}, prefix: true,
		opens:  "all of the host's /sys, for writing",
		danger: "the settings and devices of the host's kernel, and the names of its network interfaces",
	},
	{
		option: workload.Setting{Name: "device-cgroup-rule", Value: "a *:* rwm"},
		opens:  "every device for which the workload makes a node",
		danger: "with CAP_MKNOD the host's disks and memory are a mknod away",
	},
	{
		option: workload.Setting{Name: "device", Value: "/dev"},
		opens:  "all devices of the host",
		danger: "the host's disks",
	},
}

// kindOf finds an option's kind, the one that says most of it, and its rank.
func kindOf(o workload.Setting) (kind openingKind, rank int) {
	rank = len(openingKinds)
	for i, k := range openingKinds {
		covers := k.option == o || k.prefix && k.option.Name == o.Name && strings.HasPrefix(o.Value, k.option.Value)
		if covers && len(k.option.Value) >= len(kind.option.Value) {
			kind, rank = k, i
		}
	}
	return kind, rank
}

func isOpening(o workload.Setting) bool {
	_, rank := kindOf(o)
	return rank < len(openingKinds)
}

// sortOpenings puts options into the order of their danger, and drops repetitions.
func sortOpenings(options []workload.Setting) []workload.Setting {
	slices.SortFunc(options, func(a, b workload.Setting) int {
		_, rankA := kindOf(a)
		_, rankB := kindOf(b)
		return cmp.Or(cmp.Compare(rankA, rankB), cmp.Compare(a.String(), b.String()))
	})
	return slices.Compact(options)
}

// everyOpening is what comes nearest to --privileged without saying it, where
// today's flags say it; none otherwise. What the workload's own options decide stays
// as they say, as it does under --privileged.
func (s *session) everyOpening() []workload.Setting {
	if !s.opts.privileged() {
		return nil
	}
	all := []workload.Setting{
		{Name: "cgroupns", Value: "host"},
		{Name: "device", Value: "/dev"},
		{Name: "device-cgroup-rule", Value: "a *:* rwm"},
		{Name: "security-opt", Value: "systempaths=unconfined"},
		{Name: "volume", Value: "/sys:/sys"},
		{Name: "volume", Value: "/sys/fs/cgroup:/sys/fs/cgroup"},
	}
	if s.info.Seccomp.Name != engine.Unconfined {
		all = append(all, workload.Setting{Name: "security-opt", Value: "seccomp=unconfined"})
	}
	for _, module := range securityModules(s.info) {
		all = append(all, moduleOpening[module])
	}
	return s.openable(all)
}

var moduleOpening = map[string]workload.Setting{
	"apparmor": {Name: "security-opt", Value: "apparmor=unconfined"},
	"selinux":  {Name: "security-opt", Value: "label=disable"},
}

// openable leaves out what the workload's own options decide and what the engine
// refused, and sorts the rest.
func (s *session) openable(options []workload.Setting) []workload.Setting {
	own := s.opts.Workload.Options
	options = slices.DeleteFunc(slices.Clone(options), func(o workload.Setting) bool {
		switch o.Name {
		case "cgroupns":
			return own.Value("cgroupns") != ""
		case "security-opt":
			option, err := workload.ParseSecurityOption(o.Value)
			return err == nil && own.Security(option.Name) != ""
		case "volume":
			v, err := workload.ParseVolume(o.Value)
			return err == nil && own.Mounts(v.Target)
		}
		return false
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return sortOpenings(slices.DeleteFunc(options, func(o workload.Setting) bool { return slices.Contains(s.refusedOpenings, o) }))
}

// openingsFor are the options that open what a failure ran into.
func (s *session) openingsFor(f mapper.Failure) []workload.Setting {
	o := f.Obstacle
	switch o.Kind {
	case mapper.NoDevice:
		if s.info.HasDevice(o.Path) {
			return []workload.Setting{{Name: "device", Value: o.Path}}
		}
	case mapper.NoDeviceRule:
		return []workload.Setting{{Name: "device-cgroup-rule", Value: o.Rule + " rwm"}}
	case mapper.ReadOnlySys:
		dir := path.Dir(o.Path)
		if strings.HasPrefix(o.Path, "/sys/fs/cgroup/") {
			// In a control group namespace of its own the container's paths are not
			// those of the host's tree.
			return []workload.Setting{{Name: "cgroupns", Value: "host"}, {Name: "volume", Value: "/sys/fs/cgroup:/sys/fs/cgroup"}}
		}
		return []workload.Setting{{Name: "volume", Value: dir + ":" + dir}}
	case mapper.SystemPath, mapper.NamespacedSysctl:
		return []workload.Setting{{Name: "security-opt", Value: "systempaths=unconfined"}}
	case mapper.SeccompProfile:
		return []workload.Setting{{Name: "security-opt", Value: "seccomp=unconfined"}}
	case mapper.SecurityModule:
		var options []workload.Setting
		for _, module := range securityModules(s.info) {
			options = append(options, moduleOpening[module])
		}
		return options
	}
	return nil
}

// named are the openings, beyond those in force, for what the last traced run
// failed at: those of what is known to refuse, and only when there is none, those of
// a security module, which is a guess.
func (s *session) named(found *findings) []workload.Setting {
	var known, guessed []workload.Setting
	for _, f := range found.failures[found.last.run.Number] {
		if f.Obstacle.Kind == mapper.SecurityModule {
			guessed = append(guessed, s.openingsFor(f)...)
		} else {
			known = append(known, s.openingsFor(f)...)
		}
	}
	for _, options := range [][]workload.Setting{known, guessed} {
		options = slices.DeleteFunc(s.openable(options), func(o workload.Setting) bool { return slices.Contains(s.options, o) })
		if len(options) > 0 {
			return options
		}
	}
	return nil
}

// deviceGroups are the devices of the machine, those of one directory together.
func deviceGroups(i engine.Facts) []workload.Setting {
	var all []workload.Setting
	for _, d := range i.Devices {
		top, _, _ := strings.Cut(strings.TrimPrefix(d, "/dev/"), "/")
		all = append(all, workload.Setting{Name: "device", Value: "/dev/" + top})
	}
	return sortOpenings(all)
}

// optionTexts are options as the profile holds them, nil for none.
func optionTexts(options []workload.Setting) []string {
	var texts []string
	for _, o := range options {
		texts = append(texts, o.String())
	}
	return texts
}
