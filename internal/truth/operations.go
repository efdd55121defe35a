package main

import (
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
)

// unexercised are the capabilities that no operation of a container can need on
// a kernel like the one at hand, and why; a case or a test shows each. Those that
// the engine refuses to grant are told by the engine itself.
var unexercised = map[capability.Cap]string{
	capability.MACOverride: "only Smack asks for it; see operation/smack-label: without Smack a label is " +
		"an attribute like others (TestNoCapabilityWithoutItsModule)",
	capability.MACAdmin: "only Smack, SELinux and AppArmor ask for it; see operation/smack-label " +
		"(TestNoCapabilityWithoutItsModule)",
	capability.BlockSuspend: "a kernel that cannot suspend drops EPOLLWAKEUP from everybody; see operation/block-suspend",
}

// shownBy is, for every other capability, an operation that needs it and looks at
// what it did. Where the engine grants the capability, some minimal set of the
// case holds it, or the table is wrong.
var shownBy = map[capability.Cap]string{
	capability.Chown:             "chown",
	capability.DACOverride:       "write-other",
	capability.DACReadSearch:     "open-by-handle",
	capability.FOwner:            "chmod-other",
	capability.FSetID:            "setgid-bit",
	capability.Kill:              "kill-other",
	capability.SetGID:            "setgid",
	capability.SetUID:            "setuid",
	capability.SetPCap:           "drop-bounding",
	capability.LinuxImmutable:    "append-only",
	capability.NetBindService:    "bind-tcp-80-strict",
	capability.NetBroadcast:      "listen-all-namespaces",
	capability.NetAdmin:          "link-up",
	capability.NetRaw:            "raw-socket",
	capability.IPCLock:           "lock-over-limit",
	capability.IPCOwner:          "attach-shared-memory",
	capability.SysModule:         "load-module",
	capability.SysRawIO:          "map-low",
	capability.SysChroot:         "chroot",
	capability.SysPtrace:         "trace-other",
	capability.SysPacct:          "accounting",
	capability.SysAdmin:          "mount",
	capability.SysBoot:           "restart-own-space",
	capability.SysNice:           "nice",
	capability.SysResource:       "raise-hard-limit",
	capability.SysTime:           "settime",
	capability.SysTTYConfig:      "hang-up",
	capability.MkNod:             "mknod",
	capability.Lease:             "lease-other",
	capability.AuditWrite:        "audit-message",
	capability.AuditControl:      "change-login",
	capability.SetFCap:           "setfcap",
	capability.Syslog:            "read-log",
	capability.WakeAlarm:         "wake-alarm",
	capability.AuditRead:         "audit-listen",
	capability.Perfmon:           "perf-cpu",
	capability.BPF:               "bpf-map",
	capability.CheckpointRestore: "choose-pid-no-seccomp",
}

// strictPorts makes the container as strict about ports as a plain host is.
var strictPorts = []string{"--sysctl", "net.ipv4.ip_unprivileged_port_start=1024"}

// operationCases run one operation each in an image that holds nothing else: by
// its name alone where no flag is needed.
func operationCases() []testCase {
	var all []testCase
	for program, names := range map[string]string{
		"/privop": `nothing chown chmod-other setgid-bit read-other write-other mknod chroot mount setfcap
			setuid setgid setgroups drop kill-other raw-socket link-up link-down nice hostname syslog settime`,
		"/ops": `chown-group create-in-other-dir list-private-dir truncate-other unlink-sticky rename-sticky
			set-times-other touch-other open-noatime hard-link-other write-setuid-file open-by-handle link-by-descriptor
			whiteout chown-to-itself chown-without-change chmod-own access-other physical-block
			append-only flags-other trusted-xattr acl-other file-caps lease-own lease-other setuid-becomes exec-file-caps+print-user
			setfsuid setfsgid setresuid send-uid send-gid send-own setuid-own setuid-keep
			drop-bounding securebits give-up filter-with-nnp landlock-without-nnp
			signal-other trace-other trace-own trace-more read-exe-other read-environ-other read-maps-other read-memory-other
			read-environ-more read-map-files read-status-other compare-own compare-other priority-other priority-lower affinity-other schedule-deadline
			io-priority-realtime advise-other oom-score-raise bind-memory-policy interleave-memory-policy
			attach-shared-memory send-message use-semaphore stat-shared-memory lock-shared-memory lock-other-memory
			remove-own-queue remove-other-queue
			lock-limit-zero lock-over-limit lock-under-limit map-locked map-low huge-pages
			raw6 packet ping-socket mark priority-high priority-low receive-force send-force rebind-device
			bind-tcp-8080 bind-vsock-22 delete-arp iptables-info
			audit-message audit-listen listen-all-namespaces firewall-list ipsec-flush link-list list-sockets change-login
			clock-tick time-zone accounting hang-up terminal-steal reboot-bad-magic load-module io-ports io-level console-level read-log
			wake-alarm perf-cpu perf-own bpf-map bpf-filter bpf-classifier bpf-tracepoint
			domain-name unshare-net unshare-mount unshare-uts unshare-files clone-net clone-user
			enter-net enter-mount map-user-root map-user-other restart-own-space choose-pid thaw personality-linux`,
	} {
		for name := range strings.FieldsSeq(names) {
			operation, argument, _ := strings.Cut(name, "+")
			command := []string{program, operation}
			if argument != "" {
				command = append(command, argument)
			}
			all = append(all, testCase{group: operations, name: operation, command: command})
		}
	}
	all = append(all, operationsWithFlags...)
	slices.SortFunc(all, func(a, b testCase) int { return strings.Compare(a.name, b.name) })
	return all
}

