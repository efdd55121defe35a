package mapper

import (
	"syscall"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/remedy"
)

// jointPtrace: a kernel later than 6.12 asks for PERFMON or SYS_ADMIN where
// SYS_PTRACE was refused.
const jointPtrace = "access to a process"

// processSites are the places that manage processes and their memory.
var processSites = []site{
	{
		// Every mmap, brk, fork and exec asks whether it may use the reserve.
		functions: []string{"cap_vm_enough_memory", "__vm_enough_memory", "security_vm_enough_memory_mm"}, source: "security/commoncap.c:cap_vm_enough_memory (seen)",
		meaning: "using the memory that is reserved for root", fails: noErrno,
	},
	{functions: []string{"kill_ok_by_cred", "check_kill_permission"}, source: "kernel/signal.c:kill_ok_by_cred", meaning: "sending a signal to another user's process"},
	{functions: []string{"__sys_setuid", "__sys_setreuid", "__sys_setresuid"}, source: "kernel/sys.c:__sys_setuid", meaning: "becoming another user", remedies: try(remedy.StartAsUser)},
	{functions: []string{"__sys_setgid", "__sys_setregid", "__sys_setresgid"}, source: "kernel/sys.c:__sys_setgid", meaning: "changing to another group", remedies: try(remedy.StartAsUser)},
	{functions: []string{"may_setgroups", "sys_setgroups", "sys_setgroups16"}, source: "kernel/groups.c:may_setgroups", meaning: "setting the supplementary groups", remedies: try(remedy.StartAsUser)},
	{
		// The call has no way to report an error: it returns the former ID.
		functions: []string{"__sys_setfsuid", "__sys_setfsgid"}, source: "kernel/sys.c:__sys_setfsuid",
		meaning: "acting on files as another user; the call succeeded without effect", fails: noErrno, passes: Silent,
	},
	{functions: []string{"scm_check_creds", "__scm_send"}, source: "net/core/scm.c:scm_check_creds", meaning: "sending another's credentials over a socket"},
	{functions: []string{"cap_prctl_drop", "cap_task_prctl"}, source: "security/commoncap.c:cap_task_prctl", caps: capability.Of(capability.SetPCap), meaning: "dropping a capability from the bounding set, or setting the secure bits"},
	{
		// Asked by every capset(2); refused, it only limits the inheritable set.
		functions: []string{"cap_inh_is_capped", "cap_capset"}, source: "security/commoncap.c:cap_inh_is_capped",
		meaning: "adding to the inheritable set what is not permitted",
	},
	{
		functions: []string{"ptrace_has_cap", "__ptrace_may_access", "ptrace_may_access", "cap_ptrace_access_check"}, source: "kernel/ptrace.c:__ptrace_may_access",
		meaning: "access to a process of another user or with more capabilities, or one that is not dumpable", joint: jointPtrace, remedies: try(remedy.Dumpable),
	},
	{
		functions: []string{"may_access_mm", "mm_access", "proc_mem_open"}, source: "kernel/fork.c:may_access_mm (seen on 6.18)",
		meaning: "access to the memory of a process of another user or with more capabilities, or one that is not dumpable", joint: jointPtrace, remedies: try(remedy.Dumpable),
	},
	{functions: []string{"cap_ptrace_traceme"}, source: "security/commoncap.c:cap_ptrace_traceme", meaning: "being traced by a parent with fewer capabilities", foreign: true},
	{functions: []string{"ptracer_capable"}, source: "kernel/ptrace.c:ptracer_capable", meaning: "a traced program keeping what execve(2) gives it", foreign: true, fails: noErrno},
	{functions: []string{"ptrace_setoptions", "ptrace_attach", "__ptrace_link"}, source: "kernel/ptrace.c:check_ptrace_options", meaning: "tracing a process"},
	{functions: []string{"userfaultfd_syscall_allowed", "new_userfaultfd", "sys_userfaultfd"}, source: "fs/userfaultfd.c:userfaultfd_syscall_allowed", meaning: "handling the kernel's page faults in user space", remedies: append(try(remedy.UserFaults), hostSysctl("vm.unprivileged_userfaultfd", "1")...)},
	{
		functions: []string{
			"set_one_prio", "set_one_prio_perm", "can_nice", "sys_setpriority", "sys_nice", "cap_safe_nice", "cap_task_setnice",
			"cap_task_setscheduler", "cap_task_setioprio",
		},
		source: "kernel/sys.c:set_one_prio, security/commoncap.c:cap_safe_nice", meaning: "raising a priority, or another user's process", remedies: limit("nice", "40"),
	},
	{functions: []string{
		"user_check_sched_setscheduler", "__sched_setscheduler", "sched_setscheduler", "__sched_setaffinity",
		"sched_setaffinity", "check_same_owner", "uclamp_validate",
	}, source: "kernel/sched/syscalls.c:user_check_sched_setscheduler", meaning: "real-time scheduling, or another user's process", remedies: limit("rtprio", "99")},
	{functions: []string{"ioprio_check_cap", "sys_ioprio_set", "set_task_ioprio"}, source: "block/ioprio.c:ioprio_check_cap", meaning: "a real-time input/output priority"},
	{functions: []string{"kernel_migrate_pages", "kernel_move_pages", "do_mbind", "kernel_mbind", "sys_process_madvise", "vector_madvise"}, source: "mm/mempolicy.c:kernel_migrate_pages, mm/madvise.c:process_madvise", meaning: "moving or advising the memory of another process"},
	{functions: []string{"do_prlimit", "sys_prlimit64", "check_prlimit_permission"}, source: "kernel/sys.c:do_prlimit", meaning: "raising a hard limit, or the limits of another user's process", remedies: try(remedy.Limit)},
	{functions: []string{"prctl_set_mm", "validate_prctl_map_addr", "prctl_set_mm_map"}, source: "kernel/sys.c:prctl_set_mm", meaning: "moving the borders of a process's memory map"},
	{
		functions: []string{"copy_process", "set_user", "flag_nproc_exceeded"}, source: "kernel/fork.c:copy_process (RLIMIT_NPROC)",
		caps:  capability.Of(capability.SysResource, capability.SysAdmin),
		fails: []syscall.Errno{syscall.EAGAIN, syscall.EPERM}, meaning: "exceeding the limit of processes, or a child in new namespaces", remedies: limit("nproc", ""),
	},
	{functions: []string{"alloc_pid"}, source: "kernel/pid.c:alloc_pid", meaning: "choosing the process ID of a child"},
	{
		functions: []string{"create_new_namespaces", "copy_namespaces", "unshare_nsproxy_namespaces", "ksys_unshare"},
		source:    "kernel/nsproxy.c:copy_namespaces", meaning: "making new namespaces", remedies: try(remedy.UserNamespace),
	},
	{
		functions: []string{
			"mntns_install", "netns_install", "utsns_install", "ipcns_install", "pidns_install", "cgroupns_install",
			"userns_install", "timens_install", "validate_nsset", "validate_ns",
		},
		source: "fs/namespace.c:mntns_install and the like of each namespace", meaning: "entering another namespace",
	},
	{functions: []string{"new_idmap_permitted", "map_write", "verify_root_map", "proc_setgroups_write"}, source: "kernel/user_namespace.c:new_idmap_permitted", meaning: "mapping users into a user namespace", foreign: true, remedies: try(remedy.MapOwnUser)},
	{
		functions: []string{"seccomp_prepare_filter", "seccomp_set_mode_filter", "seccomp_prepare_user_filter", "do_seccomp"}, source: "kernel/seccomp.c:seccomp_prepare_filter (not audited, yet decisive)",
		meaning: "installing a seccomp filter without no_new_privs", remedies: try(remedy.NoNewPrivsFirst),
	},
	{
		functions: []string{"sys_landlock_restrict_self"}, source: "security/landlock/syscalls.c:landlock_restrict_self (not audited, yet decisive)",
		meaning: "restricting oneself with Landlock without no_new_privs", remedies: try(remedy.NoNewPrivsFirst),
	},
	{
		functions: []string{
			"can_do_mlock", "do_mlock", "sys_mlock", "sys_mlock2", "sys_mlockall", "user_shm_lock", "__account_locked_vm",
			"account_locked_vm", "mm_account_pinned_pages",
		},
		source: "mm/mlock.c:do_mlock, mm/util.c:__account_locked_vm", fails: []syscall.Errno{syscall.EPERM, syscall.ENOMEM, syscall.EAGAIN, syscall.ENOBUFS},
		meaning: "locking more memory than the limit", remedies: limit("memlock", "-1"),
	},
	{
		functions: []string{"mlock_future_ok", "mlock_future_check", "do_mmap", "mmap_region", "__mmap_region", "do_brk_flags", "check_brk_limits", "mremap_to"},
		source:    "mm/mmap.c:mlock_future_ok", caps: capability.Of(capability.IPCLock), fails: []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EPERM},
		meaning: "locking more memory than the limit", remedies: limit("memlock", "-1"),
	},
	{functions: []string{"can_do_hugetlb_shm", "hugetlb_file_setup"}, source: "fs/hugetlbfs/inode.c:can_do_hugetlb_shm", meaning: "shared memory of huge pages", remedies: try(remedy.HugePageGroup)},
	{
		functions: []string{"io_uring_create", "io_uring_setup", "sys_io_uring_setup", "io_sq_offload_create"}, source: "io_uring/io_uring.c:io_uring_create",
		fails: []syscall.Errno{syscall.ENOMEM}, meaning: "memory of an io_uring beyond the limit", remedies: limit("memlock", "-1"),
	},
	{functions: []string{"cap_mmap_addr"}, source: "security/commoncap.c:cap_mmap_addr", meaning: "mapping memory below vm.mmap_min_addr"},
	{functions: []string{"madvise_inject_error", "madvise_do_behavior", "do_madvise"}, source: "mm/madvise.c:madvise_inject_error", caps: capability.Of(capability.SysAdmin), meaning: "injecting memory errors"},
	{functions: []string{"sys_kcmp"}, source: "kernel/kcmp.c:kcmp", meaning: "comparing two processes"},
	{functions: []string{"ipcperms"}, source: "ipc/util.c:ipcperms", meaning: "another user's IPC object", remedies: try(remedy.ShareByMode)},
	{functions: []string{"ipcctl_obtain_check"}, source: "ipc/util.c:ipcctl_obtain_check", meaning: "changing or removing another user's IPC object", remedies: try(remedy.ActAsOwner)},
	{functions: []string{"ksys_shmctl", "shmctl_do_lock", "sys_shmctl"}, source: "ipc/shm.c:shmctl_do_lock", caps: capability.Of(capability.IPCLock), meaning: "locking shared memory", remedies: limit("memlock", "-1")},
	{functions: []string{"ksys_msgctl", "msgctl_down"}, source: "ipc/msg.c:msgctl_down", meaning: "a message queue larger than the limit"},
	{
		functions: []string{"mqueue_get_inode", "mq_attr_ok", "mqueue_create_attr", "do_mq_open"}, source: "ipc/mqueue.c:mqueue_get_inode",
		fails: []syscall.Errno{syscall.EINVAL, syscall.EMFILE, syscall.ENOSPC}, meaning: "a message queue larger than the limits", remedies: []remedy.Remedy{{Kind: remedy.Sysctl, Name: "fs.mqueue.msg_max"}, {Kind: remedy.Limit, Name: "msgqueue"}},
	},
	{functions: []string{"keyctl_get_persistent", "lookup_user_key", "keyctl_chown_key", "keyctl_setperm_key"}, source: "security/keys/persistent.c:keyctl_get_persistent", meaning: "another user's keys"},
}
