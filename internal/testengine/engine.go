// Package testengine gives tests a container engine: the machine's own, or a
// second Docker daemon that a test may kill, restart and fill.
//
// Nothing in the product imports it. It drives the docker command line, not the
// client library, so that what the product does with the library is checked by
// something else.
package testengine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// SuiteEnv names the environment variable that chooses the engine of a whole
// suite: empty for the machine's own, or the storage driver that a daemon of
// the suite's own is started with, such as "overlay2", or Podman.
const SuiteEnv = "CAPPROF_TEST_ENGINE"

// Engine is a running container engine.
type Engine struct {
	// Host is the engine's address in the form of DOCKER_HOST.
	Host string
	// Driver is its storage driver.
	Driver string
	daemon *daemon
}

// System returns the engine that DOCKER_HOST or docker's own default names.
func System(ctx context.Context) (*Engine, error) {
	e := &Engine{Host: os.Getenv("DOCKER_HOST")}
	if e.Host == "" {
		e.Host = "unix:///var/run/docker.sock"
	}
	driver, err := e.Output(ctx, "info", "--format", "{{.Driver}}")
	if err != nil {
		return nil, &unavailable{NoEngine, fmt.Errorf("asking the engine at %s: %w", e.Host, err)}
	}
	e.Driver = driver
	return e, nil
}

// New starts a daemon of the caller's own with the storage driver, which Stop
// takes away with all that it made.
func New(ctx context.Context, driver string) (*Engine, error) { return launch(ctx, driver, false) }

func launch(ctx context.Context, driver string, remap bool) (*Engine, error) {
	if os.Geteuid() != 0 {
		return nil, &unavailable{NotRoot, errors.New("starting a second dockerd needs root")}
	}
	d, err := newDaemon(driver, remap)
	if err != nil {
		return nil, err
	}
	if err := d.start(ctx); err != nil {
		return nil, errors.Join(err, d.remove(context.WithoutCancel(ctx)))
	}
	return &Engine{Host: "unix://" + d.socket(), Driver: driver, daemon: d}, nil
}

// ForSuite returns the engine that SuiteEnv asks for.
func ForSuite(ctx context.Context) (*Engine, error) {
	if driver := os.Getenv(SuiteEnv); driver != "" {
		return New(ctx, driver)
	}
	return System(ctx)
}

// Start starts a daemon of the test's own on overlay2 and removes it when the
// test ends. It skips, with the reason, where no second daemon can be had.
func Start(t testing.TB) *Engine {
	t.Helper()
	return start(t, false)
}

// StartRemapped starts one whose containers have a user namespace of their own
// (--userns-remap), in which root is RemappedRoot.
func StartRemapped(t testing.TB) *Engine {
	t.Helper()
	return start(t, true)
}

func start(t testing.TB, remap bool) *Engine {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e, err := launch(ctx, "overlay2", remap)
	if err != nil {
		SkipOrFail(t, err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := e.Stop(ctx); err != nil {
			t.Errorf("stopping the test's engine: %v", err)
		}
	})
	return e
}

// Kill ends the daemon as a crash would, with SIGKILL. Its containers live on.
func (e *Engine) Kill(ctx context.Context) error {
	if e.daemon == nil {
		return errors.New("the machine's own engine is not a test's to kill")
	}
	return e.daemon.kill(ctx)
}

// Restart brings the daemon back on the same address and data, ending it first
// when it runs.
func (e *Engine) Restart(ctx context.Context) error {
	if e.daemon == nil {
		return errors.New("the machine's own engine is not a test's to restart")
	}
	if err := e.daemon.terminate(ctx); err != nil {
		return err
	}
	return e.daemon.start(ctx)
}

// Stop ends the daemon and removes its containers, processes, control groups
// and files. On the machine's own engine it does nothing.
func (e *Engine) Stop(ctx context.Context) error {
	if e.daemon == nil {
		return nil
	}
	return e.daemon.remove(ctx)
}

// Log is what the daemon of a test wrote, for the message of a failed test.
func (e *Engine) Log() string {
	if e.daemon == nil {
		return ""
	}
	return e.daemon.logTail()
}

// Command is a docker command on this engine.
func (e *Engine) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "docker", append([]string{"--host", e.Host}, args...)...)
	// A context of the user's configuration must not win over the address.
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.Host, "DOCKER_CONTEXT=")
	return cmd
}

// Output runs a docker command and returns what it printed, trimmed. The error
// holds what it complained of.
func (e *Engine) Output(ctx context.Context, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := e.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w: %s", args[0], err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(stdout.String()), nil
}

// Lines is Output split at line ends; no output is no lines.
func (e *Engine) Lines(ctx context.Context, args ...string) ([]string, error) {
	out, err := e.Output(ctx, args...)
	if err != nil || out == "" {
		return nil, err
	}
	return strings.Split(out, "\n"), nil
}
