package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// session is the search for one workload's set under one set of conditions.
type session struct {
	engine   engine.Engine
	tracer   Tracer // nil when not tracing
	opts     Options
	observer Observer
	info     engine.Facts
	subject  engine.Subject
	pace     *pace
	*ledger
	// options are docker run options that every run has beyond the workload's: they
	// are the conditions. The openings that take the place of --privileged are among
	// them, in the order of their danger. fresh are those of them with which nothing ran
	// yet, openingProof tells the failing run without each.
	options, fresh []workload.Setting
	openingProof   map[workload.Setting]int
	// losses are those of this session's runs. It is guarded by the ledger's mutex,
	// as what follows.
	losses observation.Losses
	// referenceRun is the run with everything allowed, nil while it is not known
	// whether that passes; referenceFailed says that one failed.
	referenceRun    *result
	referenceFailed bool
}

// ledger is what the sessions of one workload share.
type ledger struct {
	// removals are the containers being removed in the background.
	removals sync.WaitGroup

	mu        sync.Mutex
	runs      []profile.Run // by number less one
	durations []time.Duration
	outputs   map[int]*tail
	refused   capability.Set
	cleanup   []error
	// refusedOpenings are those that the engine would not take.
	refusedOpenings []workload.Setting
}

// under is a session with further options, which has learned nothing yet.
func (s *session) under(options ...workload.Setting) *session {
	opts := s.opts
	// What has to be opened is known.
	opts.Workload.Options = opts.Workload.Options.Set("privileged")
	return &session{
		engine: s.engine, tracer: s.tracer, opts: opts, observer: s.observer, info: s.info, subject: s.subject, pace: s.pace,
		ledger: s.ledger, options: slices.Concat(s.options, options),
	}
}

// conditions are the options of a run beyond the workload's.
func (s *session) conditions(p plan) []workload.Setting {
	if p.exact {
		return p.options
	}
	return slices.Concat(s.options, p.options)
}

// plan is a run to make.
type plan struct {
	purpose profile.Purpose
	set     capability.Set
	traced  bool
	// options are docker run options that this run has beyond the session's, or, with
	// exact, in their place.
	options []workload.Setting
	exact   bool
	// watched notes no more than which capabilities were denied.
	watched bool
	// without is what a removal run leaves out.
	without *grant.Grant
	// hopeless, when it is closed, ends the run: nothing can be learned from it.
	hopeless <-chan struct{}
}

// result is how a run went.
type result struct {
	run    profile.Run
	passed bool
	// refused says that the engine would not grant the set: nothing ran. badOptions
	// is set when it is the run's options that it would not take.
	refused    bool
	badOptions error
	// startErr is set when the command could not be started.
	startErr *engine.StartError
	obs      observation.Observation
	// denied are the capabilities that the watch saw denied.
	denied capability.Set
	output *tail
}

// code is the exit code, -1 for a run that did not end by itself.
func (r result) code() int {
	if r.run.ExitCode == nil {
		return -1
	}
	return *r.run.ExitCode
}

// Why capprof ended a run.
var (
	errStuck    = errors.New("stuck: it ran much longer than a run that passes")
	errTimeout  = errors.New("the time limit of a run was reached")
	errHopeless = errors.New("a run with everything allowed fails too")
	// errRunLimit says that no more runs may be made.
	errRunLimit = errors.New("the run limit was reached")
	// errAccident says that a run failed which passed when it was repeated.
	errAccident = errors.New("the workload does not behave the same from run to run")
	// errWithdrawn says that the engine refused a set in the place of a run that
	// has to tell something of the workload.
	errWithdrawn = errors.New("the engine refused a part of what it had granted before")
)

// reserve gives a run its number. Numbers are given in the order of planning, so
// that they do not depend on which of two parallel runs ends first.
func (s *session) reserve(p plan) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.runs) >= s.opts.MaxRuns {
		return 0, fmt.Errorf("%w: %d (--max-runs)", errRunLimit, s.opts.MaxRuns)
	}
	number := len(s.runs) + 1
	s.runs = append(s.runs, profile.Run{Number: number, Purpose: p.purpose, Traced: p.traced, Capabilities: p.set, Options: s.conditions(p), Without: p.without})
	s.durations = append(s.durations, 0)
	return number, nil
}

