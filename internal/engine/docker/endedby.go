package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/moby/sys/signal"

	"github.com/capprof/capprof/internal/engine"
)

// endedBy finds out who ended the container: nobody, capprof (ours), or somebody
// else, which is an error, for then the exit code is not the workload's own. The
// engine leaves an event for each signal it sends (moby daemon/kill.go), with the
// container locked, so the event is there when the end is known.
func (r *running) endedBy(ctx context.Context, state container.InspectResponse, code int) (ours bool, err error) {
	sent, removed := r.ours()
	if state.ContainerJSONBase == nil || state.State == nil {
		if removed {
			return true, nil
		}
		return false, &engine.EndedByOthersError{Container: r.id}
	}
	if state.State.Running && !removed {
		return false, &engine.EndedByOthersError{Container: r.id, Restarted: true}
	}
	about, err := r.engine.whoIsIt(ctx)
	if err != nil {
		return false, err
	}
	messages, err := r.signals(ctx, state, about)
	if err != nil {
		return false, err
	}
	stopSignal := ""
	if state.Config != nil {
		stopSignal = state.Config.StopSignal
	}
	if !about.namesSignals {
		return r.endedByUnnamed(ctx, sent, removed, len(messages), code, stopSignal)
	}
	for _, message := range messages {
		name := message.Actor.Attributes["signal"]
		sig := signalOf(name)
		ends := isEnding(sig, code, stopSignal)
		if sent[sig] > 0 {
			sent[sig]--
			ours = ours || ends
			continue
		}
		if !ends {
			// docker kill -s USR1 tells a program to reopen its log, and no more.
			continue
		}
		if removed {
			return true, nil
		}
		if err := r.engine.still(ctx); err != nil {
			return false, fmt.Errorf("%w while container %s ran: %w", engine.ErrEngineLost, r.short(), err)
		}
		return false, &engine.EndedByOthersError{Container: r.id, Signal: name}
	}
	return ours, nil
}

// signals are the events of the signals that the container was sent.
func (r *running) signals(ctx context.Context, state container.InspectResponse, about about) ([]events.Message, error) {
	// The times are the engine's own, whose clock need not be ours.
	started, err := time.Parse(time.RFC3339Nano, state.State.StartedAt)
	if err != nil {
		return nil, fmt.Errorf("reading when container %s started: %w", r.short(), err)
	}
	finished, err := time.Parse(time.RFC3339Nano, state.State.FinishedAt)
	if err != nil {
		return nil, fmt.Errorf("reading when container %s ended: %w", r.short(), err)
	}
	if finished.Before(started) {
		// The engine notes a start after it has seen the end of a container that
		// lasted no time at all.
		started = finished
	}
	if about.kind == Podman {
		found, err := r.pastKills(ctx, started)
		if err != nil {
			return nil, r.lost("reading the events of", err)
		}
		return found, nil
	}
	// The engine writes the event after it has sent the signal, with the container
	// locked, as it is for the look at its state: by now it is there. It may bear a
	// later time than the end, where the machine has much else to do.
	now, err := clock(ctx, r.engine)
	if err != nil {
		return nil, err
	}
	if now.Before(finished) {
		now = finished
	}
	found, err := look(ctx, r.engine, "the events of container "+r.short(), func(ctx context.Context) ([]events.Message, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		messages, failures := r.engine.api.Events(ctx, events.ListOptions{
			Since:   timestamp(started),
			Until:   timestamp(now),
			Filters: filters.NewArgs(filters.Arg("container", r.id), filters.Arg("event", string(events.ActionKill))),
		})
		var found []events.Message
		for {
			select {
			case message := <-messages:
				found = append(found, message)
			case err := <-failures:
				if errors.Is(err, io.EOF) {
					return found, nil
				}
				return nil, err
			}
		}
	})
	if err != nil {
		return nil, r.lost("reading the events of", err)
	}
	return found, nil
}

// clock is the engine's.
func clock(ctx context.Context, e *Engine) (time.Time, error) {
	about, err := e.whoIsIt(ctx)
	if err != nil || about.remote == "" {
		return time.Now(), err
	}
	info, err := look(ctx, e, "its time", e.api.Info)
	if err != nil {
		return time.Time{}, e.failed("asking the engine for its time", err)
	}
	now, err := time.Parse(time.RFC3339Nano, info.SystemTime)
	if err != nil {
		return time.Time{}, fmt.Errorf("reading the engine's time: %w", err)
	}
	return now, nil
}

// isEnding reports whether a signal is an order to end, or ended the process: those
// that docker stop, docker kill and a terminal send, and the container's own stop
// signal.
func isEnding(signal syscall.Signal, code int, stopSignal string) bool {
	switch signal {
	case syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGABRT, 0:
		return true
	}
	return code == 128+int(signal) || stopSignal != "" && signal == signalOf(stopSignal)
}

// signalOf reads a signal's number, or its name as in STOPSIGNAL, with or without SIG;
// 0 for what it is not.
func signalOf(name string) syscall.Signal {
	parsed, err := signal.ParseSignal(name)
	if err != nil {
		return 0
	}
	return parsed
}

// still asks over a connection of its own whether the engine is still there. One that
// shuts down stops listening before it ends its containers (moby cmd/dockerd), and
// goes on answering on the connections that it has.
func (e *Engine) still(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, stillTime)
	defer stop()
	fresh, err := e.endpoint.client(e.environ)
	if err != nil {
		return err
	}
	defer fresh.Close()
	if _, err := fresh.Ping(ctx); unreachable(err) || ctx.Err() != nil {
		return err
	}
	return nil
}

// stillTime is how long that may take.
const stillTime = 2 * time.Second

// timestamp is a time as the API takes it: seconds and nanoseconds.
func timestamp(t time.Time) string {
	return strconv.FormatInt(t.Unix(), 10) + fmt.Sprintf(".%09d", t.Nanosecond())
}
