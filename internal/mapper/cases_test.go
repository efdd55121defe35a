package mapper

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/seccomp"
)

func denied(c capability.Cap, stack ...string) observation.Check {
	return observation.Check{Capability: c, Stack: stack, Count: 1}
}

func granted(c capability.Cap, stack ...string) observation.Check {
	return observation.Check{Capability: c, Granted: true, Stack: stack, Count: 1}
}

var vmEnough = denied(capability.SysAdmin, "cap_vm_enough_memory", "security_vm_enough_memory_mm", "__vm_enough_memory", "mmap_region", "do_mmap")

// said is what a case expects of the result: one string a denial or failure,
// "decisive capability check CHOWN", "unreachable capset KILL" or "failure".
func said(r Result) []string {
	var all []string
	for _, d := range r.Denials {
		effect := d.Effect.String()
		if d.Unreachable {
			effect = "unreachable"
		}
		var names []string
		for _, c := range d.AnyOf {
			names = append(names, c.Short())
		}
		all = append(all, effect+" "+string(d.Mechanism)+" "+strings.Join(names, "|"))
	}
	for range r.Failures {
		all = append(all, "failure")
	}
	return all
}

type mapCase struct {
	name string
	op   observation.Operation
	env  Environment
	want []string
	// words must be found in the meaning, cause, cure or reason.
	words string
}

func run(t *testing.T, cases []mapCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.op.Returned = c.name != "the thread died inside the call"
			c.op.Arch = "amd64"
			r := Map(observation.Observation{Operations: []observation.Operation{c.op}}, c.env)
			checkResult(t, r, c.op)
			if got := said(r); !slices.Equal(got, c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			words := ""
			for _, d := range r.Denials {
				words += strings.Join([]string{d.Meaning, d.Cure, d.Why, d.CallSite}, " ")
			}
			for _, f := range r.Failures {
				words += f.Cause + " " + f.Cure
			}
			if !strings.Contains(words, c.words) {
				t.Errorf("%q says nothing of %q", words, c.words)
			}
		})
	}
}

func TestNoiseIsNoNeed(t *testing.T) {
	run(t, []mapCase{
		{
			name: "memory accounting in an execve that fails for its mode",
			op:   observation.Operation{Syscall: "execve", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{vmEnough}},
			want: []string{"failure"}, words: "not executable",
		},
		{
			name: "memory accounting without a stack",
			op:   observation.Operation{Syscall: "execve", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{denied(capability.SysAdmin)}},
			want: []string{"failure"},
		},
		{
			name: "memory accounting before a decisive check, neither with a stack",
			op:   observation.Operation{Syscall: "mlock", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{denied(capability.IPCLock), denied(capability.SysAdmin)}},
			want: []string{"decisive capability check IPC_LOCK|SYS_ADMIN"},
		},
		{
			name: "memory accounting in an openat that finds nothing",
			op:   observation.Operation{Syscall: "openat", Errno: syscall.ENOENT, Entered: true, Checks: []observation.Check{vmEnough}},
		},
		{
			name: "a suffix of the compiler's",
			op: observation.Operation{Syscall: "mmap", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				denied(capability.SysAdmin, "cap_vm_enough_memory.cold", "__vm_enough_memory.part.0")}},
			want: []string{"failure"}, words: "noexec",
		},
		{
			name: "overlayfs under its mounter's credentials",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				{Capability: capability.DACOverride, Overridden: true, Stack: []string{"capable_wrt_inode_uidgid", "generic_permission", "ovl_permission"}}}},
			want: []string{"failure"},
		},
		{
			name: "setuid to the own user",
			op:   observation.Operation{Syscall: "setuid", Entered: true, Checks: []observation.Check{denied(capability.SetUID, "ns_capable_setid", "__sys_setuid")}},
		},
		{
			name: "capset within what is held",
			op: observation.Operation{Syscall: "capset", Entered: true, Checks: []observation.Check{
				denied(capability.SetPCap, "ns_capable", "cap_capset", "security_capset")}},
		},
		{
			name: "a device name that does not exist",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.ENODEV, Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "capable", "dev_load", "dev_ioctl"), denied(capability.SysModule, "capable", "dev_load", "dev_ioctl")}},
		},
		{
			name: "a device that may not be configured",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "capable", "dev_load", "dev_ioctl"), denied(capability.SysModule, "capable", "dev_load", "dev_ioctl"),
				denied(capability.NetAdmin, "ns_capable", "dev_ioctl", "sock_do_ioctl")}},
			want: []string{"decisive capability check NET_ADMIN"},
		},
		{
			name: "refused, then granted by an alternative, then failed for another reason",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EPERM, Entered: true, Object: observation.Object{Path: "/dev/fuse"}, Checks: []observation.Check{
				denied(capability.DACReadSearch, "capable_wrt_inode_uidgid", "generic_permission", "link_path_walk"),
				granted(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission", "link_path_walk")}},
			env:  Environment{Granted: capability.Of(capability.DACOverride)},
			want: []string{"failure"}, words: "--device",
		},
		{
			name: "the thread died inside the call",
			op: observation.Operation{Syscall: "setuid", Number: 105, Entered: true, Checks: []observation.Check{
				denied(capability.SetUID, "ns_capable_setid", "__sys_setuid")}},
		},
		{
			name: "a network sysctl that the owner may write by its mode",
			op: observation.Operation{Syscall: "openat", Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable_noaudit", "net_ctl_permissions", "proc_sys_permission")}},
		},
		{
			name: "a network sysctl that another user may not write",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable_noaudit", "net_ctl_permissions", "proc_sys_permission")}},
			want: []string{"decisive capability check NET_ADMIN"}, words: "--sysctl",
		},
	})
}

