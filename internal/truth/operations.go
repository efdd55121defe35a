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

// strictPorts makes the container as strict about ports as a plain host is.
var strictPorts = []string{"--sysctl", "net.ipv4.ip_unprivileged_port_start=1024"}

// operationCases run one operation each in an image that holds nothing else: by
// its name alone where no flag is needed.
func operationCases() []kase {
	var all []kase
	for program, names := range map[string]string{
		"/privop": `nothing chown chmod-other setgid-bit read-other write-other mknod chroot mount setfcap
			setuid setgid setgroups drop kill-other raw-socket link-up link-down nice hostname syslog settime`,
		"/ops": `chown-group create-in-other-dir list-private-dir truncate-other unlink-sticky rename-sticky
			set-times-other touch-other open-noatime hard-link-other write-setuid-file open-by-handle link-by-descriptor
			whiteout chown-to-itself chown-without-change access-other
			append-only trusted-xattr acl-other file-caps lease-own lease-other setuid-becomes exec-file-caps+print-user
			setfsuid setfsgid send-uid send-gid send-own setuid-own setuid-keep
			drop-bounding securebits give-up filter-with-nnp landlock-without-nnp
			signal-other trace-other trace-own read-exe-other read-environ-other read-maps-other read-memory-other
			read-status-other compare-own priority-other priority-lower affinity-other schedule-deadline
			io-priority-realtime advise-other oom-score-raise bind-memory-policy interleave-memory-policy
			attach-shared-memory send-message use-semaphore stat-shared-memory lock-shared-memory remove-own-queue
			lock-limit-zero lock-over-limit lock-under-limit map-locked map-low huge-pages
			raw6 packet ping-socket mark priority-high priority-low receive-force send-force rebind-device
			bind-tcp-8080 bind-vsock-22 delete-arp iptables-info
			audit-message audit-listen listen-all-namespaces firewall-list ipsec-flush link-list change-login
			clock-tick time-zone accounting-off hang-up reboot-bad-magic load-module io-ports console-level read-log
			wake-alarm perf-cpu bpf-map
			domain-name unshare-net unshare-mount unshare-uts unshare-files clone-net clone-user
			enter-net enter-mount map-user-root choose-pid thaw personality-linux`,
	} {
		for name := range strings.FieldsSeq(names) {
			operation, argument, _ := strings.Cut(name, "+")
			command := []string{program, operation}
			if argument != "" {
				command = append(command, argument)
			}
			all = append(all, kase{group: operations, name: operation, command: command})
		}
	}
	all = append(all, operationsWithFlags...)
	slices.SortFunc(all, func(a, b kase) int { return strings.Compare(a.name, b.name) })
	return all
}

// operationsWithFlags need more said of them than their names.
var operationsWithFlags = []kase{
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
