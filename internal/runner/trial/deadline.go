package trial

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Why capprof ended a run.
var (
	errStuck    = errors.New("stuck: it ran much longer than a run that passes")
	errTimeout  = errors.New("the time limit of a run was reached (--timeout)")
	errHopeless = errors.New("a run with everything allowed fails too")
)

// deadline knows how long a passing run takes, and from that when another one is stuck.
// A workload that hangs when something is refused (workers respawned for ever) would
// cost the whole time limit each run otherwise.
type deadline struct {
	ceiling time.Duration

	mu      sync.Mutex
	passing time.Duration // the longest passing run, 0 while there is none
	known   chan struct{} // closed when passing is first known
}

func newDeadline(ceiling time.Duration) *deadline {
	return &deadline{ceiling: ceiling, known: make(chan struct{})}
}

// A run is stuck after stuckFactor times a passing run's time and some seconds, which
// leave room for what else the machine is doing.
const (
	stuckFactor = 3
	stuckMargin = 5 * time.Second
)

// passed learns from a passing run.
func (d *deadline) passed(took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.passing == 0 {
		close(d.known)
	}
	d.passing = max(d.passing, took, time.Millisecond)
}

// isKnown reports whether a passing run's time is known.
func (d *deadline) isKnown() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passing > 0
}

// stuck is the time after which a run is stuck, at most the ceiling.
func (d *deadline) stuck() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return min(d.ceiling, stuckFactor*d.passing+stuckMargin)
}

// bound returns a context that ends when a run that begins now has taken all its time:
// the ceiling, and as soon as it is known what a passing run takes, no longer than is
// reasonable. The context's cause says which.
func (d *deadline) bound(ctx context.Context, hopeless <-chan struct{}) (context.Context, func()) {
	limited, cancel := context.WithCancelCause(ctx)
	began := time.Now()
	ceiling := time.NewTimer(d.ceiling)
	stuck := make(<-chan time.Time)
	known := d.known
	go func() {
		defer ceiling.Stop()
		for {
			select {
			case <-known:
				known = nil
				if limit := d.stuck(); limit < d.ceiling {
					stuck = time.After(limit - time.Since(began))
				}
			case <-stuck:
				cancel(errStuck)
			case <-ceiling.C:
				cancel(errTimeout)
			case <-hopeless:
				cancel(errHopeless)
			case <-limited.Done():
				return
			}
		}
	}()
	return limited, func() { cancel(nil) }
}
