package explain

import "github.com/capprof/capprof/internal/capability"

// kernelFacts are the capabilities over the kernel itself and over hardware.
var kernelFacts = map[capability.Cap]fact{
	capability.SysAdmin: {
		since:   "2.2",
		summary: "administer the system: mounts, namespaces and several hundred other things",
		allows: []string{
			"mount(2), umount(2), pivot_root(2), and the new mount calls",
			"setns(2) and unshare(2), clone(2) with new namespaces",
			"sethostname(2), quotas, swap space, trusted.* attributes, fanotify(7), control of terminals and many drivers",
			"seccomp(2) and landlock(7) without no_new_privs",
			"everything that PERFMON, BPF, SYSLOG and CHECKPOINT_RESTORE allow",
		},
		level: Critical, scope: HostWide,
		reason: "It is the kernel's answer wherever no other capability fits, and much of that knows no namespace. With it a container mounts a cgroup file system and lets the host run a program (release_agent), or loads BPF programs. It also allows most of what Docker's seccomp profile refuses; AppArmor's docker-default profile, where it is loaded, still denies mount.",
		userns: Partly, usernsNote: "mounts, host name and namespaces of the container's own; nothing of the host's",
		syscalls: []string{
			"bpf", "clone3", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lsm_get_self_attr",
			"lsm_list_modules", "lsm_set_self_attr", "mount", "mount_setattr", "move_mount", "open_tree",
			"perf_event_open", "quotactl", "quotactl_fd", "setdomainname", "sethostname", "setns", "syslog", "umount2", "unshare",
		},
		safer: []string{
			"the capability for just that: PERFMON, BPF, SYSLOG, CHECKPOINT_RESTORE, SYS_NICE",
			"let the engine do it: -v, --mount, --tmpfs, --hostname, --domainname, --cgroupns, --device",
			"sandboxes of browsers and rootless builders need a user namespace, not this: allow clone and unshare with CLONE_NEWUSER in a seccomp profile",
			"set no_new_privs before seccomp(2) or landlock(7): then they need nothing",
			"a user namespace around the container (userns-remap, rootless, hostUsers: false), where it holds only there",
		},
		see: []string{"capabilities(7), \"Notes to kernel developers\"", "mount_namespaces(7)", "user_namespaces(7)", "fs/namespace.c:may_mount", "kernel/cgroup/cgroup-v1.c:cgroup_release_agent_write"},
	},
	capability.SysModule: {
		since:   "2.2",
		summary: "load and unload kernel modules",
		allows: []string{
			"init_module(2), finit_module(2), delete_module(2)",
			"loading any module by the name of a network device, an old way that the kernel still warns of",
		},
		level: Critical, scope: HostWide,
		reason: "There is one kernel: a module is code that runs with all its power on the host. Only module signatures and lockdown stand against it, where they are enforced.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		syscalls: []string{"delete_module", "finit_module", "init_module"},
		safer: []string{
			"load the module on the host: /etc/modules-load.d, or a node agent; images that call modprobe at start mostly find it loaded then",
		},
		see: []string{"init_module(2)", "kernel/module/main.c:may_init_module"},
	},
	capability.SysRawIO: {
		since:   "2.2",
		summary: "reach hardware and physical memory directly",
		allows: []string{
			"ports (ioperm, iopl), and given the device or file: /dev/mem, /dev/port, /proc/kcore, model-specific registers, arbitrary SCSI commands",
			"mapping addresses below vm.mmap_min_addr, FIBMAP",
		},
		level: Critical, scope: HostWide,
		reason: "Hardware is the host's, and whoever drives it directly controls the machine. Ports need no device at all. The device cgroup keeps /dev/mem away, masked paths /proc/kcore, and lockdown most of it, where they are in force.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		syscalls: []string{"ioperm", "iopl"},
		safer: []string{
			"--device with the one device that is meant; ordinary reading and writing of it needs no capability",
			"VFIO or UIO for drivers outside the kernel: --device /dev/vfio/GROUP",
			"a smaller vm.mmap_min_addr on the host, for the emulators that want it",
		},
		see: []string{"ioperm(2)", "mem(4)", "arch/x86/kernel/ioport.c:ksys_ioperm", "security/commoncap.c:cap_mmap_addr"},
	},
	capability.SysBoot: {
		since:   "2.2",
		summary: "restart the machine and load another kernel",
		allows: []string{
			"reboot(2)",
			"kexec_load(2) and kexec_file_load(2), which Docker's seccomp profile refuses all the same",
		},
		level: Critical, scope: HostWide,
		reason: "In a PID namespace of its own, reboot(2) only ends the namespace's first process, that is, the container. kexec knows no namespace: it puts another kernel under the host. Docker's profile refuses it; without a seccomp profile (Kubernetes by default, --privileged) only lockdown and kernel.kexec_load_disabled do. With --pid host reboot(2) is the host's.",
		userns: Partly, usernsNote: "reboot(2) of the container's own PID namespace; never kexec",
		syscalls: []string{"reboot"},
		safer: []string{
			"end the container's first process and let a restart policy start it again",
			"restart the machine from the host, or through its management (kured in Kubernetes)",
		},
		see: []string{"reboot(2)", "pid_namespaces(7)", "kernel/reboot.c:reboot", "kernel/kexec_core.c:kexec_load_permitted"},
	},
	capability.Perfmon: {
		since:   "5.8",
		summary: "measure and trace the whole machine",
		allows: []string{
			"perf_event_open(2) for the kernel, for whole CPUs and for other processes",
			"together with BPF: tracing programs, which read kernel memory",
			"/proc files of other processes, such as environ and maps, on newer kernels",
		},
		level: High, scope: HostWide,
		reason: "CPUs and the kernel have no namespace: samples and trace points show every process of the host, its addresses and data among them. It observes; it does not change. Debian's dockerd 20.10 does not know the name and refuses it.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone, but for /proc files of the namespace's own processes",
		syscalls: []string{"perf_event_open"},
		safer: []string{
			"profile on the host, by cgroup: perf record --cgroup, or an agent there",
			"one's own processes in user mode need nothing from the kernel up to kernel.perf_event_paranoid=2; a seccomp profile has to allow perf_event_open",
		},
		see: []string{"perf_event_open(2)", "include/linux/perf_event.h:perf_allow_cpu", "kernel/events/core.c:perf_event_open"},
	},
	capability.BPF: {
		since:   "5.8",
		summary: "load BPF programs into the kernel",
		allows: []string{
			"bpf(2): maps, programs and their objects, from anywhere on the machine",
			"with PERFMON: tracing programs; with NET_ADMIN: network programs",
		},
		level: Critical, scope: HostWide,
		reason: "Programs run in the one kernel. Alone it gives access to the verifier, whose holes were the way to root more than once, and the maps and programs of others; with PERFMON it reads all memory. Debian's dockerd 20.10 does not know the name and refuses it.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone, unless the host delegates a BPF token (since 6.9)",
		syscalls: []string{"bpf"},
		safer: []string{
			"load programs from an agent on the host and hand over what it reads, or pinned maps by a bind mount",
			"packet filters of one's own sockets (SO_ATTACH_FILTER) and seccomp filters need no capability",
		},
		see: []string{"bpf(2)", "kernel/bpf/syscall.c:__sys_bpf"},
	},
}
