package mapper

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/callwords"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// cause is why some calls fail without a capability being at fault.
type cause struct {
	calls map[string]bool
	// errnos narrows the entry, nil for both EPERM and EACCES.
	errnos []syscall.Errno
	// when narrows it further, nil for always.
	when func(op observation.Operation) bool
	// granted says that it holds even where the kernel asked for a capability and
	// the process had it.
	granted     bool
	cause, cure string
	// explain says it where it depends on more than the call; it may decline.
	explain func(op observation.Operation, env Environment) (cause, cure string)
}

var (
	openCalls  = nameSet("open openat openat2 creat")
	writeCalls = nameSet("write writev pwrite64 pwritev pwritev2")
	ownerCalls = nameSet("chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat chown32 fchown32 lchown32 utime utimes utimensat futimesat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr")
	nameCalls  = nameSet("unlink unlinkat rmdir rename renameat renameat2 link linkat symlink symlinkat mkdir mkdirat truncate ftruncate truncate64 ftruncate64")
	lookCalls  = nameSet("stat lstat newfstatat fstatat64 statx readlink readlinkat chdir getdents64 access faccessat faccessat2")
	keyCalls   = nameSet("keyctl add_key request_key")
)

const (
	eperm  = syscall.EPERM
	eacces = syscall.EACCES
)

const (
	cureImmutable = "remove the attribute where the file comes from: chattr -i -a"
	cureDevice    = "--device PATH, or --device-cgroup-rule"
	cureNewChild  = "call it in a child: setsid --fork in a script, fork(2) in a program"
)

