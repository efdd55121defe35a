package mapper

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// Settings are the host's, which hold in all containers, on which the words of a
// cause depend.
var Settings = []string{"fs.protected_regular", "fs.protected_fifos", "fs.protected_symlinks"}

// enforced reports whether one of the host's settings is on, or not known.
func (env Environment) enforced(settings ...string) bool {
	return slices.ContainsFunc(settings, func(name string) bool {
		value, known := env.Settings[name]
		return !known || value != "0"
	})
}

// namespaced reports whether a sysctl is one of the container's own, which the engine
// can set for it (runc libcontainer/configs/validate: sysctl).
func (env Environment) namespaced(sysctl string) bool {
	if strings.HasPrefix(sysctl, "net.") {
		return !env.SharedNetwork
	}
	for _, prefix := range []string{"kernel.msg", "kernel.shm", "fs.mqueue."} {
		if strings.HasPrefix(sysctl, prefix) {
			return true
		}
	}
	return slices.Contains([]string{"kernel.sem", "kernel.domainname", "kernel.hostname"}, sysctl)
}

// readOnly explains EROFS.
func readOnly(op observation.Operation, env Environment) (string, []remedy.Remedy) {
	file := path.Clean(op.Object.Path)
	on, known := mountOf(file, env)
	if !known || !on.ReadOnly {
		return "the file system is read-only, and no capability makes it writable", []remedy.Remedy{{Kind: remedy.WritableMount, Path: directoryOf(op)}}
	}
	cause := on.words() + " is mounted read-only, and no capability makes it writable"
	sysctl, _ := sysctlOf(file)
	switch {
	case on.Target == "/proc/sys" && on.Kind == EngineMount:
		return cause, setting(sysctl, env)
	case within(on.Target, "/proc") && on.Kind == EngineMount:
		return cause, try(remedy.UnmaskPaths)
	case on.Target == "/sys/fs/cgroup" && on.Kind == EngineMount:
		return cause, try(remedy.EngineLimits, remedy.HostCgroups)
	case within(on.Target, "/sys") && on.Kind == EngineMount:
		return cause, []remedy.Remedy{{Kind: remedy.HostSys, Path: file}}
	case on.Kind == RootFS:
		return cause, []remedy.Remedy{{Kind: remedy.WritableMount, Path: directoryOf(op)}, {Kind: remedy.WritableRoot}}
	default:
		return cause, []remedy.Remedy{{Kind: remedy.MountWritable, Mount: string(on.Kind), Path: on.Target}}
	}
}

// setting is how a sysctl gets another value than by a write in the container.
func setting(sysctl string, env Environment) []remedy.Remedy {
	switch {
	case sysctl == "kernel.hostname":
		return try(remedy.Hostname)
	case sysctl == "kernel.domainname":
		return try(remedy.Domainname)
	case env.namespaced(sysctl):
		return []remedy.Remedy{{Kind: remedy.Sysctl, Name: sysctl}}
	default:
		return hostSysctl(sysctl, "")
	}
}

// directoryOf is the directory of the call's path, "" for a path that is not known
// whole.
func directoryOf(op observation.Operation) string {
	if !path.IsAbs(op.Object.Path) {
		return ""
	}
	return path.Dir(path.Clean(op.Object.Path))
}

// reasons are what may be at fault and what helps against it.
type reasons struct {
	causes   []string
	remedies []remedy.Remedy
}

func (r *reasons) add(cause string, remedies ...remedy.Remedy) {
	r.causes = append(r.causes, cause)
	r.remedies = append(r.remedies, remedies...)
}

func (r *reasons) say() (string, []remedy.Remedy) {
	cause := strings.Join(r.causes, "; or ")
	if len(r.causes) > 1 {
		cause = "one of these: " + cause
	}
	return cause, r.remedies
}

// notOpened explains a file that was not to be had although neither its mode nor a
// capability stood in the way: what remains, without what is known not to be.
func notOpened(op observation.Operation, env Environment) (string, []remedy.Remedy) {
	var r reasons
	on, known := mountOf(op.Object.Path, env)
	if openCalls[op.Syscall] {
		switch {
		case known && on.NoDev:
			r.add("it is a device node, and "+on.words()+" is mounted nodev", try(remedy.Device)...)
		case isDevice(op) || !known:
			r.add("it is a device node on a file system mounted nodev", try(remedy.Device)...)
		}
	}
	if creates(op) && env.enforced("fs.protected_regular", "fs.protected_fifos") {
		r.add("the directory is sticky and writable by all, and the file is another user's (fs.protected_regular, fs.protected_fifos): not even root may open it for creation",
			try(remedy.WithoutCreate, remedy.OwnDirectory)...)
	}
	if env.enforced("fs.protected_symlinks") {
		r.add("it is reached by another user's symbolic link in a sticky directory (fs.protected_symlinks): not even root may follow it",
			try(remedy.OwnDirectory, remedy.RunAsOwner)...)
	}
	if !known || on.Kind.holdsData() {
		r.add("the file system's own server refuses root (NFS with root_squash, FUSE)", try(remedy.ServedUser)...)
	}
	r.add(moduleWords(env)+" forbids it", laterRemedies(env)...)
	cause, remedies := r.say()
	if hasAgreed(op) {
		cause = grantedYet + ": " + cause
	}
	return cause, remedies
}

