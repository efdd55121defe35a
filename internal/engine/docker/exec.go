package docker

import (
	"context"
	"fmt"
	"io"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/capprof/capprof/internal/engine"
)

// Exec runs a command in the container as docker exec does, without a terminal and
// without standard input. Its capabilities are the container's.
func (c *Container) Exec(ctx context.Context, command engine.Command) (engine.Exit, error) {
	doing := fmt.Sprintf("running %q in container %s", command.Argv, c.short())
	made, err := ask(ctx, c.engine, c.engine.patience.work, doing, func(ctx context.Context) (container.ExecCreateResponse, error) {
		return c.engine.api.ContainerExecCreate(ctx, c.id, container.ExecOptions{Cmd: command.Argv, AttachStdout: true, AttachStderr: true})
	}, nil)
	if err != nil {
		return engine.Exit{}, c.engine.failed(doing, err)
	}
	// The end of the output may come before the engine knows the command's, which it
	// tells by an event: one is subscribed to before there can be any.
	following, stop := context.WithCancel(ctx)
	defer stop()
	ended, failures := c.engine.api.Events(following, events.ListOptions{
		Filters: filters.NewArgs(filters.Arg("container", c.id), filters.Arg("event", string(events.ActionExecDie))),
	})
	streams, err := ask(ctx, c.engine, c.engine.patience.work, doing, func(ctx context.Context) (types.HijackedResponse, error) {
		return c.engine.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	}, func(late types.HijackedResponse) { late.Close() })
	if err != nil {
		return engine.Exit{}, c.engine.failed(doing, err)
	}
	closed := context.AfterFunc(ctx, streams.Close)
	defer closed()
	defer streams.Close()
	if _, err := stdcopy.StdCopy(orDiscard(command.Stdout), orDiscard(command.Stderr), streams.Reader); err != nil {
		if ctx.Err() != nil {
			return engine.Exit{}, ctx.Err()
		}
		return engine.Exit{}, c.engine.failed(doing, err)
	}
	for {
		state, err := look(ctx, c.engine, doing, func(ctx context.Context) (container.ExecInspect, error) {
			return c.engine.api.ContainerExecInspect(ctx, made.ID)
		})
		switch {
		case err != nil:
			return engine.Exit{}, c.engine.failed(doing, err)
		case !state.Running:
			return engine.Exit{Code: state.ExitCode}, nil
		}
		select {
		case <-ended:
		case err := <-failures:
			return engine.Exit{}, c.engine.failed(doing, err)
		case <-ctx.Done():
			return engine.Exit{}, ctx.Err()
		}
	}
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}
