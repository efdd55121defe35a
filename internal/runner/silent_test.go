package runner

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/profile"
)

// The time that an engine takes to start a container is none of the workload's.
func TestASlowStartIsNoTimeout(t *testing.T) {
	for _, change := range []func(*Options){jobs(2), untraced} {
		e := newEngine(t, does(needs(chown)))
		e.onRun = func(int) error { time.Sleep(2 * time.Minute); return nil }
		a := try(t, e, both(func(o *Options) { o.Timeout = time.Minute }, change))
		a.gives(t, profile.Proven, chown)
	}
}

// A start that the engine swallows ends the search. It is no timeout of the workload's.
func TestASwallowedStartIsTheEnginesFault(t *testing.T) {
	e := newEngine(t, does(needs(chown)))
	e.onRun = at(2, func() error { return fmt.Errorf("starting: %w", engine.ErrSilent) })
	if a := try(t, e, nil); !errors.Is(a.err, engine.ErrSilent) || a.Outcome != nil {
		t.Errorf("error %v, outcome %+v", a.err, a.Outcome)
	}
}
