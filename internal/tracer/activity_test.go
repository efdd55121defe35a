package tracer

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// shell is a container that does what it is told in the words of sh(1). Its descriptor 3
// can be read from when the test writes to the pipe.
type shell struct {
	*service
	pipe *os.File
}

func serveShell(t *testing.T, cgroup string) shell {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(read.Close(), write.Close()); err != nil {
			t.Error(err)
		}
	})
	cmd := actor(t, cgroup, "")
	cmd.Path, cmd.Args, cmd.ExtraFiles = "/bin/sh", []string{"sh"}, []*os.File{read}
	return shell{serveWith(t, cmd), write}
}

func (s shell) do(command string) {
	s.t.Helper()
	s.ask(command + "\necho done")
}

// become makes another program of the shell, which cannot say when it has.
func (s shell) become(program string) {
	s.t.Helper()
	s.tell("exec " + program)
}

func (s shell) end() {
	s.t.Helper()
	if err := errors.Join(s.in.Close(), s.service.end()); err != nil {
		s.t.Fatal(err)
	}
}

func active(t *testing.T, tracer *Tracer, cgroup string) *Activity {
	t.Helper()
	a, err := tracer.Activity(Target{filepath.Base(cgroup)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// neighbour is another container. What happened before something happens there has been
// told when that is.
type neighbour struct {
	shell    shell
	activity *Activity
}

func newNeighbour(t *testing.T, tracer *Tracer) *neighbour {
	t.Helper()
	cgroup := newCgroup(t, "neighbour")
	n := &neighbour{activity: active(t, tracer, cgroup)}
	n.shell = serveShell(t, cgroup)
	<-n.activity.Events() // its start, which is an execve(2)
	t.Cleanup(n.shell.end)
	return n
}

// told reports whether there was a value for an activity by now, and takes it.
func (n *neighbour) told(a *Activity) bool {
	n.shell.t.Helper()
	n.shell.become("sh")
	<-n.activity.Events()
	select {
	case <-a.Events():
		return true
	default:
		return false
	}
}

func TestActivityTellsWhatHappensInTheContainer(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	n := newNeighbour(t, tracer)
	cgroup := newCgroup(t, "shell")
	a := active(t, tracer, cgroup)
	if n.told(a) {
		t.Error("something before the start")
	}
	s := serveShell(t, cgroup)
	if !n.told(a) {
		t.Error("not told of the start")
	}
	if s.do("x=1"); n.told(a) {
		t.Error("told of nothing")
	}
	if s.do("( read x <&3 ) &"); !n.told(a) {
		t.Error("not told of a fork")
	}
	if _, err := s.pipe.WriteString("x\n"); err != nil {
		t.Fatal(err)
	}
	<-a.Events() // its end
	s.become("sh")
	<-a.Events()
	// Whoever is in no container.
	if out, err := exec.Command("/bin/sh", "-c", "( : ); exec true").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if n.told(a) {
		t.Error("told of a process that is not in the container")
	}
	s.end()
	if !n.told(a) {
		t.Error("not told of the end")
	}
	// The same container, started again.
	if err := a.Follow(Target{filepath.Base(cgroup)}); err != nil {
		t.Fatal(err)
	}
	renew(t, cgroup)
	s = serveShell(t, cgroup)
	if !n.told(a) {
		t.Error("not told of the start after the end")
	}
	s.end()
	// And a further one.
	another := newCgroup(t, "another")
	if err := a.Follow(Target{filepath.Base(another)}); err != nil {
		t.Fatal(err)
	}
	n.told(a)
	actIn(t, another, "chown")
	if !n.told(a) {
		t.Error("not told of the further container")
	}
}

func TestActivityTellsOfSocketsThatListenAndNotOfThreads(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	n := newNeighbour(t, tracer)
	cgroup := newCgroup(t, "sockets")
	a := active(t, tracer, cgroup)
	s := serve(t, cgroup)
	n.told(a) // the start
	for _, c := range []struct {
		what string
		want bool
	}{{"batch", false}, {"load", false}, {"listen", true}, {"bind", false}, {"listen", true}} {
		if s.ask(c.what); n.told(a) != c.want {
			t.Errorf("%s: told %v", c.what, !c.want)
		}
	}
	s.stop()
	if !n.told(a) {
		t.Error("not told of the end of a process with threads")
	}
}

// Where there is no room to say whose an event is, it may be anybody's.
func TestActivityLosesNothingInAFlood(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	n := newNeighbour(t, tracer)
	cgroup := newCgroup(t, "flood")
	a := active(t, tracer, cgroup)
	s := serveShell(t, cgroup)
	defer s.end()
	n.told(a)
	tracer.activities.mu.Lock() // nobody is told of anything
	s.do("i=0; while [ $i -lt 5000 ]; do ( : ); i=$((i+1)); done")
	n.shell.ask("exec sh -c 'echo done; exec sh'")
	object, err := tracer.activities.loaded()
	if err != nil {
		t.Fatal(err)
	}
	if lost, err := lossesIn(object.Variables[activityVarUnsaid]); err != nil || lost == 0 {
		t.Errorf("%d events without room, %v: the flood was none", lost, err)
	}
	tracer.activities.mu.Unlock()
	<-a.Events()
	<-n.activity.Events()
}

// The programs are attached while somebody wants to know, and again later.
func TestActivitiesComeAndGo(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	room := tracer.activities
	attached := func() string { return fmt.Sprint(len(room.links), " ", room.reader != nil, " ", len(room.open)) }
	cgroup := newCgroup(t, "again")
	for range 2 {
		if got := attached(); got != "0 false 0" {
			t.Errorf("attached %s while nobody wants to know", got)
		}
		one, two := active(t, tracer, cgroup), active(t, tracer, "a-cgroup-that-nobody-is-in")
		if again, err := tracer.Activity(Target{filepath.Base(cgroup)}); err == nil {
			again.Close()
			t.Error("two activities of one container took each other's entry")
		}
		actIn(t, cgroup, "chown")
		<-one.Events()
		one.Close()
		one.Close()
		if got := attached(); got != "4 true 1" {
			t.Errorf("attached %s for one", got)
		}
		two.Close()
	}
	if _, err := tracer.Activity(Target{}); err == nil || attached() != "0 false 0" {
		t.Errorf("of no name: %v, attached %s", err, attached())
	}
	object, err := room.loaded()
	if err != nil {
		t.Fatal(err)
	}
	if key, err := object.Maps[activityMapTargets].NextKeyBytes(nil); err != nil || key != nil {
		t.Errorf("a target is left: %x, %v", key, err)
	}
}
