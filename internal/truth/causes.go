package main

import (
	"os"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
)

// as runs the workload as a user, by number or name, with or without a group.
func as(user string, more ...string) []string {
	return append([]string{"--user", user}, more...)
}

// ops is a command of the program of single operations.
func ops(command string) []string { return append([]string{"/ops"}, strings.Fields(command)...) }

// off says that a sysctl of the host's is 0 or not there, so that what it forbids
// is allowed; TestHostSettings shows that.
func off(sysctl, what string) func() string {
	return func() string {
		text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(sysctl, ".", "/"))
		if err == nil && strings.TrimSpace(string(text)) != "0" {
			return ""
		}
		return what + " is allowed here: " + sysctl + " is 0 or absent on the host"
	}
}

// causeCases fail for a reason that is no capability, or none that can reach it,
// or none that is the best fix. Each says what capprof must say, and holds the
// changed ways to run it that follow from that.
var causeCases = slices.Concat(fileCauses, mountCauses, processCauses, limitCauses, userCauses)

// fileCauses are fixed by a capability, and better by owners and modes.
var fileCauses = []testCase{
	{
		group: causes, name: "mode-read", command: ops("read /other/file"),
		says: []string{"chown", "--user"},
		remedies: []remedy{
			{name: "chown in the Dockerfile", image: settled},
			{name: "as the file's owner", flags: as("1000")},
		},
	},
	{
		group: causes, name: "mode-write", command: ops("write /other/file"),
		says: []string{"chown", "--user"},
		remedies: []remedy{
			{name: "chown in the Dockerfile", image: settled},
			{name: "as the file's owner", flags: as("1000")},
		},
	},
	{
		group: causes, name: "mode-of-directory", command: ops("list-private-dir"),
		says:     []string{"chown", "--user"},
		remedies: []remedy{{name: "chown in the Dockerfile", image: settled}, {name: "as its owner", flags: as("1000")}},
	},
	{
		group: causes, name: "mode-change", command: ops("chmod /other/file"),
		says:     []string{"owner", "--chmod"},
		remedies: []remedy{{name: "chown in the Dockerfile", image: settled}, {name: "as its owner", flags: as("1000")}},
	},
	{
		group: causes, name: "owner-change", command: ops("chown-unless /other/file"),
		says:     []string{"COPY --chown"},
		remedies: []remedy{{name: "chown in the Dockerfile", image: settled}},
	},
	{
		group: causes, name: "sticky-delete", command: ops("unlink /other/sticky/file"),
		says:     []string{"sticky", "owner"},
		remedies: []remedy{{name: "as the file's owner", flags: as("1000")}, {name: "chown in the Dockerfile", image: settled}},
	},
	{
		group: causes, name: "hard-link", command: ops("hard-link /other/file"), absent: off("fs.protected_hardlinks", "linking to others' files"),
		says:     []string{"fs.protected_hardlinks", "owner"},
		remedies: []remedy{{name: "as the file's owner", flags: as("1000")}, {name: "chown in the Dockerfile", image: settled}},
	},
	{
		group: causes, name: "sticky-open", command: ops("write /tmp/others"), absent: off("fs.protected_regular", "opening others' files in sticky directories for creation"),
		noSet:    "fs.protected_regular binds root too",
		says:     []string{"sticky", "fs.protected_regular"},
		remedies: []remedy{{name: "as the file's owner", flags: as("1000")}},
	},
	{
		group: causes, name: "sticky-link", command: ops("read /tmp/others-link"), absent: off("fs.protected_symlinks", "following others' links in sticky directories"),
		noSet:    "fs.protected_symlinks binds root too",
		says:     []string{"symbolic link", "fs.protected_symlinks"},
		remedies: []remedy{{name: "as the link's owner", flags: as("1000")}},
	},
	{
		group: causes, name: "immutable-write", command: ops("make-immutable /dev/shm/f + write /dev/shm/f"),
		noSet: "nobody writes to an immutable file", says: []string{"immutable", "chattr -i"},
		remedies: []remedy{{
			name: "without the flag", command: ops("make-immutable /dev/shm/f + clear-immutable /dev/shm/f + write /dev/shm/f"),
			set: capability.Of(capability.LinuxImmutable),
		}},
	},
	{
		group: causes, name: "immutable-unlink", command: ops("make-immutable /dev/shm/f + unlink /dev/shm/f"),
		noSet: "nobody removes an immutable file", says: []string{"immutable", "chattr -i"},
		remedies: []remedy{{
			name: "without the flag", command: ops("make-immutable /dev/shm/f + clear-immutable /dev/shm/f + unlink /dev/shm/f"),
			set: capability.Of(capability.LinuxImmutable),
		}},
	},
	{
		group: causes, name: "immutable-chmod", command: ops("make-immutable /dev/shm/f + chmod /dev/shm/f"),
		noSet: "nobody changes an immutable file", says: []string{"immutable", "chattr -i"},
		remedies: []remedy{{
			name: "without the flag", command: ops("make-immutable /dev/shm/f + clear-immutable /dev/shm/f + chmod /dev/shm/f"),
			set: capability.Of(capability.LinuxImmutable),
		}},
	},
	{
		group: causes, name: "sealed", command: ops("write-sealed"), noSet: "a seal binds everybody",
		says: []string{"sealed"}, remedies: []remedy{{name: "without the seal", command: ops("write-unsealed")}},
	},
	{
		group: causes, name: "no-execute-bit", command: ops("execute-not-marked"), noSet: "no execute bit is set",
		says: []string{"executable", "chmod +x"}, remedies: []remedy{{name: "chmod +x in the Dockerfile", image: settled}},
	},
	{
		group: causes, name: "security-module", command: ops("restricted read /other/file"),
		noSet: "Landlock, a security module, refuses after the capabilities have agreed",
		says:  []string{"the capability was granted and the call refused all the same", "security module", "Landlock"},
		remedies: []remedy{{
			name: "without its rules", command: ops("read /other/file"), set: capability.Of(capability.DACReadSearch),
		}},
	},
	{
		group: causes, name: "security-module-alone", command: ops("restricted read /own/file"),
		noSet: "Landlock, a security module, refuses, and no capability was asked for",
		says:  []string{"security module", "Landlock"}, remedies: []remedy{{name: "without its rules", command: ops("read /own/file")}},
	},
}

