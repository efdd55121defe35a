package docker

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/engine"
)

// ending is the engine's word on how a container ended, or why it has none.
type ending struct {
	status int64
	err    error
}

// registerWait registers for the container's next exit; when it returns, the engine
// has acknowledged. The channel gets exactly one value and needs no reader.
func (r *running) registerWait(ctx, life context.Context) (<-chan ending, error) {
	type pair struct {
		results  <-chan container.WaitResponse
		failures <-chan error
	}
	registered, err := ask(ctx, r.engine, r.engine.patience.look, "waiting for container "+r.short(),
		func(context.Context) (pair, error) {
			results, failures := r.engine.api.ContainerWait(life, r.id, container.WaitConditionNextExit)
			return pair{results, failures}, nil
		}, nil)
	if err != nil {
		return nil, r.lost("waiting for", err)
	}
	out := make(chan ending, 1)
	go func() {
		select {
		case err := <-registered.failures:
			out <- ending{err: r.lost("waiting for", err)}
		case result := <-registered.results:
			if result.Error != nil {
				out <- ending{err: fmt.Errorf("waiting for container %s: %s", r.short(), result.Error.Message)}
				return
			}
			out <- ending{status: result.StatusCode}
		case <-life.Done():
			out <- ending{err: life.Err()}
		}
	}()
	return out, nil
}

// Wait waits for the container's end and the end of its output. Output that cannot
// be written ends the container: what comes after it would be lost.
func (c *Container) Wait(ctx context.Context) (engine.Exit, error) {
	r := c.began()
	if r == nil {
		return engine.Exit{}, fmt.Errorf("container %s has not been started", c.short())
	}
	if err := r.untilEnd(ctx); err != nil {
		return engine.Exit{}, err
	}
	if r.end.err == nil {
		// The last output is still on its way when the exit is known.
		select {
		case <-r.output.done:
		case <-ctx.Done():
			return engine.Exit{}, ctx.Err()
		}
	}
	// From here on it is over: a further Wait would have nothing to wait for.
	c.set(nil)
	r.stop()
	write := (*engine.WriteError)(nil)
	switch {
	case errors.As(r.output.err, &write):
		return engine.Exit{}, errors.Join(write, r.end.err)
	case r.end.err != nil:
		return engine.Exit{}, r.end.err
	case r.output.err != nil:
		return engine.Exit{}, c.lost("reading the output of", r.output.err)
	}
	return r.exit(ctx)
}

// untilEnd waits for the end, and brings it about when the output cannot be written.
// An engine that hangs meanwhile would never tell of it.
func (r *running) untilEnd(ctx context.Context) error {
	copied, silent := r.output.done, make(chan error, 1)
	beating, stop := context.WithCancel(ctx)
	defer stop()
	go func() { silent <- r.engine.heartbeat(beating) }()
	for r.end == nil {
		select {
		case end := <-r.ended:
			r.end = &end
		case <-ctx.Done():
			return ctx.Err()
		case err := <-silent:
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return err
		case <-copied:
			copied = nil
			if !errors.As(r.output.err, new(*engine.WriteError)) {
				// The end of the output or of the connection; the wait knows which.
				continue
			}
			if err := r.Signal(ctx, syscall.SIGKILL); err != nil {
				return errors.Join(r.output.err, r.lost("killing", err))
			}
		}
	}
	return nil
}

// exit finds out how a container ended that has ended.
func (r *running) exit(ctx context.Context) (engine.Exit, error) {
	lasting, done := outlive(ctx)
	defer done()
	state, err := look(lasting, r.engine, "inspecting container "+r.short(), func(ctx context.Context) (container.InspectResponse, error) {
		return r.engine.api.ContainerInspect(ctx, r.id)
	})
	if err != nil && !errdefs.IsNotFound(err) {
		// An engine that shuts down ends the container first: then the exit code is
		// not the workload's own.
		return engine.Exit{}, r.lost("inspecting", err)
	}
	exit := engine.Exit{Code: int(r.end.status)}
	if exit.Signalled, err = r.endedBy(lasting, state, exit.Code); err != nil {
		return engine.Exit{}, err
	}
	if state.ContainerJSONBase != nil && state.State != nil {
		exit.OutOfMemory = state.State.OOMKilled
		if failure := execFailure(exit.Code, r.head, state.Path); failure != nil {
			return engine.Exit{}, failure
		}
	}
	r.engine.log.Debug("ended", "container", r.id, "code", exit.Code, "oom", exit.OutOfMemory)
	return exit, nil
}
