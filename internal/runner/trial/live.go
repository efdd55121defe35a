package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/capprof/capprof/internal/engine"
)

// live is the container of a run that runs now.
type live struct {
	*Room
	stdio engine.Stdio
	lines *lineWatch
	log   *slog.Logger

	container engine.Container
	// ended receives its end; nil when it does not run.
	ended chan ending
}

// ending is how a container ended, or why that is not known.
type ending struct {
	exit engine.Exit
	err  error
}

// launch starts the container and begins to wait for its end.
func (l *live) launch(ctx context.Context) error {
	l.lines.restart()
	stdio, release := l.streams()
	if err := l.container.Start(ctx, stdio); err != nil {
		release()
		return err
	}
	ended, container := make(chan ending, 1), l.container
	l.ended = ended
	go func() {
		defer release()
		// The end comes, by itself or because the run is given up: see surrender.
		exit, err := container.Wait(context.WithoutCancel(ctx))
		ended <- ending{exit, err}
	}()
	return nil
}

// streams are the run's standard streams for one boot. The function releases them.
func (l *live) streams() (engine.Stdio, func()) {
	stdio, release := l.stdio, func() {}
	if l.Input != nil {
		stdin := l.Input.Reader()
		stdio.Stdin, release = stdin, func() { _ = stdin.Close() }
	}
	if l.Resize != nil {
		sizes, stop := l.Resize()
		inner := release
		stdio.Resize, release = sizes, func() { stop(); inner() }
	}
	return stdio, release
}

// kill ends the container that runs, and waits for its end. The error is the engine's.
func (l *live) kill(ctx context.Context) (engine.Exit, error) {
	return engine.Kill(ctx, l.container, func(ctx context.Context) (engine.Exit, error) {
		select {
		case end := <-l.ended:
			l.ended = nil
			return end.exit, end.err
		case <-ctx.Done():
			return engine.Exit{}, ctx.Err()
		}
	})
}

// gone says that the container has ended by itself.
type gone struct{ exit engine.Exit }

func (g *gone) Error() string {
	return fmt.Sprintf("it ended by itself with exit code %d", g.exit.Code)
}

// over takes note of the end of the container.
func (l *live) over(end ending) error {
	l.ended = nil
	if end.err != nil {
		return end.err
	}
	return &gone{end.exit}
}

// endTime is how long the end of a container may be on its way.
const endTime = time.Second

// pollTime is the least time between two looks at a container.
const pollTime = 100 * time.Millisecond

// await waits until a condition holds, looking at it when something happens in the
// container and at most ten times a second otherwise. The error is a *gone when the
// container ends meanwhile.
func (l *live) await(ctx context.Context, happens <-chan struct{}, holds func() (bool, error)) error {
	ticker := time.NewTicker(pollTime)
	defer ticker.Stop()
	for {
		done, err := holds()
		if done && err == nil {
			return nil
		}
		// One that does not run any more has its end on the way, and an engine that was
		// asked about it meanwhile may say anything.
		if err != nil && ctx.Err() == nil && !errors.Is(err, engine.ErrNotRunning) {
			select {
			case end := <-l.ended:
				return l.over(end)
			case <-time.After(endTime):
				return err
			}
		}
		select {
		case end := <-l.ended:
			return l.over(end)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-happens:
			// Looks that follow each other at once would see the same.
			select {
			case <-ticker.C:
			case end := <-l.ended:
				return l.over(end)
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		case <-ticker.C:
		}
	}
}

// errStep is the cause of the end of a step's own time.
var errStep = errors.New("the step took much longer than with everything allowed")

// within gives a step its own limit; 0 is for none but the run's.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, limit, errStep)
}

// inside runs a shell command in the container. Where what it needs for itself does not
// count, it has everything. An engine that is confined itself cannot give it that: then
// it has what the container has, and what it needs counts.
func (l *live) inside(ctx context.Context, command string, output io.Writer) (int, error) {
	c := engine.Command{Argv: []string{"sh", "-c", command}, Stdout: output, Stderr: output, Privileged: !l.ExecsCount()}
	exit, err := l.container.Exec(ctx, c)
	if c.Privileged && errors.As(err, new(*engine.RefusedError)) {
		l.execsCount.Store(true)
		c.Privileged = false
		exit, err = l.container.Exec(ctx, c)
	}
	return exit.Code, err
}
