package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
)

// TestFlakes: a workload that survives the want of a capability fails for a reason
// of its own in the very run that should show that. What it was refused in that run
// is the same as in a run that passes.
func TestFlakes(t *testing.T) {
	e := engineOf(t)
	for name, command := range map[string][]string{
		// Each run counts; the fifth is the one without NET_RAW.
		"before anything is refused": privop("every", "5", "/runs/count", "+", "tolerate", "raw-socket", "+", "chown"),
		// Those count that come so far.
		"in the end": privop("tolerate", "raw-socket", "+", "chown", "+", "every", "3", "/runs/count"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs := filepath.Join(t.TempDir(), "runs")
			if err := os.Mkdir(runs, 0o755); err != nil {
				t.Fatal(err)
			}
			w := workload{image: scratch, command: command, flags: []string{"--volume", runs + ":/runs"}}
			result, document := profiled(t, e, w, "--jobs", "1")
			result.expect(t, exitIncomplete)
			if document.Verdict != profile.Incomplete || !strings.Contains(strings.Join(document.Reasons, "\n"), "not stable: with CHOWN, run 7 passed and run 5 did not") {
				t.Errorf("%s: %q", document.Verdict, document.Reasons)
			}
		})
	}
}
