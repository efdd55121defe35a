package mapper

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

func TestFailuresThatNoCapabilityPrevents(t *testing.T) {
	fails := func(call string, errno syscall.Errno, o observation.Object, checks ...observation.Check) observation.Operation {
		return observation.Operation{Syscall: call, Errno: errno, Entered: true, Object: o, Checks: checks}
	}
	none := observation.Object{}
	failure := []string{"failure"}
	run(t, []mapCase{
		{name: "read-only root", op: fails("openat", syscall.EROFS, observation.Object{Path: "/etc/x"}), want: failure, words: "--tmpfs"},
		{name: "device rules", op: fails("openat", syscall.EPERM, observation.Object{Path: "/dev/kvm"}), want: failure, words: "device cgroup"},
		{name: "device rules at mknod", op: fails("mknodat", syscall.EPERM, none, granted(capability.MkNod, "ns_capable", "vfs_mknod")), env: Environment{Granted: capability.Of(capability.MkNod)}, want: failure, words: "--device"},
		{name: "a node on nodev", op: fails("openat", syscall.EACCES, observation.Object{Path: "/dev/mynode"}), want: failure, words: "nodev"},
		{name: "device rules, by the words of a read", op: fails("openat", syscall.EPERM, observation.Object{Path: "/srv/node"}), want: failure, words: "device rules"},
		{name: "immutable, or a device", op: observation.Operation{Syscall: "openat", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{0, 0, unix.O_WRONLY}, Object: observation.Object{Path: "/dev/shm/x"}}, want: failure, words: "the file is immutable"},
		{name: "another process", op: fails("openat", syscall.EACCES, observation.Object{Path: "/proc/7/environ"}), want: failure, words: "PR_SET_DUMPABLE"},
		{name: "a masked path", op: fails("openat", syscall.EACCES, observation.Object{Path: "/proc/kcore"}), want: failure, words: "systempaths"},
		{name: "no real-time budget", op: fails("sched_setscheduler", syscall.EPERM, none, granted(capability.SysNice, "ns_capable", "user_check_sched_setscheduler")), want: failure, words: "--cpu-rt-runtime"},
		{name: "sets that contradict each other", op: fails("capset", syscall.EPERM, none, granted(capability.SetPCap, "ns_capable", "cap_inh_is_capped")), want: failure, words: "effective beyond permitted"},
		{name: "a user namespace", op: observation.Operation{Syscall: "clone", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{unix.CLONE_NEWUSER}}, want: failure, words: "uid_map"},
		{name: "too many namespaces", op: fails("unshare", syscall.ENOSPC, none), want: failure, words: "user.max_user_namespaces"},
		{name: "too many watches", op: fails("inotify_add_watch", syscall.ENOSPC, none), want: failure, words: "max_user_watches"},
		{name: "no room elsewhere", op: fails("semget", syscall.ENOSPC, none)},
		{name: "too many keys", op: fails("add_key", syscall.EDQUOT, none), want: failure, words: "kernel.keys.maxbytes"},
		{name: "a disk quota", op: fails("write", syscall.EDQUOT, none), want: failure, words: "quota of the file system"},
		{name: "a regular file watched", op: fails("epoll_ctl", syscall.EPERM, none), want: failure, words: "regular files"},
		{name: "executable memory on noexec", op: observation.Operation{Syscall: "mmap", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{0, 0, unix.PROT_EXEC}}, want: failure, words: "noexec"},
		{name: "sealed memory", op: fails("mmap", syscall.EPERM, none), want: failure, words: "sealed"},
		{
			name: "proc in a namespace of its own", want: failure, words: "systempaths=unconfined",
			op: fails("mount", syscall.EPERM, observation.Object{Path: "proc", SecondPath: "/mnt"}, observation.Check{
				Capability: capability.SysAdmin, Granted: true, Namespace: observation.OtherNamespace, Stack: []string{"ns_capable", "may_mount", "path_mount"},
			}),
		},
		{name: "immutable", op: fails("unlinkat", syscall.EPERM, none), want: failure, words: "immutable"},
		{name: "mode that cannot change", op: fails("fchmodat", syscall.EPERM, none), want: failure, words: "immutable"},
		{name: "sticky directory", op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, Args: [6]uint64{0, 0, unix.O_CREAT | unix.O_WRONLY}}, want: failure, words: "fs.protected_regular"},
		{name: "ping", op: observation.Operation{Syscall: "socket", Errno: syscall.EACCES, Entered: true, Args: [6]uint64{unix.AF_INET, unix.SOCK_DGRAM | unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP}}, want: failure, words: "ping_group_range"},
		{name: "noexec", op: fails("execve", syscall.EACCES, none), want: failure, words: "noexec"},
		{name: "after commoncap agreed", op: fails("mount", syscall.EACCES, none, granted(capability.SysAdmin, "ns_capable", "may_mount", "path_mount")), env: Environment{Modules: []Module{{Name: appArmor, Label: "docker-default"}}}, want: failure, words: "apparmor=PROFILE"},
		{name: "after commoncap agreed, by a module unknown", op: fails("mount", syscall.EACCES, none, granted(capability.SysAdmin, "ns_capable", "may_mount", "path_mount")), want: failure, words: "AppArmor, SELinux"},
		{name: "futex", op: fails("futex", syscall.EPERM, none), want: failure, words: "lock"},
		{name: "a limit", op: fails("prlimit64", syscall.EPERM, none), want: failure, words: "fs.nr_open"},
		{name: "ptrace scope", op: fails("ptrace", syscall.EPERM, none), want: failure, words: "ptrace_scope"},
		{name: "session leader", op: fails("setpgid", syscall.EPERM, none), want: failure, words: "leader"},
		{name: "terminal", op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{0, unix.TIOCSCTTY}}, want: failure, words: "terminal"},
		{name: "audit in a PID namespace", op: fails("sendto", syscall.EPERM, none), want: failure, words: "audit"},
		{name: "no call at all", op: observation.Operation{Number: -1, Errno: syscall.EPERM}, want: failure, words: "outside of any system call"},
		{name: "a call that nobody knows", op: fails("syscall_999", syscall.EPERM, none), want: failure, words: "syscall_999"},
		{name: "a file that is not there", op: fails("openat", syscall.ENOENT, none)},
	})
}

// TestASignalsReturnIsNoResult: a signal that interrupts a call which was refused brings
// its result back, and refuses nothing itself.
func TestASignalsReturnIsNoResult(t *testing.T) {
	for _, name := range []string{"rt_sigreturn", "sigreturn"} {
		op := observation.Operation{Syscall: name, Errno: syscall.EPERM, Entered: true, Returned: true}
		if r := Map(observation.Observation{Operations: []observation.Operation{op}}, Environment{}); len(r.Denials)+len(r.Failures) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
