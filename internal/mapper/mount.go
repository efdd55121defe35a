package mapper

import (
	"path"
	"strings"

	"github.com/capprof/capprof/internal/observation"
)

// Mount is a part of the container's file tree with rules of its own.
type Mount struct {
	// Target is where it lies, an absolute path.
	Target string
	// Kind is what the user knows it as: "volume", "tmpfs", "root file system", ""
	// for what the engine mounts by itself.
	Kind                    string
	ReadOnly, NoExec, NoDev bool
}

// engineMounts are what engines mount by themselves (moby oci/defaults.go,
// containers/common). Masked paths lie in them.
var engineMounts = []Mount{
	{Target: "/proc", NoExec: true, NoDev: true},
	{Target: "/proc/bus", ReadOnly: true},
	{Target: "/proc/fs", ReadOnly: true},
	{Target: "/proc/irq", ReadOnly: true},
	{Target: "/proc/sys", ReadOnly: true},
	{Target: "/proc/sysrq-trigger", ReadOnly: true},
	{Target: "/sys", ReadOnly: true, NoExec: true, NoDev: true},
	{Target: "/sys/fs/cgroup", ReadOnly: true, NoExec: true, NoDev: true},
	{Target: "/dev"},
	{Target: "/dev/shm", NoExec: true, NoDev: true},
	{Target: "/dev/mqueue", NoExec: true, NoDev: true},
}

// mountOf finds the mount that a path lies on, as far as the path's words tell: a
// symbolic link may lead elsewhere. known is false for a relative path.
func mountOf(name string, env Environment) (on Mount, known bool) {
	if !path.IsAbs(name) {
		return Mount{}, false
	}
	name = path.Clean(name)
	on = Mount{Target: "/", Kind: "root file system"}
	// The user's mounts come last: they lie over the engine's.
	for _, mounts := range [][]Mount{engineMounts, env.Mounts} {
		for _, m := range mounts {
			if within(name, m.Target) && len(m.Target) >= len(on.Target) {
				on = m
			}
		}
	}
	return on, true
}

// within reports whether a path is a directory or in it.
func within(name, directory string) bool {
	name = path.Clean(name)
	return directory == "/" || name == directory || strings.HasPrefix(name, directory+"/")
}

// words name the mount: "the tmpfs at /mnt".
func (m Mount) words() string {
	switch m.Kind {
	case "":
		return m.Target
	case "root file system":
		return "the root file system"
	default:
		return "the " + m.Kind + " at " + m.Target
	}
}

// namespaced are the settings that --sysctl can change for one container
// (docker run reference, "Configure namespaced kernel parameters").
func namespaced(sysctl string) bool {
	for _, prefix := range []string{"net.", "kernel.msg", "kernel.shm", "fs.mqueue."} {
		if strings.HasPrefix(sysctl, prefix) {
			return true
		}
	}
	return sysctl == "kernel.sem"
}

// readOnly explains EROFS.
func readOnly(op observation.Operation, env Environment) (cause, cure string) {
	name := op.Object.Path
	on, known := mountOf(name, env)
	if !known || !on.ReadOnly {
		return "the file system is read-only, and no capability makes it writable",
			"write to a volume or a --tmpfs instead, or mount it without read-only"
	}
	cause = on.words() + " is mounted read-only, and no capability makes it writable"
	switch {
	case on.Target == "/proc/sys" && on.Kind == "":
		sysctl := strings.ReplaceAll(strings.TrimPrefix(path.Clean(name), "/proc/sys/"), "/", ".")
		if namespaced(sysctl) {
			return cause, "set it when the container is created: --sysctl " + sysctl + "=VALUE"
		}
		return cause, "the setting is the whole machine's: set " + sysctl + " on the host"
	case within(on.Target, "/proc") && on.Kind == "":
		return cause, "--security-opt systempaths=unconfined"
	case on.Target == "/sys/fs/cgroup" && on.Kind == "":
		return cause, "let the engine set the limits (--memory, --cpus, --pids-limit); a container that manages control groups itself needs --volume /sys/fs/cgroup:/sys/fs/cgroup and --cgroupns=host"
	case within(on.Target, "/sys") && on.Kind == "":
		return cause, "set it on the host, or mount what has to be written: --volume " + path.Clean(name) + ":" + path.Clean(name)
	case on.Kind == "root file system":
		return cause, "mount what has to be written, --tmpfs " + path.Dir(path.Clean(name)) + " or a volume, or run without --read-only"
	case on.Kind == "tmpfs":
		return cause, "--tmpfs " + on.Target + " without the option ro"
	default:
		return cause, "mount it without :ro"
	}
}

// noExec explains a file that may not be executed, or mapped to be.
func noExec(on Mount) (cause, cure string) {
	cause = on.words() + " is mounted noexec"
	switch on.Kind {
	case "tmpfs":
		return cause + ", as --tmpfs does by default", "--tmpfs " + on.Target + ":exec, or put the program elsewhere"
	case "":
		return cause, "put the program elsewhere, or --tmpfs " + on.Target + ":exec"
	default:
		return cause, "mount it without noexec, or put the program elsewhere"
	}
}
