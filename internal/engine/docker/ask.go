package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capprof/capprof/internal/engine"
)

// patience is how long an engine may take to answer.
type patience struct {
	// first is when it is said for the first time that the engine does not answer; it
	// is said again after each doubling of the time.
	first time.Duration
	// look bounds a request that only looks, work one that makes, starts or removes
	// something. The storage driver vfs copies the whole image to make a container.
	look, work time.Duration
	// beat is how often an engine is asked for a sign of life while a workload runs, of
	// whose end it has to tell.
	beat time.Duration
}

var usualPatience = patience{first: 10 * time.Second, look: time.Minute, work: 5 * time.Minute, beat: 30 * time.Second}

// answer is what a request came back with.
type answer[T any] struct {
	value T
	err   error
}

// ask makes a request and does not wait longer for the beginning of its answer than
// limit, nor, where the client library does, for what ignores the context (an attach
// to an engine that does not read). late releases a stream that arrives after that; it
// is nil where the answer is complete when the request returns.
func ask[T any](ctx context.Context, e *Engine, limit time.Duration, doing string, request func(context.Context) (T, error), late func(T)) (T, error) {
	var none T
	began := time.Now()
	asking, cancel := context.WithCancel(ctx)
	answers := make(chan answer[T], 1)
	go func() {
		value, err := request(asking)
		answers <- answer[T]{value, err}
	}()
	abandon := func() {
		cancel()
		go func() {
			if a := <-answers; a.err == nil && late != nil {
				late(a.value)
			}
		}()
	}
	over := time.NewTimer(limit)
	defer over.Stop()
	next := e.patience.first
	remind := time.NewTimer(next)
	defer remind.Stop()
	for {
		select {
		case a := <-answers:
			if late == nil {
				cancel()
			} else {
				// A stream is still to be read under its context, which ends with ctx.
				context.AfterFunc(ctx, cancel)
			}
			e.log.Debug("engine answered", "to", doing, "took", time.Since(began), "error", a.err)
			return a.value, a.err
		case <-ctx.Done():
			abandon()
			return none, ctx.Err()
		case <-remind.C:
			e.waiting(fmt.Sprintf("the engine at %s has not answered for %v (%s)", e.endpoint, next, doing))
			remind.Reset(next)
			next *= 2
		case <-over.C:
			abandon()
			return none, &silence{at: e.endpoint, limit: limit}
		}
	}
}

// silence is an engine that did not answer in time.
type silence struct {
	at    endpoint
	limit time.Duration
}

func (s *silence) Error() string {
	return fmt.Sprintf("the engine at %s has not answered for %v; look at its log (journalctl -u %s) or restart it", s.at, s.limit, s.at.unit())
}

func (s *silence) Unwrap() error { return engine.ErrSilent }

// look makes a request that only looks.
func look[T any](ctx context.Context, e *Engine, doing string, request func(context.Context) (T, error)) (T, error) {
	return ask(ctx, e, e.patience.look, doing, request, nil)
}

// work makes a request that changes something and answers with nothing.
func work(ctx context.Context, e *Engine, doing string, request func(context.Context) error) error {
	_, err := ask(ctx, e, e.patience.work, doing, func(ctx context.Context) (struct{}, error) { return struct{}{}, request(ctx) }, nil)
	return err
}

// heartbeat asks for signs of life until ctx ends, or the engine does not give one.
func (e *Engine) heartbeat(ctx context.Context) error {
	beat := time.NewTicker(e.patience.beat)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-beat.C:
			// Other errors are for the request that waits to tell.
			if _, err := look(ctx, e, "a sign of life", e.api.ServerVersion); isSilence(err) {
				return err
			}
		}
	}
}

// isSilence reports whether an error is that the engine did not answer.
func isSilence(err error) bool { return errors.Is(err, engine.ErrSilent) }