// forget takes a run back that came to no end, a reference run that is not wanted
// any more for one. Only the last number can be taken back; with an earlier one the
// whole search ends.
func (s *session) forget(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number == len(s.runs) {
		s.runs, s.durations = s.runs[:number-1], s.durations[:number-1]
	}
}

// run makes a run. Its error is never the workload's.
func (s *session) run(ctx context.Context, p plan) (result, error) {
	number, err := s.reserve(p)
	if err != nil {
		return result{}, err
	}
	return s.runNumbered(ctx, number, p)
}

// granted makes a run of a set that the engine has granted before, alone or as a
// part of a greater one. That the engine refuses it now says nothing of the
// workload, so it is no failed run but an error.
func (s *session) granted(ctx context.Context, p plan) (result, error) {
	r, err := s.run(ctx, p)
	if err == nil && r.refused {
		err = withdrawn(r)
	}
	return r, err
}

func withdrawn(r result) error {
	return fmt.Errorf("%w: run %d with %s (%s)", errWithdrawn, r.run.Number, r.run.Capabilities, r.run.Detail)
}

func (s *session) runNumbered(ctx context.Context, number int, p plan) (result, error) {
	s.mu.Lock()
	run := s.runs[number-1]
	s.mu.Unlock()
	r := result{run: run, output: &tail{}}
	log := s.opts.Log.With("run", number)
	log.Debug("run planned", "purpose", run.Purpose, "capabilities", run.Capabilities, "options", run.Options, "traced", p.traced, "watched", p.watched)
	stdout, stderr, done := s.observer.Started(run)
	began := time.Now()
	took, err := s.container(ctx, p, &r, engine.Stdio{Stdout: io.MultiWriter(stdout, r.output), Stderr: io.MultiWriter(stderr, r.output)})
	done()
	if took == 0 {
		took = time.Since(began)
	}
	log.Debug("run ended", "outcome", r.run.Outcome, "code", r.code(), "detail", r.run.Detail, "took", took,
		"executions", r.obs.Executions, "operations", len(r.obs.Operations), "denied", r.denied, "losses", r.obs.Losses, "error", err)
	if err != nil {
		s.forget(number)
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return r, fmt.Errorf("run %d: %w", number, err)
	}
	if r.passed {
		s.pace.passed(took)
		if s.opts.Input != nil {
			// What this run was given is enough to pass.
			s.opts.Input.Seal()
		}
	}
	s.mu.Lock()
	s.runs[number-1], s.durations[number-1], s.outputs[number] = r.run, took, r.output
	s.mu.Unlock()
	s.refers(r)
	s.observer.Ended(r.run, took)
	return r, nil
}

