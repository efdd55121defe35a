// Package trial makes one run of a workload: it creates the container, observes it,
// feeds it, bounds its time, judges its end and cleans up.
package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/scenario"
)

// Success says what a successful run is. An exit code is one answer; a probe of a
// service is meant to be another.
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

// Config is what all runs of a workload have in common.
type Config struct {
	Subject engine.Subject
	// Tracer is nil where nothing is traced, Modules where there is none to hear of.
	Tracer  Tracer
	Modules Modules
	Success Success
	// Told is what the user says of a run of a service.
	Told scenario.Told
	// Timeout bounds one run.
	Timeout time.Duration
	// Data says what each run finds in its volumes.
	Data engine.DataOptions
	// Input feeds every run the same standard input; nil for none.
	Input *Input
	// Resize makes a channel of terminal sizes for one run; nil without a TTY.
	Resize func() (sizes <-chan engine.Size, stop func())
	Log    *slog.Logger
}

// Room makes runs, several at a time if asked, and cleans up after them.
type Room struct {
	Config
	deadline *deadline
	lessons  *lessons
	// execsCount says that the engine cannot give a command inside what it needs.
	execsCount atomic.Bool
	// removals are the containers being removed in the background.
	removals sync.WaitGroup

	mu   sync.Mutex
	left []error
}

// New makes a room for the runs of one workload.
func New(c Config) *Room {
	return &Room{Config: c, deadline: newDeadline(c.Timeout), lessons: newLessons(c.Told)}
}

// Plan is a run to make.
type Plan struct {
	// Number tells the run apart in the log.
	Number     int
	Conditions engine.Conditions
	Look       Look
	// Teaches says that the run has everything allowed: what it shows is what the others
	// are held against.
	Teaches bool
	// Hopeless, when it is closed, ends the run: nothing can be learned from it.
	Hopeless       <-chan struct{}
	Stdout, Stderr io.Writer
	// Progress receives lines about what is done before the run, for people; nil for none.
	Progress io.Writer
}

// Look is how closely a run is observed.
type Look int

// The looks.
const (
	Blind   Look = iota // by its end alone
	Watched             // which capabilities it is denied
	Traced              // every refused check and failed call
)

// End is how a run ended.
type End string

// The ends.
const (
	Passed   End = "passed"
	Failed   End = "failed"  // by itself
	Stuck    End = "stuck"   // ended by capprof, long after a passing run's time
	TimedOut End = "timeout" // ended by capprof at the time limit
	Refused  End = "refused" // the engine would not make it: nothing ran
)

// Result is how a run went.
type Result struct {
	End End
	// ExitCode is nil where the workload did not end by itself.
	ExitCode *int
	// Detail says more of an end that is not an exit code.
	Detail string
	// FailedIn is where a run of a service did not go on. A batch job's are all in the
	// first step, and so is what is seen of them.
	FailedIn scenario.Phase
	// Provisional says that a run passed as a batch job while it is not known whether
	// the workload is one.
	Provisional bool
	// Refusal is why the engine would not make the container: a *engine.RefusedError
	// or an engine.ErrBadWorkload.
	Refusal error
	// StartError is set when the command could not be started.
	StartError *engine.StartError
	// Observation is that of a traced run, Denied what a watched one was denied.
	Observation observation.Observation
	Denied      capability.Set
	// Confinement is what security modules held the container of a traced run under.
	Confinement []engine.Confinement
	// Losses are what the tracer could not see.
	Losses observation.Losses
	// Took is the time from the start to the end.
	Took time.Duration
	// Tail are the last lines of the output.
	Tail []string
}

// Run makes a run. Its error is never the workload's: it is the engine's or the
// tracer's, or the cause of a context that has ended.
func (m *Room) Run(ctx context.Context, p Plan) (Result, error) {
	log := m.Log.With("run", p.Number)
	output, lines := &tail{}, newLineWatch(m.Told.Ready)
	var r Result
	c := &course{plan: p, result: &r, live: &live{Room: m, lines: lines, log: log, stdio: engine.Stdio{
		Stdout: io.MultiWriter(p.Stdout, output, lines), Stderr: io.MultiWriter(p.Stderr, output, lines),
	}}}
	err := c.contain(ctx)
	r.Tail = output.last()
	log.Debug("run ended", "end", r.End, "code", r.ExitCode, "detail", r.Detail, "took", r.Took,
		"executions", r.Observation.Executions, "operations", len(r.Observation.Operations), "denied", r.Denied, "losses", r.Losses, "error", err)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return r, err
	}
	if r.End == Passed && !r.Provisional {
		m.accept(r)
	}
	return r, nil
}

