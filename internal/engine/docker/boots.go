package docker

import (
	"errors"
	"maps"
	"sync"
	"syscall"
)

// boots are the starts of one container, one after the other.
type boots struct {
	mu sync.Mutex
	// run is what Start began and Wait ends; nil before and after.
	run *running
	// sent counts the signals that capprof itself sent since the last start, removed
	// says that it removed the container: what else ends it is somebody else's doing.
	sent    map[syscall.Signal]int
	removed bool
}

// begin forgets what was sent to an earlier start. It is an error while one runs.
func (b *boots) begin() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.run != nil {
		return errors.New("it runs already")
	}
	b.sent = nil
	return nil
}

// began returns what Start began, nil when nothing runs.
func (b *boots) began() *running {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.run
}

// set notes what runs, nil when it is over.
func (b *boots) set(run *running) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.run = run
}

// noteSignal counts a signal of our own, until undo.
func (b *boots) noteSignal(signal syscall.Signal) (undo func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sent == nil {
		b.sent = map[syscall.Signal]int{}
	}
	// A start in between has a count of its own.
	sent := b.sent
	sent[signal]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		sent[signal]--
	}
}

// noteRemoval notes a removal of our own and returns what ran.
func (b *boots) noteRemoval() *running {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.removed = true
	return b.run
}

// ours are the signals that capprof sent since the last start, and whether it removed
// the container.
func (b *boots) ours() (sent map[syscall.Signal]int, removed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.sent), b.removed
}
