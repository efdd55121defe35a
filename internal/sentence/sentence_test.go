package sentence_test

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/sentence"
)

func TestSentences(t *testing.T) {
	d := profiletest.Proven()
	for c, want := range map[capability.Cap]string{
		capability.Chown:  "/usr/sbin/nginx: chown(/var/cache/nginx) = EPERM (capability check, setattr_prepare: change a file's owner); without it, run 5 exits with 1",
		capability.SetGID: "/usr/sbin/nginx: setgid(101) = EPERM (capability check); without it, run 6 hangs",
	} {
		if got := why(t, d, c); got != want {
			t.Errorf("Why(%s) = %q\nwant %q", c, got, want)
		}
	}
	removal := profiletest.ByRemoval()
	for c, want := range map[capability.Cap]string{
		capability.Kill:   "found by trying without it",
		capability.SetUID: "found by trying without it: run 3 runs into the time limit",
	} {
		if got := why(t, removal, c); got != want {
			t.Errorf("Why(%s) = %q, want %q", c, got, want)
		}
	}
	for want, operation := range map[string]profile.Operation{
		"ip: sendmsg(netlink) denied, though the call reported success":                   {Process: "ip", Syscall: "sendmsg", Object: "netlink"},
		"unknown program: outside of any system call = EPERM":                             {Errno: "EPERM"},
		"/bin/x (entered from outside: docker exec or a health check): chroot(/) = EPERM": {Executable: "/bin/x", FromExec: true, Syscall: "chroot", Object: "/", Errno: "EPERM"},
		"/bin/sh (your own wrapper: the shell that is process 1): kill(7) = EPERM":        {Executable: "/bin/sh", Asker: profile.AskerWrapper, Syscall: "kill", Object: "7", Errno: "EPERM"},
		"/bin/x (your --exec command): chroot(/) = EPERM":                                 {Executable: "/bin/x", FromExec: true, Asker: profile.AskerExec, Syscall: "chroot", Object: "/", Errno: "EPERM"},
		"/bin/x: outside of any system call denied":                                       {Executable: "/bin/x", Process: "iou-wrk"},
		`/bin/\x1bx: open(\n) = EACCES`:                                                   {Executable: "/bin/\x1bx", Syscall: "open", Object: "\n", Errno: "EACCES"},
	} {
		if got := sentence.Operation(operation); got != want {
			t.Errorf("Operation() = %q, want %q", got, want)
		}
	}
	for want, denial := range map[string]profile.Denial{
		"":                    {},
		"seccomp":             {Mechanism: "seccomp"},
		"sock_kill":           {CallSite: "sock_kill"},
		"seccomp: a gate":     {Mechanism: "seccomp", Meaning: "a gate"},
		"what it decides":     {Meaning: "what it decides"},
		"check, site: effect": {Mechanism: "check", CallSite: "site", Meaning: "effect"},
	} {
		if got := sentence.Because(denial); got != want {
			t.Errorf("Because() = %q, want %q", got, want)
		}
	}
}

func why(t *testing.T, d *profile.Document, c capability.Cap) string {
	t.Helper()
	r, ok := d.Requirement(grant.Capability(c))
	if !ok {
		t.Fatalf("%s is not required", c)
	}
	return sentence.Why(d, r)
}

func TestWhyOfThePortableAnswer(t *testing.T) {
	d := profiletest.Portable()
	if why := sentence.Why(d, d.Portable.Requirements[1]); !strings.Contains(why, "0.0.0.0:80") || !strings.HasSuffix(why, "without it, run 12 exits with 1") {
		t.Errorf("%q", why)
	}
}
