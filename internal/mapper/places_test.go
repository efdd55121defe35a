package mapper

import (
	"strings"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// What a refusal at a place means depends on the error that the call gave:
// some places never decide, some decide with an error that is no permission's,
// some decide although the kernel does not audit them.
func TestAPlaceDecidesByItsErrors(t *testing.T) {
	const ok = syscall.Errno(0)
	for _, c := range []struct {
		stack  string
		cap    capability.Cap
		call   string
		errno  syscall.Errno
		effect Effect
	}{
		// Never decisive.
		{"ns_capable_noaudit bpf_int_jit_compile do_seccomp", capability.SysAdmin, "seccomp", syscall.EACCES, Noise},
		{"ns_capable_noaudit __vsock_create", capability.NetAdmin, "socket", syscall.EPERM, Noise},
		{"capable simple_xattr_list", capability.SysAdmin, "listxattr", ok, Noise},
		{"security_capable kallsyms_show_value", capability.Syslog, "openat", ok, Noise},
		{"file_ns_capable pagemap_read", capability.SysAdmin, "read", ok, Noise},
		{"capable do_epoll_ctl", capability.BlockSuspend, "epoll_ctl", ok, Noise},
		{"capable tcp_ca_find_autoload", capability.NetAdmin, "setsockopt", syscall.ENOENT, Noise},
		{"capable alloc_pipe_info", capability.SysResource, "pipe2", ok, Noise},
		{"has_capability_noaudit __set_oom_adj", capability.SysResource, "write", ok, Noise},
		{"ns_capable_noaudit ptrace_has_cap do_task_stat", capability.SysPtrace, "read", ok, Noise},
		{"capable can_do_hugetlb_shm", capability.IPCLock, "shmget", ok, Noise},
		{"capable __do_sys_fanotify_init", capability.SysAdmin, "fanotify_init", ok, Noise},
		// Decisive with an error of their own, and with no other.
		{"capable do_mlock", capability.IPCLock, "mlock", syscall.ENOMEM, Decisive},
		{"capable do_mlock", capability.IPCLock, "mlock", ok, Noise},
		{"capable mlock_future_ok do_mmap", capability.IPCLock, "mmap", syscall.EAGAIN, Decisive},
		{"capable mlock_future_ok do_mmap", capability.IPCLock, "mmap", syscall.ENODEV, Noise},
		{"ns_capable path_init do_linkat", capability.DACReadSearch, "linkat", syscall.ENOENT, Decisive},
		{"capable xattr_permission", capability.SysAdmin, "getxattr", syscall.ENODATA, Decisive},
		{"capable xattr_permission", capability.SysAdmin, "getxattr", syscall.ENOENT, Noise},
		{"capable ext4_has_free_clusters", capability.SysResource, "write", syscall.ENOSPC, Decisive},
		{"capable ignore_hardlimit", capability.SysResource, "write", syscall.EDQUOT, Decisive},
		{"capable copy_process", capability.SysResource, "clone", syscall.EAGAIN, Decisive},
		{"capable alloc_empty_file", capability.SysAdmin, "openat", syscall.ENFILE, Decisive},
		{"capable mqueue_get_inode", capability.SysResource, "mq_open", syscall.EMFILE, Decisive},
		{"capable too_many_unix_fds", capability.SysResource, "sendmsg", syscall.ETOOMANYREFS, Decisive},
		{"capable xdp_umem_create", capability.IPCLock, "setsockopt", syscall.ENOBUFS, Decisive},
		{"ns_capable_noaudit io_uring_setup", capability.IPCLock, "io_uring_setup", ok, Noise},
		{"ns_capable_noaudit io_uring_setup", capability.IPCLock, "io_uring_setup", syscall.ENOMEM, Decisive},
		{"ns_capable tcp_set_congestion_control", capability.NetAdmin, "setsockopt", syscall.EPERM, Decisive},
		{"ns_capable tcp_set_congestion_control", capability.NetAdmin, "setsockopt", syscall.ENOENT, Noise},
		// Not audited, and decisive all the same.
		{"ns_capable_noaudit seccomp_prepare_filter", capability.SysAdmin, "seccomp", syscall.EACCES, Decisive},
		{"ns_capable_noaudit __do_sys_landlock_restrict_self", capability.SysAdmin, "landlock_restrict_self", syscall.EPERM, Decisive},
		{"ns_capable_noaudit net_ctl_permissions", capability.NetAdmin, "openat", syscall.EACCES, Decisive},
		{"ns_capable_noaudit set_permissions", capability.SysResource, "openat", syscall.EACCES, Decisive},
		{"checkpoint_restore_ns_capable_noaudit ipc_permissions", capability.CheckpointRestore, "openat", syscall.EACCES, Decisive},
		// Without an error, and yet without effect.
		{"ns_capable_setid __sys_setfsuid", capability.SetUID, "setfsuid", ok, Silent},
		{"capable should_remove_suid", capability.FSetID, "write", ok, Degraded},
	} {
		op := observation.Operation{
			Syscall: c.call, Errno: c.errno, Entered: true, Returned: true,
			Checks: []observation.Check{denied(c.cap, strings.Fields(c.stack)...)},
		}
		r := explain(observation.Observation{Operations: []observation.Operation{op}}, onDocker(Environment{}), Noise)
		if len(r.Denials) != 1 || r.Denials[0].Effect != c.effect {
			t.Errorf("%s of %s with errno %d: want %v, got %+v", c.stack, c.call, c.errno, c.effect, r.Denials)
		}
	}
}
