package trial

import (
	"context"
	"fmt"
	"log/slog"
	"syscall"

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

// Modules are the security modules of the kernel that the containers run on.
type Modules interface {
	// Listen begins to hear of what they refuse. It comes before the start.
	Listen() (Listener, error)
}

// Listener hears of what security modules refuse, whomever.
type Listener interface {
	// Refused returns what was heard so far, and whether that is all that was logged. It
	// waits a moment for what is still on its way of some processes.
	Refused(ctx context.Context, of []int) (heard []observation.Refusal, all bool)
	// Close releases everything.
	Close()
}

// view is how one run is observed: by a trace, a watch or neither.
type view struct {
	trace Trace
	watch Watch
	// confinable says that a security module may confine what is traced, and modules hears
	// of what it refuses; nil where that is not to be heard.
	confinable bool
	modules    Listener
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
		v.listen(m.Modules, log)
		if v.trace, err = m.Tracer.Attach(c.Cgroup()); err == nil {
			log.Debug("trace attached", "hook", m.Tracer.Hook(), "cgroup", c.Cgroup().Name)
		}
	case look == Watched:
		v.watch, err = m.Tracer.Watch(c.Cgroup())
	}
	return err
}

// listen begins to hear of refusals. Without that, they are told from what they look
// like.
func (v *view) listen(modules Modules, log *slog.Logger) {
	if v.confinable = modules != nil; !v.confinable {
		return
	}
	listener, err := modules.Listen()
	if err != nil {
		log.Debug("not listening to security modules", "error", err)
		return
	}
	v.modules = listener
}

func (v view) close() {
	if v.modules != nil {
		v.modules.Close()
	}
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
		if err := v.confinement(ctx, c, r); err != nil {
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

// confinement says what held the container, and what that refused it.
func (v view) confinement(ctx context.Context, c engine.Container, r *Result) (err error) {
	if !v.confinable {
		return nil
	}
	if r.Confinement == nil {
		if r.Confinement, err = c.Confinement(ctx); err != nil {
			return fmt.Errorf("asking what confines the container: %w", err)
		}
	}
	if v.modules == nil || len(r.Confinement) == 0 {
		return nil
	}
	var refused []int
	for _, op := range r.Observation.Operations {
		if op.Entered && (op.Errno == syscall.EACCES || op.Errno == syscall.EPERM) {
			refused = append(refused, op.PID)
		}
	}
	r.Observation.Refusals, r.Observation.AllRefusals = v.modules.Refused(ctx, refused)
	return nil
}
