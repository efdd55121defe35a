package trial

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

const (
	// stepMargin is what a step may take longer than stuckFactor times the reference's:
	// room for what else the machine is doing.
	stepMargin = 3 * time.Second
	// settles is how long a service must be as it should be until it counts as ready:
	// one whose processes die and are started again is so for a moment, too.
	settles = 500 * time.Millisecond
	// yields is how long a service gets to end that did not heed its stop signal in
	// the reference: it is killed there as well.
	yields = time.Second
)

// service is a run of a service: the boots of its plan, one after the other.
type service struct {
	*course
	// learned is what the reference showed. When the run teaches, it is what the boots
	// so far have in common.
	learned scenario.Learned
	teaches bool
}

// run makes the boots. The container of the first one has been started.
func (s *service) run(ctx context.Context) error {
	for i, boot := range s.Told.Plan(s.HasVolumes()) {
		if i > 0 {
			if err := s.reboot(ctx, boot); err != nil {
				return err
			}
		}
		if i > 0 || !s.teaches {
			if err := s.becomesReady(ctx, boot); err != nil {
				return err
			}
		}
		if err := s.settle(ctx, boot); err != nil {
			return err
		}
		if err := s.exercise(ctx, boot); err != nil {
			return err
		}
		if err := s.stop(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// HasVolumes reports whether there is anything that a further container would find.
func (m *Room) HasVolumes() bool {
	return slices.ContainsFunc(m.Subject.Identity().Volumes, func(v engine.Volume) bool { return !v.ReadOnly })
}

// reboot starts the same container again, or a new one in its place.
func (s *service) reboot(ctx context.Context, boot scenario.Boot) error {
	if boot == scenario.SecondBoot {
		// Two must not have the same data at one time.
		s.clean(ctx, "container "+s.container.ID(), s.container.Remove)
		s.container = nil
		if err := s.create(ctx); err != nil {
			return err
		}
	}
	return s.start(ctx, boot)
}

// limit is the time that a step may take, learned from how long it took with everything
// allowed; 0 while nothing is known of it.
func (s *service) limit(boot scenario.Boot, step scenario.Step) time.Duration {
	var longest time.Duration
	known := false
	for _, b := range s.learned.Boots {
		if took, made := b.Took[step]; made && (b.Boot == boot || s.teaches) {
			longest, known = max(longest, took), true
		}
	}
	if !known {
		return 0
	}
	return stuckFactor*longest + stepMargin
}

// becomesReady waits until the service is ready as it was in the reference.
func (s *service) becomesReady(ctx context.Context, boot scenario.Boot) error {
	limit := s.limit(boot, scenario.Start)
	limited, stop := within(ctx, limit)
	defer stop()
	lacks := "is not ready as told by " + s.learned.Ready.String()
	err := s.readyAs(limited, s.learned.Ready)
	if err == nil {
		err = s.await(limited, nil, func() (bool, error) {
			seen, err := s.look(limited)
			if err != nil {
				return false, err
			}
			lacks = seen.lacks(&s.learned)
			return lacks == "", nil
		})
	}
	if errors.Is(err, errStep) && s.teaches {
		return nil // with everything allowed, another boot may be another one
	}
	if errors.Is(err, errStep) {
		return stuck("it %s, unlike with everything allowed", lacks)
	}
	return err
}

// settle waits until the service has been ready for a moment, which is still a part of
// its start: several workers are not there at once.
func (s *service) settle(ctx context.Context, boot scenario.Boot) error {
	began := time.Now()
	limit := stuckFactor*settles + stepMargin
	limited, stop := within(ctx, limit)
	defer stop()
	var lacks string
	var since time.Time
	err := s.await(limited, nil, func() (bool, error) {
		missing, err := s.check(limited, boot)
		if err != nil {
			return false, err
		}
		now := time.Now()
		if lacks = missing; lacks != "" || since.IsZero() {
			since = now
		}
		return now.Sub(since) >= settles, nil
	})
	if errors.Is(err, errStep) {
		if lacks == "" {
			return stuck("it does not stay ready for %v, unlike with everything allowed", settles)
		}
		return stuck("ready at first, it then %s, unlike with everything allowed", lacks)
	}
	if err != nil {
		return err
	}
	// How long the start may take is learned from the time until it was ready.
	s.since = s.since.Add(time.Since(began))
	return s.enter(scenario.Ready)
}

// check looks at the service while it is to be as it was in the reference, and says what
// is not; "" for nothing. Where the run teaches, it learns from the look first.
func (s *service) check(ctx context.Context, boot scenario.Boot) (lacks string, err error) {
	seen, err := s.look(ctx)
	if err != nil {
		return "", err
	}
	if s.teaches {
		s.learn(boot, seen)
	}
	return seen.lacks(&s.learned), nil
}

// learn takes a look at the reference into account: what it is to have in common with
// the others. The first one says what there is.
func (s *service) learn(boot scenario.Boot, seen sight) {
	if boot == scenario.FirstBoot && len(s.learned.Boots) == 0 && s.learned.Sockets == nil && s.learned.Processes == nil {
		s.learned.Sockets, s.learned.Processes = slices.Clone(seen.sockets), slices.Clone(seen.processes)
		return
	}
	seen.common(&s.learned)
}

// remains checks that the service is still as it should be, before it is stopped.
func (s *service) remains(ctx context.Context, boot scenario.Boot) error {
	limited, stop := within(ctx, stepMargin)
	defer stop()
	var lacks string
	err := s.await(limited, nil, func() (bool, error) {
		missing, err := s.check(limited, boot)
		if err != nil {
			return false, err
		}
		lacks = missing
		return lacks == "", nil
	})
	if errors.Is(err, errStep) {
		return stuck("before its stop it %s, unlike with everything allowed", lacks)
	}
	return err
}

// stop stops the service as docker stop does, and compares how it ends.
func (s *service) stop(ctx context.Context, i int) error {
	if err := s.remains(ctx, s.phase.Boot); err != nil {
		return err
	}
	if err := s.enter(scenario.Stop); err != nil {
		return err
	}
	identity := s.Subject.Identity()
	patience := identity.StopTimeout
	if slices.ContainsFunc(s.learned.Boots, func(b scenario.Booted) bool { return b.Stopped.Killed }) {
		patience = min(patience, yields)
	}
	if err := s.container.Signal(ctx, identity.StopSignal); err != nil {
		return err
	}
	timeout := make(<-chan time.Time)
	if patience >= 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		timeout = timer.C
	}
	var stopped scenario.Stopped
	select {
	case end := <-s.ended:
		s.ended = nil
		if end.err != nil {
			return end.err
		}
		stopped.ExitCode = end.exit.Code
	case <-timeout:
		exit, err := s.kill(ctx)
		if err != nil {
			return err
		}
		stopped = scenario.Stopped{ExitCode: exit.Code, Killed: true}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.took[scenario.Stop] = time.Since(s.since)
	booted := scenario.Booted{Boot: s.phase.Boot, Took: s.took, Stopped: stopped}
	if s.teaches {
		s.learned.Boots = append(s.learned.Boots, booted)
		return nil
	}
	return differs(stopped, s.learned.Boots[i].Stopped, identity.StopTimeout)
}

// differs says in what a stop differs from the reference's.
func differs(got, want scenario.Stopped, timeout time.Duration) error {
	switch {
	case got == want:
		return nil
	case got.Killed:
		return fell("it did not end within its stop timeout of %v, and with everything allowed it does", timeout)
	case want.Killed:
		return fell("it ended with exit code %d when it was stopped; with everything allowed it does not end by itself", got.ExitCode)
	default:
		return fell("it ended with exit code %d when it was stopped, and with everything allowed with %d", got.ExitCode, want.ExitCode)
	}
}
