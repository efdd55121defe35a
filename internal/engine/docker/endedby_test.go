package docker

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/container"

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

// An engine that has much to do writes the event of a signal long after the process is
// gone, and still before it tells of the end.
func TestAnEventThatIsLate(t *testing.T) {
	const finished, late, now = "2026-01-02T03:04:05Z", 1767323045_400000000, "2026-01-02T03:04:05.5Z"
	for signal, want := range map[syscall.Signal]bool{syscall.SIGTERM: true, syscall.SIGHUP: false} {
		c := fakeRun(t, map[string]http.HandlerFunc{
			"GET /v1.41/info": answers(`{"KernelVersion": "1.2.3", "SystemTime": "` + now + `"}`),
			"GET /v1.41/events": func(w http.ResponseWriter, r *http.Request) {
				until, err := strconv.ParseFloat(r.URL.Query().Get("until"), 64)
				if err != nil {
					t.Error(err)
				}
				if until*1e9 >= late {
					_, _ = fmt.Fprintf(w, `{"Type":"container","Action":"kill","timeNano":%d,"Actor":{"Attributes":{"signal":"15"}}}`, late)
				}
			},
		})
		c.noteSignal(signal)
		state := container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{State: &container.State{StartedAt: "2026-01-02T03:04:00Z", FinishedAt: finished}}}
		ours, err := c.began().endedBy(t.Context(), state, 0)
		if others := errors.As(err, new(*engine.EndedByOthersError)); ours != want || others == want {
			t.Errorf("capprof sent %v: ours %v, %v", signal, ours, err)
		}
	}
}
