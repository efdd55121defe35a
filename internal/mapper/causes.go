package mapper

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/capprof/capprof/internal/callwords"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// cause is why some calls fail without a capability being at fault.
type cause struct {
	calls map[string]bool
	// errnos limits the entry to some errors, nil for both EPERM and EACCES.
	errnos []syscall.Errno
	// when limits it further, nil for always.
	when func(op observation.Operation) bool
	// granted says that it holds even where the kernel asked for a capability and
	// the process had it.
	granted bool
	// cause is a sentence, and remedies are without the arguments that the call gives
	// them.
	cause    string
	remedies []remedy.Remedy
	// explain says both where they depend on more than the call; it may decline.
	explain func(op observation.Operation, env Environment) (cause string, remedies []remedy.Remedy)
}

const (
	eperm  = syscall.EPERM
	eacces = syscall.EACCES
)

const deviceCgroup = "the container's device rules (the device cgroup)"

// causes are tried in order; the first that fits is the explanation.
var causes = []cause{
	{errnos: []syscall.Errno{syscall.EROFS}, granted: true, explain: readOnly},
	{
		calls: keyCalls, errnos: []syscall.Errno{syscall.EDQUOT},
		cause:    "the user's quota of keys is used up, which the whole machine shares by user ID",
		remedies: append(try(remedy.FewerKeys), hostSysctl("kernel.keys.maxbytes", "")[0], hostSysctl("kernel.keys.maxkeys", "")[0]),
	},
	{
		errnos: []syscall.Errno{syscall.EDQUOT}, cause: "the quota of the file system is used up (disk quotas, or the size limit of a project)",
		remedies: try(remedy.DiskQuota),
	},
	{
		calls: nameSet("unshare clone clone3 setns"), errnos: []syscall.Errno{syscall.ENOSPC},
		cause:    "there are as many namespaces as user.max_*_namespaces allows, or they are nested too deeply",
		remedies: hostSysctl("user.max_user_namespaces", ""),
	},
	{
		calls: nameSet("inotify_add_watch"), errnos: []syscall.Errno{syscall.ENOSPC},
		cause: "the user watches as many files as fs.inotify.max_user_watches allows", remedies: hostSysctl("fs.inotify.max_user_watches", ""),
	},
	{errnos: []syscall.Errno{syscall.ENOSPC}, when: namesFile, explain: fileSystemFull},
	{
		calls: nameSet("socket"), errnos: []syscall.Errno{eacces}, when: isPingSocket,
		cause:    "the process's group is outside of net.ipv4.ping_group_range, so that it gets no ICMP datagram socket",
		remedies: []remedy.Remedy{{Kind: remedy.Sysctl, Name: observation.PingGroupRange, Value: everyGroup}, {Kind: remedy.RawPing}},
	},
	{calls: nameSet("execve execveat"), errnos: []syscall.Errno{eacces}, explain: notExecutable},
	{
		calls: nameSet("execve execveat"), errnos: []syscall.Errno{eperm}, when: func(op observation.Operation) bool { return !op.Object.FileSeen },
		cause: "execve(2) was refused, and the file could not be looked at in time: it had capabilities then that the container may not hold, the process is traced, or a security module refuses",
	},
	{
		calls: nameSet("execve execveat"), errnos: []syscall.Errno{eperm},
		cause: "execve(2) was refused although the file's capabilities are within the container's: the process is traced, or a security module refuses",
	},
	{
		calls: openCalls, errnos: []syscall.Errno{eperm}, when: isDevice,
		cause: deviceCgroup + " do not include this device; capabilities are not asked", remedies: try(remedy.Device, remedy.DeviceRule),
	},
	{
		calls: nameSet("mknod mknodat"), errnos: []syscall.Errno{eperm},
		cause: deviceCgroup + " forbid making this device node, or the file system takes none", remedies: try(remedy.Device, remedy.DeviceRule),
	},
	{
		calls: nameSet("epoll_ctl"), errnos: []syscall.Errno{eperm},
		cause: "epoll does not watch regular files and directories; programs try, and go on without",
	},
	{
		calls: union(openCalls, lookCalls), when: isOtherProcess,
		cause:    "the files of another process are closed by ptrace's rules (it is not dumpable, or kernel.yama.ptrace_scope), or by a security module",
		remedies: try(remedy.Dumpable),
	},
	{
		calls: union(openCalls, lookCalls), when: isProcess,
		cause:    "the file is closed to everybody, the engine masks it, or a security module forbids it",
		remedies: try(remedy.UnmaskPaths),
	},
	{calls: openCalls, errnos: []syscall.Errno{eacces}, explain: notOpened},
	{calls: lookCalls, errnos: []syscall.Errno{eacces}, explain: notOpened},
	{
		calls: openCalls, errnos: []syscall.Errno{eperm}, when: onlyReads,
		cause: "it is a device node that " + deviceCgroup + " do not include, or a security module forbids it", remedies: try(remedy.Device, remedy.DeviceRule),
	},
	{
		calls: openCalls, errnos: []syscall.Errno{eperm},
		cause:    "the file is immutable or append-only, or it is a device node that " + deviceCgroup + " do not include",
		remedies: try(remedy.Mutable, remedy.Device, remedy.DeviceRule),
	},
	{
		calls: writeCalls, when: isProcess,
		cause: "the kernel refuses this value, or a second write, to the file; no capability was asked",
	},
	{
		calls: writeCalls, errnos: []syscall.Errno{eperm},
		cause:    "the file is sealed (F_SEAL_WRITE) or append-only, or the kernel refuses this write to everybody",
		remedies: try(remedy.WriteBeforeSeal),
	},
	{
		calls: ownerCalls, errnos: []syscall.Errno{eperm}, granted: true,
		cause:    "the file is immutable or append-only, or its file system keeps no such attributes (a bind mount of another system, squashed network storage)",
		remedies: try(remedy.Mutable, remedy.AttributesFileSystem),
	},
	{
		calls: nameCalls, errnos: []syscall.Errno{eperm},
		cause: "the file or its directory is immutable or append-only, or the operation does not apply to this kind of file", remedies: try(remedy.Mutable),
	},
	{calls: union(ownerCalls, nameCalls), errnos: []syscall.Errno{eacces}, explain: notOpened},
	{
		calls: nameSet("setsid"), cause: "the process is the leader of a process group already, as the container's first process is", remedies: try(remedy.InChild),
	},
	{
		calls: nameSet("setpgid"), cause: "the process is the leader of a session, in another session, or a child that has executed a program already",
		remedies: try(remedy.BeforeExec),
	},
	{
		calls: nameSet("ptrace"), cause: "the process is traced already, or kernel.yama.ptrace_scope or a security module forbids it",
		remedies: append(try(remedy.OneTracer), hostSysctl("kernel.yama.ptrace_scope", "0")...),
	},
	{
		calls: nameSet("process_vm_readv process_vm_writev pidfd_getfd"), cause: "kernel.yama.ptrace_scope or a security module forbids access to the process",
		remedies: hostSysctl("kernel.yama.ptrace_scope", "0"),
	},
	{
		calls: nameSet("kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"),
		cause: "the signal carries data that only the kernel may send to another process, or a security module forbids it",
	},
	{
		calls: nameSet("futex futex_lock_pi"), cause: "the lock is not held by this thread, or by none that may own it (a robust or priority-inheriting lock)",
		remedies: try(remedy.OwnLock),
	},
	{
		calls: nameSet("ioctl"), when: func(op observation.Operation) bool { return isTerminal(op.Args[1]) },
		cause:    "the terminal is not the process's controlling one, or another session's",
		remedies: try(remedy.Terminal),
	},
	{
		calls: nameSet("mlock mlock2 mlockall"), cause: "the limit of locked memory is 0", remedies: limit("memlock", "-1"),
	},
	{
		calls: nameSet("prlimit64 setrlimit"), granted: true, cause: "the limit asked for is beyond what the system has (fs.nr_open)",
		remedies: append(try(remedy.LowerLimit), hostSysctl("fs.nr_open", "")...),
	},
	{
		calls: nameSet("sched_setscheduler sched_setattr sched_setparam"), granted: true,
		cause:    "the container's control group has no real-time time, or the kernel refuses the policy in it",
		remedies: try(remedy.NoRealTime, remedy.RealTimeBudget),
	},
	{
		calls: nameSet("sendmsg sendto sendmmsg"), errnos: []syscall.Errno{eperm},
		cause: "a packet filter rejects the packet, or the message is one that the kernel takes from outside of containers only (audit, in a PID namespace)",
	},
	{
		calls: nameSet("sendmsg sendto sendmmsg connect"), errnos: []syscall.Errno{eacces}, when: isInternet,
		cause:    "the address is a broadcast one and the socket has no SO_BROADCAST, or a route prohibits it",
		remedies: try(remedy.Broadcast),
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
		remedies: try(remedy.UnmaskPaths),
	},
	{
		calls:   nameSet("mount umount umount2 move_mount mount_setattr fsconfig fsmount pivot_root"),
		explain: notMounted,
	},
	{
		calls: nameSet("prctl"), errnos: []syscall.Errno{eperm}, when: func(op observation.Operation) bool { return op.Args[0] == prCapAmbient },
		cause:    "an ambient capability must be in the permitted and in the inheritable set, and the secure bits must let it be raised",
		remedies: try(remedy.InheritableFirst),
	},
	{
		calls: nameSet("capset"), granted: true,
		cause:    "the sets asked for contradict each other: effective beyond permitted, inheritable beyond the bounding set, or another process's",
		remedies: try(remedy.ConsistentCapset),
	},
	{calls: nameSet("unshare clone clone3 setns"), errnos: []syscall.Errno{eperm}, explain: noNamespace},
	{
		calls: keyCalls, cause: "the key's own permissions exclude this user", remedies: try(remedy.KeyPermissions),
	},
	{calls: nameSet("mmap mmap2 mprotect pkey_mprotect"), explain: notMapped},
	{
		calls: nameSet("bpf perf_event_open"), granted: true,
		cause:    "the kernel's lockdown, its verifier, or a sysctl (kernel.unprivileged_bpf_disabled, kernel.perf_event_paranoid) refuses it",
		remedies: try(remedy.HostBoot),
	},
	{
		calls: nameSet("iopl ioperm kexec_load kexec_file_load init_module finit_module"), granted: true, when: hasAgreed,
		cause: "the capability was granted and the kernel's lockdown, or a security module, refuses it to everybody", remedies: try(remedy.HostBoot),
	},
}

// causeOf explains a failure in which no capability was refused that would
// account for it. The cause is never empty.
func causeOf(op observation.Operation, env Environment) (string, []remedy.Remedy) {
	function, agreed := agreement(op)
	after := agreed && !common[function]
	for _, c := range causes {
		if after && !c.granted || !c.fits(op) {
			continue
		}
		if c.explain == nil {
			return c.cause, c.remedies
		}
		if why, remedies := c.explain(op, env); why != "" {
			return why, remedies
		}
	}
	if agreed {
		return fmt.Sprintf("%s: %s", grantedYet, laterRefusal(env)), laterRemedies(env)
	}
	return fmt.Sprintf("%s was refused without a capability being asked for: by a permission of the object itself, or by %s", callwords.Call(op), laterRefusal(env)), nil
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
