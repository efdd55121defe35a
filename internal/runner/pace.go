package runner

import (
	"sync"
	"time"
)

// pace knows how long a passing run takes, and from that when another one is
// stuck. A workload that hangs when something is refused (workers respawned for
// ever) would cost the whole time limit each run otherwise.
type pace struct {
	mu      sync.Mutex
	passing time.Duration // the longest passing run, 0 while there is none
	known   chan struct{} // closed when passing is first known
}

func newPace() *pace { return &pace{known: make(chan struct{})} }

// A run is stuck after stuckFactor times a passing run's time and some seconds,
// which leave room for what else the machine is doing.
const (
	stuckFactor = 3
	stuckMargin = 5 * time.Second
)

// passed learns from a passing run.
func (p *pace) passed(took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.passing == 0 {
		close(p.known)
	}
	p.passing = max(p.passing, took, time.Millisecond)
}

// limit is the time after which a run is stuck, at most ceiling; false while no
// passing run's time is known.
func (p *pace) limit(ceiling time.Duration) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.passing == 0 {
		return ceiling, false
	}
	return min(ceiling, stuckFactor*p.passing+stuckMargin), true
}
