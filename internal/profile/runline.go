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
	if r.Closed != "" {
		return r.set()
	}
	return strings.Join(append([]string{r.set()}, r.Options...), " ")
}

// set names the set, or what a removal run left out.
func (r Run) set() string {
	n := r.Set.Len()
	switch {
	case r.Without != nil:
		return "without " + r.Without.Short()
	case r.Closed != "":
		return "without " + r.Closed
	case n == 0 || n > 4:
		return capability.Counted(n)
	}
	return r.Set.String()
}

// Line is one line about a run, in columns: number, purpose, set, end and time.
// Progress and report show the same. Its options are too long for a column.
func (r Run) Line(took time.Duration) string {
	end := string(r.Outcome)
	if r.Outcome == OutcomeFailed {
		end = fmt.Sprintf("exit %d", r.ExitCode)
	}
	return fmt.Sprintf("%-2d %-9s %-34s %-8s %6.2f s", r.Number, r.Purpose, r.set(), end, took.Seconds())
}
