package profile

import (
	"fmt"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/capability"
)

// Tried names a run's set, and the options that it had beyond the workload's, in
// few words.
func (r Run) Tried() string {
	tried := r.Set.String()
	if n := r.Set.Len(); r.Without != nil {
		tried = "without " + r.Without.Short()
	} else if n == 0 || n > 4 {
		tried = capability.Counted(n)
	}
	if len(r.Options) > 0 {
		tried += " " + strings.Join(r.Options, " ")
	}
	return tried
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
