package runner

import (
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/profile"
)

// watcher is an Observer that keeps what it is told.
type watcher struct {
	t  testing.TB
	mu sync.Mutex
	// open counts runs that were started and not done.
	open  int
	ended []profile.Run
	notes []string
}

func (w *watcher) Started(profile.Run) (io.Writer, io.Writer, func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open++
	return io.Discard, io.Discard, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open--
	}
}

func (w *watcher) Ended(run profile.Run, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if took < 0 {
		w.t.Errorf("run %d took %v", run.Number, took)
	}
	w.ended = append(w.ended, run)
}

func (w *watcher) Note(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, text)
}

func (w *watcher) Pull() io.Writer { return io.Discard }

func (w *watcher) noted(words string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(strings.Join(w.notes, "\n"), words)
}
