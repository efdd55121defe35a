package testengine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A daemon of the test's own answers, survives a crash with its data, and leaves
// nothing behind.
func TestEngineLife(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	e, err := New(ctx, "overlay2")
	if err != nil {
		SkipOrFail(t, err)
	}
	stopped := false
	defer func() {
		if !stopped {
			_ = e.Stop(context.WithoutCancel(ctx))
		}
	}()
	dir, parent := e.daemon.dir, e.daemon.cgroupParent()

	driver, err := e.Output(ctx, "info", "--format", "{{.Driver}}")
	if err != nil {
		t.Fatal(err)
	}
	if driver != "overlay2" {
		t.Errorf("storage driver = %q, want overlay2", driver)
	}
	if _, err := e.Output(ctx, "volume", "create", "kept"); err != nil {
		t.Fatal(err)
	}

	if err := e.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Output(ctx, "version"); err == nil {
		t.Error("the engine answers after it was killed")
	}
	if err := e.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	names, err := e.Lines(ctx, "volume", "ls", "--quiet")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != 1 || names[0] != "kept" {
		t.Errorf("volumes after the restart = %q, want [kept]", names)
	}

	stopped = true
	if err := e.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there (%v)", dir, err)
	}
	if pids, err := mentioning(dir + "/"); err != nil || len(pids) != 0 {
		t.Errorf("processes left: %v (%v)", pids, err)
	}
	if dirs, err := cgroupDirs(parent); err != nil || len(dirs) != 0 {
		t.Errorf("control groups left: %v (%v)", dirs, err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), filepath.Base(dir)) {
		t.Error("mounts left in the test's own namespace")
	}
}

// The machine's own engine is never a test's to end.
func TestSystemEngineIsSafe(t *testing.T) {
	e := &Engine{Host: "unix:///nonexistent"}
	if err := e.Kill(t.Context()); err == nil {
		t.Error("Kill was not refused")
	}
	if err := e.Restart(t.Context()); err == nil {
		t.Error("Restart was not refused")
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

func TestSystemWithoutEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/d.sock")
	_, err := System(t.Context())
	if err == nil {
		t.Fatal("no error without an engine")
	}
	if !strings.HasPrefix(err.Error(), string(NoEngine)+": ") {
		t.Errorf("error %q does not begin with the reason", err)
	}
}
