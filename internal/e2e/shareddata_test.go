package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/testengine"
)

// locked is a script that fails, and leaves a mark in $D, where another run has the
// same data at the same time; one that was killed holds no lock. It needs CHOWN, SETGID and SETUID.
const locked = `D=%s
exec 9>$D/lock
flock --nonblock 9 || { echo LOCKED >>$D/locked; exit 9; }
sleep 0.5
chown 1000 /tmp && setpriv --reuid 1000 --regid 1000 --clear-groups true`

// listening is a script that fails where another run listens on the same port.
const listening = `perl -MSocket -e '
	socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, sockaddr_in(47811, INADDR_LOOPBACK)) && listen(S, 1) or exit 9;
	sleep 1;
	exit system(q(chown 1000 /tmp && setpriv --reuid 1000 --regid 1000 --clear-groups true)) >> 8'`

// TestRunsDoNotShareWhatTheyWrite: runs that can write the same data, or listen on the
// same ports, never overlap, whatever --jobs says, and the report names what one run
// left for the next one.
func TestRunsDoNotShareWhatTheyWrite(t *testing.T) {
	e := engineOf(t)
	volume := namedVolume(t, e)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		flags  []string
		script string
		// shared is what the report must name.
		shared string
	}{
		"named volume": {[]string{"--volume", volume + ":/v", "--volumes", "own"}, fmt.Sprintf(locked, "/v"), volume},
		"directory":    {[]string{"--volume", dir + ":/w"}, fmt.Sprintf(locked, "/w"), dir},
		"network":      {[]string{"--network", "host"}, listening, "--network host"},
	} {
		t.Run(name, func(t *testing.T) {
			w := workload{image: debian, flags: test.flags, command: []string{"bash", "-c", test.script}}
			path := filepath.Join(t.TempDir(), "profile.json")
			args := append([]string{"run", "--jobs", "4", "--output", path}, w.capprofFlags()...)
			result := invocation{engine: e, args: append(append(args, imageOf(t, w.image), "--"), w.argv(t)...)}.run(t)
			result.expect(t, exitProven)
			written, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			document := decodeStrictly(t, written)
			want := setOf(t, caps("CHOWN", "SETGID", "SETUID"))
			if document.Verdict != profile.Proven || document.Capabilities.Required != want {
				t.Errorf("%s with {%s}, want {%s}: %q", document.Verdict, document.Capabilities.Required, want, document.Reasons)
			}
			for _, run := range document.Runs {
				if run.ExitCode != nil && *run.ExitCode == 9 {
					t.Errorf("run %d found the data or the port of another run in use", run.Number)
				}
			}
			// The report's lines are wrapped.
			if said := strings.Join(strings.Fields(result.stdout), " "); !strings.Contains(said, test.shared) || !strings.Contains(said, "the next one found") {
				t.Errorf("the report does not say that %q is shared:\n%s", test.shared, result.stdout)
			}
		})
	}
	w := workload{image: debian, flags: []string{"--volume", volume + ":/v", "--volume", dir + ":/w"}, command: []string{"bash", "-c", "test ! -e /v/locked && test ! -e /w/locked"}}
	if !passes(t, e, w, nil) {
		t.Error("two runs had the same data at the same time")
	}
}

// namedVolume makes a volume for one test.
func namedVolume(t *testing.T, e *testengine.Engine) string {
	t.Helper()
	name := fmt.Sprintf("capprof-e2e-%d", os.Getpid())
	if _, err := e.Output(t.Context(), "volume", "create", name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if _, err := e.Output(ctx, "volume", "rm", "--force", name); err != nil {
			t.Error(err)
		}
	})
	return name
}
