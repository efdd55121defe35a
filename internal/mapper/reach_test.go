package mapper

import (
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

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
				denied(capability.DACReadSearch, "capable_wrt_inode_uidgid", "generic_permission"), denied(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission"),
			}},
			env:  Environment{Granted: capability.Of(capability.DACReadSearch)},
			want: []string{"unreachable capability check DAC_OVERRIDE|DAC_READ_SEARCH"}, words: "user 1000",
		},
		{
			name: "under no-new-privileges",
			op:   observation.Operation{Syscall: "socket", Errno: syscall.EPERM, Entered: true, UID: 1000, NoNewPrivs: true, Checks: []observation.Check{denied(capability.NetRaw, "ns_capable", "inet_create")}},
			env:  Environment{Granted: capability.Of(capability.NetRaw)},
			want: []string{"unreachable capability check NET_RAW"}, words: "no-new-privileges",
		},
		{
			name: "a device's node",
			op: observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Entered: true, UID: 1000, Object: observation.Object{Path: "/dev/kvm"}, Checks: []observation.Check{
				denied(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission"),
			}},
			env:  Environment{Granted: capability.Of(capability.DACOverride)},
			want: []string{"unreachable capability check DAC_OVERRIDE"}, words: "--group-add",
		},
		{
			name: "what makes the capability needless comes first",
			op: observation.Operation{Syscall: "mlock", Errno: syscall.ENOMEM, Entered: true, UID: 1000, Checks: []observation.Check{
				denied(capability.IPCLock, "capable", "can_do_mlock"),
			}},
			env:  Environment{Granted: capability.Of(capability.IPCLock)},
			want: []string{"unreachable capability check IPC_LOCK"}, words: "--ulimit memlock=-1; or put it on the executable (setcap cap_ipc_lock+ep FILE",
		},
		{
			name: "no-new-privileges in the way of the remedy",
			op:   observation.Operation{Syscall: "bind", Errno: syscall.EACCES, Entered: true, UID: 1000, Checks: bind},
			env:  Environment{Granted: low, NoNewPrivileges: true},
			want: []string{"unreachable capability check NET_BIND_SERVICE"}, words: "without it, a capability on the executable",
		},
		{
			name: "root of a remapped container",
			op:   observation.Operation{Syscall: "bind", Errno: syscall.EACCES, Entered: true, UID: 100000, Checks: bind},
			env:  Environment{Granted: low, RootUID: 100000},
			want: []string{"unreachable capability check NET_BIND_SERVICE"}, words: "gave it up",
		},
		{
			name: "root gave one of two up",
			op: observation.Operation{Syscall: "setsockopt", Errno: syscall.EPERM, Entered: true, Effective: capability.Of(capability.Kill), Checks: []observation.Check{
				denied(capability.NetRaw, "sockopt_ns_capable", "sk_setsockopt"), denied(capability.NetAdmin, "sockopt_ns_capable", "sk_setsockopt"),
			}},
			env:  Environment{Granted: capability.Of(capability.NetRaw, capability.Kill)},
			want: []string{"decisive capability check NET_ADMIN"},
		},
		{
			name: "asked on the host",
			op: observation.Operation{Syscall: "mknod", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				{Capability: capability.MkNod, Namespace: observation.InitialNamespace, Stack: []string{"capable", "vfs_mknod"}},
			}},
			want: []string{"failure"}, words: "initial user namespace",
		},
		{
			name: "held in a namespace of its own",
			op: observation.Operation{Syscall: "sethostname", Errno: syscall.EPERM, Entered: true, Effective: capability.Known(), Checks: []observation.Check{
				denied(capability.SysAdmin, "ns_capable", "__do_sys_sethostname"),
			}},
			want: []string{"failure"}, words: "namespace of its own",
		},
		{
			name: "granted in a namespace of its own",
			op: observation.Operation{Syscall: "mount", Entered: true, Checks: []observation.Check{
				{Capability: capability.SysAdmin, Granted: true, Namespace: observation.OtherNamespace, Stack: []string{"ns_capable", "may_mount"}},
			}},
		},
		{
			name: "refused in a namespace that is another's",
			op: observation.Operation{Syscall: "setns", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				{Capability: capability.SysAdmin, Namespace: observation.OtherNamespace, Stack: []string{"ns_capable", "userns_install"}},
			}},
			want: []string{"decisive capability check SYS_ADMIN"},
		},
	})
}
