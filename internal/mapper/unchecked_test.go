package mapper

import (
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/seccomp"
)

func TestSeccompRefusals(t *testing.T) {
	profile := seccomp.Default("")
	run(t, []mapCase{
		{
			name: "mount", op: observation.Operation{Syscall: "mount", Errno: syscall.EPERM}, env: Environment{Seccomp: profile},
			want: []string{"decisive seccomp SYS_ADMIN"},
		},
		{
			name: "syslog takes the lesser of two", op: observation.Operation{Syscall: "syslog", Errno: syscall.EPERM}, env: Environment{Seccomp: profile},
			want: []string{"decisive seccomp SYSLOG|SYS_ADMIN"},
		},
		{
			name: "a user whom the capability does not reach behind the filter", env: Environment{Seccomp: profile},
			op:   observation.Operation{Syscall: "syslog", Errno: syscall.EPERM, UID: 1000},
			want: []string{"decisive seccomp SYSLOG|SYS_ADMIN"}, words: "a process of user 1000, which an added capability does not reach",
		},
		{
			name: "the rest of a rule after one of its capabilities did not help",
			op:   observation.Operation{Syscall: "bpf", Errno: syscall.EPERM}, env: Environment{Seccomp: seccomp.Default("20.10.24"), Granted: capability.Of(capability.BPF)},
			want: []string{"decisive seccomp SYS_ADMIN"},
		},
		{
			name: "mbind needs nothing of the kernel", op: observation.Operation{Syscall: "mbind", Errno: syscall.EPERM}, env: Environment{Seccomp: profile},
			want: []string{"decisive seccomp SYS_NICE"}, words: "--security-opt seccomp=FILE",
		},
		{
			name: "a user namespace", op: observation.Operation{Syscall: "unshare", Errno: syscall.EPERM, Args: [6]uint64{unix.CLONE_NEWUSER}}, env: Environment{Seccomp: profile},
			want: []string{"decisive seccomp SYS_ADMIN"}, words: "every user",
		},
		{
			name: "clone with namespaces", op: observation.Operation{Syscall: "clone", Errno: syscall.EPERM, Args: [6]uint64{unix.CLONE_NEWNS}}, env: Environment{Seccomp: profile},
			want: []string{"decisive seccomp SYS_ADMIN"},
		},
		{
			name: "clone3 sends the C library to clone", op: observation.Operation{Syscall: "clone3", Errno: syscall.ENOSYS}, env: Environment{Seccomp: profile},
		},
		{
			name: "clone3 for an ID that clone cannot choose", env: Environment{Seccomp: profile},
			op:   observation.Operation{Syscall: "clone3", Errno: syscall.ENOSYS, Object: observation.Object{ChosenIDs: 1}},
			want: []string{"silent seccomp SYS_ADMIN"}, words: "ID of the caller's choice",
		},
		{
			name: "clone3 into a control group", env: Environment{Seccomp: profile},
			op:   observation.Operation{Syscall: "clone3", Errno: syscall.ENOSYS, Object: observation.Object{CloneFlags: unix.CLONE_INTO_CGROUP}},
			want: []string{"silent seccomp SYS_ADMIN"}, words: "control group",
		},
		{
			name: "clone3 with namespaces goes on to clone, which is refused in earnest", env: Environment{Seccomp: profile},
			op: observation.Operation{Syscall: "clone3", Errno: syscall.ENOSYS, Object: observation.Object{CloneFlags: unix.CLONE_NEWNS}},
		},
		{
			name: "refused to everybody", op: observation.Operation{Syscall: "keyctl", Errno: syscall.EPERM}, env: Environment{Seccomp: profile},
			want: []string{"failure"}, words: "whatever the capabilities",
		},
		{
			name: "an address family", op: observation.Operation{Syscall: "socket", Errno: syscall.EPERM, Args: [6]uint64{unix.AF_ALG}}, env: Environment{Seccomp: profile},
			want: []string{"failure"}, words: "family 38",
		},
		{
			name: "a filter of the program's own", op: observation.Operation{Syscall: "openat", Errno: syscall.EPERM}, env: Environment{Seccomp: profile},
			want: []string{"failure"}, words: "of its own",
		},
		{
			name: "no profile is known", op: observation.Operation{Syscall: "mount", Errno: syscall.EPERM},
			want: []string{"failure"}, words: "seccomp filter",
		},
	})
}

