package mapper

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
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
	// words must be found in the meaning, cause, remedies or reason.
	words string
}

func run(t *testing.T, cases []mapCase) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.op.Returned = c.name != "the thread died inside the call"
			c.op.Arch = "amd64"
			r := Map(observation.Observation{Operations: []observation.Operation{c.op}}, onDocker(c.env))
			checkResult(t, r, c.op)
			if got := said(r); !slices.Equal(got, c.want) {
				t.Fatalf("got %q, want %q", got, c.want)
			}
			words := ""
			for _, d := range r.Denials {
				words += strings.Join([]string{d.Meaning, advice.Sentence(d.Remedies, advice.Docker), d.Why, d.CallSite}, " ")
			}
			for _, f := range r.Failures {
				words += f.Cause + " " + advice.Sentence(f.Remedies, advice.Docker)
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
				denied(capability.SysAdmin, "cap_vm_enough_memory.cold", "__vm_enough_memory.part.0"),
			}},
			want: []string{"failure"}, words: "not opened",
		},
		{
			name: "overlayfs under its mounter's credentials",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				{Capability: capability.DACOverride, Overridden: true, Stack: []string{"capable_wrt_inode_uidgid", "generic_permission", "ovl_permission"}},
			}},
			want: []string{"failure"},
		},
		{
			name: "setuid to the own user",
			op:   observation.Operation{Syscall: "setuid", Entered: true, Checks: []observation.Check{denied(capability.SetUID, "ns_capable_setid", "__sys_setuid")}},
		},
		{
			name: "capset within what is held",
			op: observation.Operation{Syscall: "capset", Entered: true, Checks: []observation.Check{
				denied(capability.SetPCap, "ns_capable", "cap_capset", "security_capset"),
			}},
		},
		{
			name: "a device name that does not exist",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.ENODEV, Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "capable", "dev_load", "dev_ioctl"), denied(capability.SysModule, "capable", "dev_load", "dev_ioctl"),
			}},
		},
		{
			name: "a device that may not be configured",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "capable", "dev_load", "dev_ioctl"), denied(capability.SysModule, "capable", "dev_load", "dev_ioctl"),
				denied(capability.NetAdmin, "ns_capable", "dev_ioctl", "sock_do_ioctl"),
			}},
			want: []string{"decisive capability check NET_ADMIN"},
		},
		{
			name: "refused, then granted by an alternative, then failed for another reason",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EPERM, Entered: true, Object: observation.Object{Path: "/dev/fuse"}, Checks: []observation.Check{
				denied(capability.DACReadSearch, "capable_wrt_inode_uidgid", "generic_permission", "link_path_walk"),
				granted(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission", "link_path_walk"),
			}},
			env:  Environment{Granted: capability.Of(capability.DACOverride)},
			want: []string{"failure"}, words: "--device",
		},
		{
			name: "the thread died inside the call",
			op: observation.Operation{Syscall: "setuid", Number: 105, Entered: true, Checks: []observation.Check{
				denied(capability.SetUID, "ns_capable_setid", "__sys_setuid"),
			}},
		},
		{
			name: "a network sysctl that the owner may write by its mode",
			op: observation.Operation{Syscall: "openat", Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable_noaudit", "net_ctl_permissions", "proc_sys_permission"),
			}},
		},
		{
			name: "a network sysctl that another user may not write",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable_noaudit", "net_ctl_permissions", "proc_sys_permission"),
			}},
			want: []string{"decisive capability check NET_ADMIN"}, words: "--sysctl",
		},
	})
}

