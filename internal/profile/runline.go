package profile

import (
	"fmt"
	"time"

	"github.com/capprof/capprof/internal/capability"
)

// Tried names a run's set in few words.
func (r Run) Tried() string {
	if r.Without != nil {
		return "without " + r.Without.Short()
	}
	if n := r.Set.Len(); n == 0 || n > 4 {
		return capability.Counted(n)
	}
	return r.Set.String()
}

// Line is one line about a run, in columns: number, purpose, set, end and time.
// Progress and report show the same.
func (r Run) Line(took time.Duration) string {
	end := r.Outcome
	if r.Outcome == OutcomeFailed {
		end = fmt.Sprintf("exit %d", r.ExitCode)
	}
	return fmt.Sprintf("%-2d %-9s %-34s %-8s %6.2f s", r.Number, r.Purpose, r.Tried(), end, took.Seconds())
}