// causes are tried in order; the first that fits is the explanation.
var causes = []cause{
	{errnos: []syscall.Errno{syscall.EROFS}, granted: true, explain: readOnly},
	{
		calls: keyCalls, errnos: []syscall.Errno{syscall.EDQUOT},
		cause: "the user's quota of keys is used up, which the whole machine shares by user ID",
		cure:  "keep fewer or smaller keys, or raise kernel.keys.maxbytes and kernel.keys.maxkeys on the host",
	},
	{
		errnos: []syscall.Errno{syscall.EDQUOT}, cause: "the quota of the file system is used up (disk quotas, or the size limit of a project)",
		cure: "free space, or raise the quota on the host",
	},
	{
		calls: nameSet("unshare clone clone3 setns"), errnos: []syscall.Errno{syscall.ENOSPC},
		cause: "there are as many namespaces as user.max_*_namespaces allows, or they are nested too deeply",
		cure:  "raise user.max_user_namespaces and the like on the host",
	},
	{
		calls: nameSet("inotify_add_watch"), errnos: []syscall.Errno{syscall.ENOSPC},
		cause: "the user watches as many files as fs.inotify.max_user_watches allows", cure: "raise it on the host",
	},
	{errnos: []syscall.Errno{syscall.ENOSPC}, when: namesFile, explain: fileSystemFull},
	{
		calls: nameSet("socket"), errnos: []syscall.Errno{eacces}, when: isPingSocket,
		cause: "the process's group is outside of net.ipv4.ping_group_range, so that it gets no ICMP datagram socket",
		cure:  "--sysctl net.ipv4.ping_group_range='0 2147483647'; many programs fall back to a raw socket, which needs CAP_NET_RAW",
	},
	{calls: nameSet("execve execveat"), errnos: []syscall.Errno{eacces}, explain: notExecutable},
	{
		calls: nameSet("execve execveat"), errnos: []syscall.Errno{eperm},
		cause: "execve(2) was refused although the file's capabilities are within the container's: the process is traced, or a security module refuses",
	},
	{
		calls: openCalls, errnos: []syscall.Errno{eperm}, when: isDevice,
		cause: "the container's device rules (the device cgroup) do not include this device; capabilities are not asked", cure: cureDevice,
	},
	{
		calls: nameSet("mknod mknodat"), errnos: []syscall.Errno{eperm},
		cause: "the container's device rules (the device cgroup) forbid making this device node, or the file system takes none", cure: cureDevice,
	},
	{
		calls: nameSet("epoll_ctl"), errnos: []syscall.Errno{eperm},
		cause: "epoll does not watch regular files and directories; programs try, and go on without",
	},
	{
		calls: union(openCalls, lookCalls), when: isOtherProcess,
		cause: "the files of another process are closed by ptrace's rules (it is not dumpable, or kernel.yama.ptrace_scope), or by a security module",
		cure:  cureDumpable,
	},
	{
		calls: union(openCalls, lookCalls), when: isProcess,
		cause: "the file is closed to everybody, or a security module forbids it",
		cure:  "for a path that the engine masks, --security-opt systempaths=unconfined",
	},
	{calls: openCalls, errnos: []syscall.Errno{eacces}, explain: notOpened},
	{calls: lookCalls, errnos: []syscall.Errno{eacces}, explain: notOpened},
	{
		calls: openCalls, errnos: []syscall.Errno{eperm}, when: onlyReads,
		cause: "it is a device node that the container's device rules (the device cgroup) do not include, or a security module forbids it", cure: cureDevice,
	},
	{
		calls: openCalls, errnos: []syscall.Errno{eperm},
		cause: "the file is immutable or append-only, or it is a device node that the container's device rules (the device cgroup) do not include",
		cure:  "for a file, " + cureImmutable + "; for a device, " + cureDevice,
	},
	{
		calls: writeCalls, when: isProcess,
		cause: "the kernel refuses this value, or a second write, to the file; no capability was asked",
	},
	{
		calls: writeCalls, errnos: []syscall.Errno{eperm},
		cause: "the file is sealed (F_SEAL_WRITE) or append-only, or the kernel refuses this write to everybody",
		cure:  "write before sealing, or to another file",
	},
	{
		calls: ownerCalls, errnos: []syscall.Errno{eperm}, granted: true,
		cause: "the file is immutable or append-only, or its file system keeps no such attributes (a bind mount of another system, squashed network storage)",
		cure:  "for a file with the attribute, " + cureImmutable + "; otherwise a volume whose file system supports it, or skip the change",
	},
	{
		calls: nameCalls, errnos: []syscall.Errno{eperm},
		cause: "the file or its directory is immutable or append-only, or the operation does not apply to this kind of file", cure: cureImmutable,
	},
	{calls: union(ownerCalls, nameCalls), errnos: []syscall.Errno{eacces}, explain: notOpened},
	{
		calls: nameSet("setsid"), cause: "the process is the leader of a process group already, as the container's first process is", cure: cureNewChild,
	},
	{
		calls: nameSet("setpgid"), cause: "the process is the leader of a session, in another session, or a child that has executed a program already",
		cure: "call it before execve(2), or in a child",
	},
	{
		calls: nameSet("ptrace"), cause: "the process is traced already, or kernel.yama.ptrace_scope or a security module forbids it",
		cure: "one tracer at a time; with Yama, kernel.yama.ptrace_scope on the host",
	},
	{
		calls: nameSet("process_vm_readv process_vm_writev pidfd_getfd"), cause: "kernel.yama.ptrace_scope or a security module forbids access to the process",
		cure: "kernel.yama.ptrace_scope on the host",
	},
	{
		calls: nameSet("kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"),
		cause: "the signal carries data that only the kernel may send to another process, or a security module forbids it",
	},
	{
		calls: nameSet("futex futex_lock_pi"), cause: "the lock is not held by this thread, or by none that may own it (a robust or priority-inheriting lock)",
		cure: "a fault of the program's: unlock it in the thread that locked it",
	},
	{
		calls: nameSet("ioctl"), when: func(op observation.Operation) bool { return isTerminal(op.Args[1]) },
		cause: "the terminal is not the process's controlling one, or another session's",
		cure:  "-t gives the container a terminal of its own",
	},
	{
		calls: nameSet("mlock mlock2 mlockall"), cause: "the limit of locked memory is 0", cure: cureLock,
	},
	{
		calls: nameSet("prlimit64 setrlimit"), granted: true, cause: "the limit asked for is beyond what the system has (fs.nr_open)", cure: "ask for less, or raise fs.nr_open on the host",
	},
	{
		calls: nameSet("sched_setscheduler sched_setattr sched_setparam"), granted: true,
		cause: "the container's control group has no real-time time, or the kernel refuses the policy in it",
		cure:  "run without real-time scheduling, or give the group time: --cpu-rt-runtime, where dockerd has it too",
	},
	{
		calls: nameSet("sendmsg sendto sendmmsg"), errnos: []syscall.Errno{eperm},
		cause: "a packet filter rejects the packet, or the message is one that the kernel takes from outside of containers only (audit, in a PID namespace)",
	},
	{
		calls: nameSet("sendmsg sendto sendmmsg connect"), errnos: []syscall.Errno{eacces}, when: isInternet,
		cause: "the address is a broadcast one and the socket has no SO_BROADCAST, or a route prohibits it",
		cure:  "set SO_BROADCAST on the socket, for a broadcast",
	},
	{
		calls: nameSet("sendmsg sendto sendmmsg connect"), errnos: []syscall.Errno{eacces},
		cause: "the address is a broadcast one (SO_BROADCAST is not set), a prohibited route, or a Unix socket whose mode excludes this user",
	},
	{
		calls: nameSet("connect"), errnos: []syscall.Errno{eperm}, cause: "a packet filter rejects the connection, or a security module forbids it",
	},
	{
		calls: nameSet("bind"), cause: "the address is not for this socket, or a security module forbids it",
	},
	{
		calls: nameSet("mount move_mount fsmount mount_setattr"), when: inOwnNamespace, granted: true,
		cause: "the mount was made in a user namespace of the workload's own: the engine masks parts of /proc and /sys, and a new proc or sysfs would show them; " +
			"or this kind of file system cannot be mounted there, or is locked",
		cure: "for proc and sysfs, --security-opt systempaths=unconfined",
	},
	{
		calls: nameSet("mount umount umount2 move_mount mount_setattr fsconfig fsmount pivot_root"),
		cause: "the mount is locked by the user namespace that made it, its file system cannot be mounted here, or AppArmor or SELinux forbids mounting",
		cure:  cureMount + "; for AppArmor, --security-opt apparmor=PROFILE",
	},
	{
		calls: nameSet("prctl"), errnos: []syscall.Errno{eperm}, when: func(op observation.Operation) bool { return op.Args[0] == prCapAmbient },
		cause: "an ambient capability must be in the permitted and in the inheritable set, and the secure bits must let it be raised",
		cure:  "the process has to add it to its inheritable set first (capset)",
	},
	{
		calls: nameSet("capset"), granted: true,
		cause: "the sets asked for contradict each other: effective beyond permitted, inheritable beyond the bounding set, or another process's",
		cure:  "a fault of the program's: ask for a permitted set that holds the effective one",
	},
	{calls: nameSet("unshare clone clone3 setns"), errnos: []syscall.Errno{eperm}, explain: noNamespace},
	{
		calls: keyCalls, cause: "the key's own permissions exclude this user", cure: "the key's owner can open it: keyctl setperm",
	},
	{calls: nameSet("mmap mmap2 mprotect pkey_mprotect"), explain: notMapped},
	{
		calls: nameSet("bpf perf_event_open"), granted: true,
		cause: "the kernel's lockdown, its verifier, or a sysctl (kernel.unprivileged_bpf_disabled, kernel.perf_event_paranoid) refuses it",
		cure:  "the host's settings decide",
	},
	{
		calls: nameSet("iopl ioperm kexec_load kexec_file_load init_module finit_module"), granted: true, when: hasAgreed,
		cause: "the capability was granted and the kernel's lockdown, or a security module, refuses it to everybody", cure: "the host's boot settings decide (lockdown=)",
	},
}

