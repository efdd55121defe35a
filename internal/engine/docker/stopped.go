package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/capprof/capprof/internal/engine"
)

// settled is how long after a container's end its last event may be stamped: the
// engine writes the event just after it sent the signal. Until that moment has
// come the engine keeps the answer back; it reports an end later than that.
const settled = 20 * time.Millisecond

// stoppedByOthers finds out whether the engine was told to end the container:
// by its own shutdown, which ends the containers while it still answers, or by
// somebody's docker stop. Then the exit code is not the workload's own. The
// engine leaves an event for each signal it sends (moby daemon/kill.go), with the
// container locked, so the event is there when the end is known.
func (c *Container) stoppedByOthers(ctx context.Context, state container.InspectResponse) error {
	select {
	case <-c.killed:
		// By our own order.
		return nil
	default:
	}
	if state.ContainerJSONBase == nil || state.State == nil {
		return fmt.Errorf("%w while container %s ran: somebody removed the container", engine.ErrEngineLost, c.short())
	}
	// The times are the engine's own, whose clock need not be ours.
	started, err := time.Parse(time.RFC3339Nano, state.State.StartedAt)
	if err != nil {
		return fmt.Errorf("reading when container %s started: %w", c.short(), err)
	}
	finished, err := time.Parse(time.RFC3339Nano, state.State.FinishedAt)
	if err != nil {
		return fmt.Errorf("reading when container %s ended: %w", c.short(), err)
	}
	if finished.Before(started) {
		// The engine notes a start after it has seen the end of a container that
		// lasted no time at all.
		started = finished
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	messages, failures := c.engine.api.Events(ctx, events.ListOptions{
		Since:   timestamp(started),
		Until:   timestamp(finished.Add(settled)),
		Filters: filters.NewArgs(filters.Arg("container", c.id), filters.Arg("event", string(events.ActionKill))),
	})
	select {
	case message := <-messages:
		return fmt.Errorf("%w while container %s ran: it was sent signal %s, by the engine's shutdown or by somebody's docker stop",
			engine.ErrEngineLost, c.short(), message.Actor.Attributes["signal"])
	case err := <-failures:
		if errors.Is(err, io.EOF) {
			return nil
		}
		return c.lost("reading the events of", err)
	}
}

// timestamp is a time as the API takes it: seconds and nanoseconds.
func timestamp(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + fmt.Sprintf(".%09d", t.Nanosecond())
}
