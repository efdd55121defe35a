package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/testengine"
)

// ownEngine starts an engine for one test, with the scratch image on it.
func ownEngine(t *testing.T) (*testengine.Engine, string) {
	t.Helper()
	e := testengine.Start(t)
	image, err := importImage(t.Context(), e, scratch)
	if err != nil {
		testengine.SkipOrFail(t, err)
	}
	return e, image
}

// TestEngineKilled: the engine crashes in each phase, and capprof ends with a
// clear error instead of a verdict or a hang. When the engine is back, clean
// removes what could not be removed then.
func TestEngineKilled(t *testing.T) {
	e, image := ownEngine(t)
	for _, phase := range []struct {
		name string
		nth  int
	}{{"while exploring", 1}, {"while confirming", 2}} {
		t.Run(phase.name, func(t *testing.T) {
			seen := watch(t, e, patience, "type=container")
			running := invocation{engine: e, args: lasting(image)}.start(t)
			pid := running.cmd.Process.Pid
			if !seen.await(pid, "start", phase.nth) {
				t.Fatal("no container was started")
			}
			if err := e.Kill(t.Context()); err != nil {
				t.Fatal(err)
			}
			endsWithoutEngine(t, e, running)
			// And it works again.
			invocation{engine: e, args: []string{"run", "--network", "none", image, "/privop", "chown"}}.
				run(t).expect(t, exitProven)
		})
	}
}

// TestEngineRestarted: an orderly restart in the middle of a run stops the
// container, which must not be taken for the workload's own failure.
func TestEngineRestarted(t *testing.T) {
	e, image := ownEngine(t)
	seen := watch(t, e, patience, "type=container")
	running := invocation{engine: e, args: lasting(image)}.start(t)
	pid := running.cmd.Process.Pid
	if !seen.await(pid, "start", 1) {
		t.Fatal("no container was started")
	}
	restart(t, e)
	running.wait(t).expect(t, exitUnfit)
	invocation{engine: e, args: []string{"clean"}}.run(t).expect(t, 0)
	noContainersOf(t, e, pid)
}

// TestEngineGoesAwayFromAService: while it waits for a service, and in its stop.
func TestEngineGoesAwayFromAService(t *testing.T) {
	e, image := ownEngine(t)
	for name, end := range map[string]func(context.Context) error{"crashes": e.Kill, "restarts": e.Restart} {
		for step, c := range map[string]struct{ ready, action string }{"while it is waited for": {"after:20s", "start"}, "in its stop": {"after:1s", "kill"}} {
			t.Run(name+" "+step, func(t *testing.T) {
				seen := watch(t, e, patience, "type=container")
				running := invocation{engine: e, args: []string{"run", "--network", "none", "--jobs", "1", "--ready", c.ready, image, "--", "/privop", "pause", "60000"}}.start(t)
				pid := running.cmd.Process.Pid
				if !seen.await(pid, c.action, 1) {
					t.Fatalf("there was no %s", c.action)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
				defer cancel()
				if err := end(ctx); err != nil {
					t.Fatal(err)
				}
				endsWithoutEngine(t, e, running)
			})
		}
	}
}

// endsWithoutEngine waits for a run from which the engine went away: it says so and gives no
// verdict, and what it left can be removed when the engine is back.
func endsWithoutEngine(t *testing.T, e *testengine.Engine, process *running) {
	t.Helper()
	result := process.wait(t)
	result.expect(t, exitUnfit)
	result.mentions(t, "engine")
	if result.stdout != "" {
		t.Errorf("stdout carries %q", result.stdout)
	}
	restart(t, e)
	invocation{engine: e, args: []string{"clean"}}.run(t).expect(t, 0)
	noContainersOf(t, e, process.cmd.Process.Pid)
}

func restart(t *testing.T, e *testengine.Engine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
	defer cancel()
	if err := e.Restart(ctx); err != nil {
		t.Fatal(err)
	}
}
