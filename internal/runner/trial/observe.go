package trial

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/scenario"
)

// Tracer traces containers.
type Tracer interface {
	// Hook names how checks are seen.
	Hook() string
	// Attach begins to trace a container that has not been started yet.
	Attach(engine.Cgroup) (Trace, error)
	// Watch begins to note which capabilities a container is denied, and nothing else,
	// at next to no cost. It too comes before the start.
	Watch(engine.Cgroup) (Watch, error)
	// Activity begins to tell when something happens in a container, so that waiting
	// for it costs nothing. It too comes before the start.
	Activity(engine.Cgroup) (Activity, error)
}

// Trace is the trace of the containers of one run.
type Trace interface {
	// Follow takes a further start into the trace, and comes before it: that of another
	// container, or of the same one again. All end up in one observation.
	Follow(engine.Cgroup) error
	// Enter says that a phase begins: what is seen from now on belongs to it. Before the
	// first one it belongs to the zero phase.
	Enter(scenario.Phase) error
	// Finish ends the trace after the last container's end.
	Finish() (observation.Observation, error)
	// Close releases everything.
	Close()
}

// Watch notes what the containers of one run are denied.
type Watch interface {
	// Follow is Trace's.
	Follow(engine.Cgroup) error
	// Seen returns what was seen so far.
	Seen() (observation.Watched, error)
	// Close releases everything.
	Close()
}

// Activity tells that something happened among the processes of one run's containers.
type Activity interface {
	// Follow is Trace's.
	Follow(engine.Cgroup) error
	// Events gets a value when a process of the containers was forked, executed a
	// program or ended, or a TCP socket of theirs began to listen. It never blocks
	// whom it tells: several events may be one value. It may come a moment before what
	// it tells of can be seen.
	Events() <-chan struct{}
	// Close releases everything.
	Close()
}

// view is how one run is observed: by a trace, a watch or neither.
type view struct {
	trace Trace
	watch Watch
}

// follow observes a container that is about to be started.
func (v *view) follow(m *Room, c engine.Container, look Look, log *slog.Logger) (err error) {
	switch {
	case m.Tracer == nil:
	case v.trace != nil:
		return v.trace.Follow(c.Cgroup())
	case v.watch != nil:
		return v.watch.Follow(c.Cgroup())
	case look == Traced:
		if v.trace, err = m.Tracer.Attach(c.Cgroup()); err == nil {
			log.Debug("trace attached", "hook", m.Tracer.Hook(), "cgroup", c.Cgroup().Name)
		}
	case look == Watched:
		v.watch, err = m.Tracer.Watch(c.Cgroup())
	}
	return err
}

func (v view) close() {
	if v.trace != nil {
		v.trace.Close()
	}
	if v.watch != nil {
		v.watch.Close()
	}
}

// finish puts what was seen into the result.
func (v view) finish(ctx context.Context, c engine.Container, r *Result) (err error) {
	if v.trace != nil {
		if r.Observation, err = v.trace.Finish(); err != nil {
			return err
		}
		if err := fileCapabilities(ctx, c, &r.Observation); err != nil {
			return err
		}
		r.Losses = r.Observation.Losses
	}
	if v.watch != nil {
		watched, err := v.watch.Seen()
		if err != nil {
			return err
		}
		r.Denied, r.Losses = watched.Denied, watched.Losses
	}
	if r.StartError != nil {
		r.Losses.Unseen = 0 // there was no program to see
	}
	return nil
}

// fileCapabilities looks up the file capabilities of what execve(2) refused, where the
// tracer was too late to: the kernel tells neither that they were the reason nor which
// they are. By now the file may be another, so the operation does not count as seen.
func fileCapabilities(ctx context.Context, c engine.Container, obs *observation.Observation) error {
	for i := range obs.Operations {
		op := &obs.Operations[i]
		if op.Syscall != "execve" && op.Syscall != "execveat" || !op.Failed() || op.Object.Path == "" || op.Object.FileSeen {
			continue
		}
		held, err := c.FileCapabilities(ctx, op.Object.Path)
		if err != nil {
			return fmt.Errorf("reading the file capabilities of %s: %w", op.Object.Path, err)
		}
		op.Object.Capabilities = held
	}
	return nil
}
