package docker

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/engine"
)

func TestBelowACgroup(t *testing.T) {
	for lines, want := range map[string]bool{
		"0::/system.slice/docker-abc.scope\n":                                                      true,
		"0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-abc.scope/container\n": true,
		"12:pids:/docker-abc.scope\n0::/\n":                                                        true,
		"0::/system.slice/docker-abc.scope (deleted)\n":                                            true,
		"0::/system.slice/docker-abc.scope2\n":                                                     false,
		"0::/\n":                                                                                   false,
		"":                                                                                         false,
	} {
		if got := below(lines, "docker-abc.scope"); got != want {
			t.Errorf("%q: %v", lines, got)
		}
	}
}

// A container that is elsewhere would be traced without anything being seen.
func TestAContainerInAnotherCgroup(t *testing.T) {
	var kernel unix.Utsname
	if err := unix.Uname(&kernel); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/engine-id", []byte("id"), 0o600); err != nil {
		t.Fatal(err)
	}
	running := fmt.Sprintf(`{"State": {"Running": true, "Pid": %d}}`, os.Getpid())
	for name, tc := range map[string]struct {
		state string
		want  error
	}{
		"it runs":      {running, engine.ErrOtherCgroup},
		"it has ended": {`{"State": {"Running": false}}`, nil},
		"it is gone":   {`{"State": {"Running": true, "Pid": 4194999}}`, nil},
	} {
		c := fakeRun(t, map[string]http.HandlerFunc{
			"GET /v1.41/info":                 answers(`{"ID": "id", "DockerRootDir": "` + dir + `", "KernelVersion": "` + unix.ByteSliceToString(kernel.Release[:]) + `"}`),
			"GET /v1.41/containers/{id}/json": answers(tc.state),
		})
		c.cgroup.Name = "docker-0123456789abcdef.scope"
		if err := checkCgroup(t.Context(), c.began()); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// A container may end between the two: the file is there, and has nothing to say.
func TestControlGroupsOfAProcessThatEnds(t *testing.T) {
	child := exec.Command("cat")
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(fmt.Sprintf("/proc/%d/cgroup", child.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := errors.Join(input.Close(), child.Wait()); err != nil {
		t.Fatal(err)
	}
	if text, err := controlGroups(file); text != "" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