func TestChecksThatCount(t *testing.T) {
	run(t, []mapCase{
		{
			name: "an unknown place is shown by its function",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.SysAdmin, "capable", "drm_new_thing.isra.0", "drm_ioctl")}},
			want: []string{"decisive capability check SYS_ADMIN"}, words: "drm_new_thing",
		},
		{
			name: "of unknown places only the last counts",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "capable", "first_thing"), denied(capability.SysRawIO, "capable", "second_thing")}},
			want: []string{"decisive capability check SYS_RAWIO"},
		},
		{
			name: "an unknown place of a call that succeeded",
			op:   observation.Operation{Syscall: "ioctl", Entered: true, Checks: []observation.Check{denied(capability.SysAdmin, "capable", "drm_new_thing")}},
		},
		{
			name: "a capability without a name",
			op:   observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{denied(41, "capable", "future_thing")}},
			want: []string{"decisive capability check 41"},
		},
		{
			name: "two independent needs of one call",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.Kill, "ns_capable", "check_kill_permission"), denied(capability.Chown, "capable_wrt_inode_uidgid", "setattr_prepare")}},
			want: []string{"decisive capability check KILL", "decisive capability check CHOWN"},
		},
		{
			name: "access(2) asks with credentials of its own",
			op: observation.Operation{Syscall: "faccessat2", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				{Capability: capability.DACReadSearch, Overridden: true, Stack: []string{"capable_wrt_inode_uidgid", "generic_permission"}},
				{Capability: capability.DACOverride, Overridden: true, Stack: []string{"capable_wrt_inode_uidgid", "generic_permission"}}}},
			want: []string{"silent capability check DAC_READ_SEARCH|DAC_OVERRIDE"},
		},
		{
			name: "netlink answers in a message",
			op: observation.Operation{Syscall: "sendmsg", Entered: true, Value: 32, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable", "__netlink_ns_capable", "netlink_net_capable", "rtnetlink_rcv_msg", "netlink_rcv_skb", "netlink_unicast")}},
			want: []string{"silent netlink NET_ADMIN"}, words: "interfaces",
		},
		{
			name: "a netlink family without a name",
			op: observation.Operation{Syscall: "sendto", Entered: true, Value: 32, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable", "new_family_rcv", "netlink_rcv_skb", "netlink_unicast", "netlink_sendmsg")}},
			want: []string{"silent netlink NET_ADMIN"}, words: "new_family_rcv",
		},
		{
			name: "the audit log",
			op: observation.Operation{Syscall: "sendto", Entered: true, Value: 140, Checks: []observation.Check{
				denied(capability.AuditWrite, "netlink_capable", "audit_receive_msg", "audit_receive", "netlink_unicast")}},
			want: []string{"silent netlink AUDIT_WRITE"}, words: "audit log",
		},
		{
			name: "a listing of sockets",
			op: observation.Operation{Syscall: "sendmsg", Entered: true, Value: 72, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable", "netlink_net_capable", "tcp_diag_dump", "netlink_dump", "netlink_rcv_skb")}},
		},
		{
			name: "the set-group-ID bit goes",
			op: observation.Operation{Syscall: "fchmodat", Entered: true, Checks: []observation.Check{
				denied(capability.FSetID, "capable_wrt_inode_uidgid", "in_group_or_capable", "setattr_prepare"),
				denied(capability.FSetID, "capable_wrt_inode_uidgid", "in_group_or_capable", "setattr_copy")}},
			want: []string{"degraded capability check FSETID"}, words: "set-group-ID",
		},
		{
			name: "the set-group-ID bit would go, but the call fails before",
			op: observation.Operation{Syscall: "fchmodat", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.FSetID, "capable_wrt_inode_uidgid", "in_group_or_capable", "setattr_prepare")}},
			want: []string{"failure"},
		},
		{
			name: "seccomp(2) without no_new_privs",
			op: observation.Operation{Syscall: "seccomp", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				denied(capability.SysAdmin, "ns_capable_noaudit", "do_seccomp")}},
			want: []string{"decisive capability check SYS_ADMIN"}, words: "no_new_privs",
		},
		{
			name: "dropping from the bounding set",
			op: observation.Operation{Syscall: "prctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{24, 12}, Checks: []observation.Check{
				denied(capability.SetPCap, "ns_capable", "cap_task_prctl", "security_task_prctl")}},
			want: []string{"decisive bounding-set drop SETPCAP"},
		},
		{
			name: "a file's mode: the better cure",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				denied(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission", "inode_permission", "may_open")}},
			want: []string{"decisive capability check DAC_OVERRIDE"}, words: "chown",
		},
	})
}

