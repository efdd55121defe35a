package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/capprof/capprof/internal/callwords"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/relax"
	"github.com/capprof/capprof/internal/runner/search"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/workload"
)

// lab makes the search's trials, as runs in a trial.Room, and keeps the record of them.
type lab struct {
	room     *trial.Room
	opts     Options
	observer Observer
	env      mapper.Environment
	// jobs are the runs that may be made at one time.
	jobs int
	// shares says that the runs write to what others of them find.
	shares bool
	// always are options of every run that change nothing but how long one takes.
	always []workload.Setting

	mu sync.Mutex
	// runs are the records, by number less one.
	runs []record
	// portable says that it was told that runs for other engines are made.
	portable bool
}

// record is what is kept of a run.
type record struct {
	profile.Run
	sysctls    []search.Sysctl
	took       time.Duration
	tail       []string
	startError *engine.StartError
	losses     observation.Losses
	// held is what security modules held the container of a traced run under.
	held []engine.Confinement
	// uses are the capabilities that a traced run of a service used, execNeeds those that
	// the user's own commands inside did.
	uses      []mapper.Use
	execNeeds capability.Set
}

var _ search.Lab = (*lab)(nil)

func newLab(room *trial.Room, opts Options, observer Observer, env mapper.Environment) *lab {
	l := &lab{room: room, opts: opts, observer: observer, env: env, jobs: max(1, opts.Jobs)}
	if shared := sharing(opts, room.Subject.Identity().Volumes); len(shared) > 0 {
		// What one run writes must not change under another one that is still running.
		l.jobs, l.shares = 1, true
		observer.Note("The runs are made one at a time, since they share " + strings.Join(shared, " and ") + "; what one run leaves there, the next one finds.")
	}
	// A health check that comes every half a minute would make a run wait for it.
	if room.Subject.Identity().Healthcheck {
		l.always = append(l.always, workload.Setting{Name: "health-interval", Value: "1s"})
	}
	return l
}

