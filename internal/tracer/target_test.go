package tracer

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// Two containers do different things at the same time, a third is never started.
func TestContainersOfASessionAreToldApart(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	one, two := newCgroup(t, "one"), newCgroup(t, "two")
	session, err := tracer.Attach(Target{filepath.Base(one)}, Target{filepath.Base(two)}, Target{"a-cgroup-that-nobody-is-in"})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	actIn(t, two, "network")
	actIn(t, one, "children")
	observations := finished(t, session)
	if len(observations) != 3 {
		t.Fatalf("%d observations of 3 targets", len(observations))
	}
	children, network, nobody := observations[0], observations[1], observations[2]
	noLosses(t, children)
	noLosses(t, network)
	if countOf(children, "fchownat", unix.EPERM) != 2 || countOf(network, "fchownat", unix.EPERM) != 0 {
		t.Errorf("chown: %+v and %+v", children.Operations, network.Operations)
	}
	if len(find(network, "bind", unix.ENOENT)) != 0 || countOf(network, "socket", unix.EPERM) == 0 || countOf(children, "socket", unix.EPERM) != 0 {
		t.Errorf("socket: %+v and %+v", children.Operations, network.Operations)
	}
	if children.Executions < 4 || network.Executions != 1 {
		t.Errorf("%d and %d executions", children.Executions, network.Executions)
	}
	if ports := observation.UnprivilegedPortStart; children.SysctlUses[ports] != 0 || network.SysctlUses[ports] != 4 || children.Sysctls[ports] == "" {
		t.Errorf("uses %v and %v", children.SysctlUses, network.SysctlUses)
	}
	if nobody.Losses != (observation.Losses{Unseen: 1}) || len(nobody.Operations) != 0 || nobody.Sysctls != nil {
		t.Errorf("of the third: %+v", nobody)
	}
}

// What one container loses does not make the other's observation incomplete.
func TestALossIsTheContainersOwn(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	quiet, loud := newCgroup(t, "quiet"), newCgroup(t, "loud")
	tracer.shrink = smallTable("operations", 256)
	session, err := tracer.Attach(Target{filepath.Base(quiet)}, Target{filepath.Base(loud)})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	actIn(t, quiet, "capset")
	actIn(t, loud, "paths")
	observations := finished(t, session)
	noLosses(t, observations[0])
	if observations[1].Losses.Operations == 0 {
		t.Errorf("losses: %+v", observations[1].Losses)
	}
}

func TestTargetsThatCannotBeFollowed(t *testing.T) {
	tracer, err := New()
	if err != nil {
		t.Fatal(err)
	}
	for name, targets := range map[string][]Target{
		"no name":   {{}},
		"too long":  {{strings.Repeat("x", 96)}},
		"the same":  {{"capprof-twice"}, {"capprof-twice"}},
		"and later": {{"capprof-first"}, {""}},
	} {
		t.Run(name, func(t *testing.T) {
			session, err := tracer.Attach(targets...)
			if err == nil {
				session.Close()
				t.Fatal("attached")
			}
			if !strings.Contains(err.Error(), "cgroup") {
				t.Errorf("%v does not say what is wrong", err)
			}
		})
	}
	w, err := tracer.Watch(Target{"capprof-twice"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if again, err := tracer.Watch(Target{"capprof-twice"}); err == nil {
		again.Close()
		t.Error("two watches of one container took each other's entry")
	}
}