// causeOf explains a failure in which no capability was refused that would
// account for it. The cause is never empty.
func causeOf(op observation.Operation, env Environment) (string, string) {
	function, agreed := agreement(op)
	after := agreed && !common[function]
	for _, c := range causes {
		if after && !c.granted || !c.fits(op) {
			continue
		}
		if c.explain == nil {
			return c.cause, c.cure
		}
		if why, cure := c.explain(op, env); why != "" {
			return why, cure
		}
	}
	if agreed {
		return fmt.Sprintf("%s: %s", grantedYet, laterRefusal(env)), laterCure(env)
	}
	return fmt.Sprintf("%s was refused without a capability being asked for: by a permission of the object itself, or by %s", callwords.Call(op), laterRefusal(env)), ""
}

// grantedYet introduces what refuses after the capabilities have agreed.
const grantedYet = "the capability was granted and the call refused all the same"

func (c cause) fits(op observation.Operation) bool {
	errnos := c.errnos
	if errnos == nil {
		errnos = permission
	}
	return slices.Contains(errnos, op.Errno) && (c.calls == nil || c.calls[op.Syscall]) && (c.when == nil || c.when(op))
}

// limits are errors that stand for a limit or a quota; where the table knows them,
// they are told as refusals are.
var limits = []syscall.Errno{syscall.EDQUOT, syscall.ENOSPC}

