package trial

import (
	"sync"

	"github.com/capprof/capprof/internal/scenario"
)

// lessons is what the run with everything allowed taught, for the other runs to be held
// against. Some of those wait for it.
type lessons struct {
	mu      sync.Mutex
	learned *scenario.Learned
	// certain says that it came from a run that passed, or from the user.
	certain bool
	// changed is closed when there is something new.
	changed chan struct{}
}

func newLessons(told scenario.Told) *lessons {
	l := &lessons{changed: make(chan struct{})}
	if told.IsBatch() {
		l.learned, l.certain = &scenario.Learned{Kind: scenario.Batch}, true
	}
	return l
}

// now returns what is known, nil while nothing is, and a channel that is closed when that
// changes.
func (l *lessons) now() (*scenario.Learned, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.learned, l.changed
}

// areOver reports whether there is nothing to learn any more.
func (l *lessons) areOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.certain
}

// teach replaces what is known, unless it is certain.
func (l *lessons) teach(learned scenario.Learned, certain bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.certain {
		return
	}
	l.learned, l.certain = &learned, certain
	close(l.changed)
	l.changed = make(chan struct{})
}
