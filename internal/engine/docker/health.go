package docker

import (
	"context"
	"fmt"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/capprof/capprof/internal/engine"
)

// Healthy waits for the word of the health check. The engine leaves an event for each
// change of it; what it says is read from the container's state, which every engine
// spells alike.
func (c *Container) Healthy(ctx context.Context) (bool, error) {
	if !c.healthcheck {
		return false, fmt.Errorf("container %s has no health check", c.short())
	}
	found, err := c.inspect(ctx)
	if err != nil {
		return false, err
	}
	if healthy, known := healthOf(found.State); known {
		return healthy, nil
	}
	about, err := c.engine.whoIsIt(ctx)
	if err != nil {
		return false, err
	}
	if !about.checksHealth {
		return checkHealth(ctx, c, found)
	}
	// An event of before the subscription is not lost: those since the start are told
	// again, by the engine's own clock.
	started, err := time.Parse(time.RFC3339Nano, found.State.StartedAt)
	if err != nil {
		return false, fmt.Errorf("reading when container %s started: %w", c.short(), err)
	}
	following, stop := context.WithCancel(ctx)
	defer stop()
	changes, failures := c.engine.api.Events(following, events.ListOptions{
		Since: timestamp(started),
		Filters: filters.NewArgs(filters.Arg("container", c.id),
			filters.Arg("event", string(events.ActionHealthStatus)), filters.Arg("event", string(events.ActionDie))),
	})
	for {
		select {
		case <-changes:
			if found, err = c.inspect(ctx); err != nil {
				return false, err
			}
			if healthy, known := healthOf(found.State); known {
				return healthy, nil
			}
		case err := <-failures:
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			return false, c.lost("following the health of", err)
		}
	}
}

// healthOf is what the health check says, not known while it says nothing yet.
func healthOf(state *container.State) (healthy, known bool) {
	if state.Health == nil {
		return false, false
	}
	return state.Health.Status == container.Healthy, state.Health.Status == container.Healthy || state.Health.Status == container.Unhealthy
}

// inspect is all that the engine says of a running container. It is an
// engine.ErrNotRunning for one that does not run.
func (c *Container) inspect(ctx context.Context) (container.InspectResponse, error) {
	if c.began() == nil {
		return container.InspectResponse{}, fmt.Errorf("%w: container %s", engine.ErrNotRunning, c.short())
	}
	found, err := look(ctx, c.engine, "inspecting container "+c.short(), func(ctx context.Context) (container.InspectResponse, error) {
		return c.engine.api.ContainerInspect(ctx, c.id)
	})
	switch {
	case errdefs.IsNotFound(err):
		return found, fmt.Errorf("%w: %w", engine.ErrNotRunning, err)
	case err != nil:
		return found, c.unanswered(ctx, "inspecting", err)
	case found.ContainerJSONBase == nil || found.State == nil || !found.State.Running:
		return found, fmt.Errorf("%w: container %s", engine.ErrNotRunning, c.short())
	}
	return found, nil
}

// unanswered is the error of a question during a run.
func (c *Container) unanswered(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return c.lost(doing, err)
}
