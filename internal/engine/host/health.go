package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/capprof/capprof/internal/engine"
)

// health is a health check, as docker's create request has it; times are in nanoseconds.
type health struct {
	Test                                          []string
	Interval, Timeout, StartPeriod, StartInterval time.Duration
	Retries                                       int
}

// checks reports whether there is anything to check.
func (h *health) checks() bool {
	return h != nil && len(h.Test) > 1 && (h.Test[0] == "CMD" || h.Test[0] == "CMD-SHELL")
}

// argv is the command of the check.
func (h *health) argv() []string {
	if h.Test[0] == "CMD-SHELL" {
		return append([]string{"/bin/sh", "-c"}, h.Test[1:]...)
	}
	return h.Test[1:]
}

// or is a value, or docker's default for it (moby daemon/health.go).
func or[T comparable](value, byDefault T) T {
	if value == *new(T) {
		return byDefault
	}
	return value
}

// checkHealth runs the check again and again, as docker does, until the end.
func (r *running) checkHealth(c *Container) {
	h := c.settings.health
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		<-r.over
		stop()
	}()
	began, failed := time.Now(), 0
	for {
		interval := or(h.Interval, 30*time.Second)
		if time.Since(began) < h.StartPeriod {
			interval = or(h.StartInterval, 5*time.Second)
		}
		select {
		case <-time.After(interval):
		case <-ctx.Done():
			return
		}
		limited, release := context.WithTimeout(ctx, or(h.Timeout, 30*time.Second))
		exit, err := c.Exec(limited, engine.Command{Argv: h.argv(), Stdout: io.Discard, Stderr: io.Discard})
		release()
		switch {
		case ctx.Err() != nil, errors.Is(err, engine.ErrNotRunning):
			return
		case err == nil && exit.Code == 0:
			failed = 0
			r.health.set(true)
		case time.Since(began) < h.StartPeriod:
		default:
			if failed++; failed >= or(h.Retries, 3) {
				r.health.set(false)
			}
		}
	}
}

// Healthy waits for the word of the health check, or for that of a unit that tells when it is
// ready.
func (c *Container) Healthy(ctx context.Context) (bool, error) {
	if !c.settings.health.checks() && !c.settings.unit.tells() {
		return false, fmt.Errorf("%s has no health check", c.id)
	}
	r, err := c.now()
	if err != nil {
		return false, err
	}
	for {
		healthy, known, changed := r.health.now()
		if known {
			return healthy, nil
		}
		select {
		case <-changed:
		case <-r.over:
			return false, fmt.Errorf("%w: %s", engine.ErrNotRunning, c.id)
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}
