package tracer

import (
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

// TestAWatchNotesWhatIsDenied: two watches and a full trace at the same time, each
// of its own container.
func TestAWatchNotesWhatIsDenied(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	chown, nice := newCgroup(t, "chown"), newCgroup(t, "nice")
	watches := map[string]*Watch{}
	for _, cgroup := range []string{chown, nice} {
		w, err := tracer.Watch(filepath.Base(cgroup))
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		watches[cgroup] = w
		if denied, err := w.Denied(); err != nil || !denied.Empty() {
			t.Errorf("before anything ran: %s, %v", denied, err)
		}
	}
	obs := tracedBy(t, tracer, "capset")
	if len(find(obs, "capset", unix.EPERM)) != 1 || len(find(obs, "fchownat", unix.EPERM)) != 0 {
		t.Errorf("the trace beside: %+v", obs.Operations)
	}
	actIn(t, chown, "chown")
	actIn(t, nice, "setpriority")
	for cgroup, want := range map[string]capability.Set{chown: capability.Of(capability.Chown), nice: capability.Of(capability.SysNice)} {
		denied, err := watches[cgroup].Denied()
		if err != nil {
			t.Fatal(err)
		}
		// Every mmap(2) asks for CAP_SYS_ADMIN.
		if denied.Without(capability.SysAdmin) != want {
			t.Errorf("%s: denied %s, want %s", filepath.Base(cgroup), denied, want)
		}
	}
}

func TestAWatchFollowsChildren(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	cgroup := newCgroup(t, "children")
	w, err := tracer.Watch(filepath.Base(cgroup))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	// This one has every capability, and is in no container.
	if out, err := exec.Command("/bin/sh", "-c", "chown 0 /").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	actIn(t, cgroup, "children")
	if denied, err := w.Denied(); err != nil || !denied.Has(capability.Chown) || denied.Has(capability.SysNice) {
		t.Errorf("denied %s, %v", denied, err)
	}
}

func BenchmarkWatch(b *testing.B) {
	tracer, err := New()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w, err := tracer.Watch("a-cgroup-that-nobody-is-in")
		if err != nil {
			b.Fatal(err)
		}
		w.Close()
	}
}
