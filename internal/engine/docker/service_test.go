package docker

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/enginetest"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/workload"
)

// begin starts a container and returns when it has said a word.
func begin(t *testing.T, c engine.Container, word string) {
	t.Helper()
	said := newNotice(word)
	if err := c.Start(t.Context(), engine.Stdio{Stdout: said}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-said.seen:
	case <-time.After(time.Minute):
		t.Fatalf("it has not said %q", word)
	}
}

// Who ended a start is that start's own matter: what capprof sent to an earlier one
// excuses nobody.
func TestSomebodyEndsTheSecondStart(t *testing.T) {
	for name, tc := range map[string]struct {
		command []string
		signal  string
	}{
		"stops it":   {[]string{"stop"}, "15"},
		"removes it": {[]string{"rm", "--force", "--volumes"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := create(t, newEngine(t), workload.Spec{Command: []string{"obey"}}, capability.Of())
			begin(t, c, "obeying\n")
			if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if exit, err := c.Wait(t.Context()); err != nil || exit != (engine.Exit{Signalled: true}) {
				t.Fatalf("the first start: %+v, %v", exit, err)
			}
			begin(t, c, "obeying\n")
			if _, err := suite(t).Output(t.Context(), append(tc.command, c.ID())...); err != nil {
				t.Fatal(err)
			}
			_, err := c.Wait(t.Context())
			if others, ok := errors.AsType[*engine.EndedByOthersError](err); !ok || others.Signal != tc.signal || others.Restarted {
				t.Errorf("the second start: %v, want one that says who ended it", err)
			}
		})
	}
}

func TestSomebodyRestartsTheContainer(t *testing.T) {
	c := create(t, newEngine(t), workload.Spec{Command: []string{"obey"}}, capability.Of())
	begin(t, c, "obeying\n")
	if _, err := suite(t).Output(t.Context(), "restart", c.ID()); err != nil {
		t.Fatal(err)
	}
	_, err := c.Wait(t.Context())
	if others, ok := errors.AsType[*engine.EndedByOthersError](err); !ok || !others.Restarted {
		t.Errorf("%v, want one that says that somebody restarted it", err)
	}
}

// Containers are never started by the engine itself.
func TestNothingRestartsAContainer(t *testing.T) {
	e := newEngine(t)
	c := create(t, e, workload.Spec{Command: []string{"exit", "1"}}, capability.Of())
	state, err := e.api.ContainerInspect(t.Context(), c.ID())
	if policy := state.HostConfig.RestartPolicy; err != nil || !policy.IsNone() || state.HostConfig.AutoRemove {
		t.Errorf("restart policy %+v, removed by the engine %v, %v", policy, state.HostConfig.AutoRemove, err)
	}
}

func TestTheEngineGoesAwayBetweenAndDuringStarts(t *testing.T) {
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "starting a second dockerd needs root")
	}
	own := testengine.Start(t)
	e := engineAt(t, own.Host)
	image, err := loadImage(t.Context(), e, "service", serviceConfig())
	if err != nil {
		t.Fatal(err)
	}
	c, err := tryCreate(t.Context(), e, workload.Spec{Image: image, Command: []string{"hang"}}, capability.Of())
	if err != nil {
		t.Fatal(err)
	}
	begin(t, c, "hanging\n")
	if err := c.Signal(t.Context(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit, err := c.Wait(t.Context()); err != nil || exit.Code != 137 {
		t.Fatalf("%+v, %v", exit, err)
	}
	if err := own.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	begin(t, c, "hanging\n")
	if _, err := c.Exec(t.Context(), engine.Command{Argv: []string{enginetest.Program, "write", enginetest.Health, "yes"}}); err != nil {
		t.Fatal(err)
	}
	if healthy, err := c.Healthy(t.Context()); err != nil || !healthy {
		t.Errorf("after a restart of the engine: %v, %v", healthy, err)
	}
	if processes, err := c.Processes(t.Context()); err != nil || len(processes) == 0 {
		t.Errorf("after a restart of the engine: %v, %v", processes, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := own.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(ctx); !errors.Is(err, engine.ErrEngineLost) {
		t.Errorf("waiting: %v, want a lost engine", err)
	}
	if _, err := c.Healthy(ctx); !errors.Is(err, engine.ErrNotRunning) {
		t.Errorf("after that: %v, want that it does not run", err)
	}
	if err := own.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(ctx); err != nil {
		t.Error(err)
	}
}
