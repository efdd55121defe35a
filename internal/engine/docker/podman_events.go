package docker

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/capprof/capprof/internal/engine"
)

// endedByUnnamed is endedBy for Podman, whose events do not say which signal was sent, and
// which leaves none of podman stop: since 5.0 it says of the container that a user stopped
// it. More signals than capprof sent are of somebody else's sending.
func (r *running) endedByUnnamed(ctx context.Context, sent map[syscall.Signal]int, removed bool, signals, code int, stopSignal string) (ours bool, err error) {
	own := 0
	for signal, n := range sent {
		own += n
		ours = ours || n > 0 && isEnding(signal, code, stopSignal)
	}
	stopped := false
	if own == 0 && signals == 0 {
		if stopped, err = r.stoppedByUser(ctx); err != nil {
			return false, err
		}
	}
	switch {
	case removed:
		return true, nil
	case signals <= own && !stopped:
		return ours, nil
	}
	return false, &engine.EndedByOthersError{Container: r.id, Signal: engine.UnknownSignal}
}

// stoppedByUser reports whether Podman says that it was asked to stop the container.
func (r *running) stoppedByUser(ctx context.Context) (bool, error) {
	found, err := libpod{r.engine}.container(ctx, r.id)
	if err != nil {
		return false, r.lost("inspecting", err)
	}
	return found.State.StoppedByUser, nil
}

// pastKills are the events of the signals that a container was sent since a time. Podman
// reads no events with a time of the end from a file (libpod/events/logfile.go), and none
// that come are followed without one.
func (r *running) pastKills(ctx context.Context, since time.Time) ([]events.Message, error) {
	which, err := filters.ToJSON(filters.NewArgs(filters.Arg("container", r.id), filters.Arg("event", string(events.ActionKill))))
	if err != nil {
		return nil, err
	}
	return look(ctx, r.engine, "the events of container "+r.short(), func(ctx context.Context) ([]events.Message, error) {
		response, err := libpod{r.engine}.get(ctx, "/events", url.Values{"since": {timestamp(since)}, "stream": {"false"}, "filters": {which}})
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		var found []events.Message
		for decoder := json.NewDecoder(response.Body); ; {
			var message events.Message
			switch err := decoder.Decode(&message); {
			case errors.Is(err, io.EOF):
				return found, nil
			case err != nil:
				return nil, err
			}
			found = append(found, message)
		}
	})
}
