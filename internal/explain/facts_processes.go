package explain

import "github.com/capprof/capprof/internal/capability"

// processFacts are the capabilities over processes: their identity, their
// memory, their limits.
var processFacts = map[capability.Cap]fact{
	capability.Kill: {
		since:   "2.2",
		summary: "signal processes of other users",
		allows: []string{
			"kill(2) and its kin to any process that the container can see",
			"ioctl KDSIGACCEPT on a console",
		},
		level: Low, scope: Namespaced,
		reason: "A process can only signal what has a number in its PID namespace, which is the container's own processes. With --pid host, or in a Kubernetes pod with hostPID, it is every process of the host.",
		userns: Works, usernsNote: "for processes of the container's own user namespace",
		safer: []string{
			"run the supervisor and what it supervises as the same user",
			"stop by other means: closing a pipe, a command on a socket, SIGTERM to the whole container (docker stop needs nothing inside)",
		},
		see: []string{"kill(2)", "kernel/signal.c:kill_ok_by_cred"},
	},
	capability.SetGID: {
		since:   "2.2",
		summary: "become a member of any group",
		allows: []string{
			"setgid(2), setgroups(2) and their kin with any group",
			"forging the group in credentials that are passed over a Unix socket",
			"writing a group mapping of a user namespace",
		},
		level: Moderate, scope: Shared,
		reason: "Group IDs are the host's: on bind mounts the process gets what any group may, and a mounted docker.sock of group docker is open to it.",
		userns: Works, usernsNote: "for groups that are mapped",
		safer: []string{
			"start with the final groups: USER user:group, --user, --group-add, runAsGroup, supplementalGroups",
			"tell the daemon not to switch (its user option empty or commented out)",
		},
		see: []string{"setgid(2)", "setgroups(2)", "unix(7)", "kernel/sys.c:__sys_setgid"},
	},
	capability.SetUID: {
		since:   "2.2",
		summary: "become any user",
		allows: []string{
			"setuid(2), setresuid(2), setfsuid(2) and their kin with any user",
			"forging the user in credentials that are passed over a Unix socket",
			"writing a user mapping of a user namespace, and other users' persistent keyrings",
		},
		level: Moderate, scope: Shared,
		reason: "User IDs are the host's: on bind mounts the process can act as any host user, and limits that the kernel counts by user (RLIMIT_NPROC, inotify watches) are those of the chosen one.",
		userns: Works, usernsNote: "for users that are mapped",
		safer: []string{
			"start as the final user: USER in the Dockerfile, --user, runAsUser; then gosu and su-exec have nothing to do",
			"tell the daemon not to switch (its user option empty or commented out)",
		},
		see: []string{"setuid(2)", "unix(7)", "kernel/sys.c:__sys_setuid"},
	},
	capability.SetPCap: {
		since:   "2.2",
		summary: "change its own bounding set, inheritable set and securebits",
		allows: []string{
			"dropping capabilities from the bounding set (PR_CAPBSET_DROP)",
			"adding to the inheritable set what the bounding set holds",
			"setting securebits, such as SECBIT_NOROOT and SECBIT_KEEP_CAPS_LOCKED",
		},
		level: Moderate, scope: Namespaced,
		reason: "It acts on the process itself alone, and never gives it more than the bounding set holds. What it can do is hand capabilities on to programs that would have none.",
		userns: Works, usernsNote: "in the container's own user namespace",
		safer: []string{
			"start with the final set (--cap-drop ALL and what is needed): there is nothing left to drop",
			"no new privileges (--security-opt no-new-privileges, allowPrivilegeEscalation: false), for the same end",
			"most daemons that drop from the bounding set go on when it is refused",
		},
		see: []string{"prctl(2)", "capset(2)", "security/commoncap.c:cap_task_prctl"},
	},
	capability.IPCLock: {
		since:   "2.2",
		summary: "lock memory beyond the limit",
		allows: []string{
			"mlock(2), mlockall(2) and mmap(2) with MAP_LOCKED beyond RLIMIT_MEMLOCK",
			"shmctl(2) SHM_LOCK on segments of other users, and huge pages for shared memory",
			"pinned buffers beyond the limit, as for RDMA, perf and AF_XDP",
		},
		level: Moderate, scope: Shared,
		reason: "Locked memory is the host's and cannot be swapped out; the container's memory limit still holds, so without one it can exhaust the machine. It reads nothing of others.",
		userns: Partly, usernsNote: "SHM_LOCK inside the container's IPC namespace; the memory lock limit is checked in the initial namespace alone",
		safer: []string{
			"raise the limit instead: --ulimit memlock=BYTES (or -1)",
			"tell the program not to lock (disable_mlock in Vault, bootstrap.memory_lock in Elasticsearch), on hosts without swap",
		},
		see: []string{"mlock(2)", "shmctl(2)", "mm/mlock.c:can_do_mlock"},
	},
	capability.IPCOwner: {
		since:   "2.2",
		summary: "use System V shared memory, queues and semaphores of other users",
		allows: []string{
			"shmat(2), msgsnd(2), msgrcv(2), semop(2) and IPC_STAT against the mode of the object",
		},
		level: Moderate, scope: Namespaced,
		reason: "Objects belong to the container's own IPC namespace. With --ipc host, or --ipc container:NAME, they are the host's or the other container's.",
		userns: Works, usernsNote: "in the container's own IPC namespace",
		safer: []string{
			"run the processes that share as one user, or create the object with a mode for their group (0660)",
			"POSIX shared memory and queues, whose files have owners and modes",
		},
		see: []string{"sysvipc(7)", "ipc/util.c:ipcperms"},
	},
	capability.SysPtrace: {
		since:   "2.2",
		summary: "trace, read and change other processes",
		allows: []string{
			"ptrace(2), process_vm_readv(2), process_vm_writev(2), pidfd_getfd(2) and kcmp(2) on processes of other users, or with more capabilities",
			"/proc/PID/environ, mem, maps, exe, fd and the like of such processes",
			"userfaultfd(2) that handles faults of the kernel, which Docker's profile refuses all the same",
		},
		level: High, scope: Namespaced,
		reason: "Only processes of the container's own PID namespace can be named, but all of them are open: secrets in memory, and the capabilities of the most privileged one. With --pid host it takes over any process of the host.",
		userns: Works, usernsNote: "for processes of the container's own user namespace",
		syscalls: []string{"kcmp", "pidfd_getfd", "process_madvise"},
		safer: []string{
			"trace one's own children of the same user: it needs nothing, and Docker's profile allows ptrace since 19.03 and process_vm_readv and process_vm_writev since 23.0, on Linux 4.8 and later",
			"let the traced process agree (PR_SET_PTRACER), where only Yama's ptrace_scope is in the way",
			"debug from a container of its own for as long as it takes: docker run --pid container:NAME --cap-add SYS_PTRACE, kubectl debug",
			"core dumps, or a profiler on the host",
		},
		see: []string{"ptrace(2)", "proc(5)", "kernel/ptrace.c:__ptrace_may_access"},
	},
	capability.SysPacct: {
		since:   "2.2",
		summary: "switch process accounting",
		allows: []string{
			"acct(2): recording each process that ends, in a file",
		},
		level: Moderate, scope: Namespaced,
		reason: "Accounting belongs to the PID namespace: it records the container's own processes and cannot switch the host's off. With --pid host it can. The file grows with every process, in the container's own storage.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		syscalls: []string{"acct"},
		safer: []string{
			"run accounting or auditing on the host, which sees the containers' processes too",
			"cgroup statistics (docker stats) for what was used",
		},
		see: []string{"acct(2)", "acct(5)", "kernel/acct.c:acct_on"},
	},
	capability.SysNice: {
		since:   "2.2",
		summary: "raise priorities, use real-time scheduling and place memory",
		allows: []string{
			"lower nice values, real-time and deadline policies, real-time I/O priority",
			"scheduling, affinity and page migration of other users' processes",
			"mbind(2) and migrate_pages(2) with MPOL_MF_MOVE_ALL; Docker's seccomp profile ties all of mbind and set_mempolicy to this capability",
		},
		level: Moderate, scope: Shared,
		reason: "It names processes of the container's PID namespace only, but the CPUs are the host's: a real-time task that never sleeps starves what shares its CPU, up to the limits of the cgroup and of kernel.sched_rt_runtime_us.",
		userns: Partly, usernsNote: "affinity and the like for other processes of the namespace; raising a priority is checked in the initial namespace alone",
		syscalls: []string{"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"},
		safer: []string{
			"limits instead: --ulimit nice=40, --ulimit rtprio=N",
			"shares instead of priorities: --cpu-shares, --cpuset-cpus, --cpuset-mems, requests in Kubernetes",
			"where only mbind or set_mempolicy is refused (MySQL's complaint), allow these in a seccomp profile: the kernel asks for no capability there",
		},
		see: []string{"sched(7)", "mbind(2)", "kernel/sched/syscalls.c:user_check_sched_setscheduler"},
	},
	capability.SysResource: {
		since:   "2.2",
		summary: "exceed resource limits",
		allows: []string{
			"raising hard limits (setrlimit, prlimit), also of other users' processes",
			"lowering oom_score_adj, against the out-of-memory killer",
			"reserved blocks and quotas of file systems; limits of pipes, message queues, keys and consoles",
			"PR_SET_MM: changing the memory layout that /proc shows",
		},
		level: High, scope: HostWide,
		reason: "Limits, reserved blocks and the order of the out-of-memory killer protect the whole machine, and reserved blocks are those of the host's file system under the container. The container's cgroup limits still hold.",
		userns: Partly, usernsNote: "prlimit on other users' processes of the namespace, without raising a limit; the rest is checked in the initial namespace alone",
		safer: []string{
			"--ulimit NAME=SOFT:HARD, or default-ulimits of the daemon",
			"--oom-score-adj, --shm-size, --sysctl fs.mqueue.msg_max=N and its siblings",
		},
		see: []string{"getrlimit(2)", "prctl(2)", "kernel/sys.c:do_prlimit", "fs/proc/base.c:__set_oom_adj"},
	},
	capability.CheckpointRestore: {
		since:   "5.9",
		summary: "save and restore processes",
		allows: []string{
			"choosing process IDs: clone3(2) with set_tid, /proc/sys/kernel/ns_last_pid",
			"following the links in /proc/PID/map_files, and replacing /proc/PID/exe with PR_SET_MM",
		},
		level: Moderate, scope: Namespaced,
		reason: "Process IDs are those of the container's own PID namespace. A process can pose as another executable, which misleads whoever watches. What SYS_ADMIN did before for checkpoints is most of it; Debian's dockerd 20.10 does not know the name and refuses it.",
		userns: Partly, usernsNote: "choosing process IDs; map_files is checked in the initial namespace alone",
		safer: []string{
			"checkpoint from outside: docker checkpoint, podman container checkpoint, the kubelet's checkpoint API",
		},
		see: []string{"clone(2)", "proc_pid_map_files(5)", "include/linux/capability.h:checkpoint_restore_ns_capable"},
	},
}