func TestSeccompRefusals(t *testing.T) {
	gate := seccomp.Default("")
	run(t, []mapCase{
		{
			name: "mount", op: observation.Operation{Syscall: "mount", Errno: syscall.EPERM}, env: Environment{Gate: gate},
			want: []string{"decisive seccomp SYS_ADMIN"},
		},
		{
			name: "syslog takes the lesser of two", op: observation.Operation{Syscall: "syslog", Errno: syscall.EPERM}, env: Environment{Gate: gate},
			want: []string{"decisive seccomp SYSLOG|SYS_ADMIN"},
		},
		{
			name: "the rest of a gate after one of its capabilities did not help",
			op:   observation.Operation{Syscall: "bpf", Errno: syscall.EPERM}, env: Environment{Gate: seccomp.Default("20.10.24"), Granted: capability.Of(capability.BPF)},
			want: []string{"decisive seccomp SYS_ADMIN"},
		},
		{
			name: "mbind needs nothing of the kernel", op: observation.Operation{Syscall: "mbind", Errno: syscall.EPERM}, env: Environment{Gate: gate},
			want: []string{"decisive seccomp SYS_NICE"}, words: "instead of the capability",
		},
		{
			name: "a user namespace", op: observation.Operation{Syscall: "unshare", Errno: syscall.EPERM, Args: [6]uint64{unix.CLONE_NEWUSER}}, env: Environment{Gate: gate},
			want: []string{"decisive seccomp SYS_ADMIN"}, words: "every user",
		},
		{
			name: "clone with namespaces", op: observation.Operation{Syscall: "clone", Errno: syscall.EPERM, Args: [6]uint64{unix.CLONE_NEWNS}}, env: Environment{Gate: gate},
			want: []string{"decisive seccomp SYS_ADMIN"},
		},
		{
			name: "clone3 sends the C library to clone", op: observation.Operation{Syscall: "clone3", Errno: syscall.ENOSYS}, env: Environment{Gate: gate},
		},
		{
			name: "refused to everybody", op: observation.Operation{Syscall: "keyctl", Errno: syscall.EPERM}, env: Environment{Gate: gate},
			want: []string{"failure"}, words: "whatever the capabilities",
		},
		{
			name: "an address family", op: observation.Operation{Syscall: "socket", Errno: syscall.EPERM, Args: [6]uint64{unix.AF_ALG}}, env: Environment{Gate: gate},
			want: []string{"failure"}, words: "family 38",
		},
		{
			name: "a filter of the program's own", op: observation.Operation{Syscall: "openat", Errno: syscall.EPERM}, env: Environment{Gate: gate},
			want: []string{"failure"}, words: "of its own",
		},
		{
			name: "no profile is known", op: observation.Operation{Syscall: "mount", Errno: syscall.EPERM},
			want: []string{"failure"}, words: "seccomp filter",
		},
	})
}