// accept learns from a run that passed.
func (m *Room) accept(r Result) {
	m.deadline.passed(r.Took)
	if m.Input != nil {
		// What this run was given is enough to pass.
		m.Input.Seal()
	}
}

// Accept takes a provisional result for what it looks like: the workload is a batch job.
func (m *Room) Accept(r Result) {
	m.lessons.teach(scenario.Learned{Kind: scenario.Batch}, true)
	m.accept(r)
}

// Known reports whether it is known how long a passing run takes, and what the workload
// is.
func (m *Room) Known() bool { return m.deadline.isKnown() }

// ExecsCount reports whether what the user's commands inside need for themselves is a
// need of the workload: as told, or since the engine has nothing else to give them.
func (m *Room) ExecsCount() bool { return m.Told.CountExec || m.execsCount.Load() }

// Learned is what the run with everything allowed taught; false while nothing is known.
func (m *Room) Learned() (scenario.Learned, bool) {
	learned, _ := m.lessons.now()
	if learned == nil {
		return scenario.Learned{}, false
	}
	return *learned, true
}

// contain makes the run's first container, goes through the run and judges its end.
func (c *course) contain(ctx context.Context) error {
	defer c.leave(ctx)
	data, err := c.data(ctx, c.plan)
	if err != nil {
		return err
	}
	c.plan.Conditions.Data = data
	err = c.create(ctx)
	if c.result.refused(err) {
		return nil
	}
	if err != nil {
		return err
	}
	began := time.Now()
	err = c.perform(ctx)
	c.result.Took = time.Since(began)
	if c.result.refused(err) {
		return nil
	}
	if err := c.judge(ctx, err); err != nil {
		return err
	}
	return c.view.finish(ctx, c.container, c.result)
}

// leave releases what the run holds.
func (c *course) leave(ctx context.Context) {
	c.view.close()
	var containers []engine.Container
	if c.container != nil {
		containers = append(containers, c.container)
	}
	if data := c.plan.Conditions.Data; data != nil {
		c.remove(ctx, data, containers...)
	}
}

// refused notes that the engine would not make or start the container.
func (r *Result) refused(err error) bool {
	var refused *engine.RefusedError
	if !errors.As(err, &refused) && !errors.Is(err, engine.ErrBadWorkload) {
		return false
	}
	r.End, r.Refusal, r.Detail = Refused, err, err.Error()
	return true
}

// judge turns what a run came to into its end.
func (c *course) judge(ctx context.Context, err error) error {
	r, falls := c.result, (*fall)(nil)
	switch {
	case err == nil:
		r.End = Passed
	case errors.As(err, &r.StartError):
		r.ExitCode, r.End, r.Detail = &r.StartError.Code, Failed, "its command could not be started"
	case errors.As(err, &falls):
		r.End, r.Detail = falls.end, falls.detail
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errStuck), errors.Is(err, errHopeless):
		r.End, r.Detail = Stuck, err.Error()
	case errors.Is(err, errTimeout):
		r.End, r.Detail = TimedOut, err.Error()
	default:
		return err
	}
	if r.End != Passed {
		r.FailedIn = c.phase
	}
	return nil
}

// ErrCleanup says that something that capprof made could not be removed. It comes with
// whatever else went wrong, an interruption included, and must be shown then too:
// nobody else knows of what is left.
var ErrCleanup = errors.New("not removed")

// cleanupTime bounds each thing that is done after a run, even an interrupted one: a
// container must not stay because the user was in a hurry.
const cleanupTime = 30 * time.Second

// data makes the data of one run.
func (m *Room) data(ctx context.Context, p Plan) (engine.Data, error) {
	options := m.Data
	options.Progress = p.Progress
	if options.Progress == nil {
		options.Progress = io.Discard
	}
	return m.Subject.Data(ctx, options)
}

// remove deletes the containers of a run, and then its data, while the next run begins.
func (m *Room) remove(ctx context.Context, data engine.Data, containers ...engine.Container) {
	m.removals.Go(func() {
		for _, c := range containers {
			m.clean(ctx, "container "+c.ID(), c.Remove)
		}
		m.clean(ctx, "the data of a run", data.Remove)
	})
}

// clean removes one thing and keeps the error for Cleaned.
func (m *Room) clean(ctx context.Context, what string, remove func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	err := remove(ctx)
	m.Log.Debug("removed", "what", what, "error", err)
	if err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.left = append(m.left, fmt.Errorf("%w: removing %s: %w (capprof clean removes leftovers)", ErrCleanup, what, err))
	}
}

// Cleaned waits for the removals and returns what they could not remove.
func (m *Room) Cleaned() error {
	m.removals.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	return errors.Join(m.left...)
}
