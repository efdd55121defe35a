package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// workloadFlags are the options of docker run, with docker's meaning.
type workloadFlags struct {
	flags       *pflag.FlagSet
	env         []string
	volumes     []string
	workdir     string
	user        string
	network     string
	sysctls     []string
	securityOpt []string
	devices     []string
	tmpfs       []string
	cgroupNS    string
	deviceRules []string
	entrypoint  string
	readOnly    bool
	capAdd      []string
	capDrop     []string
	privileged  bool
	interactive bool
	tty         bool
}

func addWorkloadFlags(flags *pflag.FlagSet) *workloadFlags {
	w := &workloadFlags{flags: flags}
	flags.StringArrayVarP(&w.env, "env", "e", nil, "set an environment variable: `NAME=VALUE`, or NAME to pass ours on")
	flags.StringArrayVarP(&w.volumes, "volume", "v", nil, "mount a volume or a directory: `[SOURCE:]TARGET[:OPTIONS]`")
	flags.StringVarP(&w.workdir, "workdir", "w", "", "working `directory` inside the container")
	flags.StringVarP(&w.user, "user", "u", "", "run as `user[:group]`")
	flags.StringVar(&w.network, "network", "", "connect to a `network`")
	flags.StringArrayVar(&w.sysctls, "sysctl", nil, "set a kernel parameter of the container: `NAME=VALUE`")
	flags.StringArrayVar(&w.securityOpt, "security-opt", nil, "security `option`, such as seccomp=FILE or no-new-privileges")
	flags.StringArrayVar(&w.devices, "device", nil, "add a host device: `HOST[:CONTAINER[:PERMISSIONS]]`")
	flags.StringArrayVar(&w.deviceRules, "device-cgroup-rule", nil, "let the container use devices: `\"TYPE MAJOR:MINOR rwm\"`")
	flags.StringVar(&w.cgroupNS, "cgroupns", "", "cgroup `namespace`: host or private")
	flags.StringArrayVar(&w.tmpfs, "tmpfs", nil, "mount a tmpfs: `TARGET[:OPTIONS]`")
	flags.StringVar(&w.entrypoint, "entrypoint", "", "replace the image's entrypoint by `program`")
	flags.BoolVar(&w.readOnly, "read-only", false, "mount the root file system read-only")
	flags.StringArrayVar(&w.capAdd, "cap-add", nil, "a `capability` that you add today: it may be granted")
	flags.StringArrayVar(&w.capDrop, "cap-drop", nil, "a `capability` that you drop today: it is not granted")
	flags.BoolVar(&w.privileged, "privileged", false, "you run it privileged today: every capability may be granted")
	flags.BoolVarP(&w.interactive, "interactive", "i", false, "pass standard input on; every run gets the same")
	flags.BoolVarP(&w.tty, "tty", "t", false, "give the workload a terminal; with -i, Ctrl-P Ctrl-Q interrupts capprof")
	return w
}

// apply puts the flags that were given over a workload.
func (w *workloadFlags) apply(to *workload.Spec) error {
	given := w.flags.Changed
	set := func(name string, do func()) {
		if given(name) {
			do()
		}
	}
	set("env", func() { to.Env = w.env })
	set("volume", func() { to.Volumes = w.volumes })
	set("workdir", func() { to.WorkingDir = w.workdir })
	set("user", func() { to.User = w.user })
	set("network", func() { to.Network = w.network })
	set("security-opt", func() { to.SecurityOpt = w.securityOpt })
	set("device", func() { to.Devices = w.devices })
	set("device-cgroup-rule", func() { to.DeviceCgroupRules = w.deviceRules })
	set("cgroupns", func() { to.CgroupNS = w.cgroupNS })
	set("tmpfs", func() { to.Tmpfs = w.tmpfs })
	set("entrypoint", func() { to.Entrypoint = []string{w.entrypoint} })
	set("read-only", func() { to.ReadOnly = w.readOnly })
	set("interactive", func() { to.Interactive = w.interactive })
	set("tty", func() { to.TTY = w.tty })
	if !given("sysctl") {
		return nil
	}
	to.Sysctls = map[string]string{}
	for _, sysctl := range w.sysctls {
		name, value, ok := strings.Cut(sysctl, "=")
		if !ok || name == "" {
			return usageError("--sysctl %q is not NAME=VALUE", sysctl)
		}
		to.Sysctls[name] = value
	}
	return nil
}

// baseline is the set that the engine grants with these flags, as moby's
// TweakCapabilities computes it: their order means nothing, and with ALL dropped
// the added ones are all there is.
func baseline(capAdd, capDrop []string, privileged bool) (capability.Set, error) {
	if privileged {
		return capability.Known(), nil
	}
	add, err := capability.ParseSet(capAdd...)
	if err != nil {
		return 0, usageError("--cap-add: %w", err)
	}
	drop, err := capability.ParseSet(capDrop...)
	if err != nil {
		return 0, usageError("--cap-drop: %w", err)
	}
	switch {
	case hasAll(capDrop):
		return add, nil
	case hasAll(capAdd):
		return capability.Known().Minus(drop), nil
	default:
		return capability.DockerDefault.Minus(drop).Union(add), nil
	}
}

func hasAll(names []string) bool {
	return slices.ContainsFunc(names, func(list string) bool {
		return slices.ContainsFunc(strings.Split(list, ","), func(name string) bool {
			return strings.EqualFold(strings.TrimSpace(name), "ALL") || strings.EqualFold(strings.TrimSpace(name), "CAP_ALL")
		})
	})
}

// splitWorkload takes the image and the command from what follows the flags, and
// drops one leading -- of the command.
func splitWorkload(args []string) (image string, command []string) {
	if len(args) == 0 {
		return "", nil
	}
	command = args[1:]
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	return args[0], command
}

// workloadOf rebuilds a workload from a profile.
func workloadOf(d *profile.Document) (workload.Spec, error) {
	p := d.Workload
	if p.Image.Reference == "" {
		return workload.Spec{}, coded(exitError, fmt.Errorf("the baseline names no image; name it: capprof check --baseline FILE IMAGE"))
	}
	w := workload.Spec{
		Image:             p.Image.Reference,
		Command:           p.Command,
		Env:               p.Env,
		Volumes:           p.Volumes,
		WorkingDir:        p.WorkingDir,
		User:              p.User,
		Network:           p.Network,
		Sysctls:           maps.Clone(p.Sysctls),
		SecurityOpt:       p.SecurityOpt,
		Devices:           p.Devices,
		Tmpfs:             p.Tmpfs,
		ReadOnly:          p.ReadOnly,
		Interactive:       p.Interactive,
		TTY:               p.TTY,
		CgroupNS:          p.CgroupNS,
		DeviceCgroupRules: p.DeviceCgroupRules,
	}
	if len(p.Entrypoint) > 0 {
		w.Entrypoint = p.Entrypoint
	}
	return w, nil
}
