package docker

import (
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

func TestWhichSignalsEndAWorkload(t *testing.T) {
	for _, tc := range []struct {
		signal     string
		code       int
		stopSignal string
		want       bool
	}{
		{"9", 137, "", true},
		{"15", 0, "", true},
		{"SIGTERM", 0, "", true},
		{"term", 1, "", true},
		{"3", 0, "", true},
		{"10", 0, "", false},
		{"USR1", 7, "", false},
		{"10", 138, "", true},
		{"1", 0, "", false},
		{"28", 0, "SIGWINCH", true}, // as httpd's image says
		{"28", 0, "WINCH", true},
		{"28", 0, "15", false},
		{"nonsense", 0, "", true},
	} {
		if got := isEnding(signalOf(tc.signal), tc.code, tc.stopSignal); got != tc.want {
			t.Errorf("%s with exit code %d and the stop signal %q: %v", tc.signal, tc.code, tc.stopSignal, got)
		}
	}
}

// A signal that asks for no end, docker kill -s USR1 to have a log opened anew, is no
// reason to distrust the run.
func TestAHarmlessSignalOfSomebodys(t *testing.T) {
	e := newEngine(t)
	c := create(t, e, workload.Spec{Command: []string{"obey"}}, capability.Of())
	obeying := newNotice("obeying\n")
	if err := c.Start(t.Context(), engine.Stdio{Stdout: obeying}); err != nil {
		t.Fatal(err)
	}
	<-obeying.seen
	// The first process of a PID namespace gets no signal that it does not handle.
	if _, err := suite(t).Output(t.Context(), "kill", "--signal", "USR1", c.ID()); err != nil {
		t.Fatal(err)
	}
	if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if exit, err := c.Wait(t.Context()); err != nil || exit != (engine.Exit{Signalled: true}) {
		t.Errorf("%+v, %v; want exit 0 by our own signal", exit, err)
	}
}
