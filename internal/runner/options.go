package runner

import (
	"io"
	"log/slog"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/tracer"
	"github.com/capprof/capprof/internal/workload"
)

// Options say what to profile and how.
type Options struct {
	Workload workload.Spec
	// Baseline is what the engine grants with today's flags; Allowed is what may
	// be granted while searching.
	Baseline, Allowed capability.Set
	// Success judges a run's end.
	Success Success
	// Strict counts denials that the workload survives as needs.
	Strict bool
	// Prove runs the workload without each capability of the set.
	Prove bool
	// Jobs bounds the runs at one time, MaxRuns their number in all.
	Jobs, MaxRuns int
	// Timeout bounds one run.
	Timeout time.Duration
	// Patience is how long a run may take, while no passing run's time is known,
	// before capprof runs the workload with everything allowed to learn it.
	Patience time.Duration
	// Input feeds every run the same standard input; nil for none.
	Input *Input
	// Resize makes a channel of terminal sizes for one run; nil without a TTY.
	Resize func() (sizes <-chan engine.Size, stop func())
	// Log says what is done and why, for bug reports. Profile takes nil for silence;
	// below it, Log is never nil.
	Log *slog.Logger
	// Version is capprof's own, for the record.
	Version string
}

// privileged says that what replaces --privileged is searched for.
func (o Options) privileged() bool { return o.Workload.Options.Bool("privileged") }

// Success says what a successful run is. An exit code is one answer; a probe of
// a service is meant to be another.
type Success interface {
	// Passed judges how a container ended by itself.
	Passed(engine.Exit) bool
	// ExpectedExit is the exit code that goes into the profile.
	ExpectedExit() int
}

// ExitCode is the success of a workload that ends with this code.
type ExitCode int

// Passed reports whether the code is the expected one.
func (c ExitCode) Passed(e engine.Exit) bool { return e.Code == int(c) }

// ExpectedExit is the code itself.
func (c ExitCode) ExpectedExit() int { return int(c) }

// Observer is told of everything while it happens. Its methods may be called from
// several goroutines.
type Observer interface {
	// Started announces a run; the writers that it returns receive the run's
	// output as it comes, and done is called when there is no more.
	Started(run profile.Run) (stdout, stderr io.Writer, done func())
	// Ended reports a run's outcome and time.
	Ended(run profile.Run, took time.Duration)
	// Note reports what is no run: a decision, a pause.
	Note(text string)
	// Pull receives the progress of pulling an image.
	Pull() io.Writer
}

// Tracer traces containers.
type Tracer interface {
	// Hook names how checks are seen.
	Hook() string
	// Attach begins to trace the container with that cgroup name, which has not
	// been started yet.
	Attach(cgroupName string) (Trace, error)
	// Watch begins to note which capabilities the container is denied, and nothing
	// else, at next to no cost. It too comes before the start.
	Watch(cgroupName string) (Watch, error)
}

// Trace is the trace of one container.
type Trace interface {
	// Finish ends the trace after the container's end.
	Finish() (observation.Observation, error)
	// Close releases everything.
	Close()
}

// Watch notes what one container is denied.
type Watch interface {
	// Seen returns what was seen so far.
	Seen() (observation.Watched, error)
	// Close releases everything.
	Close()
}

// Tracing makes a Tracer of the BPF one.
func Tracing(t *tracer.Tracer) Tracer { return tracing{t} }

type tracing struct{ *tracer.Tracer }

func (t tracing) Attach(cgroupName string) (Trace, error) {
	session, err := t.Tracer.Attach(tracer.Target{CgroupName: cgroupName})
	if err != nil {
		return nil, err
	}
	return trace{session}, nil
}

// trace is a session of one container.
type trace struct{ *tracer.Session }

func (t trace) Finish() (observation.Observation, error) {
	observations, err := t.Session.Finish()
	if err != nil {
		return observation.Observation{}, err
	}
	return observations[0], nil
}

func (t tracing) Watch(cgroupName string) (Watch, error) {
	watch, err := t.Tracer.Watch(tracer.Target{CgroupName: cgroupName})
	if err != nil {
		return nil, err
	}
	return watch, nil
}