func TestChecksThatCount(t *testing.T) {
	run(t, []mapCase{
		{
			name: "an unknown place is shown by its function",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.SysAdmin, "capable", "drm_new_thing.isra.0", "drm_ioctl"),
			}},
			want: []string{"decisive capability check SYS_ADMIN"}, words: "drm_new_thing",
		},
		{
			name: "of unknown places only the last counts",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "capable", "first_thing"), denied(capability.SysRawIO, "capable", "second_thing"),
			}},
			want: []string{"decisive capability check SYS_RAWIO"},
		},
		{
			name: "an unknown place says nothing next to a known one",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.Kill, "ns_capable", "check_kill_permission"), denied(capability.SysRawIO, "capable", "second_thing"),
			}},
			want: []string{"decisive capability check KILL"},
		},
		{
			name: "an unknown place of a call that succeeded",
			op:   observation.Operation{Syscall: "ioctl", Entered: true, Checks: []observation.Check{denied(capability.SysAdmin, "capable", "drm_new_thing")}},
			want: []string{"unclear capability check SYS_ADMIN"}, words: "drm_new_thing",
		},
		{
			name: "a capability without a name",
			op:   observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{denied(41, "capable", "future_thing")}},
			want: []string{"decisive capability check CAP_41"},
		},
		{
			name: "two independent needs of one call",
			op: observation.Operation{Syscall: "ioctl", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.Kill, "ns_capable", "check_kill_permission"), denied(capability.Chown, "capable_wrt_inode_uidgid", "setattr_prepare"),
			}},
			want: []string{"decisive capability check KILL", "decisive capability check CHOWN"},
		},
		{
			// What was granted before the refusal is asked again for something else.
			name: "two needs at one place, of which one is met",
			op: observation.Operation{Syscall: "setns", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				granted(capability.SysAdmin, "ns_capable", "mntns_install", "__do_sys_setns"),
				denied(capability.SysChroot, "ns_capable", "mntns_install", "__do_sys_setns"),
				granted(capability.SysAdmin, "ns_capable", "mntns_install", "__do_sys_setns"),
			}},
			want: []string{"decisive capability check SYS_CHROOT"},
		},
		{
			name: "access(2) asks with credentials of its own",
			op: observation.Operation{Syscall: "faccessat2", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				{Capability: capability.DACReadSearch, Overridden: true, Stack: []string{"capable_wrt_inode_uidgid", "generic_permission"}},
				{Capability: capability.DACOverride, Overridden: true, Stack: []string{"capable_wrt_inode_uidgid", "generic_permission"}},
			}},
			want: []string{"silent capability check DAC_OVERRIDE|DAC_READ_SEARCH"},
		},
		{
			name: "netlink answers in a message",
			op: observation.Operation{Syscall: "sendmsg", Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable", "__netlink_ns_capable", "netlink_net_capable", "rtnetlink_rcv_msg", "netlink_rcv_skb", "netlink_unicast"),
			}},
			want: []string{"silent netlink NET_ADMIN"}, words: "interfaces",
		},
		{
			name: "a netlink family without a name",
			op: observation.Operation{Syscall: "sendto", Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable", "new_family_rcv", "netlink_rcv_skb", "netlink_unicast", "netlink_sendmsg"),
			}},
			want: []string{"silent netlink NET_ADMIN"}, words: "new_family_rcv",
		},
		{
			name: "the audit log",
			op: observation.Operation{Syscall: "sendto", Entered: true, Checks: []observation.Check{
				denied(capability.AuditWrite, "netlink_capable", "audit_receive_msg", "audit_receive", "netlink_unicast"),
			}},
			want: []string{"silent netlink AUDIT_WRITE"}, words: "audit log",
		},
		{
			name: "a listing of sockets",
			op: observation.Operation{Syscall: "sendmsg", Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable", "netlink_net_capable", "tcp_diag_dump", "netlink_dump", "netlink_rcv_skb"),
			}},
		},
		{
			name: "an io_uring's worker answers in a completion",
			op: observation.Operation{Number: -1, Entered: true, Checks: []observation.Check{
				denied(capability.DACReadSearch, "capable_wrt_inode_uidgid", "generic_permission", "may_open", "io_openat2", "io_issue_sqe", "io_wq_submit_work"),
				denied(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission", "may_open", "io_openat2", "io_issue_sqe", "io_wq_submit_work"),
			}},
			want: []string{"silent io_uring DAC_OVERRIDE|DAC_READ_SEARCH"}, words: "mode",
		},
		{
			name: "an io_uring's work inside a call that fails for its own reasons",
			op: observation.Operation{Syscall: "io_uring_enter", Errno: syscall.EINTR, Entered: true, Checks: []observation.Check{
				denied(capability.NetAdmin, "ns_capable", "unheard_of", "io_issue_sqe", "io_submit_sqes"),
			}},
			want: []string{"silent io_uring NET_ADMIN"}, words: "unheard_of",
		},
		{
			name: "memory accounting in an io_uring",
			op: observation.Operation{Syscall: "io_uring_enter", Entered: true, Checks: []observation.Check{
				denied(capability.SysAdmin, "cap_vm_enough_memory", "__vm_enough_memory", "mmap_region", "io_issue_sqe", "io_submit_sqes"),
			}},
		},
		{
			name: "the set-group-ID bit goes",
			op: observation.Operation{Syscall: "fchmodat", Entered: true, Args: [6]uint64{0, 0, 0o2755}, Checks: []observation.Check{
				denied(capability.FSetID, "capable_wrt_inode_uidgid", "in_group_or_capable", "setattr_prepare"),
				denied(capability.FSetID, "capable_wrt_inode_uidgid", "in_group_or_capable", "setattr_copy"),
			}},
			want: []string{"degraded capability check FSETID"}, words: "set-group-ID",
		},
		{
			name: "no set-group-ID bit is asked for, so that none goes",
			op: observation.Operation{Syscall: "fchmodat", Entered: true, Args: [6]uint64{0, 0, 0o4755}, Checks: []observation.Check{
				denied(capability.FSetID, "capable_wrt_inode_uidgid", "in_group_or_capable", "setattr_prepare"),
				denied(capability.FSetID, "capable_wrt_inode_uidgid", "in_group_or_capable", "setattr_copy"),
			}},
		},
		{
			name: "the set-group-ID bit would go, but the call fails before",
			op: observation.Operation{Syscall: "fchmodat", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.FSetID, "capable_wrt_inode_uidgid", "in_group_or_capable", "setattr_prepare"),
			}},
			want: []string{"failure"},
		},
		{
			name: "seccomp(2) without no_new_privs",
			op: observation.Operation{Syscall: "seccomp", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				denied(capability.SysAdmin, "ns_capable_noaudit", "do_seccomp"),
			}},
			want: []string{"decisive capability check SYS_ADMIN"}, words: "no_new_privs",
		},
		{
			name: "dropping from the bounding set",
			op: observation.Operation{Syscall: "prctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{24, 12}, Checks: []observation.Check{
				denied(capability.SetPCap, "ns_capable", "cap_task_prctl", "security_task_prctl"),
			}},
			want: []string{"decisive bounding-set drop SETPCAP"},
		},
		{
			name: "a file's mode: the better way",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, Checks: []observation.Check{
				denied(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission", "inode_permission", "may_open"),
			}},
			want: []string{"decisive capability check DAC_OVERRIDE"}, words: "chown",
		},
	})
}
