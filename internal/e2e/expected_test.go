package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/testengine"
)

// dockerDefault are the capabilities that Docker grants when told nothing.
var dockerDefault = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
	"SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// TestExpectedSets shows the table true with nothing of capprof: each workload
// passes under its set, and fails without any one of its members.
func TestExpectedSets(t *testing.T) {
	e := engineOf(t)
	for _, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			if !slices.IsSorted(w.want) {
				t.Fatalf("the expected set %v is not sorted", w.want)
			}
			if w.hopeless {
				allowed := dockerDefault
				if len(w.beyond) == 0 && w.timeout == "" {
					// Not even what nobody allowed would help.
					allowed = append(slices.Clone(dockerDefault), "NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE", "SYS_NICE")
				}
				if passes(t, e, w, allowed) {
					t.Errorf("passes with %v, and should with no allowed set", allowed)
				}
				if len(w.beyond) > 0 && !passes(t, e, w, w.beyond) {
					t.Errorf("fails with %v, which is said to help", w.beyond)
				}
				return
			}
			if !passes(t, e, w, w.want) {
				t.Errorf("fails with %v", w.want)
			}
			for i, name := range w.want {
				if passes(t, e, w, slices.Delete(slices.Clone(w.want), i, i+1)) {
					t.Errorf("passes without %s", name)
				}
			}
		})
	}
}

// passes runs the workload with docker and exactly the set, and reports whether
// it ended as a success. A run that lasts longer than stuckAfter is a failure.
func passes(t *testing.T, e *testengine.Engine, w workload, set []string) bool {
	t.Helper()
	stuckAfter := 20 * time.Second
	if w.timeout != "" {
		stuckAfter = 3 * time.Second
	}
	o, err := e.RunOnce(t.Context(), testengine.Run{
		Image: imageOf(t, w.image), Flags: w.dockerFlags(), Command: w.argv(t),
		Capabilities: setOf(t, set), Stdin: strings.NewReader(w.stdin), Limit: stuckAfter,
	})
	if err != nil {
		t.Fatalf("with %v: %v", set, err)
	}
	passed := o.Code == w.expectExit
	if testing.Verbose() {
		t.Logf("%v: exit %d, passed %v: %s", set, o.Code, passed, tail([]byte(o.Tail)))
	}
	return passed
}

// tail is the end of an output, for a message.
func tail(output []byte) string {
	const most = 600
	return strings.TrimSpace(string(output[max(0, len(output)-most):]))
}
