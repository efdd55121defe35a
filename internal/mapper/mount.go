package mapper

import (
	"path"
	"strings"
)

// Mount is a part of the container's file tree with rules of its own.
type Mount struct {
	// Target is where it lies, an absolute path.
	Target                  string
	Kind                    MountKind
	ReadOnly, NoExec, NoDev bool
}

// MountKind is what the user knows a mount as.
type MountKind string

// The kinds of mounts.
const (
	// EngineMount is what the engine mounts by itself.
	EngineMount MountKind = ""
	RootFS      MountKind = "root file system"
	Tmpfs       MountKind = "tmpfs"
	// Bind is a directory of the host's, and Volume one that the engine keeps.
	Bind   MountKind = "bind"
	Volume MountKind = "volume"
)

// ofTheUser reports whether the user asked for the mount, and the image has no part
// in what is on it.
func (k MountKind) ofTheUser() bool { return k == Tmpfs || k.holdsData() }

// holdsData reports whether it is what docker run calls a volume.
func (k MountKind) holdsData() bool { return k == Bind || k == Volume }

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
	on = Mount{Target: "/", Kind: RootFS}
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
	case EngineMount:
		return m.Target
	case RootFS:
		return "the root file system"
	case Tmpfs:
		return "the tmpfs at " + m.Target
	default:
		return "the volume at " + m.Target
	}
}
