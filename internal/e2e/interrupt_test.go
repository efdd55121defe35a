package e2e

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/testengine"
)

// lasting is a workload that lasts a while in each run, so that a test can meet
// it there: CAP_CHOWN is explored, confirmed and removed in runs one to three.
func lasting(image string) []string {
	return []string{
		"run", "--network", "none", "--jobs", "1", image, "--", "/privop", "pause", "3000", "+", "chown",
	}
}

// TestInterrupt sends Ctrl-C in each phase: exit code 130, soon, and nothing left.
func TestInterrupt(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	image := imageOf(t, scratch)
	t.Run("group", func(t *testing.T) {
		for _, tc := range []struct {
			name, action string
			nth          int
			signal       syscall.Signal
		}{
			{"while exploring is being set up", "create", 1, unix.SIGINT},
			{"while exploring", "start", 1, unix.SIGINT},
			{"as exploring ends", "die", 1, unix.SIGINT},
			{"while confirming is being set up", "create", 2, unix.SIGINT},
			{"while confirming", "start", 2, unix.SIGINT},
			{"while removing", "start", 3, unix.SIGINT},
			{"as the last container goes", "die", 3, unix.SIGINT},
			{"terminated while exploring", "start", 1, unix.SIGTERM},
		} {
			t.Run(tc.name, func(t *testing.T) {
				t.Parallel()
				profilePath := filepath.Join(t.TempDir(), "p.json")
				args := append([]string{"run", "-o", profilePath}, lasting(image)[1:]...)
				seen := watch(t, e, patience, "type=container")
				running := invocation{engine: e, args: args}.start(t)
				pid := running.cmd.Process.Pid
				if !seen.await(pid, tc.action, tc.nth) {
					running.cancel()
					t.Fatalf("container %d never came to %s: %s", tc.nth, tc.action, running.wait(t).stderr)
				}
				sent := time.Now()
				if err := unix.Kill(pid, tc.signal); err != nil {
					t.Fatal(err)
				}
				result := running.wait(t)
				t.Logf("ended %v after the signal", time.Since(sent).Round(time.Millisecond))
				result.expect(t, exitInterrupted)
				if time.Since(sent) > 10*time.Second {
					t.Errorf("took %v to end", time.Since(sent))
				}
				noContainersOf(t, e, pid)
				if result.stdout != "" {
					t.Errorf("stdout carries %q", result.stdout)
				}
				if _, err := os.Stat(profilePath); !os.IsNotExist(err) {
					t.Errorf("an interrupted capprof wrote a profile (%v)", err)
				}
			})
		}
	})
}

// TestTwoSignalsOfOneCause: a terminal that closes sends SIGHUP twice, once by the
// kernel and once by the shell, and its descriptors fail; timeout -s INT sends the
// signal to the process and to its group. Either asks once, and everything is
// cleaned up.
func TestTwoSignalsOfOneCause(t *testing.T) {
	for _, signal := range []syscall.Signal{unix.SIGHUP, unix.SIGINT} {
		t.Run(unix.SignalName(signal), func(t *testing.T) {
			keepsEngineClean(t)
			e := engineOf(t)
			seen := watch(t, e, patience, "type=container")
			running := invocation{engine: e, args: lasting(imageOf(t, scratch))}.start(t)
			pid := running.cmd.Process.Pid
			if !seen.await(pid, "start", 1) {
				running.cancel()
				t.Fatalf("no container started: %s", running.wait(t).stderr)
			}
			for range 2 {
				if err := unix.Kill(pid, signal); err != nil {
					t.Fatal(err)
				}
			}
			running.wait(t).expect(t, exitInterrupted)
			noContainersOf(t, e, pid)
		})
	}
}