// limited reports whether an operation met a limit that the table knows.
func limited(op observation.Operation) bool {
	return slices.Contains(limits, op.Errno) && slices.ContainsFunc(causes, func(c cause) bool { return c.fits(op) })
}

// common are the places where a granted capability says little of why the call
// failed later: every path is searched, and every device node has its rules.
var common = nameSet("generic_permission vfs_mknod do_mknodat")

// agreement finds the last capability that the container's own credentials
// were asked for in earnest and had. What refuses after that is not
// capabilities.
func agreement(op observation.Operation) (function string, agreed bool) {
	for _, check := range slices.Backward(op.Checks) {
		if !check.Granted || check.Overridden {
			continue
		}
		p := placeOf(check, op.Syscall)
		if p.entry != nil && p.entry.refuses(op.Errno) || p.entry == nil && (p.function != "" || !accounting[op.Syscall]) {
			return p.function, true
		}
	}
	return "", false
}

func hasAgreed(op observation.Operation) bool {
	_, agreed := agreement(op)
	return agreed
}

// inOwnNamespace reports whether a capability was granted in a user namespace that
// is neither the container's nor the host's.
func inOwnNamespace(op observation.Operation) bool {
	return slices.ContainsFunc(op.Checks, func(c observation.Check) bool {
		return c.Granted && c.Namespace == observation.OtherNamespace
	})
}

// moduleWords name the security modules that may refuse. A program can put itself
// under Landlock, of which no engine knows.
func moduleWords(env Environment) string {
	names := "AppArmor, SELinux"
	if len(env.SecurityModules) > 0 {
		names = strings.Join(env.SecurityModules, ", ")
	}
	return "a security module (" + names + ", or the program's own Landlock rules)"
}

func laterRefusal(env Environment) string {
	return moduleWords(env) + ", a rule of the file system, or the kernel's lockdown"
}

func laterCure(env Environment) string {
	switch {
	case slices.Contains(env.SecurityModules, "apparmor"):
		return "--security-opt apparmor=PROFILE with a profile that allows it"
	case slices.Contains(env.SecurityModules, "selinux"):
		return "--security-opt label=TYPE, or :z on the volume"
	default:
		return ""
	}
}

// reasons are what may be at fault and what helps, in pairs.
type reasons struct{ causes, cures []string }

func (r *reasons) add(cause, cure string) {
	r.causes = append(r.causes, cause)
	if cure != "" && !slices.Contains(r.cures, cure) {
		r.cures = append(r.cures, cure)
	}
}

func (r *reasons) say() (cause, cure string) {
	cause, cure = strings.Join(r.causes, "; or "), strings.Join(r.cures, "; or ")
	if len(r.causes) > 1 {
		cause = "one of these: " + cause
	}
	return cause, cure
}

// notOpened explains a file that was not to be had although neither its mode nor a
// capability stood in the way: what is left, less what is known not to be.
func notOpened(op observation.Operation, env Environment) (string, string) {
	var r reasons
	on, known := mountOf(op.Object.Path, env)
	if openCalls[op.Syscall] {
		switch {
		case known && on.NoDev:
			r.add("it is a device node, and "+on.words()+" is mounted nodev", cureDevice)
		case isDevice(op) || !known:
			r.add("it is a device node on a file system mounted nodev", cureDevice)
		}
	}
	if creates(op) && env.enforced("fs.protected_regular", "fs.protected_fifos") {
		r.add("the directory is sticky and writable by all, and the file is another user's (fs.protected_regular, fs.protected_fifos): not even root may open it for creation",
			"open it without O_CREAT, remove it first, or use a directory of the user's own")
	}
	if env.enforced("fs.protected_symlinks") {
		r.add("it is reached by another user's symbolic link in a sticky directory (fs.protected_symlinks): not even root may follow it",
			"use a directory of the user's own, or start as the link's owner (--user)")
	}
	if !known || on.Kind == "volume" {
		r.add("the file system's own server refuses root (NFS with root_squash, FUSE)", "start as the user whom the server lets in (--user)")
	}
	if r.add(moduleWords(env)+" forbids it", laterCure(env)); hasAgreed(op) {
		cause, cure := r.say()
		return grantedYet + ": " + cause, cure
	}
	return r.say()
}

