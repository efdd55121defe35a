package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestATagThatMoves: every run is of the image that the tag named at the start, though
// the tag names another one by then.
func TestATagThatMoves(t *testing.T) {
	e := engineOf(t)
	first, second := imageOf(t, scratch), imageOf(t, debian)
	moving := fmt.Sprintf("capprof-e2e/moving:p%d", os.Getpid())
	tag := func(image string) {
		t.Helper()
		if _, err := e.Output(t.Context(), "tag", image, moving); err != nil {
			t.Fatal(err)
		}
	}
	tag(first)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		if _, err := e.Output(ctx, "rmi", "--no-prune", moving); err != nil {
			t.Error(err)
		}
	})
	seen := watch(t, e, patience, "type=container")
	path := filepath.Join(t.TempDir(), "profile.json")
	running := invocation{engine: e, args: []string{
		"run", "--network", "none", "-o", path, moving, "--", "/privop", "pause", "300", "+", "chown", "+", "raw-socket",
	}}.start(t)
	if !seen.await(running.cmd.Process.Pid, "start", 1) {
		t.Fatal("no container was started")
	}
	tag(second) // which has no /privop
	result := running.wait(t)
	result.expect(t, exitProven)
	noContainersOf(t, e, result.pid)
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	document := decodeStrictly(t, written)
	if want := setOf(t, caps("CHOWN", "NET_RAW")); document.Capabilities.Required != want {
		t.Errorf("required: {%s}, want {%s}", document.Capabilities.Required, want)
	}
	id, err := e.Output(t.Context(), "image", "inspect", "--format", "{{.Id}}", first)
	if err != nil {
		t.Fatal(err)
	}
	if image := document.Workload.Image; image.Reference != moving || image.ID != strings.TrimSpace(id) {
		t.Errorf("the profile is of %s, %s; want %s, %s", image.Reference, image.ID, moving, id)
	}
}