// mountCauses lie in how the container was made.
var mountCauses = []testCase{
	{
		group: causes, name: "read-only-root", command: ops("write /tmp/x"), flags: []string{"--read-only"}, noSet: "the root file system is read-only",
		says: []string{"--read-only", "--tmpfs /tmp"},
		remedies: []remedy{
			{name: "a tmpfs", flags: []string{"--read-only", "--tmpfs", "/tmp"}},
			{name: "without --read-only"},
		},
	},
	{
		group: causes, name: "read-only-volume", command: ops("write /mnt/x"), flags: []string{"--volume", "{dir}:/mnt:ro"}, noSet: "the volume is mounted read-only",
		says: []string{"the volume at /mnt is mounted read-only", "without :ro"}, remedies: []remedy{{name: "without :ro", flags: []string{"--volume", "{dir}:/mnt"}}},
	},
	{
		group: causes, name: "read-only-tmpfs", command: ops("write /mnt/x"), flags: []string{"--tmpfs", "/mnt:ro"}, noSet: "the tmpfs is mounted read-only",
		says: []string{"the tmpfs at /mnt is mounted read-only"}, remedies: []remedy{{name: "without ro", flags: []string{"--tmpfs", "/mnt"}}},
	},
	{
		group: causes, name: "read-only-proc-sys", command: ops("forwarding"), flags: []string{"--sysctl", "net.ipv4.ip_forward=0"}, noSet: "the engine mounts /proc/sys read-only",
		says: []string{"/proc/sys", "--sysctl net.ipv4.ip_forward="}, remedies: []remedy{{name: "--sysctl", flags: []string{"--sysctl", "net.ipv4.ip_forward=1"}}},
	},
	{
		group: causes, name: "read-only-sys", command: ops("write /sys/kernel/x"), noSet: "the engine mounts /sys read-only",
		says: []string{"/sys is mounted read-only", "--volume /sys"}, unfixable: "the mount that fixes it is the host's own /sys, which a test must leave alone",
	},
	{
		group: causes, name: "no-exec-tmpfs", command: ops("execute-copy /mnt"), flags: []string{"--tmpfs", "/mnt"}, noSet: "the tmpfs is mounted noexec",
		says: []string{"the tmpfs at /mnt is mounted noexec", "--tmpfs /mnt:exec"}, remedies: []remedy{{name: "exec", flags: []string{"--tmpfs", "/mnt:exec"}}},
	},
	{
		group: causes, name: "no-exec-map", command: ops("map-executable /mnt"), flags: []string{"--tmpfs", "/mnt"}, noSet: "the tmpfs is mounted noexec",
		says: []string{"noexec", "--tmpfs"}, remedies: []remedy{{name: "exec", flags: []string{"--tmpfs", "/mnt:exec"}}},
	},
	{
		group: causes, name: "device-rules", command: ops("make-device /mnt/kmsg + use-device /mnt/kmsg"), flags: []string{"--tmpfs", "/mnt:dev"},
		noSet: "the device control group does not list the device", says: []string{"device rules", "--device"},
		remedies: []remedy{{name: "--device", flags: []string{"--device", "/dev/kmsg"}, command: ops("use-device /dev/kmsg")}},
	},
	{
		group: causes, name: "device-on-nodev", command: ops("make-device /mnt/kmsg + use-device /mnt/kmsg"), flags: []string{"--tmpfs", "/mnt"},
		noSet: "the tmpfs is mounted nodev", says: []string{"the tmpfs at /mnt is mounted nodev", "--device"},
		remedies: []remedy{{name: "--device", flags: []string{"--device", "/dev/kmsg"}, command: ops("use-device /dev/kmsg")}},
	},
	{
		group: causes, name: "device-of-the-image", command: ops("use-device /other/kmsg"),
		noSet: "the device control group does not list the device, or the root file system has no devices", says: []string{"device", "--device"},
		remedies: []remedy{{name: "--device", flags: []string{"--device", "/dev/kmsg"}, command: ops("use-device /dev/kmsg")}},
	},
	{
		group: causes, name: "device-made", command: ops("make-device /tmp/kmsg"), says: []string{"creating a device node", "--device"},
		remedies: []remedy{{name: "--device", flags: []string{"--device", "/dev/kmsg"}, command: ops("use-device /dev/kmsg")}},
	},
	{
		group: causes, name: "device-of-another-user", command: ops("use-device /dev/kmsg"), flags: as("1000", "--device", "/dev/kmsg"),
		noSet: "the node is root's as on the host, and no capability reaches the user", says: []string{"on the host", "--group-add"},
		remedies: []remedy{{name: "as root", flags: []string{"--device", "/dev/kmsg"}}},
	},
	{
		group: causes, name: "mount-at-start", command: ops("mounted /mnt"), says: []string{"let the engine mount it", "--tmpfs"},
		remedies: []remedy{{name: "--tmpfs", flags: []string{"--tmpfs", "/mnt"}}},
	},
	{
		group: causes, name: "host-name", command: ops("named truth"), says: []string{"--hostname"},
		remedies: []remedy{{name: "--hostname", flags: []string{"--hostname", "truth"}}},
	},
	{
		group: causes, name: "low-port", command: []string{"/privop", "bind-80"}, flags: strictPorts, says: []string{"1024", "--sysctl"},
		remedies: []remedy{
			{name: "--sysctl", flags: []string{"--sysctl", "net.ipv4.ip_unprivileged_port_start=0"}},
			{name: "another port", flags: strictPorts, command: ops("bind-tcp-8080")},
		},
	},
	{
		group: causes, name: "ping-group", command: ops("ping-socket"), flags: []string{"--sysctl", "net.ipv4.ping_group_range=1 0"}, noSet: "nobody's group may have such a socket",
		says:     []string{"ping_group_range"},
		remedies: []remedy{{name: "--sysctl", flags: []string{"--sysctl", "net.ipv4.ping_group_range=0 2147483647"}}},
	},
	{
		group: causes, name: "proc-in-own-namespace", command: ops("proc-in-own-space"), flags: openSeccomp,
		noSet: "parts of the container's /proc are masked, and a new one would show them", says: []string{"masks", "systempaths=unconfined"},
		remedies: []remedy{{name: "nothing masked", flags: append([]string{"--security-opt", "systempaths=unconfined"}, openSeccomp...)}},
	},
}

