package boots

import (
	"context"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/testengine"
)

const (
	// pause is between two looks: nothing tells that a socket listens.
	pause = 100 * time.Millisecond
	// settles is for how long nothing may change until a service counts as ready with
	// everything allowed, and lasts for how long it has to stay so in the other runs.
	settles, lasts = 2 * time.Second, time.Second
	// startLimit is how long a start may take with everything allowed.
	startLimit = 3 * time.Minute
)

// watch looks at one boot of a container.
type watch struct {
	service *testengine.Service
	init    int
	pids    string
	checked bool
	// since is when what was learned came to be.
	since time.Time
}

// look fails when the container has ended.
func (w *watch) look(ctx context.Context, step scenario.Step) (sight, error) {
	if w.pids == "" {
		return sight{}, w.ended(ctx, step)
	}
	seen, err := look(w.init, w.pids)
	if err == nil && len(seen.processes) == 0 {
		err = w.ended(ctx, step)
	}
	return seen, err
}

func (w *watch) ended(ctx context.Context, step scenario.Step) error {
	state, err := w.service.State(ctx)
	if err != nil {
		return err
	}
	return failed(step, "it ended with %d: %s", state.State.ExitCode, w.service.Log(ctx))
}

// healthy reports whether the health check, where there is one, is content.
func (w *watch) healthy(ctx context.Context) (bool, error) {
	if !w.checked {
		return true, nil
	}
	state, err := w.service.State(ctx)
	if err != nil || state.State.Health == nil {
		return false, err
	}
	if state.State.Health.Status == "unhealthy" {
		return false, failed(scenario.Start, "the health check fails")
	}
	return state.State.Health.Status == "healthy", nil
}

// every calls look again and again until it says that it is done.
func every(ctx context.Context, done func() (bool, error)) error {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// learn waits until the service is healthy, if that is checked, listens on what it
// exposes, and nothing changes any more.
func (w *watch) learn(ctx context.Context, exposed []scenario.Socket) (sight, error) {
	var last, constant sight
	deadline := time.Now().Add(startLimit)
	err := every(ctx, func() (bool, error) {
		seen, err := w.look(ctx, scenario.Start)
		if err != nil {
			return false, err
		}
		healthy, err := w.healthy(ctx)
		if err != nil {
			return false, err
		}
		if time.Now().After(deadline) {
			return false, failed(scenario.Start, "after %v: %s", startLimit, w.service.Log(ctx))
		}
		listens := len(seen.lacks(sight{sockets: exposed})) == 0
		// Where health is checked, the checks come and go.
		if w.since.IsZero() || !healthy || !listens || !w.checked && !seen.equal(last) {
			w.since, constant = time.Now(), seen
		}
		last, constant = seen, constant.both(seen)
		return healthy && listens && time.Since(w.since) >= settles, nil
	})
	return constant, err
}

// becomes waits until the service is as it was with everything allowed.
func (w *watch) becomes(ctx context.Context, want sight, limit time.Duration) error {
	deadline := time.Now().Add(limit)
	return every(ctx, func() (bool, error) {
		seen, err := w.look(ctx, scenario.Start)
		if err != nil {
			return false, err
		}
		healthy, err := w.healthy(ctx)
		if err != nil {
			return false, err
		}
		missing := seen.lacks(want)
		if !healthy {
			missing = append(missing, "not healthy")
		}
		if len(missing) > 0 && time.Now().After(deadline) {
			return false, late(scenario.Start, "after %v: %s", limit, strings.Join(missing, ", "))
		}
		return len(missing) == 0, nil
	})
}

// stays fails unless it is so for a while.
func (w *watch) stays(ctx context.Context, want sight) error {
	end := time.Now().Add(lasts)
	return every(ctx, func() (bool, error) {
		err := w.is(ctx, scenario.Ready, &want, false)
		return err == nil && time.Now().After(end), err
	})
}

// is looks whether all is as wanted, or, to learn, takes from it what is not.
func (w *watch) is(ctx context.Context, step scenario.Step, want *sight, learn bool) error {
	seen, err := w.look(ctx, step)
	if err != nil {
		return err
	}
	if learn {
		*want = want.both(seen)
		return nil
	}
	if missing := seen.lacks(*want); len(missing) > 0 {
		return failed(step, "%s", strings.Join(missing, ", "))
	}
	return nil
}
