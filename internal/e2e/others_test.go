package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Other people use the same engine: what they do with capprof's containers must not
// change an answer, and what is theirs stays.

// TestCleanSparesCopies: docker commit copies labels, so that a container of somebody
// else's may bear those of a capprof that is gone.
func TestCleanSparesCopies(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	seen := watch(t, e, patience, "type=container")
	killed := invocation{engine: e, args: lasting(imageOf(t, scratch))}.start(t)
	pid := killed.cmd.Process.Pid
	if !seen.await(pid, "start", 1) {
		t.Fatal("no container was started")
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed.wait(t)
	left, err := e.Lines(t.Context(), "ps", "--all", "--quiet", "--filter", "label="+ownerLabel)
	if err != nil || len(left) == 0 {
		t.Fatalf("the killed capprof left %q (%v)", left, err)
	}
	copied := fmt.Sprintf("capprof-e2e/copy:p%d", os.Getpid())
	if _, err := e.Output(t.Context(), "commit", left[0], copied); err != nil {
		t.Fatal(err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if _, err := e.Output(ctx, "rmi", copied); err != nil {
			t.Error(err)
		}
	}()
	own, err := e.Output(t.Context(), "run", "--detach", "--network", "none", copied, "/privop", "block")
	if err != nil {
		t.Fatal(err)
	}
	defer remove(t, e, own)
	if label, err := e.Output(t.Context(), "inspect", "--format", `{{index .Config.Labels "`+ownerLabel+`"}}`, own); err != nil || label == "" {
		t.Fatalf("the copy has no label of capprof's (%v), so this test shows nothing", err)
	}
	invocation{engine: e, args: []string{"clean"}}.run(t).expect(t, 0)
	if status, err := e.Output(t.Context(), "inspect", "--format", "{{.State.Status}}", own); err != nil || status != "running" {
		t.Errorf("clean took somebody else's container: %s, %v", status, err)
	}
	if _, err := e.Output(t.Context(), "inspect", left[0]); err == nil {
		t.Error("clean left capprof's own container")
	}
}

// TestHarmlessSignal: a signal from outside that the workload survives decides nothing.
func TestHarmlessSignal(t *testing.T) {
	e := engineOf(t)
	path := filepath.Join(t.TempDir(), "profile.json")
	seen := watch(t, e, patience, "type=container")
	running := invocation{engine: e, args: []string{
		"run", "--network", "none", "-o", path, imageOf(t, debian), "--", "bash", "-c", "sleep 1; touch /tmp/f && chown 1 /tmp/f",
	}}.start(t)
	if !seen.await(running.cmd.Process.Pid, "start", 1) {
		t.Fatal("no container was started")
	}
	names, err := e.Lines(t.Context(), "ps", "--quiet", "--filter", "label="+ownerLabel)
	if err != nil || len(names) == 0 {
		t.Fatalf("containers of capprof: %q (%v)", names, err)
	}
	// Process 1 has no handler for it, and is spared.
	if _, err := e.Output(t.Context(), append([]string{"kill", "--signal", "USR1"}, names...)...); err != nil {
		t.Fatal(err)
	}
	result := running.wait(t)
	result.expect(t, exitProven)
	noContainersOf(t, e, result.pid)
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := decodeStrictly(t, written).Capabilities.Required, setOf(t, caps("CHOWN")); got != want {
		t.Errorf("required: {%s}, want {%s}", got, want)
	}
}

// TestContainerRemoved: a container that somebody removes is called that, and not an
// engine that went away.
func TestContainerRemoved(t *testing.T) {
	e, image := ownEngine(t)
	seen := watch(t, e, patience, "type=container")
	running := invocation{engine: e, args: lasting(image)}.start(t)
	if !seen.await(running.cmd.Process.Pid, "start", 1) {
		t.Fatal("no container was started")
	}
	names, err := e.Lines(t.Context(), "ps", "--quiet", "--filter", "label="+ownerLabel)
	if err != nil || len(names) != 1 {
		t.Fatalf("containers of capprof: %q (%v), want one", names, err)
	}
	remove(t, e, names[0])
	result := running.wait(t)
	// A run that was taken away decides nothing.
	result.expect(t, exitUnfit)
	result.mentions(t, "somebody", names[0])
	if strings.Contains(result.stderr, "went away") {
		t.Errorf("the engine is blamed:\n%s", result.stderr)
	}
}