// A call whose beginning was missed looks like one that seccomp refused: what the engine's
// filter lets pass was not.
func TestAMissedBeginningIsNoRefusalBySeccomp(t *testing.T) {
	filter := Environment{Seccomp: seccomp.Default("")}
	for name, c := range map[string]struct {
		op   observation.Operation
		env  Environment
		want string
		// words are of a cause.
		words string
	}{
		"what the filter refuses": {observation.Operation{Syscall: "mount", Errno: syscall.EPERM}, filter, "decisive seccomp SYS_ADMIN", ""},
		"what it lets pass": {
			observation.Operation{Syscall: "fchownat", Errno: syscall.EPERM, Checks: []observation.Check{denied(capability.Chown, "chown_ok", "notify_change", "chown_common")}},
			filter, "decisive capability check CHOWN", "",
		},
		"without a check":    {observation.Operation{Syscall: "openat", Errno: syscall.EACCES}, filter, "failure", "nodev"},
		"without a filter":   {observation.Operation{Syscall: "openat", Errno: syscall.EACCES}, Environment{}, "failure", "nodev"},
		"as an unknown call": {observation.Operation{Syscall: "clone3", Errno: syscall.ENOSYS}, filter, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.op.Returned, c.op.Arch = true, "amd64"
			obs := observation.Observation{Operations: []observation.Operation{c.op}, Losses: observation.Losses{Missed: 1}}
			r := Map(obs, onDocker(c.env))
			if got := strings.Join(said(r), ", "); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
			for _, f := range r.Failures {
				if !strings.Contains(f.Cause, c.words) || strings.Contains(f.Cause, "filter") {
					t.Errorf("%q", f.Cause)
				}
			}
		})
	}
}

