package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capprof/capprof/internal/engine"
)

// ErrCleanup says that something that capprof made could not be removed. It comes
// with whatever else went wrong, an interruption included, and must be shown then
// too: nobody else knows of what is left.
var ErrCleanup = errors.New("left behind")

// cleanupTime bounds what is done after a run, even an interrupted one: a
// container must not stay because the user was in a hurry.
const cleanupTime = 30 * time.Second

// remove deletes a container while the next run begins.
func (s *session) remove(ctx context.Context, c engine.Container) {
	s.removals.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer cancel()
		err := c.Remove(ctx)
		s.opts.Log.Debug("container removed", "id", c.ID(), "error", err)
		if err != nil {
			s.mu.Lock()
			s.cleanup = append(s.cleanup, fmt.Errorf("%w: removing container %s: %w (capprof clean removes leftovers)", ErrCleanup, c.ID(), err))
			s.mu.Unlock()
		}
	})
}

// cleaned waits for the removals and returns what they could not remove.
func (s *session) cleaned() error {
	s.removals.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.cleanup...)
}
