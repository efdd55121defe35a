package engine

import (
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/seccomp"
)

// Facts describe an engine, the machine it runs on, and what it gives to every
// container by itself.
type Facts struct {
	Name, Version           string
	Runtime, RuntimeVersion string
	StorageDriver           string
	CgroupVersion           string
	CgroupDriver            string
	KernelRelease           string
	Architecture            string
	// Endpoint is the address in use, without credentials. Beside names another engine
	// that listens on this machine and was not taken, where nobody said which; "" for
	// none.
	Endpoint, Beside string
	// SameKernel says whether the containers run on the kernel that capprof runs on;
	// when false, WhyRemote is the reason, for people.
	SameKernel bool
	WhyRemote  string
	// Devices are the device nodes below /dev beyond those that every container has,
	// of the machine that the engine runs on; none where it cannot be looked at.
	Devices []string
	// RootUID is the host's user ID of the containers' root: 0 unless the engine
	// remaps users (userns-remap) or is rootless.
	RootUID uint32

	// Rootless says that the engine has no privileges on the machine: what the kernel
	// asks for in the initial user namespace, it cannot give to anything.
	Rootless bool

	// DefaultCapabilities are granted when no option says otherwise.
	DefaultCapabilities capability.Set
	// Ambient says that capabilities that are added to those of the engine reach a user
	// other than root too: they are raised in the ambient set.
	Ambient bool
	// SecurityModules confine containers in addition to capabilities and seccomp.
	SecurityModules []SecurityModule
	// Seccomp is the profile that applies when no option says otherwise.
	Seccomp Seccomp
	// Sysctls are those that the engine sets for a container with a network of its
	// own, where they differ from the kernel's defaults.
	Sysctls map[string]string
	// Mounts are the engine's own in a container, outer ones first.
	Mounts []Mount
	// RootNoDev says that device nodes on the root file system do not work.
	RootNoDev bool
}

// HasDevice reports whether the machine has a device node, or a directory of them,
// at a path.
func (f Facts) HasDevice(file string) bool {
	return slices.ContainsFunc(f.Devices, func(d string) bool { return d == file || strings.HasPrefix(d, file+"/") && file != "/dev" })
}

// SecurityModule is a Linux security module that labels or confines containers.
type SecurityModule string

// The modules.
const (
	AppArmor SecurityModule = "apparmor"
	SELinux  SecurityModule = "selinux"
)

// Unconfined is the name of no seccomp profile at all.
const Unconfined = "unconfined"

// Inline is the name of a seccomp profile that the options have as its text.
const Inline = "inline"

// Seccomp is a seccomp profile in force.
type Seccomp struct {
	// Name is "default" for the engine's built-in profile, Unconfined for none, Inline
	// for one without a name, and otherwise the path of a file.
	Name string
	// Filter is what it does; nil where nothing is refused or where that is not known.
	Filter *seccomp.Profile
}

// Mount is a part of the container's file tree that the engine mounts by itself.
type Mount struct {
	Target                  string
	ReadOnly, NoExec, NoDev bool
}