// deviceNode explains a node that the workload made itself and cannot open; rule
// is what device rules call it.
func deviceNode(op observation.Operation, env Environment, rule string) (cause, cure string) {
	cure = "let the engine make the node: --device PATH"
	on, known := mountOf(op.Object.Path, env)
	switch {
	case known && on.NoDev:
		return "the file is a device node, and " + on.words() + " is mounted nodev", cure
	case op.Errno == eacces:
		return "the file is a device node on a file system mounted nodev, or a security module forbids it", cure
	default:
		return "the container's device rules (the device cgroup) do not include this device, " + rule, cure + ", or --device-cgroup-rule '" + rule + " rwm'"
	}
}

// enforced reports whether one of the host's settings is on, or not known.
func (env Environment) enforced(settings ...string) bool {
	return slices.ContainsFunc(settings, func(name string) bool {
		value, known := env.Settings[name]
		return !known || value != "0"
	})
}

// Settings are the host's, which hold in all containers, on which the words of a
// cause depend.
var Settings = []string{"fs.protected_regular", "fs.protected_fifos", "fs.protected_symlinks"}

func notExecutable(op observation.Operation, env Environment) (string, string) {
	on, known := mountOf(op.Object.Path, env)
	switch {
	case known && on.NoExec:
		return noExec(on)
	case known && on.Kind == "root file system":
		return "the file, or its interpreter, has no execute bit that applies to this user", "chmod +x in the Dockerfile, so that it is executable"
	default:
		return "the file, or its interpreter, is not executable for this user, or is on a file system mounted noexec",
			"chmod +x in the Dockerfile, or mount without noexec (--tmpfs " + "DIR:exec)"
	}
}

// notMapped explains memory that may not be mapped as it was asked for
// (mm/mmap.c:do_mmap, mm/mprotect.c:do_mprotect_pkey).
func notMapped(op observation.Operation, env Environment) (string, string) {
	executable := op.Args[2]&unix.PROT_EXEC != 0
	mapping := op.Syscall == "mmap" || op.Syscall == "mmap2"
	const noExecFile = "the file is on a file system mounted noexec, as --tmpfs and /dev/shm are by default"
	const cureNoExec = "--tmpfs DIR:exec, or put the file elsewhere"
	switch {
	case mapping && executable && op.Errno == eperm:
		return noExecFile, cureNoExec
	case mapping && op.Errno == eperm:
		return "the file is sealed (F_SEAL_WRITE)", "map it before it is sealed, or privately"
	case mapping && executable:
		return "the file was not opened for reading, or " + moduleWords(env) + " forbids memory that is executable", ""
	case mapping:
		return "the file was not opened for the access that the mapping gives, or is append-only", "open it for reading and writing"
	case executable:
		return noExecFile + ", or " + moduleWords(env) + " forbids memory that is executable", cureNoExec
	default:
		return "the memory is of a file that was not opened for writing, or that is sealed", "open it for reading and writing"
	}
}

// noNamespace explains a user namespace that the kernel refuses whatever the
// capabilities (kernel/user_namespace.c:create_user_ns), or one that may not be
// entered.
func noNamespace(op observation.Operation, env Environment) (string, string) {
	if op.Syscall == "setns" {
		return "the namespace is not one that the process may enter: it is its own user namespace already, or shares its root directory with threads", ""
	}
	if op.Syscall != "clone3" && op.Args[0]&unix.CLONE_NEWUSER == 0 {
		return "", ""
	}
	why := "the process's root directory is a chroot, or its user is not mapped into the user namespace that it is in"
	if len(env.SecurityModules) > 0 {
		why += ", or the host restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns)"
	}
	return why, "leave chroot(2) away (pivot_root(2) is none), and write uid_map and gid_map before the next namespace is made"
}

