package runner

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/capprof/capprof/internal/runner/search"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/scenario"
)

// company is what a run has next to it.
type company struct {
	// hopeless is closed when nothing can be learned from the run any more.
	hopeless <-chan struct{}
	// reference makes the run with everything allowed, unless it is made already, and
	// waits for it; nil where there is to be none.
	reference func() error
}

// try makes one trial. Where nothing is known yet of a run that passes, one with
// everything allowed is made beside it: at once where the workload looks like a service,
// and otherwise when the trial takes long.
func (l *lab) try(ctx context.Context, number int, t search.Trial) (search.Outcome, error) {
	if t.Companion == nil || l.opts.Patience <= 0 || l.room.Known() {
		return l.run(ctx, number, t, company{})
	}
	if l.jobs < 2 {
		return l.alone(ctx, number, t)
	}
	running, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	c := l.companion(ctx, *t.Companion, abandon)
	defer c.stop()
	patience := time.AfterFunc(l.patience(), func() {
		if !l.looksLikeService() {
			l.observer.Note("This run is taking a while. A second one, with everything allowed, shows how long the workload normally takes.")
		}
		c.begin()
	})
	o, err := l.run(running, number, t, company{c.hopeless, func() error { patience.Stop(); c.begin(); return c.wait() }})
	patience.Stop()
	if err != nil || o.End == search.Passed {
		// Another run that failed by itself leaves the questions that the companion
		// answers: how long may the next one take, and is there any point in it?
		c.stop()
	}
	if failure := c.wait(); failure != nil {
		err = failure
	}
	o.Companions = c.made
	return o, err
}

// alone is try where one run is made at a time: a trial that takes long is taken back,
// and made again after the run with everything allowed.
func (l *lab) alone(ctx context.Context, number int, t search.Trial) (search.Outcome, error) {
	c := l.companion(ctx, *t.Companion, func(error) {})
	defer c.stop()
	if l.looksLikeService() {
		l.forget(number)
	} else {
		limited, stop := context.WithTimeoutCause(ctx, l.patience(), errPatience)
		defer stop()
		o, err := l.run(limited, number, t, company{reference: func() error { c.begin(); return c.wait() }})
		if !errors.Is(err, errPatience) {
			o.Companions = c.made
			return o, err
		}
		l.observer.Note("This run is taking a while. One with everything allowed shows how long the workload normally takes.")
	}
	c.begin()
	if err := c.wait(); err != nil {
		return search.Outcome{}, err
	}
	number, err := l.reserve(t)
	if err != nil {
		return search.Outcome{}, err
	}
	o, err := l.run(ctx, number, t, company{hopeless: c.hopeless})
	o.Companions = c.made
	return o, err
}

// errPatience is the cause of the end of a trial that is taken back.
var errPatience = errors.New("the run takes long, and nothing is known of one that passes")

// looksLikeService reports whether the workload is most likely a service: as the user
// says, or since it has what services have.
func (l *lab) looksLikeService() bool {
	if l.opts.Told.IsBatch() {
		return false
	}
	served := slices.ContainsFunc([]string{"publish", "publish-all", "restart", "detach"}, func(option string) bool {
		return len(l.opts.Workload.Options.Values(option)) > 0
	})
	image := l.room.Subject.Identity()
	listens := len(image.Exposed) > 0 && len(l.opts.Workload.Command) == 0
	return served || listens || l.opts.Told.IsService() || image.Healthcheck
}

// saysThatExecsCount says so where the user did not.
func (l *lab) saysThatExecsCount() {
	if l.room.ExecsCount() && !l.opts.Told.CountExec {
		l.observer.Note("The engine is confined itself and cannot run a command inside with all capabilities: what --exec needs for itself is in the set.")
	}
}

// wondersAboutEnd says so where a workload ends by itself that is most likely meant to
// be a service.
func (l *lab) wondersAboutEnd() {
	learned, _ := l.room.Learned()
	if learned.Kind == scenario.Batch && l.looksLikeService() {
		l.observer.Note("It ended by itself, and looks like a service. A program that goes into the background ends its container: have it run in the foreground. If it is a job that ends: --ready none.")
	}
}

// reluctance is how much longer a trial may take by itself that writes to the user's own
// data: one that is ended midway leaves half of its work there.
const reluctance = 3

// patience is how long a trial may take by itself.
func (l *lab) patience() time.Duration {
	switch {
	case l.looksLikeService():
		return 0
	case l.shares:
		return reluctance * l.opts.Patience
	}
	return l.opts.Patience
}

// decide judges a run that passed as a batch job while it was not known whether the
// workload is one. One that was refused nothing had all that it asked for; otherwise, a
// service that ends because it was refused something looks the same.
func (l *lab) decide(r *trial.Result, o *search.Outcome, reference func() error) error {
	if reference != nil && (o.Look != search.Traced || o.Lossy || o.Missed || len(o.Denials) > 0) {
		if err := reference(); err != nil {
			return err
		}
		if learned, _ := l.room.Learned(); learned.Kind == scenario.Service {
			r.End, r.Detail = trial.Failed, "it ended by itself, and with everything allowed it runs until it is stopped"
			r.FailedIn = scenario.Phase{Boot: scenario.FirstBoot, Step: scenario.Start}
			o.End = search.Failed
			return nil
		}
	}
	l.room.Accept(*r)
	return nil
}

// companion is a run with everything allowed, next to another one.
type companion struct {
	lab *lab
	// ctx ends when stop is called: the companion is not wanted any more.
	ctx   context.Context
	stop  context.CancelFunc
	trial search.Trial
	// hopeless is closed when it fails, abandon ends the run next to it.
	hopeless chan struct{}
	abandon  func(error)

	mu sync.Mutex
	// done is closed when it has been made; nil while it has not begun.
	done chan struct{}
	// made are its outcomes, failure what prevented them: for those who have waited.
	made    []search.Outcome
	failure error
}

// companion prepares a companion.
func (l *lab) companion(ctx context.Context, t search.Trial, abandon func(error)) *companion {
	c := &companion{lab: l, trial: t, hopeless: make(chan struct{}), abandon: abandon}
	c.ctx, c.stop = context.WithCancel(ctx)
	return c
}

// begin begins to make it, unless that was done already.
func (c *companion) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		return
	}
	done := make(chan struct{})
	c.done = done
	go func() {
		defer close(done)
		c.make()
	}()
}

// wait waits for its end, if it has begun.
func (c *companion) wait() error {
	c.mu.Lock()
	done := c.done
	c.mu.Unlock()
	if done == nil {
		return nil
	}
	<-done
	return c.failure
}

// make makes it, as often as it takes to know whether it passes.
func (c *companion) make() {
	t := c.trial
	for failed := false; ; {
		number, err := c.lab.reserve(t)
		if err != nil {
			return // not to be had
		}
		o, err := c.lab.run(c.ctx, number, t, company{})
		if err != nil {
			if c.ctx.Err() == nil {
				c.failure = err
				c.abandon(err)
			}
			return // the engine's fault, or not wanted any more
		}
		c.made = append(c.made, o)
		switch {
		case o.End == search.Refused && !o.Refused.Empty():
			t.Grants.Capabilities = t.Grants.Capabilities.Minus(o.Refused)
		case o.End == search.Failed && !o.NotStarted && !failed:
			// It may have been a flake. If it fails again, see at what.
			failed = true
			if c.lab.room.Tracer != nil {
				t.Look = search.Traced
			}
		case o.End == search.Passed, o.End == search.Refused:
			return
		default:
			close(c.hopeless)
			return
		}
	}
}
