package docker

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/workload"
)

func TestTheEngineGoesAwayDuringARun(t *testing.T) {
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "starting a second dockerd needs root")
	}
	own := testengine.Start(t)
	for name, end := range map[string]func(context.Context) error{
		"crashes":  own.Kill,
		"restarts": own.Restart,
	} {
		t.Run(name, func(t *testing.T) {
			e := engineAt(t, own.Host)
			image, err := loadImage(t.Context(), e, "default", imageConfig("default"))
			if err != nil {
				t.Fatal(err)
			}
			c, err := tryCreate(t.Context(), e, workload.Spec{Image: image, Command: []string{"hang"}}, capability.Of())
			if err != nil {
				t.Fatal(err)
			}
			hanging := newNotice("hanging\n")
			ended := make(chan error, 1)
			go func() {
				<-hanging.seen
				ended <- end(t.Context())
			}()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err = engine.Run(ctx, c, engine.Stdio{Stdout: hanging})
			if !errors.Is(err, engine.ErrEngineLost) || ctx.Err() != nil {
				t.Errorf("error %v, want a lost engine", err)
			}
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if name == "crashes" {
				if err := c.Remove(ctx); !errors.Is(err, engine.ErrNoEngine) {
					t.Errorf("removing without an engine: %v", err)
				}
				if err := own.Restart(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Remove(ctx); err != nil {
				t.Errorf("removing after the return: %v", err)
			}
		})
	}
}

// A workload that handles SIGTERM may well exit with 0 when somebody stops it,
// which must not pass for its own success.
func TestSomebodyStopsTheContainer(t *testing.T) {
	e := newEngine(t)
	c := create(t, e, workload.Spec{Command: []string{"obey"}}, capability.Of())
	obeying := newNotice("obeying\n")
	stopped := make(chan error, 1)
	go func() {
		<-obeying.seen
		_, err := suite(t).Output(t.Context(), "stop", c.ID())
		stopped <- err
	}()
	_, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: obeying})
	if others, ok := errors.AsType[*engine.EndedByOthersError](err); !ok || others.Signal != "15" {
		t.Errorf("error %v, want one that says who ended it", err)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}

func TestSomebodyRemovesTheContainer(t *testing.T) {
	e := newEngine(t)
	c := create(t, e, workload.Spec{Command: []string{"hang"}}, capability.Of())
	hanging := newNotice("hanging\n")
	removed := make(chan error, 1)
	go func() {
		<-hanging.seen
		_, err := suite(t).Output(t.Context(), "rm", "--force", "--volumes", c.ID())
		removed <- err
	}()
	if exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: hanging}); !errors.As(err, new(*engine.EndedByOthersError)) {
		t.Errorf("exit %d, error %v, want one that says who ended it", exit.Code, err)
	}
	if err := <-removed; err != nil {
		t.Fatal(err)
	}
}
