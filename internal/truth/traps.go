package main

import (
	"time"

	"github.com/capprof/capprof/internal/capability"
)

// openSeccomp leaves the seccomp profile away.
var openSeccomp = []string{"--security-opt", "seccomp=unconfined"}

// noNewPrivileges is what hardened deployments set.
var noNewPrivileges = []string{"--security-opt", "no-new-privileges"}

// asUser runs the workload as an ordinary user.
var asUser = []string{"--user", "1000"}

// trapCases are where a naive tool is wrong, with what it would say.
var trapCases = []testCase{
	{
		group: traps, name: "memory-accounting", command: []string{"/ops", "map-much"},
		naive: "SYS_ADMIN: every mmap, fork and exec asks for it (cap_vm_enough_memory)",
	},
	{
		group: traps, name: "copy-up", command: []string{"/ops", "copy-up"},
		naive: "DAC_OVERRIDE, FOWNER, SYS_ADMIN, MKNOD: the storage driver asks, with credentials of its own",
	},
	{
		group: traps, name: "own-user-namespace", command: []string{"/ops", "own-user-space"}, flags: openSeccomp,
		naive: "SYS_ADMIN: the checks are granted in the workload's own user namespace",
	},
	{
		group: traps, name: "own-user-namespace-by-seccomp", command: []string{"/ops", "own-user-space"},
		naive: "none: no check is seen at all where seccomp refuses first",
	},
	{
		group: traps, name: "alternative-in-one-call", command: []string{"/privop", "read-other", "+", "write-other"},
		naive: "DAC_OVERRIDE, DAC_READ_SEARCH: the second is denied each time before the first is granted",
	},
	{
		group: traps, name: "alternative-changes-later", command: []string{"/ops", "list-private-dir", "+", "link-by-descriptor"},
		naive: "DAC_OVERRIDE and DAC_READ_SEARCH: the less dangerous one was enough for the first step, and the second needs the other",
	},
	{
		group: traps, name: "one-asks-for-noise", command: []string{"/ops", "ignore", "raw6", "+", "in-child", "raw6"},
		naive: "right by luck: two processes ask for the same, one does not mind",
	},
	{
		group: traps, name: "all-noise", command: []string{"/ops", "ignore", "raw6", "+", "ignore", "clock-tick", "+", "ignore", "securebits"},
		naive: "NET_RAW, SYS_TIME, SETPCAP: asked for and not needed",
	},
	{
		group: traps, name: "silent-loss-chmod", command: []string{"/privop", "setgid-bit"},
		naive: "none: chmod succeeds and drops the bit",
	},
	{
		group: traps, name: "silent-loss-write", command: []string{"/ops", "write-setuid-file"},
		naive: "none: write succeeds and drops the bit",
	},
	{
		group: traps, name: "silent-loss-unnoticed", command: []string{"/ops", "set-group-bit"},
		naive: "FSETID, or not a word: the bit is lost, and the program does not look",
	},
	{
		group: traps, name: "silent-setfsuid", command: []string{"/ops", "setfsuid", "+", "setfsgid"},
		naive: "none: setfsuid has no error to return",
	},
	{
		group: traps, name: "other-errno", command: []string{"/ops", "link-by-descriptor"},
		naive: "none: ENOENT is no refusal",
	},
	{
		group: traps, name: "memory-errno", command: []string{"/ops", "lock-over-limit", "+", "map-locked"},
		naive: "none: ENOMEM and EAGAIN are no refusals",
	},
	{
		group: traps, name: "netlink-ignored", command: []string{"/ops", "link-down-ignored", "+", "audit-message-ignored"},
		naive: "NET_ADMIN, AUDIT_WRITE: the program does not look at the answer",
	},
	{
		group: traps, name: "netlink", command: []string{"/privop", "link-down"},
		naive: "none: sendto succeeds, the refusal is in a message",
	},
	{
		group: traps, name: "audit", command: []string{"/ops", "audit-message"},
		naive: "none: sendto succeeds, the refusal is in a message",
	},
	{
		group: traps, name: "file-capabilities-entrypoint", command: []string{"print-user"}, flags: []string{"--entrypoint", "/capable-ops"},
		naive: "an error of the engine: the container does not start, and no check is made",
	},
	{
		group: traps, name: "file-capabilities-child", command: []string{"/ops", "child-file-caps", "print-user"},
		naive: "none: execve is refused without a check",
	},
	{
		group: traps, name: "file-capabilities-no-new-privileges", command: []string{"/ops", "child-file-caps", "raw6"}, flags: noNewPrivileges,
		naive: "none: execve is refused without a check",
	},
	{
		group: traps, name: "file-capabilities-user", command: []string{"/ops", "child-file-caps", "raw6"}, flags: asUser,
		naive: "no set: an ordinary user gets none, but the file gives it",
	},
	{
		group: traps, name: "file-capabilities-user-no-new-privileges", command: []string{"/ops", "child-file-caps", "raw6"},
		flags: append(append([]string{}, asUser...), noNewPrivileges...),
		noSet: "no-new-privileges keeps the file's capabilities from taking effect",
		naive: "NET_RAW, as often as it is granted",
	},
	{
		group: traps, name: "setuid-no-new-privileges", command: []string{"/ops", "setuid-becomes"}, flags: noNewPrivileges,
		noSet: "no-new-privileges keeps the setuid bit from taking effect",
		naive: "SETUID",
	},
	{
		group: traps, name: "capset-above-permitted", command: []string{"/ops", "capset-net-admin"},
		naive: "none: no check is made; the set is in the call's argument",
	},
	{
		group: traps, name: "capset-inheritable", command: []string{"/ops", "inherit-chown"},
		naive: "SETPCAP, which is asked for and does not help; it is CHOWN",
	},
	{
		group: traps, name: "ambient-raise", command: []string{"/ops", "ambient-net-raw"},
		naive: "none: no check is made",
	},
	{
		group: traps, name: "bounding-drop-ignored", command: []string{"/ops", "drop-bounding-ignored"},
		naive: "SETPCAP, asked for 41 times and ignored",
	},
	{
		group: traps, name: "respawns-for-ever", command: []string{"/privop", "respawn", "setuid"}, limit: 10 * time.Second,
		naive: "nothing, for as long as it waits",
	},
	{
		group: traps, name: "retries-for-ever", command: []string{"/ops", "retry-for-ever"}, limit: 10 * time.Second,
		naive: "nothing, for as long as it waits; and setfsuid has no error",
	},
	{
		group: traps, name: "seccomp-by-clone-flags", command: []string{"/ops", "clone-net"},
		naive: "none: clone is allowed in general",
	},
	{
		group: traps, name: "seccomp-by-personality", command: []string{"/ops", "personality-other"},
		noSet: "Docker's profile has this execution domain for nobody",
		naive: "SYS_ADMIN",
	},
	{
		group: traps, name: "seccomp-for-nobody-keyring", command: []string{"/ops", "keyring"},
		noSet: "Docker's profile allows keyctl for no capability",
		naive: "SYS_ADMIN",
	},
	{
		group: traps, name: "seccomp-for-nobody-userfaultfd", command: []string{"/ops", "user-faults"},
		noSet: "Docker's profile allows it for no capability",
		naive: "SYS_PTRACE, which the kernel would ask for",
	},
	{
		group: traps, name: "seccomp-for-nobody-pivot-root", command: []string{"/ops", "pivot-root"},
		noSet: "Docker's profile allows it for no capability",
		naive: "SYS_ADMIN, which the kernel would ask for",
	},
	{
		group: traps, name: "seccomp-for-nobody-kexec", command: []string{"/ops", "kexec"},
		noSet: "Docker's profile allows it for no capability",
		naive: "SYS_BOOT, which the kernel would ask for",
	},
	{
		group: traps, name: "seccomp-for-nobody-move-pages", command: []string{"/ops", "move-pages-other"},
		noSet: "Docker's profile allows it for no capability",
		naive: "SYS_NICE or SYS_PTRACE",
	},
	{
		group: traps, name: "seccomp-only", command: []string{"/ops", "bind-memory-policy"},
		naive: "none: the kernel asks for nothing, the profile does",
	},
	{
		group: traps, name: "filter-without-no-new-privileges", command: []string{"/ops", "filter-without-nnp"},
		naive: "none: the check is a quiet one (CAP_OPT_NOAUDIT)",
	},
	{
		group: traps, name: "crowd-of-threads", command: []string{"/ops", "crowd", "raw6"},
		naive: "SYS_NICE as well: the calls of other threads are taken for this one's",
	},
	{
		group: traps, name: "vfork-shared-memory", command: []string{"/ops", "start-as-other"},
		naive: "none: the child of vfork is taken for its parent",
	},
	{
		group: traps, name: "exit-amid-calls", command: []string{"/ops", "exit-amid", "+", "raw6"},
		naive: "SYS_NICE as well, or an incomplete trace",
	},
	{
		group: traps, name: "compat-setuid", command: []string{"/ops", "setuid-32bit"},
		naive: "the capability of another call: 32-bit calls have other numbers",
	},
	{
		group: traps, name: "compat-nice", command: []string{"/ops", "nice-32bit"},
		naive: "the capability of another call: 97 is getrlimit in the 64-bit table",
	},
	{
		group: traps, name: "compat-seccomp", command: []string{"/ops", "unshare-32bit"},
		naive: "none, or the seccomp rule of the call that has this number in the 64-bit table",
	},
	{
		group: traps, name: "compat-harmless", command: []string{"/ops", "harmless-32bit"},
		naive: "right, if the call's number misleads nobody",
	},
	{
		group: traps, name: "ring-completion", command: []string{"/ops", "ring-open"}, flags: openSeccomp,
		naive: "none: io_uring_enter succeeds, the refusal is in a completion",
	},
	{
		group: traps, name: "ring-completion-by-worker", command: []string{"/ops", "ring-open-threads"}, flags: openSeccomp,
		naive: "none, or another process's: a thread of the kernel's makes the check",
	},
	{
		group: traps, name: "health-check", image: checked, command: []string{"/ops", "linger", "1500ms", "+", "raw6"},
		naive: "CHOWN as well: the health check is refused it, several times",
	},
	{
		group: traps, name: "health-check-that-matters", image: serving, command: []string{"/ops", "await-mark", "2s"},
		naive: "none: the process that is refused is not the workload's",
	},
	{
		group: traps, name: "docker-exec", image: entered, command: []string{"/ops", "linger", "1s", "+", "raw6"},
		enters: []string{"/privop", "chown"},
		naive:  "CHOWN as well: whoever enters from outside is refused it",
	},
	{
		group: traps, name: "docker-exec-that-matters", image: awaiting, command: []string{"/ops", "await-mark", "2s"},
		enters: []string{"/ops", "raw6", "+", "leave-mark"},
		naive:  "none: the process that is refused is not the workload's",
	},
	{
		group: traps, name: "needed-to-be-given-up", command: []string{"/ops", "setuid-keep"},
		naive: "what it is refused only: it takes capabilities along to give all but one up",
	},
	{
		group: traps, name: "flaky", command: []string{"/ops", "flaky", "5", "+", "raw6"}, tries: 8,
		naive: "a different set each time",
	},
	{
		// The fifth run, by then, is the one without NET_RAW.
		group: traps, name: "flake-at-once", counts: true, tries: 2,
		command: []string{"/privop", "every", "5", "/runs/count", "+", "tolerate", "raw-socket", "+", "chown"},
		naive:   "CHOWN, NET_RAW: a run without NET_RAW failed",
	},
	{
		// Counted by the runs that come so far.
		group: traps, name: "flake-in-the-end", counts: true, tries: 2,
		command: []string{"/privop", "tolerate", "raw-socket", "+", "chown", "+", "every", "3", "/runs/count"},
		naive:   "CHOWN, NET_RAW: a run without NET_RAW failed, in which it was denied",
	},
	{
		group: traps, name: "fallback-port", command: []string{"/ops", "port-fallback"}, flags: strictPorts,
		naive: "NET_BIND_SERVICE: denied with EACCES, and done without",
	},
	{
		group: traps, name: "fallback-buffer", command: []string{"/ops", "force-or-plain"},
		naive: "NET_ADMIN: denied with EPERM, and done without",
	},
	{
		group: traps, name: "fallback-ping", command: []string{"/ops", "raw-or-ping"},
		naive: "NET_RAW: denied with EPERM, and done without",
	},
	{
		group: traps, name: "fallback-file", command: []string{"/ops", "read-other-or-default"},
		naive: "DAC_OVERRIDE: denied with EACCES, and done without",
	},
	{
		group: traps, name: "staged", command: []string{
			"/privop", "chown", "+", "mknod", "+", "raw-socket", "+", "chroot",
		},
		naive: "CHOWN: each refusal hides the next",
	},
	{
		group: traps, name: "fails-with-more", command: []string{"/ops", "fails-if-permitted", "+", "raw6"},
		naive:   "no set: it fails with everything",
		hostile: capability.Of(capability.SysTime),
	},
	{
		group: traps, name: "missing-file", command: []string{"/privop", "needs-file"},
		noSet: "the file is not there", naive: "none",
	},
}