// container runs one container and judges its end. It returns the time from its
// start to its end.
func (s *session) container(ctx context.Context, p plan, r *result, stdio engine.Stdio) (time.Duration, error) {
	c, err := s.subject.Create(ctx, engine.Conditions{Capabilities: p.set, Options: s.conditions(p)})
	if s.wasRefused(r, p, err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer s.remove(ctx, c)
	s.opts.Log.Debug("container created", "run", r.run.Number, "id", c.ID(), "cgroup", c.Cgroup().Name, "image", s.subject.Identity().ID)

	var trace Trace
	if p.traced {
		if trace, err = s.tracer.Attach(c.Cgroup().Name); err != nil {
			return 0, err
		}
		defer trace.Close()
		s.opts.Log.Debug("trace attached", "run", r.run.Number, "hook", s.tracer.Hook(), "cgroup", c.Cgroup().Name)
	}
	var watch Watch
	if p.watched {
		if watch, err = s.tracer.Watch(c.Cgroup().Name); err != nil {
			return 0, err
		}
		defer watch.Close()
	}
	if s.opts.Input != nil {
		stdin := s.opts.Input.Reader()
		defer stdin.Close()
		stdio.Stdin = stdin
	}
	if s.opts.Resize != nil {
		sizes, stop := s.opts.Resize()
		defer stop()
		stdio.Resize = sizes
	}
	began := time.Now()
	exit, err := engine.Exit{}, c.Start(ctx, stdio)
	if err == nil {
		// The limit is the workload's. A start that takes long is the engine's doing.
		limited, stop := s.limit(ctx, p)
		defer stop()
		exit, err = engine.WaitOrKill(limited, c)
	}
	took := time.Since(began)
	switch {
	case s.wasRefused(r, p, err):
		return took, nil
	case err == nil:
		r.run.Exited(exit.Code)
		r.passed = s.opts.Success.Passed(exit)
		r.run.Outcome = profile.OutcomeFailed
		if r.passed {
			r.run.Outcome = profile.OutcomePassed
		}
		if exit.OutOfMemory {
			r.run.Detail = "the kernel ended it for want of memory"
		}
	case errors.As(err, &r.startErr):
		r.run.Exited(r.startErr.Code)
		r.run.Outcome, r.run.Detail = profile.OutcomeFailed, "its command could not be started"
	case ctx.Err() != nil:
		return took, ctx.Err()
	case errors.Is(err, errStuck), errors.Is(err, errHopeless):
		r.run.Outcome, r.run.Detail = profile.OutcomeStuck, err.Error()
	case errors.Is(err, errTimeout):
		r.run.Outcome, r.run.Detail = profile.OutcomeTimeout, err.Error()
	default:
		return took, err
	}
	if trace != nil {
		if r.obs, err = trace.Finish(); err != nil {
			return took, err
		}
		if err := s.fileCapabilities(ctx, c, &r.obs); err != nil {
			return took, err
		}
		s.addLosses(r, r.obs.Losses)
	}
	if watch != nil {
		watched, err := watch.Seen()
		if err != nil {
			return took, err
		}
		r.denied = watched.Denied
		s.addLosses(r, watched.Losses)
	}
	return took, nil
}

// wasRefused records a set that the engine would not grant, or options beyond the
// workload's that it would not take.
func (s *session) wasRefused(r *result, p plan, err error) bool {
	var refused *engine.RefusedError
	if slices.ContainsFunc(s.conditions(p), isOpening) && errors.Is(err, engine.ErrBadWorkload) {
		r.refused, r.badOptions = true, err
		r.run.Outcome, r.run.Detail = profile.OutcomeRefused, err.Error()
		return true
	}
	if !errors.As(err, &refused) {
		return false
	}
	r.refused = true
	r.run.Outcome, r.run.Detail = profile.OutcomeRefused, refused.Error()
	s.mu.Lock()
	s.refused = s.refused.Union(refused.Refused)
	s.mu.Unlock()
	return true
}

// limit bounds a run's time: by the ceiling, and as soon as it is known what a
// passing run takes, by that.
func (s *session) limit(ctx context.Context, p plan) (context.Context, func()) {
	limited, cancel := context.WithCancelCause(ctx)
	began := time.Now()
	ceiling := time.NewTimer(s.opts.Timeout)
	stuck := make(<-chan time.Time)
	known := s.pace.known
	go func() {
		defer ceiling.Stop()
		for {
			select {
			case <-known:
				known = nil
				if limit, _ := s.pace.limit(s.opts.Timeout); limit < s.opts.Timeout {
					stuck = time.After(limit - time.Since(began))
				}
			case <-stuck:
				cancel(errStuck)
			case <-ceiling.C:
				cancel(errTimeout)
			case <-p.hopeless:
				cancel(errHopeless)
			case <-limited.Done():
				return
			}
		}
	}()
	return limited, func() { cancel(nil) }
}

// addLosses counts what the tracer could not see of a run.
func (s *session) addLosses(r *result, l observation.Losses) {
	if r.startErr != nil {
		l.Unseen = 0 // there was no program to see
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.losses = s.losses.Plus(l)
}

// fileCapabilities looks up the file capabilities of what execve(2) refused, where the
// tracer was too late to: the kernel tells neither that they were the reason nor which
// they are. By now the file may be another, so the operation does not count as seen.
func (s *session) fileCapabilities(ctx context.Context, c engine.Container, obs *observation.Observation) error {
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