func fileSystemFull(op observation.Operation, env Environment) (string, string) {
	on, known := mountOf(op.Object.Path, env)
	if known && (on.Kind == "tmpfs" || on.Target == "/dev/shm") {
		cure := "--tmpfs " + on.Target + ":size=SIZE"
		if on.Kind == "" {
			cure = "--shm-size SIZE"
		}
		return on.words() + " is full", cure
	}
	return "the file system is full, or has no more room for files", "free space, or use a volume that has it"
}

// namesFile reports whether the call is about a file, so that ENOSPC is about its
// file system.
func namesFile(op observation.Operation) bool {
	return op.Object.Path != "" && (openCalls[op.Syscall] || writeCalls[op.Syscall] || nameCalls[op.Syscall])
}

// openFlags are the flags of an open; openat2(2) has them in memory.
func openFlags(op observation.Operation) (flags uint64, known bool) {
	switch op.Syscall {
	case "creat":
		return unix.O_CREAT | unix.O_WRONLY | unix.O_TRUNC, true
	case "open":
		return op.Args[1], true
	case "openat":
		return op.Args[2], true
	default:
		return 0, false
	}
}

func creates(op observation.Operation) bool {
	flags, _ := openFlags(op)
	return flags&unix.O_CREAT != 0
}

// onlyReads reports whether an open asks for nothing that an immutable file denies.
func onlyReads(op observation.Operation) bool {
	flags, known := openFlags(op)
	return known && flags&(unix.O_ACCMODE|unix.O_TRUNC) == unix.O_RDONLY
}

// isInternet reports whether the call's address is one of the Internet's.
func isInternet(op observation.Operation) bool {
	return op.Object.Family == unix.AF_INET || op.Object.Family == unix.AF_INET6
}

var processFile = regexp.MustCompile(`^/proc/[0-9]+/`)

// isOtherProcess reports whether the path is a file of a process by its number.
func isOtherProcess(op observation.Operation) bool { return processFile.MatchString(op.Object.Path) }

func union(sets ...map[string]bool) map[string]bool {
	all := map[string]bool{}
	for _, set := range sets {
		for name := range set {
			all[name] = true
		}
	}
	return all
}

func isPingSocket(op observation.Operation) bool {
	const typeMask = 0xf // SOCK_NONBLOCK and SOCK_CLOEXEC are above it
	return op.Args[1]&typeMask == unix.SOCK_DGRAM &&
		(op.Args[0] == unix.AF_INET && op.Args[2] == unix.IPPROTO_ICMP || op.Args[0] == unix.AF_INET6 && op.Args[2] == unix.IPPROTO_ICMPV6)
}

// isDevice reports whether the path is where the engine puts devices.
func isDevice(op observation.Operation) bool {
	on, _ := mountOf(op.Object.Path, Environment{})
	return on.Target == "/dev"
}

func isProcess(op observation.Operation) bool {
	return strings.HasPrefix(op.Object.Path, "/proc/") || strings.HasPrefix(op.Object.Path, "/sys/")
}

// isTerminal reports whether an ioctl request is one of a terminal's: the type
// byte 'T' (asm-generic/ioctls.h).
func isTerminal(request uint64) bool { return request>>8&0xff == 'T' }

// needsNone says of calls that seccomp gates what the kernel itself asks for
// less than that.
func needsNone(op observation.Operation) (string, bool) {
	switch op.Syscall {
	case "mbind", "set_mempolicy", "get_mempolicy", "set_mempolicy_home_node":
		return "asks for no capability where a process places its own memory", true
	case "unshare", "clone":
		if op.Args[0]&unix.CLONE_NEWUSER != 0 {
			return "lets every user make a user namespace", true
		}
	case "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd":
		return "asks for no capability among processes of one user", true
	case "name_to_handle_at", "lsm_get_self_attr", "lsm_list_modules":
		return "asks for no capability", true
	}
	return "", false
}

// lowerName is a capability as setcap(8) takes it.
func lowerName(c capability.Cap) string { return strings.ToLower(c.String()) }
