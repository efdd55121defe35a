package trial

import (
	"cmp"
	"context"
	"errors"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// perform starts the run's first container and goes through the run. Afterwards nothing
// of it runs any more.
func (c *course) perform(ctx context.Context) error {
	if c.plan.Teaches && !c.lessons.areOver() && c.Tracer != nil {
		activity, err := c.Tracer.Activity(c.container.Cgroup())
		if err != nil {
			return err
		}
		defer activity.Close()
		c.activity = activity.Events()
	}
	if err := c.start(ctx, scenario.FirstBoot); err != nil {
		return err
	}
	// The limit is the workload's. A start that takes long is the engine's doing.
	limited, stop := c.deadline.bound(ctx, c.plan.Hopeless)
	defer stop()
	err := c.play(limited)
	if err != nil && limited.Err() != nil && errors.Is(err, limited.Err()) {
		err = context.Cause(limited)
	}
	return c.surrender(ctx, err)
}

// play goes through the run as what the workload is, once that is known.
func (c *course) play(ctx context.Context) error {
	if c.plan.Teaches && !c.lessons.areOver() {
		return c.teach(ctx)
	}
	for {
		learned, changed := c.lessons.now()
		if learned != nil && learned.Kind == scenario.Service {
			return c.asService(ctx, &service{course: c, learned: *learned})
		}
		select {
		case end := <-c.ended:
			return c.asBatch(c.over(end))
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// isService reports whether the workload is known to be a service.
func (c *course) isService() bool {
	learned, _ := c.lessons.now()
	return c.Told.IsService() || learned != nil && learned.Kind == scenario.Service
}

// asBatch judges the end of a container that ended by itself, where the workload is not
// known to be a service.
func (c *course) asBatch(err error) error {
	ended := (*gone)(nil)
	if !errors.As(err, &ended) {
		return err
	}
	if c.isService() {
		return c.tooEarly(ended.exit)
	}
	c.result.ExitCode = &ended.exit.Code
	if !c.Success.Passed(ended.exit) {
		return &fall{Failed, outOfMemory(ended.exit)}
	}
	if learned, _ := c.lessons.now(); learned == nil {
		c.result.Provisional = !c.plan.Teaches
	}
	return nil
}

// outOfMemory is the detail of an exit.
func outOfMemory(exit engine.Exit) string {
	if exit.OutOfMemory {
		return "killed: out of memory"
	}
	return ""
}

// tooEarly is what becomes of a run of a service that ended by itself.
func (c *course) tooEarly(exit engine.Exit) error {
	c.result.ExitCode = &exit.Code
	return &fall{Failed, cmp.Or(outOfMemory(exit), "it ended by itself")}
}

// asService goes through a run of a service.
func (c *course) asService(ctx context.Context, s *service) error {
	err := s.run(ctx)
	if ended := (*gone)(nil); errors.As(err, &ended) {
		return c.tooEarly(ended.exit)
	}
	return err
}

// teach goes through the run with everything allowed: it finds out what the workload is,
// and what a run of it is held against.
func (c *course) teach(ctx context.Context) error {
	learned, err := c.recognise(ctx)
	if err == nil {
		s := &service{course: c, learned: learned, teaches: true}
		err = s.run(ctx)
		ended := (*gone)(nil)
		switch {
		case err == nil:
			c.lessons.teach(s.learned, true)
			return nil
		case !errors.As(err, &ended):
			return err
		case c.Told.IsService() || len(s.learned.Boots) > 0:
			return c.tooEarly(ended.exit)
		}
		// Nobody had asked it to end: it is a job after all.
	}
	if err = c.asBatch(err); err == nil || c.result.ExitCode != nil && !c.isService() {
		// Whatever its exit code is, it ended by itself.
		c.lessons.teach(scenario.Learned{Kind: scenario.Batch}, err == nil)
	}
	return err
}