// operationsWithFlags need more said of them than their names.
var operationsWithFlags = []testCase{
	{group: operations, name: "bind-tcp-80", command: []string{"/privop", "bind-80"}},
	{group: operations, name: "bind-tcp-80-strict", command: []string{"/privop", "bind-80"}, flags: strictPorts},
	{group: operations, name: "bind-udp-53-strict", command: []string{"/ops", "bind-udp-53"}, flags: strictPorts},
	{group: operations, name: "bind-tcp6-80-strict", command: []string{"/ops", "bind-tcp6-80"}, flags: strictPorts},
	{group: operations, name: "open-kmsg", command: []string{"/ops", "open-kmsg"}, flags: []string{"--device", "/dev/kmsg"}},
	{
		group: operations, name: "clone-user-no-seccomp", command: []string{"/ops", "clone-user"},
		flags: []string{"--security-opt", "seccomp=unconfined"},
	},
	{
		group: operations, name: "map-user-root-no-seccomp", command: []string{"/ops", "map-user-root"},
		flags: []string{"--security-opt", "seccomp=unconfined"},
	},
	{
		group: operations, name: "map-user-other-no-seccomp", command: []string{"/ops", "map-user-other"},
		flags: []string{"--security-opt", "seccomp=unconfined"},
	},
	{
		group: operations, name: "keyring-other-no-seccomp", command: []string{"/ops", "keyring-other"},
		flags: []string{"--security-opt", "seccomp=unconfined"},
	},
	{
		group: operations, name: "choose-pid-no-seccomp", command: []string{"/ops", "choose-pid"},
		flags: []string{"--security-opt", "seccomp=unconfined"},
	},
	{
		group: operations, name: "user-faults-no-seccomp", command: []string{"/ops", "user-faults"},
		flags: []string{"--security-opt", "seccomp=unconfined"},
	},
	{
		group: operations, name: "io-uring-no-seccomp", command: []string{"/ops", "io-uring"},
		flags: []string{"--security-opt", "seccomp=unconfined"},
	},
	{
		group: operations, name: "smack-label", command: []string{"/ops", "smack-label"},
	},
	{
		group: operations, name: "block-suspend", command: []string{"/ops", "block-suspend"},
		noSet: "the kernel has no CONFIG_PM_SLEEP, or CAP_BLOCK_SUSPEND would do",
	},
	{
		group: operations, name: "raise-hard-limit", command: []string{"/ops", "raise-hard-limit"},
		noSet: "it takes CAP_SYS_RESOURCE, where the engine has it to give",
	},
	{
		group: operations, name: "limits-other", command: []string{"/ops", "limits-other"},
		noSet: "it takes CAP_SYS_RESOURCE, where the engine has it to give",
	},
	{
		group: operations, name: "oom-score-lower", command: []string{"/ops", "oom-score-lower"},
		noSet: "it takes CAP_SYS_RESOURCE, where the engine has it to give",
	},
	{
		group: operations, name: "set-brk", command: []string{"/ops", "set-brk"},
		noSet: "it takes CAP_SYS_RESOURCE, where the engine has it to give",
	},
	{
		group: operations, name: "queue-over-limit", command: []string{"/ops", "queue-over-limit"},
		noSet: "it takes CAP_SYS_RESOURCE, where the engine has it to give",
	},
	{
		group: operations, name: "chown-setuid-itself", command: []string{"/ops", "chown-setuid-itself"},
		noSet: "chown(2) drops the setuid bit whoever asks",
	},
	{
		group: operations, name: "audit-status", command: []string{"/ops", "audit-status"},
		noSet: "the kernel answers it outside of process namespaces only",
	},
	{
		group: operations, name: "ping-socket-closed", command: []string{"/ops", "ping-socket"},
		flags: []string{"--sysctl", "net.ipv4.ping_group_range=1 0"},
		noSet: "the sysctl has no group that may, and no capability is asked for",
	},
	{
		group: operations, name: "last-pid", command: []string{"/ops", "last-pid"},
		noSet: "the engine mounts /proc/sys read-only",
	},
	{
		group: operations, name: "schedule-fifo", command: []string{"/ops", "schedule-fifo"},
		noSet: "a control group without real-time budget refuses it whatever the capabilities",
	},
	{
		group: operations, name: "terminal-inject", command: []string{"/ops", "terminal-inject"},
	},
}
