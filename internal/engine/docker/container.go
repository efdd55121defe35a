package docker

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/engine"
)

// Container is one container of an Engine.
type Container struct {
	engine           *Engine
	id               string
	cgroup           engine.Cgroup
	tty, interactive bool
	// healthcheck says that it is made with one, sharedNetwork that its network is not
	// its own.
	healthcheck, sharedNetwork bool

	boots
}

var _ engine.Container = (*Container)(nil)

// ID is the full identifier: 64 hexadecimal digits.
func (c *Container) ID() string { return c.id }

// Cgroup names the container's cgroup directory.
func (c *Container) Cgroup() engine.Cgroup { return c.cgroup }

// Signal sends a signal to the container's first process. "Not running" is a
// conflict to the engine and fine here.
func (c *Container) Signal(ctx context.Context, signal syscall.Signal) error {
	// First noted, then sent: the end that it brings about may be seen at once.
	undo := c.noteSignal(signal)
	doing := fmt.Sprintf("sending signal %d to container %s", signal, c.short())
	err := work(ctx, c.engine, doing, func(ctx context.Context) error {
		return c.engine.api.ContainerKill(ctx, c.id, strconv.Itoa(int(signal)))
	})
	if err == nil {
		return nil
	}
	undo()
	if notRunning(err) {
		return nil
	}
	return c.engine.failed(doing, err)
}

// notRunning reports whether a request was refused because its container does not run:
// a conflict, or "not found" for one that is gone. Podman answers with 500 and a text
// (libpod/define/errors.go, ErrCtrStateInvalid).
func notRunning(err error) bool {
	return errdefs.IsConflict(err) || errdefs.IsNotFound(err) || err != nil && strings.Contains(err.Error(), "container state improper")
}

// Remove deletes the container and its anonymous volumes. It does not depend on
// how the run ended; callers that clean up give it a context that is not
// cancelled with the run's.
func (c *Container) Remove(ctx context.Context) error {
	run := c.noteRemoval()
	err := c.engine.remove(ctx, c.id)
	if err == nil {
		c.engine.ports.release(c)
	}
	if run != nil {
		// Its end was not waited for, and nobody will.
		run.release()
		run.streams.Close()
	}
	return err
}

// short is the identifier as docker ps shows it.
func (c *Container) short() string { return c.id[:min(12, len(c.id))] }

// remove deletes a container; one that is gone or on its way out is fine.
func (e *Engine) remove(ctx context.Context, id string) error {
	doing := fmt.Sprintf("removing container %.12s", id)
	err := work(ctx, e, doing, func(ctx context.Context) error {
		return e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	})
	switch {
	case err == nil, errdefs.IsNotFound(err):
		return nil
	case errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress"):
		return nil
	}
	return e.failed(doing, err)
}
