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

// mountOf finds the mount that a path lies on, as far as the path's words tell: a
// symbolic link may lead to another place. known is false for a relative path.
func mountOf(name string, env Environment) (on Mount, known bool) {
	if !path.IsAbs(name) {
		return Mount{}, false
	}
	name = path.Clean(name)
	on = Mount{Target: "/", Kind: RootFS}
	for _, m := range env.Mounts {
		if within(name, m.Target) && len(m.Target) >= len(on.Target) {
			on = m
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
