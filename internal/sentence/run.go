package sentence

import (
	"fmt"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

// Trying says what a run that is under way is for: "checking whether CHOWN is
// needed".
func Trying(r profile.Run) string {
	switch {
	case r.Without != nil:
		return "checking whether " + r.Without.Short() + " is needed"
	case r.Closed != "":
		return "checking whether " + r.Closed + " is needed"
	case r.Purpose == profile.PurposeReference:
		return "trying with everything allowed"
	}
	doing := "trying"
	if r.Purpose == profile.PurposeConfirm {
		doing = "confirming"
	}
	if r.Set.Empty() {
		doing += " without capabilities"
	} else {
		doing += " with " + set(r)
	}
	return strings.Join(append([]string{doing}, r.Options...), " ")
}

// set names the set, or what a removal run left out.
func set(r profile.Run) string {
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

// RunLine is one line about a run, in columns: number, purpose, set, end and time.
// Progress and report show the same. Its options are too long for a column.
func RunLine(r profile.Run, took time.Duration) string {
	end := string(r.Outcome)
	if r.Outcome == profile.OutcomeFailed {
		end = fmt.Sprintf("exit %d", r.ExitCode)
	}
	return fmt.Sprintf("%-2d %-9s %-34s %-8s %6.2f s", r.Number, r.Purpose, set(r), end, took.Seconds())
}

func ending(r profile.Run) string {
	switch r.Outcome {
	case profile.OutcomeStuck:
		return "hangs"
	case profile.OutcomeTimeout:
		return "runs into the time limit"
	default:
		return fmt.Sprintf("exits %d", r.ExitCode)
	}
}
