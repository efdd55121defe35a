package tracer

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// movedTo begins the acts of a container that moves itself into a cgroup, whose directory
// the rest is, and is refused a chown(2) there.
const movedTo = "moved to "

// move makes the process one of a cgroup.
func move(dir string) error {
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0o600)
}

// newBelow makes a cgroup below another one.
func newBelow(t *testing.T, cgroup string) string {
	t.Helper()
	return makeCgroup(t, filepath.Join(cgroup, "container"))
}

// crun puts a container's processes into a cgroup below the container's, and a container
// may make more of them. Whoever enters from outside may do so at any of them.
func TestAContainersProcessesMayBeBelowItsCgroup(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for name, where := range map[string]struct {
		starts, moves, enters int
	}{
		"in it": {}, "crun's": {starts: 1, moves: 1, enters: 1}, "deep": {starts: 3, moves: 3, enters: 3},
		"moves later": {moves: 2}, "enters above": {starts: 2, moves: 2, enters: 1}, "enters below": {enters: 2},
	} {
		t.Run(name, func(t *testing.T) {
			cgroup := newCgroup(t, "above")
			levels := []string{cgroup}
			for range 3 {
				levels = append(levels, newBelow(t, levels[len(levels)-1]))
			}
			target := Target{filepath.Base(cgroup)}
			session, err := tracer.Attach(target)
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			w, err := tracer.Watch(target)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			a := active(t, tracer, cgroup)
			actIn(t, levels[where.starts], movedTo+levels[where.moves])
			<-a.Events()
			// A second one, as of docker exec.
			actIn(t, levels[where.enters], "setpriority")
			<-a.Events()
			seen, err := w.Seen()
			if err != nil || !seen.Denied.Contains(capability.Of(capability.Chown, capability.SysNice)) || seen.Losses != (observation.Losses{}) {
				t.Errorf("watched %+v, %v", seen, err)
			}
			obs := finished(t, session)
			noLosses(t, obs)
			if n := countOf(obs, "fchownat", unix.EPERM); n != 1 {
				t.Errorf("%d refused chown", n)
			}
			for _, op := range find(obs, "setpriority", unix.EACCES) {
				if !op.Joined || op.Init {
					t.Errorf("%+v", op)
				}
			}
			if n := countOf(obs, "setpriority", unix.EACCES); n != 100000 || obs.Executions != 2 {
				t.Errorf("%d refused setpriority, %d executions", n, obs.Executions)
			}
		})
	}
}

// The cgroup of another container is not the first one's, whatever is below both.
func TestCgroupsBelowAnotherAreNotSeen(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	own, other := newCgroup(t, "own"), newCgroup(t, "other")
	session, err := tracer.Attach(Target{filepath.Base(own)})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	actIn(t, newBelow(t, other), "setpriority")
	actIn(t, newBelow(t, own), "chown")
	obs := finished(t, session)
	noLosses(t, obs)
	if countOf(obs, "setpriority", unix.EACCES) != 0 || countOf(obs, "fchownat", unix.EPERM) != 1 {
		t.Errorf("%+v", obs.Operations)
	}
}
