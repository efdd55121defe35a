package tracer

import (
	"runtime"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// without is a tracer on a hook, "" for any, for which the kernel skips all runs of a program.
func without(t *testing.T, hook string, programs ...string) *Tracer {
	t.Helper()
	tracer := tracerOn(t, hook)
	tracer.places = slices.DeleteFunc(slices.Clone(tracer.places), func(p place) bool { return slices.Contains(programs, p.program) })
	tracer.spare = loadSpare(nil, tracer.places)
	return tracer
}

// The end of a check that was missed is counted, and the next check is taken for none of
// it.
func TestAMissedEndOfACheckIsCounted(t *testing.T) {
	for _, hook := range offered(t) {
		t.Run(hook, func(t *testing.T) {
			tracer := without(t, hook, capprofProgCheckKretprobe)
			obs := tracedBy(t, tracer, "setpriority")
			if ends := obs.Losses.Missed >= 100000; ends != (hook == "kprobe") || obs.Losses.Gaps() > 0 {
				t.Errorf("losses: %+v", obs.Losses)
			}
			for _, op := range find(obs, "setpriority", unix.EACCES) {
				if (len(op.Checks) == 0) != (hook == "kprobe") {
					t.Errorf("%+v", op)
				}
			}
		})
	}
}

// A child whose birth was missed is one of the container's all the same, and none that
// entered from outside.
func TestAMissedBirthIsMadeUpFor(t *testing.T) {
	obs := tracedBy(t, without(t, "", capprofProgOnFork), "children")
	noLosses(t, obs)
	ops := find(obs, "fchownat", unix.EPERM)
	for _, op := range ops {
		if op.Joined || op.Init {
			t.Errorf("%+v", op)
		}
	}
	if n := countOf(obs, "fchownat", unix.EPERM); n != 2 {
		t.Errorf("%d refused chown, want 2: %+v", n, ops)
	}
}

// A check tells that its call began, where that was missed.
func TestAMissedBeginningIsMadeUpFor(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the registers tell on x86 alone")
	}
	obs := tracedBy(t, without(t, "", capprofProgOnSysEnter, capprofProgClassicSysEnter), "all refused")
	noLosses(t, obs)
	if n := len(refusals(obs)); n != 9 {
		t.Errorf("%d refusals, want 9", n)
	}
	for _, op := range obs.Operations {
		if len(op.Checks) > 0 && op.Failed() && !op.Entered {
			t.Errorf("a call with a check that did not begin: %+v", op)
		}
	}
}

// After calls whose ends were missed, the next ones are as they are.
func TestAMissedEndDoesNotReachTheNextCall(t *testing.T) {
	obs := tracedBy(t, without(t, "", capprofProgOnSysExit, capprofProgClassicSysExit), "all refused")
	for _, op := range obs.Operations {
		if op.Syscall != "" && op.Returned {
			t.Errorf("%+v", op)
		}
	}
}
