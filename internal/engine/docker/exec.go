package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
)

// Exec runs a command in the container as docker exec does, without a terminal and
// without standard input. Its capabilities are the container's.
func (c *Container) Exec(ctx context.Context, command engine.Command) (engine.Exit, error) {
	doing := fmt.Sprintf("running %q in container %s", command.Argv, c.short())
	if command.Privileged {
		if refusal := refusesAll(c.engine); refusal != nil {
			return engine.Exit{}, fmt.Errorf("%s: %w", doing, refusal)
		}
	}
	made, err := ask(ctx, c.engine, c.engine.patience.work, doing, func(ctx context.Context) (container.ExecCreateResponse, error) {
		return c.engine.api.ContainerExecCreate(ctx, c.id, container.ExecOptions{
			Cmd: command.Argv, AttachStdout: true, AttachStderr: true, Privileged: command.Privileged,
		})
	}, nil)
	if err != nil {
		return engine.Exit{}, execFailed(c.engine, doing, err)
	}
	about, err := c.engine.whoIsIt(ctx)
	if err != nil {
		return engine.Exit{}, err
	}
	// The end of the output may come before the engine knows the command's, which it
	// tells by an event: one is subscribed to before there can be any. The container's
	// own end is that of the command, whether or not the engine tells of that too.
	following, stop := context.WithCancel(ctx)
	defer stop()
	ended, failures := c.engine.api.Events(following, events.ListOptions{
		Filters: filters.NewArgs(filters.Arg("container", c.id), filters.Arg("event", about.execDied), filters.Arg("event", about.died)),
	})
	streams, err := ask(ctx, c.engine, c.engine.patience.work, doing, func(ctx context.Context) (types.HijackedResponse, error) {
		return c.engine.api.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	}, func(late types.HijackedResponse) { late.Close() })
	if err != nil {
		return engine.Exit{}, execFailed(c.engine, doing, err)
	}
	closed := context.AfterFunc(ctx, streams.Close)
	defer closed()
	defer streams.Close()
	seen := &head{}
	if _, err := stdcopy.StdCopy(tap{command.Stdout, &seen.stdout}, tap{command.Stderr, &seen.stderr}, streams.Reader); err != nil {
		if ctx.Err() != nil {
			return engine.Exit{}, ctx.Err()
		}
		return engine.Exit{}, c.engine.failed(doing, err)
	}
	for over := false; ; {
		state, err := look(ctx, c.engine, doing, func(ctx context.Context) (container.ExecInspect, error) {
			return c.engine.api.ContainerExecInspect(ctx, made.ID)
		})
		switch {
		case err != nil:
			return engine.Exit{}, execFailed(c.engine, doing, err)
		case !state.Running && command.Privileged && capabilitiesNotApplied.Match(seen.stdout.kept):
			return engine.Exit{}, fmt.Errorf("%s: %w", doing, &engine.RefusedError{Err: errors.New(strings.TrimSpace(string(seen.stdout.kept)))})
		case !state.Running:
			return engine.Exit{Code: state.ExitCode}, nil
		case over:
			return engine.Exit{}, fmt.Errorf("%s: %w", doing, engine.ErrNotRunning)
		}
		select {
		case event := <-ended:
			over = event.Action == events.ActionDie || string(event.Action) == about.died
		case err := <-failures:
			return engine.Exit{}, c.engine.failed(doing, err)
		case <-ctx.Done():
			return engine.Exit{}, ctx.Err()
		}
	}
}

// execFailed is the error of a request about a further command: a container that does
// not run is a conflict to the engine, and one that is gone is not found.
func execFailed(e *Engine, doing string, err error) error {
	if notRunning(err) {
		return fmt.Errorf("%s: %w: %w", doing, engine.ErrNotRunning, err)
	}
	return e.failed(doing, err)
}

// refusesAll says why the engine cannot give all capabilities to anything, which it
// would say in the output of what it cannot start; nil where it can, or where it cannot
// be told. Those that not every engine knows are none of all.
func refusesAll(e *Engine) error {
	held, known := e.boundingSet()
	missing := capability.Known().Minus(held).Minus(capability.Of(capability.BPF, capability.Perfmon, capability.CheckpointRestore))
	if !known || missing.Empty() {
		return nil
	}
	return &engine.RefusedError{Refused: missing, Err: errors.New("it does not hold them itself")}
}
