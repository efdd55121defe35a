package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/profile"
)

// alone is a script that fails where another run has left something in /v, or where what
// it finds there is not what its argument says. It needs CHOWN, SETGID and SETUID.
const alone = `test ! -e /v/left || { echo "another run was here"; exit 8; }
test "$(cat /v/users 2>/dev/null)" = "$0" || { echo "other data"; exit 9; }
touch /v/left
chown 1000 /tmp && exec setpriv --reuid 1000 --regid 1000 --clear-groups true`

// TestRunsHaveDataOfTheirOwn: by default a named volume is new for each run, and with
// --volumes copy each has a copy of the user's volume or directory, which stays as it is.
func TestRunsHaveDataOfTheirOwn(t *testing.T) {
	e := engineOf(t)
	volume := namedVolume(t, e)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "users"), []byte("own"), 0o600); err != nil {
		t.Fatal(err)
	}
	fill := workload{image: debian, flags: []string{"--volume", volume + ":/v"}, command: []string{"bash", "-c", "echo own >/v/users"}}
	if !passes(t, e, fill, nil) {
		t.Fatal("the volume cannot be written")
	}
	for name, test := range map[string]struct {
		flags []string
		users string
	}{
		"new volumes":           {[]string{"--volume", volume + ":/v"}, ""},
		"copies of a volume":    {[]string{"--volume", volume + ":/v", "--volumes", "copy"}, "own"},
		"copies of a directory": {[]string{"--volume", dir + ":/v", "--volumes", "copy"}, "own"},
	} {
		t.Run(name, func(t *testing.T) {
			w := workload{image: debian, flags: test.flags, command: []string{"bash", "-c", alone, test.users}}
			result, document := profiled(t, e, w, "--jobs", "2")
			result.expect(t, exitProven)
			if want := setOf(t, caps("CHOWN", "SETGID", "SETUID")); document.Verdict != profile.Proven || document.Capabilities.Required != want {
				t.Errorf("%s with {%s}, want {%s}: %q", document.Verdict, document.Capabilities.Required, want, document.Reasons)
			}
			for _, run := range document.Runs {
				if run.ExitCode != nil && (*run.ExitCode == 8 || *run.ExitCode == 9) {
					t.Errorf("run %d found the data of another one, or the wrong data", run.Number)
				}
			}
		})
	}
	untouched := workload{image: debian, flags: []string{"--volume", volume + ":/v", "--volume", dir + ":/d"}, command: []string{"bash", "-c", "test $(ls /v /d | wc -l) = 5 && cat /v/users /d/users"}}
	if !passes(t, e, untouched, nil) {
		t.Error("the user's own data was changed")
	}
}

// TestDataThatIsTooLarge is refused by name, before anything is run.
func TestDataThatIsTooLarge(t *testing.T) {
	e := engineOf(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "large"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "--volumes", "copy", "--volumes-limit", "512k", "--volume", dir + ":/v", imageOf(t, debian), "--", "true"}
	result := invocation{engine: e, args: args}.run(t)
	result.expect(t, exitUnfit)
	result.mentions(t, dir, "with 1MiB", "512KiB", "--volumes-limit", "--volumes own")
}

// TestKilledWithData: the volumes of a killed capprof are removed by capprof clean, and
// the user's stay.
func TestKilledWithData(t *testing.T) {
	e := engineOf(t)
	volume, image := namedVolume(t, e), imageOf(t, scratch)
	args := lasting(image)
	args = append([]string{args[0], "--volume", volume + ":/v", "--volume", "/anonymous"}, args[1:]...)
	seen := watch(t, e, patience, "type=container")
	killed := invocation{engine: e, args: args}.start(t)
	pid := killed.cmd.Process.Pid
	if !seen.await(pid, "start", 1) {
		t.Fatal("no container was started")
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed.wait(t)
	left := volumesOf(t, e, pid)
	if len(left) < 2 {
		t.Fatalf("a killed capprof left the volumes %q, so this test shows nothing", left)
	}
	cleaned := invocation{engine: e, args: []string{"clean"}}.run(t)
	cleaned.expect(t, 0)
	noContainersOf(t, e, pid)
	for _, name := range left {
		if !strings.Contains(cleaned.stdout, name) {
			t.Errorf("clean does not say that it removed %s:\n%s", name, cleaned.stdout)
		}
	}
	if _, err := e.Output(t.Context(), "volume", "inspect", volume); err != nil {
		t.Errorf("clean took the user's volume: %v", err)
	}
}