// Try makes trials, several at a time as far as Jobs goes. Their numbers are given in
// the order of the trials, so that they do not depend on which run ends first.
func (l *lab) Try(ctx context.Context, trials ...search.Trial) ([]search.Outcome, error) {
	var numbers []int
	var short error
	for _, t := range trials {
		number, err := l.reserve(t)
		if err != nil {
			short = err
			break
		}
		numbers = append(numbers, number)
	}
	outcomes := make([]search.Outcome, len(numbers))
	group, grouped := errgroup.WithContext(ctx)
	group.SetLimit(l.jobs)
	for i, number := range numbers {
		group.Go(func() (err error) {
			outcomes[i], err = l.try(grouped, number, trials[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return outcomes, short
}

// reserve gives a run its number.
func (l *lab) reserve(t search.Trial) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.runs) >= l.opts.MaxRuns {
		return 0, fmt.Errorf("%w: %d (--max-runs)", search.ErrRunLimit, l.opts.MaxRuns)
	}
	run := profile.Run{
		Number: len(l.runs) + 1, Purpose: profile.Purpose(t.Purpose), Traced: t.Look == search.Traced,
		Capabilities: t.Grants.Capabilities, Options: optionsOf(t), Without: t.Without,
	}
	l.runs = append(l.runs, record{Run: run, sysctls: t.Sysctls})
	return run.Number, nil
}

// optionsOf are the docker run options that a trial adds to the workload's: the
// relaxations in the order of their danger, and the sysctls.
func optionsOf(t search.Trial) []workload.Setting {
	options := relax.Sort(t.Grants.Options())
	for _, s := range t.Sysctls {
		options = append(options, workload.Setting{Name: "sysctl", Value: s.Name + "=" + s.Value})
	}
	return options
}

// forget takes a run back that came to no end, a companion that is not wanted any more
// for one. Only the last number can be taken back; with an earlier one the whole search
// ends.
func (l *lab) forget(number int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if number == len(l.runs) {
		l.runs = l.runs[:number-1]
	}
}

// run makes one run and keeps its record.
func (l *lab) run(ctx context.Context, number int, t search.Trial, with company) (search.Outcome, error) {
	l.mu.Lock()
	rec := l.runs[number-1]
	tell := len(t.Sysctls) > 0 && !l.portable
	l.portable = l.portable || tell
	l.mu.Unlock()
	if tell {
		l.observer.Note("Checking what other engines need, which keep the kernel's defaults (" + settings(t.Sysctls) + ").")
	}
	l.opts.Log.Debug("run planned", "run", number, "purpose", t.Purpose, "grants", t.Grants, "sysctls", t.Sysctls, "without", t.Without, "look", t.Look)
	stdout, stderr, done := l.observer.Started(rec.Run)
	r, err := l.room.Run(ctx, trial.Plan{
		Number: number, Look: trial.Look(t.Look), Teaches: t.Everything, Hopeless: with.hopeless, Stdout: stdout, Stderr: stderr, Progress: l.observer.Pull(),
		Conditions: engine.Conditions{Capabilities: t.Grants.Capabilities, Options: slices.Concat(l.always, rec.Options)},
	})
	done()
	var o search.Outcome
	execNeeds := l.execs(&r.Observation)
	if err == nil {
		o, err = l.outcome(ctx, t, number, r)
	}
	if err == nil && r.Provisional {
		err = l.decide(&r, &o, with.reference)
	}
	if err != nil {
		l.forget(number)
		return search.Outcome{}, fmt.Errorf("run %d: %w", number, err)
	}
	rec.Outcome, rec.ExitCode, rec.Detail = profile.Outcome(r.End), r.ExitCode, r.Detail
	rec.took, rec.tail, rec.startError, rec.losses, rec.held = r.Took, r.Tail, r.StartError, r.Losses, r.Confinement
	rec.execNeeds = execNeeds
	if in := r.FailedIn; !in.IsZero() {
		rec.FailedIn = &in
	}
	if learned, _ := l.room.Learned(); learned.Kind == scenario.Service {
		rec.uses = mapper.Uses(r.Observation)
	}
	if o.End == search.Passed && len(search.Keeps(o.Denials, t.Drops)) > 0 {
		o.End = search.Kept
		rec.Outcome, rec.Kept = profile.OutcomeFailed, true
	}
	l.mu.Lock()
	l.runs[number-1] = rec
	l.mu.Unlock()
	l.observer.Ended(rec.Run, r.Took)
	return o, nil
}

// outcome is what a run tells the search.
func (l *lab) outcome(ctx context.Context, t search.Trial, number int, r trial.Result) (search.Outcome, error) {
	o := search.Outcome{
		Trial: t, Run: number, End: search.End(r.End), Err: r.Refusal, Denied: r.Denied, Lossy: r.Losses.Gaps() > 0, Missed: r.Losses.Missed > 0,
		SysctlValues: r.Observation.Sysctls, SysctlUses: r.Observation.SysctlUses,
	}
	if r.StartError != nil {
		o.NotStarted, o.Permission, o.Err = true, r.StartError.Permission, r.StartError
	}
	if t.Look == search.Traced && r.End != trial.Refused {
		mapped := mapper.Map(r.Observation, under(l.env, t.Grants, r.Confinement))
		o.Denials, o.Failures = mapped.Denials, mapped.Failures
		l.explained(ctx, number, mapped)
	}
	var refused *engine.RefusedError
	if !errors.As(r.Refusal, &refused) {
		return o, nil
	}
	// An engine names one at a time, or none.
	possible, err := l.room.Subject.Grantable(ctx, t.Grants.Capabilities)
	if err != nil {
		return o, err
	}
	if o.Refused = refused.Refused.Union(t.Grants.Capabilities.Minus(possible)); o.Refused.Empty() {
		o.Err = fmt.Errorf("the engine refuses to start a container with %s, and does not say which of them: %w", t.Grants.Capabilities, r.Refusal)
	}
	return o, nil
}

// explained logs what the search decides by.
func (l *lab) explained(ctx context.Context, number int, mapped mapper.Result) {
	log := l.opts.Log.With("run", number)
	if !log.Enabled(ctx, slog.LevelDebug) {
		return // the words are not free
	}
	for _, d := range mapped.Denials {
		log.Debug("denied", "anyOf", capability.Of(d.AnyOf...), "effect", d.Effect, "by", d.Mechanism, "at", d.CallSite, "call", d.Operation.Syscall,
			"object", callwords.Object(d.Operation), "errno", errnoName(d.Operation), "program", d.Operation.Executable, "unreachable", d.Why, "fromExec", d.Operation.Joined)
	}
	for _, f := range mapped.Failures {
		log.Debug("failed", "cause", f.Cause, "call", f.Operation.Syscall, "object", callwords.Object(f.Operation), "errno", errnoName(f.Operation),
			"program", f.Operation.Executable, "obstacle", f.Obstacle.Kind, "module", f.Obstacle.Module, "certain", f.Obstacle.Certain)
	}
}

// records are those of the runs made so far.
func (l *lab) records() []record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.runs)
}

// losses are those of the runs of an answer.
func (l *lab) losses(a search.Answer) observation.Losses {
	var all observation.Losses
	for _, r := range l.records() {
		if slices.Equal(r.sysctls, a.Sysctls) {
			all = all.Plus(r.losses)
		}
	}
	return all
}
