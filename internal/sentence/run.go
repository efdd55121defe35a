package sentence

import (
	"fmt"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
)

// Trying says what a run that is under way is for: "checking whether CHOWN is
// needed".
func Trying(r profile.Run) string {
	switch {
	case r.Without != nil:
		return "checking whether " + Grant(*r.Without) + " is needed"
	case r.Purpose == profile.PurposeReference:
		return "trying with everything allowed"
	}
	doing := "trying"
	if r.Purpose == profile.PurposeConfirm {
		doing = "confirming"
	}
	if r.Capabilities.Empty() {
		doing += " without capabilities"
	} else {
		doing += " with " + given(r)
	}
	return strings.TrimSpace(doing + " " + Options(r.Options))
}

// Options are options as a POSIX shell takes them, printable.
func Options(all []workload.Setting) string {
	words := make([]string, len(all))
	for i, o := range all {
		words[i] = Option(o)
	}
	return strings.Join(words, " ")
}

// Option is one option as a POSIX shell takes it, printable.
func Option(o workload.Setting) string {
	return text.Printable("--" + o.Name + " " + text.ShellWord(o.Value))
}

// given names the run's capabilities, or what a removal run left out.
func given(r profile.Run) string {
	n := r.Capabilities.Len()
	switch {
	case r.Without != nil && r.Without.IsOption():
		return "without " + Option(r.Without.Option)
	case r.Without != nil:
		return "without " + r.Without.String()
	case n == 0 || n > 4:
		return capability.Counted(n)
	}
	return r.Capabilities.String()
}

// Failed says where a run of a service failed and why: "at the start of the first boot:
// it did not listen on 80/tcp"; "" for a batch job, and for a run that passed.
func Failed(r profile.Run) string {
	words := When(r.FailedIn)
	if words != "" && r.Detail != "" {
		words += ": " + r.Detail
	}
	return text.Printable(words)
}

// RunLine is one line about a run, in columns: number, purpose, what it was given, end
// and time. Progress and report show the same. Its options, and where a service failed,
// are too long for a column.
func RunLine(r profile.Run, took time.Duration) string {
	end := string(r.Outcome)
	switch {
	case r.Kept:
		end = "kept"
	case r.Outcome == profile.OutcomeFailed && byExit(r):
		end = exit(r, "exit")
	}
	return fmt.Sprintf("%-2d %-9s %-34s %-8s %6.2f s", r.Number, r.Purpose, given(r), end, took.Seconds())
}

// outcome is how a run ended.
func outcome(r profile.Run) string {
	switch r.Outcome {
	case profile.OutcomeStuck:
		return "hangs"
	case profile.OutcomeTimeout:
		return "runs into the time limit"
	case profile.OutcomeFailed:
		if r.Kept {
			return "goes on with privileges that it meant to give up"
		}
		if !byExit(r) {
			return "fails"
		}
	}
	return exit(r, "exits with")
}

// Ending is how a run ended, and where: "fails at the stop of the restart: it was
// killed". It is printable.
func Ending(r profile.Run) string { return strings.TrimSpace(outcome(r) + " " + Failed(r)) }

// byExit says that the exit code is all that is known of a failure. A service that was
// stopped has one too, which is not what it failed by.
func byExit(r profile.Run) bool {
	return r.FailedIn == nil || r.Detail == "" && r.ExitCode != nil
}

// exit says with which code a run ended.
func exit(r profile.Run, verb string) string {
	if r.ExitCode == nil {
		return "fails"
	}
	return fmt.Sprintf("%s %d", verb, *r.ExitCode)
}
