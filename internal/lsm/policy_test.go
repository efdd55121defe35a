package lsm

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

const (
	everything = "allow 0xffffffff\ndeny 0x00000000\naudit 0x00000000\nquiet 0x00000000\n"
	// Of docker-default, whose rule is "deny mount,", on kernel 7.2.
	noMount = "allow 0x00008000\ndeny 0x00000000\naudit 0x00000000\nquiet 0x00000002\n"
	// Of the same for /proc/sysrq-trigger and for /etc/passwd.
	noFile  = "allow 0x00050200\ndeny 0x00000000\naudit 0x00000000\nquiet 0x0000b17f\n"
	anyFile = "allow 0x0005b37f\ndeny 0x00000000\naudit 0x00000000\nquiet 0x00000000\n"
	// Of a profile that has no rule for it.
	nothing = "allow 0x00000000\ndeny 0x00000000\naudit 0x00000000\nquiet 0x00000000\n"
	// It depends on the data of the mount.
	onData = "allow 0x00000040\ndeny 0x00000000\naudit 0x00000000\nquiet 0x00000000\n"
)

func TestRuling(t *testing.T) {
	mount := observation.Access{Kind: observation.MountAccess, Path: "/mnt", Source: "none"}
	allowed, refused, silent := observation.Ruling{Known: true, Allowed: true}, observation.Ruling{Known: true}, observation.Ruling{Known: true, Silent: true}
	always := func(answer string) func(string) string { return func(string) string { return answer } }
	for name, c := range map[string]struct {
		module string
		access observation.Access
		answer func(question string) string
		want   observation.Ruling
	}{
		"no mount at all":        {access: mount, answer: always(noMount), want: silent},
		"any mount":              {access: mount, answer: always(everything), want: allowed},
		"no rule":                {access: mount, answer: always(nothing), want: refused},
		"it depends on the data": {access: mount, answer: always(onData)},
		"it depends on the type": {access: mount, answer: func(question string) string {
			if strings.Contains(question, "\x00proc\x00") {
				return noMount
			}
			return everything
		}},
		"a profile that is not there": {access: mount, answer: always("")},
		"no answer":                   {access: mount, answer: always("what?\n")},
		"another module":              {module: "selinux", access: mount, answer: always(everything)},
		"unmounting":                  {access: observation.Access{Kind: observation.UnmountAccess, Path: "/mnt"}, answer: always(nothing), want: refused},
		"a file that is denied":       {access: observation.Access{Kind: observation.FileAccess, Path: "/proc/sysrq-trigger", Write: true}, answer: always(noFile), want: silent},
		"any file":                    {access: observation.Access{Kind: observation.FileAccess, Path: "/etc/passwd", Read: true, Write: true}, answer: always(anyFile), want: allowed},
		"a file for nothing":          {access: observation.Access{Kind: observation.FileAccess, Path: "/etc/passwd"}, answer: always(nothing)},
	} {
		file := filepath.Join(t.TempDir(), "filesystems")
		if err := os.WriteFile(file, []byte("nodev\tproc\n\text4\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		k := &Kernel{filesystems: file, query: func(question string) ([]byte, error) {
			rest, ok := strings.CutPrefix(question, "label\x00docker-default\x00")
			if !ok {
				t.Errorf("%s: it is asked %q", name, question)
			}
			answer := c.answer(rest)
			if answer == "" {
				return nil, errors.New("no such profile")
			}
			return []byte(answer), nil
		}}
		if c.module == "" {
			c.module = "apparmor"
		}
		if got := k.Ruling(c.module, "docker-default", c.access); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// The questions are what security/apparmor/mount.c matches.
func TestMountQuestions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "filesystems")
	if err := os.WriteFile(file, []byte("nodev\ttmpfs\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &Kernel{filesystems: file}
	for name, c := range map[string]struct {
		access observation.Access
		want   string
	}{
		"a file system":        {observation.Access{Path: "/m", Source: "none", Flags: unix.MS_NOSUID | unix.MS_NOEXEC}, "\a/m/\x00none\x00tmpfs\x00\x02\x04"},
		"by an old caller":     {observation.Access{Path: "/m", Source: "none", Flags: unix.MS_MGC_VAL | unix.MS_RDONLY}, "\a/m/\x00none\x00tmpfs\x00\x01"},
		"a bind mount":         {observation.Access{Path: "/m", Source: "/s", Flags: unix.MS_BIND | unix.MS_RDONLY}, "\a/m/\x00/s/\x00\x00\x0d"},
		"a change of its kind": {observation.Access{Path: "/", Source: "x", Flags: unix.MS_PRIVATE | unix.MS_REC}, "\a/\x00\x00\x00\x0f\x13"},
		"a remount":            {observation.Access{Path: "/m", Source: "x", Flags: unix.MS_REMOUNT | unix.MS_RDONLY}, "\a/m/\x00\x00\x00\x01\x06"},
		"a move":               {observation.Access{Path: "/m", Source: "/s", Flags: unix.MS_MOVE | unix.MS_RDONLY}, "\a/m/\x00/s/\x00\x00\x0e"},
	} {
		if got := k.mountQuestions(c.access)[0]; got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
