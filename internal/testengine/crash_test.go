package testengine_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// Containers outlive a daemon that is killed, as fault tests need it, and end
// with the engine at the latest.
func TestContainersOutliveCrash(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var process string
	t.Run("engine", func(t *testing.T) {
		e := testengine.Start(t)
		image, err := testimage.Scratch(ctx, e)
		if err != nil {
			testengine.SkipOrFail(t, err)
		}
		id, err := e.Output(ctx, "run", "--detach", "--network", "none", image, testimage.Program, "block")
		if err != nil {
			t.Fatal(err)
		}
		pid, err := e.Output(ctx, "inspect", "--format", "{{.State.Pid}}", id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := strconv.Atoi(pid); err != nil {
			t.Fatalf("the container's process is %q", pid)
		}
		process = filepath.Join("/proc", pid)
		if err := e.Kill(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(process, "exe")); err != nil {
			t.Errorf("the container died with its daemon: %v", err)
		}
	})
	// A zombie has no executable to look at.
	if _, err := os.Stat(filepath.Join(process, "exe")); process != "" && !os.IsNotExist(err) {
		t.Errorf("the container outlived its engine (%v)", err)
	}
}
