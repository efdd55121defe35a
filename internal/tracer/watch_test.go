package tracer

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
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
		w, err := tracer.Watch(Target{filepath.Base(cgroup)})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		watches[cgroup] = w
		if seen, err := w.Seen(); err != nil || seen != (observation.Watched{Losses: observation.Losses{Unseen: 1}}) {
			t.Errorf("before anything ran: %+v, %v", seen, err)
		}
	}
	obs := tracedBy(t, tracer, "capset")
	if len(find(obs, "capset", unix.EPERM)) != 1 || len(find(obs, "fchownat", unix.EPERM)) != 0 {
		t.Errorf("the trace at the same time: %+v", obs.Operations)
	}
	actIn(t, chown, "chown")
	actIn(t, nice, "setpriority")
	for cgroup, want := range map[string]capability.Set{chown: capability.Of(capability.Chown), nice: capability.Of(capability.SysNice)} {
		seen, err := watches[cgroup].Seen()
		if err != nil {
			t.Fatal(err)
		}
		// Every mmap(2) asks for CAP_SYS_ADMIN.
		if seen.Denied.Without(capability.SysAdmin) != want || seen.Losses != (observation.Losses{}) {
			t.Errorf("%s: %+v, want %s", filepath.Base(cgroup), seen, want)
		}
	}
}

func TestAWatchFollowsChildren(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	cgroup := newCgroup(t, "children")
	w, err := tracer.Watch(Target{filepath.Base(cgroup)})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	// This one has every capability, and is in no container.
	if out, err := exec.Command("/bin/sh", "-c", "chown 0 /").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	actIn(t, cgroup, "children")
	if seen, err := w.Seen(); err != nil || !seen.Denied.Has(capability.Chown) || seen.Denied.Has(capability.SysNice) {
		t.Errorf("%+v, %v", seen, err)
	}
}

// A container under another cgroup name than the engine's adapter said: nothing of
// it is seen, which must not pass for a container to which nothing was denied.
func TestUnderAWrongNameNothingIsSeenAndThatIsALoss(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	cgroup := newCgroup(t, "right")
	w, err := tracer.Watch(Target{filepath.Base(cgroup) + ".scope"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	session, err := tracer.Attach(Target{filepath.Base(cgroup) + ".scope"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	actIn(t, cgroup, "chown")
	unseen := observation.Losses{Unseen: 1}
	if seen, err := w.Seen(); err != nil || seen != (observation.Watched{Losses: unseen}) {
		t.Errorf("watched %+v, %v", seen, err)
	}
	if obs := finished(t, session); obs.Losses != unseen || len(obs.Operations) != 0 {
		t.Errorf("traced %+v", obs)
	}
}

// A container that is started again has another cgroup of the same name. One that is
// not started after all is a loss.
func TestAWatchFollowsFurtherStarts(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	first, second := newCgroup(t, "first"), newCgroup(t, "second")
	w, err := tracer.Watch(Target{filepath.Base(first)})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var want capability.Set
	for i, boot := range []struct {
		cgroup, act string
		denied      capability.Cap
	}{{first, "chown", capability.Chown}, {first, "setpriority", capability.SysNice}, {second, "network", capability.NetRaw}} {
		if i > 0 {
			if err := w.Follow(Target{filepath.Base(boot.cgroup)}); err != nil {
				t.Fatal(err)
			}
			renew(t, boot.cgroup)
			if seen, err := w.Seen(); err != nil || seen.Losses.Unseen != 1 || !seen.Denied.Contains(want) {
				t.Errorf("before the %s: %+v, %v", boot.act, seen, err)
			}
		}
		actIn(t, boot.cgroup, boot.act)
		want = want.With(boot.denied)
		if seen, err := w.Seen(); err != nil || !seen.Denied.Contains(want) || seen.Losses != (observation.Losses{}) {
			t.Errorf("after the %s: %+v, %v, want %v", boot.act, seen, err, want)
		}
	}
}

// What a watch noted of containers goes with it.
func TestAWatchLeavesNothingBehind(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	cgroup := newCgroup(t, "again")
	w, err := tracer.Watch(Target{filepath.Base(cgroup)})
	if err != nil {
		t.Fatal(err)
	}
	actIn(t, cgroup, "chown")
	if err := errors.Join(w.Follow(Target{filepath.Base(cgroup)}), w.Follow(Target{"a-cgroup-that-nobody-is-in"})); err != nil {
		t.Fatal(err)
	}
	renew(t, cgroup)
	actIn(t, cgroup, "chown")
	w.Close()
	object, err := tracer.watcher.loaded()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{watchMapTargets, watchMapContainers} {
		key, err := object.Maps[name].NextKeyBytes(nil)
		if err != nil || key != nil {
			t.Errorf("%s holds %x, %v", name, key, err)
		}
	}
}

func BenchmarkWatch(b *testing.B) {
	tracer, err := New()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		w, err := tracer.Watch(Target{"a-cgroup-that-nobody-is-in"})
		if err != nil {
			b.Fatal(err)
		}
		w.Close()
	}
}
