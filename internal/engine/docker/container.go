package docker

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
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

	mu sync.Mutex
	// run is what Start began and Wait ends; nil before and after.
	run *running
	// sent counts the signals that capprof itself sent, removed says that it removed
	// the container: what else ends it is somebody else's doing.
	sent    map[syscall.Signal]int
	removed bool
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
	c.note(signal, 1)
	doing := fmt.Sprintf("sending signal %d to container %s", signal, c.short())
	err := work(ctx, c.engine, doing, func(ctx context.Context) error {
		return c.engine.api.ContainerKill(ctx, c.id, strconv.Itoa(int(signal)))
	})
	if err == nil {
		return nil
	}
	c.note(signal, -1)
	if errdefs.IsConflict(err) || errdefs.IsNotFound(err) {
		return nil
	}
	return c.engine.failed(doing, err)
}

// note counts a signal of our own.
func (c *Container) note(signal syscall.Signal, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sent == nil {
		c.sent = map[syscall.Signal]int{}
	}
	c.sent[signal] += n
}

// ours are the signals that capprof sent, and whether it removed the container.
func (c *Container) ours() (sent map[syscall.Signal]int, removed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent = map[syscall.Signal]int{}
	for signal, n := range c.sent {
		sent[signal] = n
	}
	return sent, c.removed
}

// Remove deletes the container and its anonymous volumes. It does not depend on
// how the run ended; callers that clean up give it a context that is not
// cancelled with the run's.
func (c *Container) Remove(ctx context.Context) error {
	c.mu.Lock()
	c.removed = true
	run := c.run
	c.mu.Unlock()
	err := c.engine.remove(ctx, c.id)
	if run != nil {
		// Its end was not waited for, and nobody will.
		run.release()
		run.streams.Close()
	}
	return err
}

// began returns what Start began, nil when nothing runs.
func (c *Container) began() *running {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run
}

// set notes what runs, nil when it is over.
func (c *Container) set(run *running) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run = run
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
