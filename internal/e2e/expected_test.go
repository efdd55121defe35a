package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
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

// containers numbers those of passes.
var containers atomic.Int64

// passes runs the workload with docker and exactly the set, and reports whether
// it ended as a success. A run that lasts longer than stuckAfter is a failure.
func passes(t *testing.T, e *testengine.Engine, w workload, set []string) bool {
	t.Helper()
	stuckAfter := 20 * time.Second
	if w.timeout != "" {
		stuckAfter = 3 * time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), stuckAfter)
	defer cancel()
	name := fmt.Sprintf("capprof-e2e-%d-%d", os.Getpid(), containers.Add(1))
	args := []string{"run", "--name", name, "--network", "none", "--cap-drop", "ALL"}
	for _, c := range set {
		args = append(args, "--cap-add", c)
	}
	args = append(append(args, w.flags...), imageOf(t, w.image))
	args = append(args, w.argv(t)...)
	cmd := e.Command(ctx, args...)
	cmd.Stdin = strings.NewReader(w.stdin)
	output, err := cmd.CombinedOutput()
	clean, cancelClean := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancelClean()
	// Exit code 125 is docker's own failure, unless it is the command's: chroot(8)
	// has the same habit. The container tells.
	status, _ := e.Output(clean, "inspect", "--format", "{{.State.Status}}", name)
	// Not --rm: a run that is cut short would keep its container.
	if _, err := e.Output(clean, "rm", "--force", "--volumes", name); err != nil {
		t.Error(err)
	}
	if ctx.Err() != nil {
		if testing.Verbose() {
			t.Logf("%v: still running after %v: %s", set, stuckAfter, tail(output))
		}
		return false
	}
	code := 0
	if err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			t.Fatalf("running docker: %v", err)
		}
		code = exit.ExitCode()
	}
	// Its other codes of the kind, 126 and 127, may come from a refused execve,
	// which is a workload's failure.
	if code == 125 && status != "exited" {
		t.Fatalf("docker run with %v failed by itself: %s", set, output)
	}
	passed := code == w.expectExit
	if testing.Verbose() {
		t.Logf("%v: exit %d, passed %v: %s", set, code, passed, tail(output))
	}
	return passed
}

// tail is the end of an output, for a message.
func tail(output []byte) string {
	const most = 600
	return strings.TrimSpace(string(output[max(0, len(output)-most):]))
}