func TestRefusalsWithoutACheck(t *testing.T) {
	file := observation.Object{Path: "/bin/ping", Capabilities: capability.Of(capability.NetRaw, capability.NetAdmin)}
	run(t, []mapCase{
		{
			name: "a file with capabilities",
			op:   observation.Operation{Syscall: "execve", Errno: syscall.EPERM, Entered: true, Starting: true, Object: file, Checks: []observation.Check{vmEnough}},
			want: []string{"decisive file capabilities NET_RAW", "decisive file capabilities NET_ADMIN"}, words: "setcap -r",
		},
		{
			name: "a file with capabilities of which one is held",
			op:   observation.Operation{Syscall: "execve", Errno: syscall.EPERM, Entered: true, Object: file, Bounding: capability.Of(capability.NetRaw)},
			env:  Environment{Granted: capability.Of(capability.NetRaw)},
			want: []string{"decisive file capabilities NET_ADMIN"},
		},
		{
			name: "a file with capabilities within the bounding set",
			op:   observation.Operation{Syscall: "execve", Errno: syscall.EPERM, Entered: true, Object: file, Bounding: file.Capabilities},
			env:  Environment{Granted: file.Capabilities},
			want: []string{"failure"},
		},
		{
			name: "capset beyond the permitted set",
			op: observation.Operation{
				Syscall: "capset", Errno: syscall.EPERM, Entered: true, Permitted: capability.Of(capability.SetUID),
				Object: observation.Object{Capabilities: capability.Of(capability.SetUID, capability.SysTime, capability.NetBindService)},
				Checks: []observation.Check{denied(capability.SetPCap, "ns_capable", "cap_capset")},
			},
			env:  Environment{Granted: capability.Of(capability.SetUID)},
			want: []string{"decisive capset NET_BIND_SERVICE", "decisive capset SYS_TIME"},
		},
		{
			name: "capset beyond the inheritable set",
			op: observation.Operation{Syscall: "capset", Errno: syscall.EPERM, Entered: true, Checks: []observation.Check{
				denied(capability.SetPCap, "ns_capable", "cap_inh_is_capped", "cap_capset"),
			}},
			want: []string{"decisive capability check SETPCAP"}, words: "inheritable",
		},
		{
			name: "capset beyond the bounding set, which SETPCAP does not open",
			op: observation.Operation{
				Syscall: "capset", Errno: syscall.EPERM, Entered: true, Bounding: capability.Of(capability.Kill), Inheritable: capability.Of(capability.SetUID),
				Object: observation.Object{Inheritable: capability.Of(capability.Chown, capability.Kill, capability.SetUID)},
				Checks: []observation.Check{denied(capability.SetPCap, "ns_capable", "cap_inh_is_capped", "cap_capset")},
			},
			env:  Environment{Granted: capability.Of(capability.Kill)},
			want: []string{"decisive capset CHOWN"}, words: "bounding set",
		},
		{
			name: "an ambient capability",
			op:   observation.Operation{Syscall: "prctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{47, 2, uint64(capability.NetRaw)}},
			want: []string{"decisive ambient NET_RAW"},
		},
		{
			name: "an ambient capability that is not inheritable",
			op:   observation.Operation{Syscall: "prctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{47, 2, uint64(capability.NetRaw)}, Permitted: capability.Of(capability.NetRaw)},
			env:  Environment{Granted: capability.Of(capability.NetRaw)},
			want: []string{"failure"}, words: "inheritable",
		},
		{
			name: "an ambient capability beyond all numbers",
			op:   observation.Operation{Syscall: "prctl", Errno: syscall.EPERM, Entered: true, Args: [6]uint64{47, 2, 1 << 40}},
			want: []string{"failure"},
		},
		{
			name: "mapping root into a user namespace",
			op:   observation.Operation{Syscall: "write", Errno: syscall.EPERM, Entered: true, Object: observation.Object{Path: "/proc/self/uid_map"}, Checks: []observation.Check{vmEnough}},
			want: []string{"decisive user namespace map SETFCAP"},
		},
		{
			name: "mapping root with the capability",
			op:   observation.Operation{Syscall: "write", Errno: syscall.EPERM, Entered: true, Object: observation.Object{Path: "/proc/self/uid_map"}},
			env:  Environment{Granted: capability.Of(capability.SetFCap)},
			want: []string{"failure"},
		},
	})
}

// Another seccomp profile is a remedy only where the kernel asks for nothing itself.
func TestRemediesOfWhatSeccompRefuses(t *testing.T) {
	profile := seccomp.Default("")
	for call, c := range map[string]struct{ has, lacks string }{
		"mbind":       {"a seccomp profile that allows mbind", ""},
		"chroot":      {"switch the program's own chroot off", "seccomp"},
		"sethostname": {"--hostname", "seccomp"},
		"mount":       {"--tmpfs", "seccomp"},
		// What any user may do by a setting of the host's takes both.
		"syslog": {"dmesg_restrict=0 there, with a seccomp profile", ""},
		"acct":   {"", "seccomp"},
	} {
		op := observation.Operation{Syscall: call, Number: 1, Arch: "amd64", Errno: syscall.EPERM, Returned: true}
		r := Map(observation.Observation{Operations: []observation.Operation{op}}, onDocker(Environment{Seccomp: profile}))
		if len(r.Denials) != 1 || r.Denials[0].Mechanism != Seccomp {
			t.Errorf("%s: %+v", call, r)
			continue
		}
		if better := advice.Sentence(r.Denials[0].Remedies, advice.Docker); !strings.Contains(better, c.has) || c.lacks != "" && strings.Contains(better, c.lacks) {
			t.Errorf("%s: better is %q", call, better)
		}
	}
}

// TestFileCapabilitiesThatWereTakenAway: what counts is what a file had when it was
// refused, which the workload itself gave to it.
func TestFileCapabilitiesThatWereTakenAway(t *testing.T) {
	lock := capability.Of(capability.IPCLock)
	give := func(path, attribute string, caps capability.Set, errno syscall.Errno) observation.Operation {
		return observation.Operation{Syscall: "setxattr", Errno: errno, Entered: true, Returned: true, Object: observation.Object{Path: path, SecondPath: attribute, Capabilities: caps}}
	}
	refused := func(path string, had capability.Set) observation.Operation {
		return observation.Operation{Syscall: "execve", Errno: syscall.EPERM, Entered: true, Returned: true, Object: observation.Object{Path: path, Capabilities: had}}
	}
	attribute := fileCapabilityAttribute
	for name, c := range map[string]struct {
		ops  []observation.Operation
		want capability.Set
	}{
		"given before":                 {[]observation.Operation{give("/t", attribute, lock, 0), refused("/t", 0)}, lock},
		"given twice":                  {[]observation.Operation{give("/t", attribute, capability.Of(capability.Kill), 0), give("/t", attribute, lock, 0), refused("/t", 0)}, lock},
		"given later":                  {[]observation.Operation{refused("/t", 0), give("/t", attribute, lock, 0)}, 0},
		"given to another file":        {[]observation.Operation{give("/other", attribute, lock, 0), refused("/t", 0)}, 0},
		"another attribute":            {[]observation.Operation{give("/t", "user.x", lock, 0), refused("/t", 0)}, 0},
		"not given":                    {[]observation.Operation{give("/t", attribute, lock, syscall.EPERM), refused("/t", 0)}, 0},
		"looked at while it was there": {[]observation.Operation{give("/t", attribute, lock, 0), refused("/t", capability.Of(capability.NetRaw))}, capability.Of(capability.NetRaw)},
	} {
		var got capability.Set
		for _, d := range Map(observation.Observation{Operations: c.ops}, Environment{}).Denials {
			if d.Mechanism == FileCapabilities {
				got = got.Union(capability.Of(d.AnyOf...))
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
