package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/testengine"
)

// noCancel is the test's context for its clean-up, by when its own has ended.
func noCancel(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// deadOwner is a process that has ended.
func deadOwner(t testing.TB) owner {
	t.Helper()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dead, err := currentOwner()
	if err != nil {
		t.Fatal(err)
	}
	dead.pid = cmd.Process.Pid
	if dead.started, err = startTime(dead.pid); err != nil {
		t.Fatal(err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return dead
}

// What is removed, by name, state and owner: a list of the engine's and the requests to
// remove that follow.
func TestWhichContainersAreLeftovers(t *testing.T) {
	self, err := currentOwner()
	if err != nil {
		t.Fatal(err)
	}
	dead, rebooted := deadOwner(t), self
	rebooted.boot = "earlier"
	all := []struct {
		name, state string
		owner       owner
		removed     bool
	}{
		{"capprof-5e5510a0-1", "running", dead, true},
		{"capprof-5e5510a0-2", "created", dead, true},
		{"capprof-5e5510a0-3", "running", self, false},
		// docker commit copies labels into the image, and so into containers of it.
		{"my-database", "running", dead, false},
		{"capprof-notes", "exited", dead, false},
		{"capprof-5e5510a0-x", "exited", dead, false},
		{"capprof-another0-1", "exited", dead, false},
		// After a reboot, one that has processes was started by somebody.
		{"capprof-5e5510a0-4", "exited", rebooted, true},
		{"capprof-5e5510a0-5", "created", rebooted, true},
		{"capprof-5e5510a0-6", "dead", rebooted, true},
		{"capprof-5e5510a0-7", "running", rebooted, false},
		{"capprof-5e5510a0-8", "paused", rebooted, false},
		{"capprof-5e5510a0-9", "restarting", rebooted, false},
	}
	var list []container.Summary
	var want []string
	for i, c := range all {
		list = append(list, container.Summary{
			ID: fmt.Sprint(i), Names: []string{"/other/alias", "/" + c.name}, State: c.state,
			Labels: map[string]string{sessionLabel: "5e5510a0", ownerLabel: c.owner.String()},
		})
		if c.removed {
			want = append(want, c.name)
		}
	}
	body, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	var removed []string
	e := fakeEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/containers/json": answers(string(body)),
		"GET /v1.41/volumes":         answers(`{}`),
		"DELETE /v1.41/containers/{id}": func(w http.ResponseWriter, r *http.Request) {
			i, err := strconv.Atoi(r.PathValue("id"))
			if err != nil {
				t.Error(err)
			}
			removed = append(removed, all[i].name)
			w.WriteHeader(http.StatusNoContent)
		},
	})
	names, err := e.RemoveLeftovers(t.Context())
	slices.Sort(removed)
	slices.Sort(want)
	if err != nil || !slices.Equal(names, want) || !slices.Equal(removed, want) {
		t.Errorf("removed %q and said %q, %v; want %q", removed, names, err, want)
	}
}

func TestWhoIsGone(t *testing.T) {
	self, err := currentOwner()
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*owner)) owner { o := self; f(&o); return o }
	for _, tc := range []struct {
		name          string
		owner         owner
		running, gone bool
	}{
		{"ourselves", self, true, false},
		{"a dead process", deadOwner(t), true, true},
		{"our PID used before us", change(func(o *owner) { o.started = "1" }), true, true},
		{"another machine", change(func(o *owner) { o.host = "elsewhere"; o.started = "1" }), false, false},
		{"another PID namespace", change(func(o *owner) { o.namespace = "pid:[1]"; o.started = "1" }), false, false},
		{"an earlier boot", change(func(o *owner) { o.boot = "earlier" }), false, true},
		{"the first process of the machine", change(func(o *owner) { o.pid, o.started = 1, "another" }), true, true},
		{"an earlier boot, but running", change(func(o *owner) { o.boot = "earlier" }), true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			read, err := parseOwner(tc.owner.String())
			if err != nil || read != tc.owner {
				t.Fatalf("the label %q reads back as %+v, %v", tc.owner, read, err)
			}
			if got := read.gone(self, tc.running); got != tc.gone {
				t.Fatalf("gone %v, want %v", got, tc.gone)
			}
		})
	}
}

func FuzzParseOwner(f *testing.F) {
	for _, seed := range []string{"host/boot/pid:[1]/12/345", "", "////", "a/b/c/-1/e", "a/b/c/1/e/f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, label string) {
		read, err := parseOwner(label)
		if err != nil {
			return
		}
		again, err := parseOwner(read.String())
		if err != nil || again != read || strings.Count(label, "/") != 4 {
			t.Fatalf("%q reads as %+v, which reads as %+v, %v", label, read, again, err)
		}
	})
}

// asHiddenEnv makes this test binary say whether the owner that it names is gone, for
// a test that needs a process of another user before whom /proc hides the others'.
const asHiddenEnv = "CAPPROF_TEST_DOCKER_GONE"

func sayWhetherGone(label string) int {
	o, err := parseOwner(label)
	if err != nil {
		return 2
	}
	// The binary is in another mount namespace, and in the same PID namespace.
	self, err := currentOwner()
	if err != nil {
		return 2
	}
	_, err = os.Stat("/proc/" + strconv.Itoa(o.pid))
	fmt.Printf("hidden %v, gone %v", os.IsNotExist(err), o.gone(self, true))
	return 0
}

// Where /proc is mounted hidepid=2, the process of another user is not there, and runs.
func TestALivingOwnerThatIsHidden(t *testing.T) {
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "mounting /proc needs root")
	}
	self, err := currentOwner()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// Where nobody can execute it.
	copied := filepath.Join(t.TempDir(), "test")
	if out, err := exec.Command("cp", binary, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for up := filepath.Dir(copied); up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(o owner) string {
		t.Helper()
		cmd := exec.Command("unshare", "--mount", "sh", "-ec",
			"mount -t proc -o hidepid=2 proc /proc; exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --inh-caps -all "+copied)
		cmd.Dir = "/"
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/", asHiddenEnv + "=" + o.String()}
		out, err := cmd.CombinedOutput()
		if err != nil {
			testengine.Skip(t, testengine.NoNamespaces, "mounting /proc: %v: %s", err, out)
		}
		return string(out)
	}
	if got := ask(self); got != "hidden true, gone false" {
		t.Errorf("a living owner: %s", got)
	}
	if got := ask(deadOwner(t)); got != "hidden true, gone true" {
		t.Errorf("a dead owner: %s", got)
	}
}
