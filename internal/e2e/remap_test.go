package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// TestRemappedUsers: on an engine that gives containers a user namespace of their
// own, what is the container's needs what it needs on any engine; what is the host's
// can't be had at all, and capprof says so instead of asking for more.
func TestRemappedUsers(t *testing.T) {
	binaryOf(t)
	e := testengine.StartRemapped(t)
	image, err := testimage.Scratch(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		flags, command []string
		code           int
		want           capability.Set
		// says are words of the one failure.
		says []string
		// maxRuns has room for a second run with everything, in case the first failed
		// for a reason of its own.
		maxRuns int
	}{
		"the container's own": {command: privop("chown", "+", "hostname"), want: capability.Of(capability.Chown, capability.SysAdmin), maxRuns: 7},
		"the host's clock":    {command: privop("settime"), code: exitFailed, says: []string{"initial user namespace", "--userns=host"}, maxRuns: 4},
		"the host's devices":  {command: privop("mknod"), code: exitFailed, says: []string{"initial user namespace", "--userns=host"}, maxRuns: 4},
		"another user": {
			flags: []string{"--user", "1000"}, command: privop("raw-socket"), code: exitFailed,
			says: []string{"user 101000 of the host", "setcap"}, maxRuns: 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "profile.json")
			args := append([]string{"run", "--quiet", "--allow", "SYS_ADMIN,SYS_TIME", "--network", "none", "--output", path}, test.flags...)
			ended := invocation{engine: e, args: append(append(args, image, "--"), test.command...)}.run(t)
			ended.expect(t, test.code)
			d, err := profile.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			if d.Capabilities.Required != test.want {
				t.Errorf("required: {%s}, want {%s}", d.Capabilities.Required, test.want)
			}
			if len(d.Runs) > test.maxRuns {
				t.Errorf("%d runs, %d at most:\n%s", len(d.Runs), test.maxRuns, ended.stdout)
			}
			if len(test.says) > 0 && len(d.Failures) != 1 {
				t.Fatalf("failures: %+v", d.Failures)
			}
			for _, words := range test.says {
				if text := d.Failures[0].Cause + "; " + advice.Sentence(d.Failures[0].Remedies, advice.Docker); !strings.Contains(text, words) {
					t.Errorf("the failure lacks %q: %s", words, text)
				}
			}
		})
	}
}
