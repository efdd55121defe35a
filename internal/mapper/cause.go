package mapper

import (
	"fmt"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// cause is why some calls fail with EPERM, EACCES or EROFS without a capability
// being at fault.
type cause struct {
	calls map[string]bool
	// errnos narrows the entry, nil for both EPERM and EACCES.
	errnos []syscall.Errno
	// when narrows it further, nil for always.
	when        func(op observation.Operation) bool
	cause, cure string
}

var (
	openCalls  = nameSet("open openat openat2 creat")
	writeCalls = nameSet("write writev pwrite64 pwritev pwritev2")
	ownerCalls = nameSet("chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat chown32 fchown32 lchown32 utime utimes utimensat futimesat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr")
	nameCalls  = nameSet("unlink unlinkat rmdir rename renameat renameat2 link linkat symlink symlinkat mkdir mkdirat mknod mknodat truncate ftruncate truncate64 ftruncate64")
)

const (
	eperm  = syscall.EPERM
	eacces = syscall.EACCES
)

// causes are tried in order; the first that fits is the explanation.
var causes = []cause{
	{
		when: func(op observation.Operation) bool { return op.Errno == syscall.EROFS }, errnos: []syscall.Errno{syscall.EROFS},
		cause: "the file system is read-only; no capability makes it writable",
		cure:  "write to a volume or a --tmpfs instead, drop --read-only, or, for a setting under /proc/sys, use --sysctl",
	},
	{
		calls: nameSet("socket"), errnos: []syscall.Errno{eacces}, when: isPingSocket,
		cause: "the process's group is outside of net.ipv4.ping_group_range, so that it gets no ICMP datagram socket",
		cure:  "--sysctl net.ipv4.ping_group_range='0 2147483647'; many programs fall back to a raw socket, which needs CAP_NET_RAW",
	},
	{
		calls: nameSet("execve execveat"), errnos: []syscall.Errno{eacces},
		cause: "the file, or its interpreter, is not executable for this user, or is on a file system mounted noexec",
		cure:  "chmod +x in the Dockerfile, or mount without noexec",
	},
	{
		calls: nameSet("execve execveat"), errnos: []syscall.Errno{eperm},
		cause: "execve(2) was refused although the file's capabilities are within the container's: the process is traced or under a security module",
	},
	{
		calls: openCalls, errnos: []syscall.Errno{eperm}, when: isDevice,
		cause: "the container's device rules (the device cgroup) do not include this device; capabilities are not asked",
		cure:  "--device PATH, or --device-cgroup-rule",
	},
	{
		calls: openCalls, errnos: []syscall.Errno{eacces}, when: isDevice,
		cause: "the device node is on a file system mounted nodev, or the device rules of the container exclude it",
		cure:  "--device PATH",
	},
	{
		calls: nameSet("mknod mknodat"), errnos: []syscall.Errno{eperm},
		cause: "the container's device rules (the device cgroup) forbid making this device node, or the file system takes none",
		cure:  "--device PATH, or --device-cgroup-rule",
	},
	{
		calls: nameSet("open openat openat2 stat lstat newfstatat fstatat64 statx readlink readlinkat chdir getdents64"), when: isProcess,
		cause: "the files of another process are closed by ptrace's rules (kernel.yama.ptrace_scope, a process that is not dumpable) or masked by the engine",
		cure:  "for a masked path, --security-opt systempaths=unconfined",
	},
	{
		calls: openCalls, errnos: []syscall.Errno{eacces}, when: creates,
		cause: "the directory is sticky and writable by all, and the file is another user's (fs.protected_regular, fs.protected_fifos): not even root may open it for creation",
		cure:  "open it without O_CREAT, remove it first, or use a directory of the user's own",
	},
	{
		calls: openCalls, errnos: []syscall.Errno{eperm},
		cause: "the file is immutable or append-only, or sealed",
		cure:  "remove the attribute where the file comes from: chattr -i -a",
	},
	{
		calls: writeCalls, when: isProcess,
		cause: "the kernel refuses this value, or a second write, to the file; no capability was asked",
	},
	{
		calls: writeCalls, errnos: []syscall.Errno{eperm},
		cause: "the file is sealed or append-only, or the kernel refuses this write to everybody",
	},
	{
		calls: ownerCalls, errnos: []syscall.Errno{eperm},
		cause: "the file is immutable or append-only, or its file system keeps no such attributes (a bind mount of another system, squashed network storage)",
		cure:  "use a volume whose file system supports it, or skip the change",
	},
	{
		calls: nameCalls, errnos: []syscall.Errno{eperm},
		cause: "the file or its directory is immutable or append-only, or the operation does not apply to this kind of file",
	},
	{
		calls: nameSet("setpgid setsid"),
		cause: "process groups and sessions have rules of their own: the process is a group or session leader, or in another session",
	},
	{
		calls: nameSet("ptrace process_vm_readv process_vm_writev pidfd_getfd"),
		cause: "the process is traced already, or kernel.yama.ptrace_scope or a security module forbids it",
		cure:  "kernel.yama.ptrace_scope on the host",
	},
	{
		calls: nameSet("kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"),
		cause: "the signal carries data that only the kernel may send to another process, or a security module forbids it",
	},
	{
		calls: nameSet("futex futex_lock_pi"), cause: "the lock is not held by this thread, or by none that may own it (a robust or priority-inheriting lock)",
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
		calls: nameSet("prlimit64 setrlimit"), cause: "the limit asked for is beyond what the system has (fs.nr_open, or above the hard limit)", cure: cureUlimit,
	},
	{
		calls: nameSet("sched_setscheduler sched_setattr sched_setparam setpriority nice"),
		cause: "the control group has no real-time time left, or the kernel refuses the policy in it",
		cure:  "--cpu-rt-runtime",
	},
	{
		calls: nameSet("sendmsg sendto sendmmsg"), errnos: []syscall.Errno{eperm},
		cause: "a packet filter rejects the packet, or the message is one that the kernel takes from outside of containers only (audit, in a PID namespace)",
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
		calls: nameSet("capset"),
		cause: "the sets asked for contradict each other: effective beyond permitted, inheritable beyond the bounding set, or another process's",
	},
	{
		calls: nameSet("unshare clone setns"), errnos: []syscall.Errno{eperm},
		cause: "user namespaces are restricted on this machine (user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns), the root is a chroot, or the mapping lacks this user",
		cure:  "the host's settings decide",
	},
	{
		calls: nameSet("keyctl add_key request_key"), cause: "the key's own permissions exclude this user, or the quota of keys is used up",
	},
	{
		calls: nameSet("mmap mmap2 mprotect"),
		cause: "the file is mounted noexec, opened without write access, or sealed, or a security module forbids memory that is writable and executable",
	},
	{
		calls: nameSet("bpf perf_event_open"),
		cause: "the kernel's lockdown, its verifier, or a sysctl (kernel.unprivileged_bpf_disabled, kernel.perf_event_paranoid) refuses it",
	},
}

// causeOf explains a failure in which no capability was refused that would
// account for it. The cause is never empty.
func causeOf(op observation.Operation, env Environment) (string, string) {
	function, agreed := agreement(op)
	later := fmt.Sprintf("the capability was granted and the call refused all the same: by %s", laterRefusal(env))
	if agreed && !common[function] {
		return later, laterCure(env)
	}
	for _, c := range causes {
		if c.fits(op) {
			return c.cause, c.cure
		}
	}
	if agreed {
		return later, laterCure(env)
	}
	return fmt.Sprintf("%s was refused without a capability being asked for: by a permission of the object itself, or %s", callWords(op), laterRefusal(env)), ""
}

func (c cause) fits(op observation.Operation) bool {
	errnos := c.errnos
	if errnos == nil {
		errnos = permission
	}
	return slices.Contains(errnos, op.Errno) && (c.calls == nil || c.calls[op.Syscall]) && (c.when == nil || c.when(op))
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

func laterRefusal(env Environment) string {
	if len(env.SecurityModules) > 0 {
		return fmt.Sprintf("a security module (%s) or a rule of the file system or the kernel's lockdown", strings.Join(env.SecurityModules, ", "))
	}
	return "a security module (AppArmor, SELinux), a rule of the file system, or the kernel's lockdown"
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

func isPingSocket(op observation.Operation) bool {
	const typeMask = 0xf // SOCK_NONBLOCK and SOCK_CLOEXEC are above it
	return op.Args[1]&typeMask == unix.SOCK_DGRAM &&
		(op.Args[0] == unix.AF_INET && op.Args[2] == unix.IPPROTO_ICMP || op.Args[0] == unix.AF_INET6 && op.Args[2] == unix.IPPROTO_ICMPV6)
}

func isDevice(op observation.Operation) bool {
	return strings.HasPrefix(op.Object.Path, "/dev/")
}

func isProcess(op observation.Operation) bool {
	return strings.HasPrefix(op.Object.Path, "/proc/") || strings.HasPrefix(op.Object.Path, "/sys/")
}

func creates(op observation.Operation) bool {
	switch op.Syscall {
	case "creat":
		return true
	case "open":
		return op.Args[1]&unix.O_CREAT != 0
	case "openat":
		return op.Args[2]&unix.O_CREAT != 0
	default:
		// openat2(2) has its flags in memory.
		return false
	}
}

// isTerminal reports whether an ioctl request is one of a terminal's: the type
// byte 'T' (asm-generic/ioctls.h).
func isTerminal(request uint64) bool { return request>>8&0xff == 'T' }

// callWords names a call, with the argument on which a seccomp profile may
// depend.
func callWords(op observation.Operation) string {
	switch op.Syscall {
	case "":
		return "work outside of any system call"
	case "socket":
		return fmt.Sprintf("socket(2) of address family %d", op.Args[0])
	case "personality":
		return fmt.Sprintf("personality(2) with %#x", op.Args[0])
	default:
		return op.Syscall
	}
}

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
