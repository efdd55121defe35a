package docker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/engine"
)

// running is a container between its start and the end of its output.
type running struct {
	*Container
	streams types.HijackedResponse
	output  *outputCopy
	// head is what the workload wrote first.
	head  *head
	ended <-chan ending
	// end is what came through ended, kept for a Wait that has to be called again.
	end *ending
	// pid is the first process as the engine numbers it, 0 while it was not asked for.
	pid atomic.Int64
	// seen says that something of it was read from /proc.
	seen atomic.Bool
	// release ends the requests that lasted as long as the container.
	release context.CancelFunc
}

// stop releases everything. Afterwards nobody writes to the caller's streams.
func (r *running) stop() {
	r.release()
	r.streams.Close()
	r.output.wait()
}

// Start starts the container. Streams are attached and the wait is registered before
// the start, so that a program that ends at once loses neither output nor exit code.
// A stdin that blocks is left to its reader, because there is no way to interrupt it.
func (c *Container) Start(ctx context.Context, stdio engine.Stdio) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.begin(); err != nil {
		return fmt.Errorf("starting container %s: %w", c.short(), err)
	}
	// A start must not be torn in half, so it lives longer than ctx.
	lasting, done := outlive(ctx)
	defer done()
	// What accompanies the container lives as long as it does.
	life, release := context.WithCancel(context.WithoutCancel(ctx))
	streams, err := ask(lasting, c.engine, c.engine.patience.look, "attaching to container "+c.short(),
		func(context.Context) (types.HijackedResponse, error) {
			return c.engine.api.ContainerAttach(life, c.id, container.AttachOptions{
				Stream: true, Stdin: c.interactive, Stdout: true, Stderr: true,
			})
		}, func(late types.HijackedResponse) { late.Close() })
	if err != nil {
		release()
		return notAttached(ctx, lasting, c, err)
	}
	r := &running{Container: c, streams: streams, head: &head{}, release: release}
	r.output = r.copyOutput(stdio)
	if r.ended, err = r.registerWait(lasting, life); err != nil {
		r.stop()
		return err
	}
	err = work(lasting, c.engine, "starting container "+c.short(), func(ctx context.Context) error {
		return c.engine.api.ContainerStart(ctx, c.id, container.StartOptions{})
	})
	switch {
	case err != nil:
		err = c.startFailure(ctx, err)
	case ctx.Err() != nil:
		err = errors.Join(ctx.Err(), r.undoStart(lasting))
	}
	if err != nil {
		r.stop()
		return err
	}
	c.engine.log.Debug("started", "container", c.id)
	c.set(r)
	if err := checkCgroup(lasting, r); err != nil {
		err = errors.Join(err, r.undoStart(lasting))
		c.set(nil)
		r.stop()
		return err
	}
	if c.interactive {
		go r.feed(stdio.Stdin)
	}
	if c.tty && stdio.Resize != nil {
		go r.follow(life, stdio.Resize)
	}
	return nil
}

// notAttached is the error of a start whose streams could not be attached to. Where that
// has the runtime make the container, the answer tells nothing of why it could not: the
// start itself, which is bound to fail as well, does.
func notAttached(ctx, lasting context.Context, c *Container, err error) error {
	about, asked := c.engine.whoIsIt(lasting)
	if asked != nil || !about.attachPrepares || unreachable(err) || isSilence(err) || ctx.Err() != nil {
		return c.lost("attaching to", err)
	}
	reason := work(lasting, c.engine, "starting container "+c.short(), func(ctx context.Context) error {
		return c.engine.api.ContainerStart(ctx, c.id, container.StartOptions{})
	})
	if reason != nil {
		return c.startFailure(ctx, reason)
	}
	return errors.Join(c.lost("attaching to", err), c.Signal(lasting, syscall.SIGKILL))
}

// undoStart kills a container whose caller has gone while it was being started.
func (r *running) undoStart(ctx context.Context) error {
	if err := r.Signal(ctx, syscall.SIGKILL); err != nil {
		return err
	}
	select {
	case <-r.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: container %s was killed, and its end is not known", engine.ErrSilent, r.short())
	}
}

// lost describes a failure during a run: when nobody answers any more the
// engine went away, and the run says nothing about the workload.
func (c *Container) lost(doing string, err error) error {
	if unreachable(err) || errors.Is(err, engine.ErrNoEngine) {
		return fmt.Errorf("%w while %s container %s: %w", engine.ErrEngineLost, doing, c.short(), err)
	}
	return fmt.Errorf("%s container %s: %w", doing, c.short(), err)
}
