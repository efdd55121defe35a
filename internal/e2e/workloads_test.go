package e2e

import (
	"testing"

	"github.com/capprof/capprof/internal/testengine/programs"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// workload is a container to profile, and the truth about it.
type workload struct {
	name  string
	image imageName
	// flags are docker run's, which capprof run takes too.
	flags []string
	// script is the name of one of testengine/programs; command is what to run where
	// there is none.
	script  string
	command []string
	stdin   string
	// allow is capprof's --allow: what may be granted beyond Docker's default.
	allow string
	// expectExit is the exit code that is success.
	expectExit int
	// want is the one minimal set within what is allowed, in Docker's names,
	// sorted; it means nothing when hopeless is set.
	want []string
	// tolerated are refusals that do the workload no harm.
	tolerated []string
	// hopeless says that no allowed set makes it pass; beyond then names what
	// would, were it allowed, and is empty where no capability helps.
	hopeless bool
	beyond   []string
	// says are words that the reasons must have where no allowed set helps.
	says []string
	// timeout is capprof's --timeout, for a workload that hangs when refused.
	timeout string
}

// argv is the command as the container gets it.
func (w workload) argv(t testing.TB) []string {
	t.Helper()
	if w.script == "" {
		return w.command
	}
	command, err := programs.Command(w.script)
	if err != nil {
		t.Fatal(err)
	}
	return command
}

// privop is a command of the images from scratch.
func privop(args ...string) []string { return append([]string{testimage.Program}, args...) }

// caps makes a table's rows shorter. No argument is the empty set.
func caps(names ...string) []string { return names }

// port1024 makes the container as strict about ports as a plain host is.
var port1024 = []string{"--sysctl", "net.ipv4.ip_unprivileged_port_start=1024"}

// workloads is the table of all.
var workloads = []workload{
	// Servers and tools as Debian ships them.
	{name: "nginx", image: debian, script: "nginx", want: caps("CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID")},
	{name: "nginx-stdout", image: debian, script: "nginx-stdout", want: caps("CHOWN", "SETGID", "SETUID")},
	{
		name: "nginx-stdout-1024", image: debian, script: "nginx-stdout", flags: port1024,
		want: caps("CHOWN", "NET_BIND_SERVICE", "SETGID", "SETUID"),
	},
	{name: "redis-gosu", image: debian, script: "redis-gosu", want: caps("SETGID", "SETUID")},
	{name: "redis-setpriv", image: debian, script: "redis-setpriv", want: caps("CHOWN", "SETGID", "SETUID")},
	{name: "ping", image: debian, command: []string{"ping", "-c1", "-W1", "127.0.0.1"}, want: caps("NET_RAW")},
	{
		name: "ping-user", image: debian, flags: []string{"--user", "1000"},
		command: []string{"sh", "-c", "ping -c1 -W1 127.0.0.1 && id -u"}, want: caps("NET_RAW"),
	},
	{name: "tcpdump", image: debian, script: "tcpdump-drop", want: caps("NET_RAW", "SETGID", "SETUID")},
	{name: "ip-link", image: debian, script: "ip-link-veth", allow: "NET_ADMIN", want: caps("NET_ADMIN")},
	{name: "ip-addr", image: debian, script: "ip-addr", allow: "NET_ADMIN", want: caps("NET_ADMIN")},
	{name: "ip-show", image: debian, command: []string{"ip", "addr", "show"}, want: caps()},
	{
		name: "su", image: debian, command: []string{"bash", "-c", "su alice -c 'id -un' | grep -q alice"},
		want: caps("SETGID", "SETUID"), tolerated: caps("AUDIT_WRITE"),
	},
	{
		name: "sudo", image: debian, command: []string{"bash", "-c", "sudo -n -u alice id -un | grep -q alice"},
		want: caps("SETGID", "SETUID"),
	},
	{name: "sshd", image: debian, script: "sshd-login", want: caps("SETGID", "SETUID", "SYS_CHROOT")},
	{
		name: "chown", image: debian, command: []string{"bash", "-c", "touch /tmp/f && chown alice:alice /tmp/f"},
		want: caps("CHOWN"),
	},
	{name: "chmod", image: debian, command: []string{"chmod", "700", "/home/alice/.bashrc"}, want: caps("FOWNER")},
	{name: "mknod", image: debian, command: []string{"mknod", "/tmp/n", "c", "1", "3"}, want: caps("MKNOD")},
	{name: "chroot", image: debian, command: []string{"chroot", "/", "true"}, want: caps("SYS_CHROOT")},
	{
		name: "mount", image: debian, command: []string{"bash", "-c", "mount -t tmpfs none /mnt && umount /mnt"},
		allow: "SYS_ADMIN", want: caps("SYS_ADMIN"),
	},
	{
		name: "mount-not-allowed", image: debian, command: []string{"mount", "-t", "tmpfs", "none", "/mnt"},
		hopeless: true, beyond: caps("SYS_ADMIN"),
	},
	{
		name: "ip-link-not-allowed", image: debian, script: "ip-link-veth",
		hopeless: true, beyond: caps("NET_ADMIN"),
	},
	{name: "tar", image: debian, script: "tar-owner", want: caps("CHOWN", "DAC_OVERRIDE", "FOWNER")},
	{
		name: "tar-read-search", image: debian, script: "tar-owner", flags: []string{"--cap-drop", "DAC_OVERRIDE"}, allow: "DAC_READ_SEARCH",
		want: caps("CHOWN", "DAC_READ_SEARCH", "FOWNER"),
	},
	{
		name: "npm-test", image: debian, flags: []string{"--workdir", "/srv/app"}, command: []string{"npm", "test"},
		want: caps(),
	},
	{name: "true", image: debian, command: []string{"true"}, want: caps()},
	{
		// docker's --hostname, not the help.
		name: "hostname", image: debian, flags: []string{"-h", "somewhere"}, command: []string{"sh", "-c", `test "$(uname -n)" = somewhere`},
		want: caps(),
	},
	{
		// Of all that may be granted, --cap-drop ALL alone says nothing: it is in nearly
		// every command line that people paste.
		name: "cap-drop-all", image: debian, flags: []string{"--cap-drop", "ALL"},
		command: []string{"sh", "-c", "touch /tmp/f && chown 1 /tmp/f && chroot / true"}, want: caps("CHOWN", "SYS_CHROOT"),
	},

	// A step that succeeds makes another capability needed: what holds is what the
	// runs with the final set show.
	{
		name: "owner-then-write", image: debian, command: []string{"bash", "-c", "mkdir /d; chown 1000 /d || true; touch /d/x && setpriv --reuid 1000 true"},
		want: caps("SETUID"),
	},
	{
		name: "owner-then-user", image: debian, command: []string{"bash", "-c", "touch /tmp/f; if chown 1 /tmp/f 2>/dev/null; then " +
			"setpriv --reuid 1000 --clear-groups true || exit 2; fi; chroot / true"},
		want: caps("SYS_CHROOT"),
	},
	{
		// The file's capabilities are those at the time of the refused execve.
		name: "file-capabilities-for-a-while", image: debian, allow: "IPC_LOCK",
		command: []string{"bash", "-c", "cp /bin/true /tmp/t; setcap cap_ipc_lock=ep /tmp/t && /tmp/t; r=$?; setcap -r /tmp/t; exit $r"},
		want:    caps("IPC_LOCK", "SETFCAP"),
	},

	// One operation each, without a C library or a shell around it.
	{name: "op-nothing", image: scratch, command: privop("nothing"), want: caps()},
	{name: "op-chown", image: scratch, command: privop("chown"), want: caps("CHOWN")},
	{name: "op-chmod", image: scratch, command: privop("chmod-other"), want: caps("FOWNER")},
	{name: "op-setgid-bit", image: scratch, command: privop("setgid-bit"), want: caps("FSETID")},
	{name: "op-read", image: scratch, command: privop("read-other"), want: caps("DAC_OVERRIDE")},
	{
		name: "op-read-search", image: scratch, flags: []string{"--cap-drop", "DAC_OVERRIDE"}, command: privop("read-other"), allow: "DAC_READ_SEARCH",
		want: caps("DAC_READ_SEARCH"),
	},
	{name: "op-write", image: scratch, command: privop("write-other"), want: caps("DAC_OVERRIDE")},
	{name: "op-mknod", image: scratch, command: privop("mknod"), want: caps("MKNOD")},
	{name: "op-chroot", image: scratch, command: privop("chroot"), want: caps("SYS_CHROOT")},
	{name: "op-mount", image: scratch, command: privop("mount"), allow: "SYS_ADMIN", want: caps("SYS_ADMIN")},
	{name: "op-hostname", image: scratch, command: privop("hostname"), allow: "SYS_ADMIN", want: caps("SYS_ADMIN")},
	{name: "op-setfcap", image: scratch, command: privop("setfcap"), want: caps("SETFCAP")},
	{name: "op-drop", image: scratch, command: privop("drop"), want: caps("SETGID", "SETUID")},
	{name: "op-kill", image: scratch, command: privop("kill-other"), want: caps("KILL", "SETUID")},
	{name: "op-nice", image: scratch, command: privop("nice"), allow: "SYS_NICE", want: caps("SYS_NICE")},
	{name: "op-syslog", image: scratch, command: privop("syslog"), allow: "SYS_ADMIN,SYSLOG", want: caps("SYSLOG")},
	{name: "op-raw-socket", image: scratch, command: privop("raw-socket"), want: caps("NET_RAW")},
	{name: "op-bind", image: scratch, command: privop("bind-80"), want: caps()},
	{name: "op-bind-1024", image: scratch, command: privop("bind-80"), flags: port1024, want: caps("NET_BIND_SERVICE")},
	{name: "op-link-ioctl", image: scratch, command: privop("link-up"), allow: "NET_ADMIN", want: caps("NET_ADMIN")},
	{name: "op-link-netlink", image: scratch, command: privop("link-down"), allow: "NET_ADMIN", want: caps("NET_ADMIN")},
	{
		name: "op-staged", image: scratch, command: privop("chown", "+", "mknod", "+", "raw-socket", "+", "drop"),
		want: caps("CHOWN", "MKNOD", "NET_RAW", "SETGID", "SETUID"),
	},

	// Programs with a habit.
	{name: "file-capabilities", image: fileCaps, want: caps("NET_RAW")},
	{name: "file-capabilities-user", image: fileCaps, flags: []string{"--user", "1000"}, want: caps("NET_RAW")},
	{name: "tolerates", image: scratch, command: privop("tolerate", "chown"), want: caps(), tolerated: caps("CHOWN")},
	{
		name: "tolerates-one", image: scratch, command: privop("tolerate", "mknod", "+", "chown"),
		want: caps("CHOWN"), tolerated: caps("MKNOD"),
	},
	{
		name: "many-refusals", image: scratch, command: privop("refused", "200000", "4"),
		allow: "SYS_NICE", want: caps(), tolerated: caps("SYS_NICE"),
	},
	{
		name: "stdin", image: scratch, command: privop("stdin", "3", "+", "chown"), stdin: "one\ntwo\nthree\n",
		flags: []string{"--interactive"}, want: caps("CHOWN"),
	},
	{name: "prints-lots", image: scratch, command: privop("print", "100000", "+", "chown"), want: caps("CHOWN")},
	{name: "forks", image: scratch, command: privop("fork", "50", "raw-socket"), want: caps("NET_RAW")},
	{
		name: "respawns-for-ever", image: scratch, command: privop("respawn", "setuid"), timeout: "6s",
		want: caps("SETUID"),
	},
	{name: "expected-exit", image: scratch, command: privop("chown", "+", "exit", "3"), expectExit: 3, want: caps("CHOWN")},
	{name: "expected-signal", image: scratch, command: privop("signal", "9"), expectExit: 137, want: caps()},
	{name: "volume", image: anonymousVolume, want: caps("CHOWN")},

	// Failures that no capability fixes.
	{name: "exits-3", image: scratch, command: privop("exit", "3"), hopeless: true},
	{name: "missing-file", image: scratch, command: privop("needs-file"), hopeless: true},
	{name: "connection-refused", image: scratch, command: privop("connect"), hopeless: true},
	{name: "fails-after-chown", image: scratch, command: privop("chown", "+", "exit", "3"), hopeless: true},
	{
		// Docker gives an ordinary user nothing of what it adds.
		name: "ordinary-user", image: scratch, command: privop("raw-socket"), flags: []string{"--user", "1000"},
		hopeless: true,
	},
	{name: "hangs", image: scratch, command: privop("block"), timeout: "2s", hopeless: true},
	{
		name: "service", image: debian, command: []string{"nginx", "-g", "daemon off;"}, timeout: "4s", hopeless: true,
		says: []string{"still at work after 4", "--ready"},
	},
}