func TestRefusalsWithoutACheck(t *testing.T) {
	file := observation.Object{Path: "/bin/ping", Capabilities: capability.Of(capability.NetRaw, capability.NetAdmin)}
	run(t, []mapCase{
		{
			name: "a file with capabilities",
			op:   observation.Operation{Syscall: "execve", Errno: syscall.EPERM, Entered: true, Starting: true, Object: file, Checks: []observation.Check{vmEnough}},
			want: []string{"decisive file capabilities NET_RAW", "decisive file capabilities NET_ADMIN"}, words: "setcap -r",
		},
		{
			name: "a file with capabilities of which one is held",
			op:   observation.Operation{Syscall: "execve", Errno: syscall.EPERM, Entered: true, Object: file, Bounding: capability.Of(capability.NetRaw)},
			env:  Environment{Granted: capability.Of(capability.NetRaw)},
			want: []string{"decisive file capabilities NET_ADMIN"},
		},
		{
			name: "a file with capabilities within the bounding set",
			op:   observation.Operation{Syscall: "execve", Errno: syscall.EPERM, Entered: true, Object: file, Bounding: file.Capabilities},
			env:  Environment{Granted: file.Capabilities},
			want: []string{"failure"},
		},
		{
			name: "capset beyond the permitted set",
			op: observation.Operation{
				Syscall: "capset", Errno: syscall.EPERM, Entered: true, Permitted: capability.Of(capability.SetUID),
				Object: observation.Object{Capabilities: capability.Of(capability.SetUID, capability.SysTime, capability.NetBindService)},
				Checks: []observation.Check{denied(capability.SetPCap, "ns_capable", "cap_capset")},
			},
			env:  Environment{Granted: capability.Of(capability.SetUID)},
			want: []string{"decisive capset NET_BIND_SERVICE", "decisive capset SYS_TIME"},
		},
		{
			name: "capset beyond the inheritable set",
			op: observation.Operation{Syscall: "capset", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.SetPCap, "ns_capable", "cap_inh_is_capped", "cap_capset")}},
			want: []string{"decisive capability check SETPCAP"}, words: "inheritable",
		},
		{
			name: "an ambient capability",
			op:   observation.Operation{Syscall: "prctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{47, 2, uint64(capability.NetRaw)}},
			want: []string{"decisive ambient NET_RAW"},
		},
		{
			name: "an ambient capability that is not inheritable",
			op:   observation.Operation{Syscall: "prctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{47, 2, uint64(capability.NetRaw)}, Permitted: capability.Of(capability.NetRaw)},
			env:  Environment{Granted: capability.Of(capability.NetRaw)},
			want: []string{"failure"}, words: "inheritable",
		},
		{
			name: "an ambient capability beyond all numbers",
			op:   observation.Operation{Syscall: "prctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{47, 2, 1 << 40}},
			want: []string{"failure"},
		},
		{
			name: "mapping root into a user namespace",
			op:   observation.Operation{Syscall: "write", Errno: syscall.EPERM, Entered: true, Object: observation.Object{Path: "/proc/self/uid_map"}, Checks: []observation.Check{vmEnough}},
			want: []string{"decisive user namespace map SETFCAP"},
		},
		{
			name: "mapping root with the capability",
			op:   observation.Operation{Syscall: "write", Errno: syscall.EPERM, Entered: true, Object: observation.Object{Path: "/proc/self/uid_map"}},
			env:  Environment{Granted: capability.Of(capability.SetFCap)},
			want: []string{"failure"},
		},
	})
}

func TestWhatNoGrantReaches(t *testing.T) {
	bind := []observation.Check{denied(capability.NetBindService, "ns_capable", "__inet_bind")}
	low := capability.Of(capability.NetBindService)
	run(t, []mapCase{
		{
			name: "another user than root",
			op:   observation.Operation{Syscall: "bind", Errno: syscall.EACCES, Entered: true, UID: 1000, Bounding: low, Checks: bind},
			env:  Environment{Granted: low},
			want: []string{"unreachable capability check NET_BIND_SERVICE"}, words: "ip_unprivileged_port_start",
		},
		{
			name: "another user than root, before anything was granted",
			op:   observation.Operation{Syscall: "bind", Errno: syscall.EACCES, Entered: true, UID: 1000, Checks: bind},
			want: []string{"decisive capability check NET_BIND_SERVICE"},
		},
		{
			name: "another user, of whose alternatives one was granted",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, UID: 1000, Checks: []observation.Check{
				denied(capability.DACReadSearch, "capable_wrt_inode_uidgid", "generic_permission"), denied(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission")}},
			env:  Environment{Granted: capability.Of(capability.DACReadSearch)},
			want: []string{"unreachable capability check DAC_READ_SEARCH|DAC_OVERRIDE"}, words: "user 1000",
		},
		{
			name: "under no-new-privileges",
			op:   observation.Operation{Syscall: "socket", Errno: syscall.EPERM, Entered: true, UID: 1000, NoNewPrivs: true, Checks: []observation.Check{denied(capability.NetRaw, "ns_capable", "inet_create")}},
			env:  Environment{Granted: capability.Of(capability.NetRaw)},
			want: []string{"unreachable capability check NET_RAW"}, words: "no-new-privileges",
		},
		{
			name: "root of a remapped container",
			op:   observation.Operation{Syscall: "bind", Errno: syscall.EACCES, Entered: true, UID: 100000, Checks: bind},
			env:  Environment{Granted: low, RootUID: 100000},
			want: []string{"unreachable capability check NET_BIND_SERVICE"}, words: "given it up",
		},
		{
			name: "root gave one of two up",
			op: observation.Operation{Syscall: "setsockopt", Errno: syscall.EPERM, Entered: true, Effective: capability.Of(capability.Kill), Checks: []observation.Check{
				denied(capability.NetRaw, "sockopt_ns_capable", "sk_setsockopt"), denied(capability.NetAdmin, "sockopt_ns_capable", "sk_setsockopt")}},
			env:  Environment{Granted: capability.Of(capability.NetRaw, capability.Kill)},
			want: []string{"decisive capability check NET_ADMIN"},
		},
		{
			name: "asked on the host",
			op: observation.Operation{Syscall: "mknod", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				{Capability: capability.MkNod, Namespace: observation.InitialNamespace, Stack: []string{"capable", "vfs_mknod"}}}},
			want: []string{"failure"}, words: "initial user namespace",
		},
		{
			name: "held in a namespace of its own",
			op: observation.Operation{Syscall: "sethostname", Errno: syscall.EPERM, Entered: true, Effective: capability.Known(), Checks: []observation.Check{
				denied(capability.SysAdmin, "ns_capable", "__do_sys_sethostname")}},
			want: []string{"failure"}, words: "namespace of its own",
		},
		{
			name: "granted in a namespace of its own",
			op: observation.Operation{Syscall: "mount", Entered: true, Checks: []observation.Check{
				{Capability: capability.SysAdmin, Granted: true, Namespace: observation.OtherNamespace, Stack: []string{"ns_capable", "may_mount"}}}},
		},
		{
			name: "refused in a namespace that is another's",
			op: observation.Operation{Syscall: "setns", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				{Capability: capability.SysAdmin, Namespace: observation.OtherNamespace, Stack: []string{"ns_capable", "userns_install"}}}},
			want: []string{"decisive capability check SYS_ADMIN"},
		},
	})
}

func TestFailuresThatNoCapabilityCures(t *testing.T) {
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
		{name: "immutable", op: fails("unlinkat", syscall.EPERM, none), want: failure, words: "immutable"},
		{name: "mode that cannot change", op: fails("fchmodat", syscall.EPERM, none), want: failure, words: "immutable"},
		{name: "sticky directory", op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, Args: [6]uint64{0, 0, unix.O_CREAT | unix.O_WRONLY}}, want: failure, words: "fs.protected_regular"},
		{name: "ping", op: observation.Operation{Syscall: "socket", Errno: syscall.EACCES, Entered: true, Args: [6]uint64{unix.AF_INET, unix.SOCK_DGRAM | unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP}}, want: failure, words: "ping_group_range"},
		{name: "noexec", op: fails("execve", syscall.EACCES, none), want: failure, words: "noexec"},
		{name: "after commoncap agreed", op: fails("mount", syscall.EACCES, none, granted(capability.SysAdmin, "ns_capable", "may_mount", "path_mount")), env: Environment{SecurityModules: []string{"apparmor"}}, want: failure, words: "apparmor=PROFILE"},
		{name: "after commoncap agreed, by a module unknown", op: fails("mount", syscall.EACCES, none, granted(capability.SysAdmin, "ns_capable", "may_mount", "path_mount")), want: failure, words: "AppArmor, SELinux"},
		{name: "futex", op: fails("futex", syscall.EPERM, none), want: failure, words: "lock"},
		{name: "a limit", op: fails("prlimit64", syscall.EPERM, none), want: failure, words: "--ulimit"},
		{name: "ptrace scope", op: fails("ptrace", syscall.EPERM, none), want: failure, words: "ptrace_scope"},
		{name: "session leader", op: fails("setpgid", syscall.EPERM, none), want: failure, words: "leader"},
		{name: "terminal", op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{0, unix.TIOCSCTTY}}, want: failure, words: "terminal"},
		{name: "audit in a PID namespace", op: fails("sendto", syscall.EPERM, none), want: failure, words: "audit"},
		{name: "no call at all", op: observation.Operation{Number: -1, Errno: syscall.EPERM}, want: failure, words: "outside of any system call"},
		{name: "a call that nobody knows", op: fails("syscall_999", syscall.EPERM, none), want: failure, words: "syscall_999"},
		{name: "a file that is not there", op: fails("openat", syscall.ENOENT, none)},
	})
}
