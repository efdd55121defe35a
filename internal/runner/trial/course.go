package trial

import (
	"context"
	"fmt"
	"time"

	"github.com/capprof/capprof/internal/scenario"
)

// course is one run on its way: how it is observed, and where it is.
type course struct {
	*live
	plan   Plan
	result *Result
	view   view
	// activity tells that something happens in the first container of a run that
	// teaches; nil where that is not to be seen.
	activity <-chan struct{}

	// phase is where the run is; since is when its step began, and took is how long
	// those of the present boot took that are over.
	phase scenario.Phase
	since time.Time
	took  map[scenario.Step]time.Duration
}

// fall is the end of a run that is no success, on its way up.
type fall struct {
	end    End
	detail string
}

func (f *fall) Error() string { return f.detail }

// fell says why a run failed, stuck why it was ended.
func fell(format string, args ...any) error { return &fall{Failed, fmt.Sprintf(format, args...)} }

func stuck(format string, args ...any) error { return &fall{Stuck, fmt.Sprintf(format, args...)} }

// create makes the container of a boot.
func (c *course) create(ctx context.Context) (err error) {
	if c.container, err = c.Subject.Create(ctx, c.plan.Conditions); err != nil {
		return err
	}
	c.log.Debug("container created", "id", c.container.ID(), "cgroup", c.container.Cgroup().Name)
	return nil
}

// start starts the container, for the first time or again.
func (c *course) start(ctx context.Context, boot scenario.Boot) error {
	if err := c.view.follow(c.Room, c.container, c.plan.Look, c.log); err != nil {
		return err
	}
	c.phase, c.took = scenario.Phase{Boot: boot}, map[scenario.Step]time.Duration{}
	if err := c.enter(scenario.Start); err != nil {
		return err
	}
	c.since = time.Now()
	if err := c.launch(ctx); err != nil {
		return err
	}
	if c.view.confinable && c.result.Confinement == nil {
		// The kernel knows best while it runs; see view.confinement.
		c.result.Confinement, _ = c.container.Confinement(ctx)
	}
	return nil
}

// enter goes on to a step of the present boot.
func (c *course) enter(step scenario.Step) error {
	now := time.Now()
	if c.phase.Step != "" {
		c.took[c.phase.Step] += now.Sub(c.since)
	}
	c.phase.Step, c.since = step, now
	c.log.Debug("step", "boot", c.phase.Boot, "step", step)
	if c.view.trace == nil {
		return nil
	}
	return c.view.trace.Enter(c.phase)
}

// surrender kills what still runs when a run is given up. What the engine or somebody
// else did to the container goes before the reason: a limit counts only where the
// container was seen to run into it.
func (c *course) surrender(ctx context.Context, reason error) error {
	if c.ended == nil {
		return reason
	}
	if _, err := c.kill(ctx); err != nil {
		return err
	}
	return reason
}
