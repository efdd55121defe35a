package docker

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/engine"
)

// Container is one container of an Engine.
type Container struct {
	engine           *Engine
	id, cgroup       string
	tty, interactive bool

	// killed is closed by the first Kill. A run that is about to start sees it,
	// where the engine would only say that nothing runs yet.
	killOnce sync.Once
	killed   chan struct{}
}

var _ engine.Container = (*Container)(nil)

// ID is the full identifier: 64 hexadecimal digits.
func (c *Container) ID() string { return c.id }

// CgroupName is the name of the container's cgroup directory, "" when the
// engine runs without cgroups.
func (c *Container) CgroupName() string { return c.cgroup }

// Kill ends the container at once. One that has not started yet will not run on
// when it does; one that has ended is left as it is.
func (c *Container) Kill(ctx context.Context) error {
	c.killOnce.Do(func() { close(c.killed) })
	return c.kill(ctx)
}

// kill sends SIGKILL. "Not running" is a conflict to the engine and fine here.
func (c *Container) kill(ctx context.Context) error {
	err := c.engine.api.ContainerKill(ctx, c.id, "KILL")
	if err == nil || errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		return nil
	}
	return c.engine.failed("killing container "+c.short(), err)
}

// Remove deletes the container and its anonymous volumes. It does not depend on
// how the run ended; callers that clean up give it a context that is not
// cancelled with the run's.
func (c *Container) Remove(ctx context.Context) error { return c.engine.remove(ctx, c.id) }

// short is the identifier as docker ps shows it.
func (c *Container) short() string { return c.id[:min(12, len(c.id))] }

// remove deletes a container; one that is gone or on its way out is fine.
func (e *Engine) remove(ctx context.Context, id string) error {
	err := e.api.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	switch {
	case err == nil, errdefs.IsNotFound(err):
		return nil
	case errdefs.IsConflict(err) && strings.Contains(err.Error(), "already in progress"):
		return nil
	}
	return e.failed(fmt.Sprintf("removing container %.12s", id), err)
}