// deviceNode explains a node that the workload made itself and cannot open; rule
// is what device rules call it.
func deviceNode(op observation.Operation, env Environment, rule string) (string, []remedy.Remedy) {
	device := try(remedy.Device)
	on, known := mountOf(op.Object.Path, env)
	switch {
	case known && on.NoDev:
		return "the file is a device node, and " + on.words() + " is mounted nodev", device
	case op.Errno == eacces:
		return "the file is a device node on a file system mounted nodev, or a security module forbids it", device
	default:
		return deviceCgroup + " do not include this device, " + rule, append(device, remedy.Remedy{Kind: remedy.DeviceRule, Device: rule})
	}
}

func notExecutable(op observation.Operation, env Environment) (string, []remedy.Remedy) {
	on, known := mountOf(op.Object.Path, env)
	switch {
	case known && on.NoExec:
		return noExec(on)
	case known && on.Kind == RootFS:
		return "the file, or its interpreter, has no execute bit that applies to this user", try(remedy.ExecutableBit)
	default:
		return "the file, or its interpreter, is not executable for this user, or is on a file system mounted noexec",
			[]remedy.Remedy{{Kind: remedy.ExecutableBit}, {Kind: remedy.MountOption, Name: "exec", Path: directoryOf(op)}}
	}
}

// noExec explains a file that may not be executed, or mapped to be.
func noExec(on Mount) (string, []remedy.Remedy) {
	exec := remedy.Remedy{Kind: remedy.MountOption, Name: "exec", Path: on.Target}
	other := remedy.Remedy{Kind: remedy.OtherFileSystem}
	cause := on.words() + " is mounted noexec"
	switch on.Kind {
	case Tmpfs:
		return cause + ", as a tmpfs is by default", []remedy.Remedy{exec, other}
	case EngineMount:
		return cause, []remedy.Remedy{other, exec}
	default:
		return cause, []remedy.Remedy{other}
	}
}

// notMapped explains memory that may not be mapped as it was asked for
// (mm/mmap.c:do_mmap, mm/mprotect.c:do_mprotect_pkey).
func notMapped(op observation.Operation, env Environment) (string, []remedy.Remedy) {
	executable := op.Args[2]&unix.PROT_EXEC != 0
	mapping := op.Syscall == "mmap" || op.Syscall == "mmap2"
	const noExecFile = "the file is on a file system mounted noexec, as a tmpfs and /dev/shm are by default"
	mountExec := []remedy.Remedy{{Kind: remedy.MountOption, Name: "exec"}, {Kind: remedy.OtherFileSystem}}
	if on, known := mountOf(op.Object.Path, env); known && on.NoExec {
		mountExec[0].Path = on.Target
	}
	switch {
	case mapping && executable && op.Errno == eperm:
		return noExecFile, mountExec
	case mapping && op.Errno == eperm:
		return "the file is sealed (F_SEAL_WRITE)", try(remedy.MapBeforeSeal)
	case mapping && executable:
		return "the file was not opened for reading, or " + moduleWords(env) + " forbids memory that is executable", nil
	case mapping:
		return "the file was not opened for the access that the mapping gives, or is append-only", try(remedy.OpenForWriting)
	case executable:
		return noExecFile + ", or " + moduleWords(env) + " forbids memory that is executable", mountExec
	default:
		return "the memory is of a file that was not opened for writing, or that is sealed", try(remedy.OpenForWriting)
	}
}

func fileSystemFull(op observation.Operation, env Environment) (string, []remedy.Remedy) {
	on, known := mountOf(op.Object.Path, env)
	switch {
	case known && on.Kind == Tmpfs:
		return on.words() + " is full", []remedy.Remedy{{Kind: remedy.MountOption, Name: "size", Path: on.Target}}
	case known && on.Target == "/dev/shm":
		return on.words() + " is full", try(remedy.SharedMemory)
	}
	return "the file system is full, or has no more room for files", try(remedy.FreeSpace)
}

// notMounted explains a mount, or its end, for which no capability was asked.
func notMounted(_ observation.Operation, env Environment) (string, []remedy.Remedy) {
	return "the mount is locked by the user namespace that made it, its file system cannot be mounted here, or " + moduleWords(env) + " forbids mounting",
		append(try(remedy.EngineMount), laterRemedies(env)...)
}

// noNamespace explains a user namespace that the kernel refuses whatever the
// capabilities (kernel/user_namespace.c:create_user_ns), or one that may not be
// entered.
func noNamespace(op observation.Operation, env Environment) (string, []remedy.Remedy) {
	if op.Syscall == "setns" {
		return "the namespace is not one that the process may enter: it is its own user namespace already, or shares its root directory with threads", nil
	}
	if op.Syscall != "clone3" && op.Args[0]&unix.CLONE_NEWUSER == 0 {
		return "", nil
	}
	why := "the process's root directory is a chroot, or its user is not mapped into the user namespace that it is in"
	if len(env.Modules) > 0 {
		why += ", or the host restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns)"
	}
	return why, try(remedy.PivotRoot)
}

// laterRemedies are against what refuses after the capabilities have agreed.
func laterRemedies(env Environment) []remedy.Remedy {
	for _, m := range env.Modules {
		return []remedy.Remedy{m.remedy("")}
	}
	return nil
}
