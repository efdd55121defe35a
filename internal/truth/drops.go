package main

// posix is a Perl script with the functions of POSIX.1.
func posix(script string) []string { return []string{"perl", "-MPOSIX", "-e", script} }

// System calls that Perl has no name for, as x86-64 and arm64 have them in Perl's
// sys/syscall.ph; prctl(2)'s PR_CAPBSET_DROP is 24, and CAP_NET_RAW 13.
const (
	// becomesNobody ignores what setgid(2) and setuid(2) return, as careless daemons do.
	becomesNobody = "setgid(65534); setuid(65534); "
	isNobody      = "exit(getgid() != 65534 || getuid() != 65534)"
	dropRaw       = `require "syscall.ph"; syscall(&SYS_prctl, 24, 13, 0, 0, 0); `
	hasRaw        = `open(S, "/proc/self/status"); while (<S>) { exit 1 if /^CapBnd:\s*(\w+)/ && hex($1) & 1 << 13 }`
	// workersAreRoot looks for children of apache2's first process that act as root.
	workersAreRoot = `for s in /proc/[0-9]*/status; do grep -q "^Name:.apache2" $s && ! grep -q "^PPid:.0$" $s && grep -Eq "^[UG]id:.*\b0\b" $s && exit 1; done; exit 0`
)

// raw runs a Perl script as a program of that name, where ping may open a raw socket.
func raw(name, script string) string {
	return "ping -c1 -W1 127.0.0.1 >/dev/null || exit 1; cp /usr/bin/perl /tmp/" + name + " && exec /tmp/" + name + " -e '" + script + "'"
}

// dropCases are programs that pass whether or not they could give up privileges. What
// brute force runs in their place looks at what they have in the end.
var dropCases = []testCase{
	{group: givingUp, name: "group-and-user", image: debian, command: posix(becomesNobody), judge: posix(becomesNobody + isNobody)},
	{
		group: givingUp, name: "group-alone", image: debian,
		command: posix("setgid(65534)"), judge: posix("setgid(65534); exit(getgid() != 65534)"),
	},
	{
		group: givingUp, name: "in-a-worker", image: debian,
		command: posix("if (!fork) { " + becomesNobody + "exit 0 } wait"), judge: posix("if (!fork) { " + becomesNobody + isNobody + " } wait; exit($? >> 8)"),
	},
	{
		group: givingUp, name: "before-exec", image: debian,
		command: posix(becomesNobody + `exec "true"`), judge: posix(becomesNobody + `exec "sh", "-c", q{test $(id -u) = 65534 && test $(id -g) = 65534}`),
	},
	{
		// As file servers do, for a while.
		group: givingUp, name: "effective-user-for-a-while", image: debian,
		command: posix("$> = 65534; $> = 0"), judge: posix("$> = 65534; $e = $>; $> = 0; exit($e != 65534)"),
	},
	{
		group: givingUp, name: "root-directory", image: debian,
		command: posix(`chroot("/var/empty") || mkdir("/var/empty") && chroot("/var/empty")`),
		judge:   posix(`mkdir("/var/empty"); chroot("/var/empty"); exit(-e "/etc/passwd" ? 1 : 0)`),
	},
	{
		// What it holds in the end is one capability that it never had.
		group: givingUp, name: "capabilities", image: debian,
		command: posix(keepsOneOf + "exit !$owner"), judge: posix(keepsOneOf + `open(S, "/proc/self/status"); while (<S>) { exit 1 if /^CapPrm:\s*(\w+)/ && hex($1) & 1 } exit !$owner`),
	},
	{
		group: givingUp, name: "bounding-set-of-a-login", image: debian,
		command: shell(raw("cron", dropRaw)), judge: shell(raw("cron", dropRaw+hasRaw)),
	},
	{
		// Most daemons can do without, and capprof does not count it.
		group: givingUp, name: "bounding-set-of-a-daemon", image: debian,
		command: shell(raw("daemon", dropRaw)),
	},
	{
		// It is no root that goes on.
		group: givingUp, name: "ends-where-refused", image: debian,
		command: shell("perl -MPOSIX -e 'setgid(65534) or die' || true; " + changes),
	},
	{
		// As jobs of root's do: the groups are its own.
		group: givingUp, name: "own-groups", image: debian,
		command: posix(`$) = "0 0"; setgid(0); setuid(0)`),
	},
	{
		group: givingUp, name: "apache2", serves: &serves{image: "apache2", probes: []string{web}, checks: []string{workersAreRoot}},
	},
}

// keepsOneOf changes an owner, and then means to hold NET_BIND_SERVICE (10) alone.
const keepsOneOf = `$owner = open(F, ">/tmp/f") && chown(1, 1, "/tmp/f"); require "syscall.ph"; ` +
	`$header = pack("II", 0x20080522, 0); $data = pack("IIIIII", 1 << 10, 1 << 10, 0, 0, 0, 0); syscall(&SYS_capset, $header, $data); `
