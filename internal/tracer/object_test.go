package tracer

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// A relative path starts at the working directory; what is no path is said as given.
func TestOnlyPathsStartAtTheWorkingDirectory(t *testing.T) {
	put := func(to []int8, s string) {
		for i := range s {
			to[i] = int8(s[i])
		}
	}
	for name, c := range map[string]struct {
		call          string
		flags         uint64
		first, second string
		want          string
		wantSecond    string
	}{
		"a file":                            {call: "openat", first: "data/x", want: "/app/data/x"},
		"a file by its whole path":          {call: "openat", first: "/etc/x", want: "/etc/x"},
		"a tmpfs":                           {call: "mount", first: "none", second: "/mnt", want: "none", wantSecond: "/mnt"},
		"a file system of a server":         {call: "mount", first: "server:/export", second: "mnt", want: "server:/export", wantSecond: "/app/mnt"},
		"a remount":                         {call: "mount", flags: unix.MS_REMOUNT, second: "/", want: "", wantSecond: "/"},
		"a bind mount":                      {call: "mount", flags: unix.MS_BIND | unix.MS_REC, first: "data", second: "/mnt", want: "/app/data", wantSecond: "/mnt"},
		"a mount that moves":                {call: "mount", flags: unix.MS_MOVE, first: "data", second: "/mnt", want: "/app/data", wantSecond: "/mnt"},
		"a host name":                       {call: "sethostname", first: "web", want: "web"},
		"a file system type":                {call: "fsopen", first: "tmpfs", want: "tmpfs"},
		"what a symbolic link will hold":    {call: "symlink", first: "../x", second: "/srv/link", want: "../x", wantSecond: "/srv/link"},
		"a file in memory":                  {call: "memfd_create", first: "buffer", want: "buffer"},
		"a message queue, as libc names it": {call: "mq_open", first: "q", want: "q"},
	} {
		var d capprofDetail
		put(d.Path[:], c.first)
		put(d.SecondPath[:], c.second)
		put(d.Names.Component[0][:], "app")
		d.Names.Len = 1
		op := observation.Operation{Syscall: c.call, Args: [6]uint64{3: c.flags}}
		got := object(d, op)
		if got.Path != c.want || got.SecondPath != c.wantSecond {
			t.Errorf("%s: %q, %q; want %q, %q", name, got.Path, got.SecondPath, c.want, c.wantSecond)
		}
	}
}