// processCauses lie in the program.
var processCauses = []testCase{
	{
		group: causes, name: "traced-already", command: ops("trace-traced"), noSet: "a process has one tracer",
		says: []string{"traced already"}, remedies: []remedy{{name: "let go first", command: ops("trace-released")}},
	},
	{
		group: causes, name: "not-dumpable", command: ops("read-undumpable"), says: []string{"PR_SET_DUMPABLE"},
		remedies: []remedy{{name: "dumpable", command: ops("read-dumpable")}},
	},
	{
		group: causes, name: "not-dumpable-user", command: ops("read-undumpable"), flags: as("1000"),
		noSet: "no capability reaches the user", says: []string{"user 1000", "PR_SET_DUMPABLE"},
		remedies: []remedy{{name: "dumpable", flags: as("1000"), command: ops("read-dumpable")}},
	},
	{
		group: causes, name: "others-lock", command: ops("unlock-others"), noSet: "the lock is another thread's",
		says: []string{"the lock is not held by this thread"}, remedies: []remedy{{name: "its own lock", command: ops("unlock-own")}},
	},
	{
		group: causes, name: "session-leader", command: ops("new-session"), noSet: "it leads a process group already",
		says: []string{"leader", "setsid --fork"}, remedies: []remedy{{name: "in a child", command: ops("in-child new-session")}},
	},
	{
		group: causes, name: "user-namespace-in-chroot", command: ops("change-root + own-user-space"), flags: openSeccomp,
		noSet: "a process in a chroot makes no user namespace", says: []string{"chroot"},
		remedies: []remedy{{name: "without chroot", flags: openSeccomp, command: ops("own-user-space")}},
	},
	{
		group: causes, name: "user-namespace-unmapped", command: ops("user-space-twice"), flags: openSeccomp,
		noSet: "the user is not mapped into the first one", says: []string{"uid_map"},
		remedies: []remedy{{name: "one only", flags: openSeccomp, command: ops("own-user-space")}},
	},
	{
		group: causes, name: "ambient-not-inheritable", command: ops("ambient-alone"), noSet: "an ambient capability must be inheritable",
		says: []string{"inheritable"}, remedies: []remedy{{name: "inheritable first", command: ops("ambient-net-raw"), set: capability.Of(capability.NetRaw)}},
	},
	{
		group: causes, name: "capset-contrary", command: ops("capset-contrary"), noSet: "what is effective must be permitted",
		says: []string{"effective beyond permitted"}, remedies: []remedy{{name: "both", command: ops("capset-net-admin"), set: capability.Of(capability.NetAdmin)}},
	},
	{
		group: causes, name: "broadcast", command: ops("broadcast"), noSet: "the socket has no SO_BROADCAST",
		says: []string{"SO_BROADCAST"}, remedies: []remedy{{name: "SO_BROADCAST", command: ops("broadcast-marked")}},
	},
}

