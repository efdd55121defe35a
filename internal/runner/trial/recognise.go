package trial

import (
	"context"
	"errors"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// What a workload that goes on is taken for a service by. A test suite listens as well,
// and a job may wait: so it must have nothing to do for a while.
const (
	// listensFor is how long it must have listened on the same ports.
	listensFor = 2 * time.Second
	// quietFor is how long one that does not listen must have started nothing, and
	// quietForLong one whose image says that it listens.
	quietFor     = 10 * time.Second
	quietForLong = 30 * time.Second
	// livesFor is after what time one is a service that starts something now and then,
	// or that is busy while it listens.
	livesFor = 15 * time.Second
	// meterTime is the least time between two readings of the processor time, which the
	// engine takes a while to answer.
	meterTime = 500 * time.Millisecond
	// idle is the share of a processor, or of the time, up to which it has nothing to do,
	// and checked one up to which it may have no more to do than its health check.
	idle    = 0.1
	checked = 0.5
)

// recognition watches a container until it has ended, or is known to be a service.
type recognition struct {
	began time.Time
	// checked says that there is a health check, which was content when this began.
	checked bool
	// changed is when its sockets or kinds of processes last changed, active when it
	// last started, ended or executed something.
	changed, active time.Time
	last            sight
	quietFor        time.Duration
	// busy is read at metered.
	busy    meter
	metered time.Time
}

// recognise waits until the run with everything allowed shows that it is a service, and
// how it is ready. An image's health check decides that: but a job may be made of such an
// image as well, and the check be content with it. The container's end is left to the
// caller, as c.ended.
func (c *course) recognise(ctx context.Context) (scenario.Learned, error) {
	learned := scenario.Learned{Kind: scenario.Service, StopSignal: c.Subject.Identity().StopSignal}
	if how := c.Told.Ready; how.How != "" {
		learned.Ready = how
		return learned, c.readyAs(ctx, how)
	}
	if c.Subject.Identity().Healthcheck {
		learned.Ready = scenario.Readiness{How: scenario.Healthy}
		if err := c.readyAs(ctx, learned.Ready); err != nil {
			return learned, err
		}
	}
	now := time.Now()
	r := recognition{began: now, checked: learned.Ready.How == scenario.Healthy, changed: now, active: now, quietFor: quietFor}
	if len(c.Subject.Identity().Exposed) > 0 {
		r.quietFor = quietForLong
	}
	err := c.await(ctx, nil, func() (bool, error) {
		seen, err := c.look(ctx)
		if err != nil {
			return false, err
		}
		if now := time.Now(); now.Sub(r.metered) >= meterTime {
			used, err := c.container.CPUTime(ctx)
			if err != nil {
				return false, err
			}
			r.metered = now
			r.busy.note(now, used)
		}
		working, err := c.container.Busy(ctx)
		if err != nil && !errors.Is(err, engine.ErrUnseen) {
			return false, err
		}
		r.busy.look(working)
		happened := c.activity == nil && seen.all != r.last.all
		select {
		case <-c.activity:
			happened = true
		default:
		}
		how, known := r.see(time.Now(), seen, happened)
		learned.Ready.How = how
		return known, nil
	})
	// It has been ready since the last change.
	c.since = c.since.Add(time.Since(r.changed))
	return learned, err
}

// see takes a look into account.
func (r *recognition) see(now time.Time, seen sight, happened bool) (scenario.How, bool) {
	if !seen.same(r.last) {
		r.changed, r.last = now, seen
	}
	if happened {
		r.active = now
	}
	if r.checked {
		r.changed = r.began
		lived := now.Sub(r.began)
		return scenario.Healthy, lived >= listensFor && r.busy.below(checked, now, listensFor) || lived >= livesFor
	}
	switch listens := len(seen.sockets) > 0; {
	case listens && now.Sub(r.changed) >= listensFor && r.busy.idle(now, listensFor),
		listens && now.Sub(r.changed) >= livesFor:
		return scenario.Listening, true
	case listens:
		return "", false
	case now.Sub(r.changed) >= r.quietFor && now.Sub(r.active) >= r.quietFor && r.busy.idle(now, r.quietFor),
		now.Sub(r.began) >= r.livesFor() && r.busy.idle(now, r.livesFor()):
		return scenario.Quiet, true
	}
	return "", false
}

// livesFor is how long one that starts something now and then must have lived.
func (r *recognition) livesFor() time.Duration { return max(livesFor, r.quietFor) }

// meter knows how busy a container was.
type meter struct {
	readings []reading
	// looks counts the looks at what its threads do, working those at which one of them
	// had something to do.
	looks, working int
}

type reading struct {
	at   time.Time
	used time.Duration
	// looks and working are the counts of that moment.
	looks, working int
}

// look counts a look at what the threads do. On a busy machine, one that has a lot to do
// may get hardly any processor time for it.
func (m *meter) look(working bool) {
	m.looks++
	if working {
		m.working++
	}
}

// note keeps a reading of the processor time used so far, and forgets what is too old to
// be asked for.
func (m *meter) note(now time.Time, used time.Duration) {
	m.readings = append(m.readings, reading{now, used, m.looks, m.working})
	for len(m.readings) > 2 && now.Sub(m.readings[1].at) >= quietForLong {
		m.readings = m.readings[1:]
	}
}

// idle reports whether hardly any processor time was used in the time before now.
func (m *meter) idle(now time.Time, before time.Duration) bool { return m.below(idle, now, before) }

// below reports whether it had something to do for no more than a share of the time
// before now.
func (m *meter) below(share float64, now time.Time, before time.Duration) bool {
	if len(m.readings) == 0 {
		return false
	}
	last := m.readings[len(m.readings)-1]
	for i := len(m.readings) - 1; i >= 0; i-- {
		if r := m.readings[i]; now.Sub(r.at) >= before {
			return float64(last.used-r.used) <= share*float64(last.at.Sub(r.at)) &&
				float64(last.working-r.working) <= share*float64(last.looks-r.looks)
		}
	}
	return false
}
