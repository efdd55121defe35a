package callwords

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// Ports that the kernel chose, and process IDs, differ from run to run.
func TestObjectsAreSteady(t *testing.T) {
	for want, op := range map[string]observation.Operation{
		"127.0.0.1:80":        {Syscall: "bind", Object: observation.Object{Address: "127.0.0.1:80", Port: 80}},
		"127.0.0.1:PORT":      {Syscall: "connect", Object: observation.Object{Address: "127.0.0.1:43817", Port: 43817}},
		"[::1]:PORT":          {Syscall: "connect", Object: observation.Object{Address: "[::1]:32768", Port: 32768}},
		"netlink":             {Syscall: "bind", Object: observation.Object{Address: "netlink"}},
		"pid, 0":              {Syscall: "kill"},
		"web, 0":              {Syscall: "kill", Object: observation.Object{TargetExecutable: "/usr/bin/web"}},
		"web, SIGKILL":        {Syscall: "kill", Object: observation.Object{TargetExecutable: "/usr/bin/web", Signal: unix.SIGKILL}},
		"SIGTERM":             {Syscall: "tgkill", Object: observation.Object{Signal: unix.SIGTERM}},
		"on /":                {Syscall: "mount", Object: observation.Object{SecondPath: "/"}},
		"none on /mnt":        {Syscall: "mount", Object: observation.Object{Path: "none", SecondPath: "/mnt"}},
		"/proc/PID/oom_score": {Syscall: "openat", Object: observation.Object{Path: "/proc/17/oom_score"}},
	} {
		if got := Object(op); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