// limitCauses are limits and quotas.
var limitCauses = []testCase{
	{
		group: causes, name: "limit-raised", command: ops("raise-hard-limit"), noSet: "it takes CAP_SYS_RESOURCE, where the engine has it to give",
		says: []string{"--ulimit"}, remedies: []remedy{{name: "not lowered before", command: ops("lower-limit")}},
	},
	{
		group: causes, name: "limit-locked-memory", command: ops("lock-over-limit"), says: []string{"--ulimit memlock"},
		remedies: []remedy{{name: "less of it", command: ops("lock-under-limit")}},
	},
	{
		group: causes, name: "limit-locked-memory-user", command: ops("lock-over-limit"), flags: as("1000"), noSet: "no capability reaches the user",
		says: []string{"user 1000", "--ulimit memlock"}, remedies: []remedy{{name: "less of it", flags: as("1000"), command: ops("lock-under-limit")}},
	},
	{
		group: causes, name: "limit-processes-user", command: ops("limit-processes"), flags: as("1000"), noSet: "no capability reaches the user",
		says: []string{"user 1000", "--ulimit nproc"}, remedies: []remedy{{name: "no limit", flags: as("1000"), command: ops("in-child give-up")}},
	},
	{
		group: causes, name: "quota-keys", command: ops("add-key 20001"), flags: as("1000", openSeccomp...), noSet: "the quota of keys is the host's",
		says:     []string{"quota", "kernel.keys.maxbytes"},
		remedies: []remedy{{name: "less of them", flags: as("1000", openSeccomp...), command: ops("add-key 100")}},
	},
	{
		group: causes, name: "file-system-full", command: ops("fill /mnt/x"), flags: []string{"--tmpfs", "/mnt:size=64k"}, noSet: "there is no more room",
		says: []string{"the tmpfs at /mnt is full", "size="}, remedies: []remedy{{name: "more room", flags: []string{"--tmpfs", "/mnt:size=1m"}}},
	},
	{
		group: causes, name: "real-time", command: ops("schedule-fifo"), noSet: "a control group without real-time budget refuses it whatever the capabilities",
		says: []string{"real-time", "--cpu-rt-runtime"}, unfixable: "the engine would have to be started with a real-time budget (dockerd --cpu-rt-runtime)",
	},
}