// TestReaderThatGoesAway: capprof run ... | head ends the reader first. That fails
// a write and leaves nothing behind.
func TestReaderThatGoesAway(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	argv := append([]string{"-c", `"$@" 2>&1 | true; exit "${PIPESTATUS[0]}"`, "bash", binaryOf(t)}, lasting(imageOf(t, scratch))...)
	cmd := exec.CommandContext(t.Context(), "bash", argv...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.Host, "DOCKER_CONTEXT=")
	out, err := cmd.CombinedOutput()
	status, failed := errors.AsType[*exec.ExitError](err)
	if !failed || status.ExitCode() != exitUnfit {
		t.Errorf("ended with %v, want %d: the result could not be written\n%s", err, exitUnfit, out)
	}
}

// TestInterruptWhileNobodyReadsTheProfile: -o may name a pipe, and its reader may
// never come. The first Ctrl-C ends the wait.
func TestInterruptWhileNobodyReadsTheProfile(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binaryOf(t), "run", "--network", "none", "-o", pipe, imageOf(t, scratch), "--", "/privop", "nothing")
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+e.Host, "DOCKER_CONTEXT=")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The report comes first, and then the profile.
	for lines := bufio.NewScanner(stdout); lines.Scan() && !strings.HasPrefix(lines.Text(), "Use it"); {
	}
	if err := unix.Kill(cmd.Process.Pid, unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	status, failed := errors.AsType[*exec.ExitError](cmd.Wait())
	if !failed || status.ExitCode() != exitInterrupted {
		t.Errorf("ended with %v, want %d", cmd.ProcessState, exitInterrupted)
	}
	noContainersOf(t, e, cmd.Process.Pid)
}

// TestInterruptAtOnce sends Ctrl-C before anything could have happened.
func TestInterruptAtOnce(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	running := invocation{engine: e, args: lasting(imageOf(t, scratch))}.start(t)
	if err := unix.Kill(running.cmd.Process.Pid, unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	result := running.wait(t)
	status, ok := running.cmd.ProcessState.Sys().(syscall.WaitStatus)
	// Before the handler is in place the signal ends the process by itself, which
	// a shell reports as the same code.
	if !ok || (result.code != exitInterrupted && status.Signal() != unix.SIGINT) {
		t.Errorf("ended with %v", running.cmd.ProcessState)
	}
	noContainersOf(t, e, running.cmd.Process.Pid)
}

// TestKilled: what a killed capprof leaves, capprof clean removes, and nothing else.
func TestKilled(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	image := imageOf(t, scratch)
	bystander, err := e.Output(t.Context(), "run", "--detach", "--network", "none", image, "/privop", "block")
	if err != nil {
		t.Fatal(err)
	}
	defer remove(t, e, bystander)
	other := invocation{engine: e, args: lasting(image)}.start(t) // lives on
	seen := watch(t, e, patience, "type=container")
	killed := invocation{engine: e, args: lasting(image)}.start(t)
	pid := killed.cmd.Process.Pid
	if !seen.await(pid, "start", 1) {
		t.Fatal("no container was started")
	}
	if err := unix.Kill(pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed.wait(t)
	left := containersOf(t, e, pid)
	if len(left) == 0 {
		t.Fatal("a killed capprof left nothing, so this test shows nothing")
	}

	cleaned := invocation{engine: e, args: []string{"clean"}}.run(t)
	cleaned.expect(t, 0)
	name, _, _ := strings.Cut(left[0], " ")
	if !strings.Contains(cleaned.stdout+cleaned.stderr, name) {
		t.Errorf("clean does not say that it removed %s:\n%s%s", name, cleaned.stdout, cleaned.stderr)
	}
	noContainersOf(t, e, pid)
	if _, err := e.Output(t.Context(), "inspect", bystander); err != nil {
		t.Errorf("clean took somebody else's container: %v", err)
	}
	// The one that still runs was not disturbed.
	other.wait(t).expect(t, exitProven)
	invocation{engine: e, args: []string{"clean"}}.run(t).expect(t, 0)
}

// remove removes a container of a test's own.
func remove(t testing.TB, e *testengine.Engine, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
	defer cancel()
	if _, err := e.Output(ctx, "rm", "--force", "--volumes", name); err != nil {
		t.Error(err)
	}
}