// userCauses are those of ordinary users, whom no capability reaches.
var userCauses = []testCase{
	{
		group: causes, name: "user-raw-socket", command: ops("raw6"), flags: as("1000"), noSet: "no capability reaches the user",
		says: []string{"user 1000", "setcap cap_net_raw+ep", "as root"},
		remedies: []remedy{
			{name: "setcap", flags: as("1000"), command: []string{"/capable-ops", "raw6"}, set: capability.Of(capability.NetRaw)},
			{name: "as root", set: capability.Of(capability.NetRaw)},
		},
	},
	{
		group: causes, name: "user-ping", command: []string{"/privop", "raw-socket"}, flags: as("1000"), noSet: "no capability reaches the user",
		says:     []string{"user 1000", "ping_group_range"},
		remedies: []remedy{{name: "a datagram socket", flags: as("1000", "--sysctl", "net.ipv4.ping_group_range=0 2147483647"), command: ops("ping-socket")}},
	},
	{
		group: causes, name: "user-by-name", command: ops("raw6"), flags: as("www-data"), noSet: "no capability reaches the user",
		says: []string{"user 33", "setcap cap_net_raw+ep"},
		remedies: []remedy{
			{name: "setcap", flags: as("www-data"), command: []string{"/capable-ops", "raw6"}, set: capability.Of(capability.NetRaw)},
			{name: "as root", flags: as("root"), set: capability.Of(capability.NetRaw)},
		},
	},
	{
		group: causes, name: "user-low-port", command: ops("bind-udp-53"), flags: as("1000", strictPorts...), noSet: "no capability reaches the user",
		says: []string{"user 1000", "1024", "ip_unprivileged_port_start=0", "setcap cap_net_bind_service+ep", "as root"},
		remedies: []remedy{
			{name: "--sysctl", flags: as("1000", "--sysctl", "net.ipv4.ip_unprivileged_port_start=0")},
			{name: "another port", flags: as("1000", strictPorts...), command: ops("bind-tcp-8080")},
			{name: "setcap", flags: as("1000", strictPorts...), command: []string{"/port-ops", "bind-udp-53"}, set: capability.Of(capability.NetBindService)},
			{name: "as root", flags: strictPorts, set: capability.Of(capability.NetBindService)},
		},
	},
	{
		group: causes, name: "user-file", command: ops("read /other/shared"), flags: as("1001"), noSet: "no capability reaches the user",
		says: []string{"user 1001", "chown", "group", "--user"},
		remedies: []remedy{
			{name: "with the file's group", flags: as("1001:1000")},
			{name: "as its owner", flags: as("1000")},
			{name: "as root, to whom a Dockerfile gave it", image: settled},
		},
	},
	{
		group: causes, name: "user-becomes-another", command: []string{"/privop", "setuid"}, flags: as("1001"), noSet: "no capability reaches the user",
		says:     []string{"user 1001", "--user"},
		remedies: []remedy{{name: "as root", set: capability.Of(capability.SetUID)}, {name: "as that user", flags: as("1000")}},
	},
	{
		group: causes, name: "user-no-new-privileges", command: ops("child-file-caps raw6"), flags: as("1000", noNewPrivileges...),
		noSet: "no-new-privileges keeps the file's capabilities from taking effect",
		says:  []string{"user 1000", "no-new-privileges", "without it"},
		remedies: []remedy{
			{name: "without no-new-privileges", flags: as("1000"), set: capability.Of(capability.NetRaw)},
			{name: "as root", flags: noNewPrivileges, set: capability.Of(capability.NetRaw)},
		},
	},
	{
		group: causes, name: "user-file-capabilities-beyond", command: ops("child-file-caps print-user"), flags: as("1000"),
		says:     []string{"setcap -r"},
		remedies: []remedy{{name: "setcap -r in the Dockerfile", image: settled, flags: as("1000")}},
	},
	{
		group: causes, name: "user-becomes-root", command: []string{"/root-ops", "raw6"}, flags: as("1000"),
		says:     []string{"a raw socket"},
		remedies: []remedy{{name: "as root", set: capability.Of(capability.NetRaw)}},
	},
	{
		group: causes, name: "user-becomes-root-not", command: []string{"/root-ops", "raw6"}, flags: as("1000", noNewPrivileges...),
		noSet: "no-new-privileges keeps the setuid bit from taking effect", says: []string{"user 1000", "no-new-privileges", "without it"},
		remedies: []remedy{{name: "without no-new-privileges", flags: as("1000"), set: capability.Of(capability.NetRaw)}},
	},
}
