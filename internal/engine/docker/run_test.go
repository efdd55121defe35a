package docker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

func TestOutputIsByteForByte(t *testing.T) {
	const size = 5 << 20
	var stdout, stderr bytes.Buffer
	c := create(t, newEngine(t), workload.Spec{Command: []string{"both", fmt.Sprint(size)}}, capability.Of())
	exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout, Stderr: &stderr})
	if err != nil || exit.Code != 0 || exit.OutOfMemory {
		t.Fatalf("exit %+v, %v", exit, err)
	}
	for seed, got := range map[int64][]byte{1: stdout.Bytes(), 2: stderr.Bytes()} {
		want := make([]byte, 0, size)
		for source := rand.New(rand.NewSource(seed)); len(want) < size; {
			chunk := make([]byte, min(size-len(want), 31337))
			source.Read(chunk)
			want = append(want, chunk...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("stream %d: %d bytes that differ from the %d written", seed, len(got), len(want))
		}
	}
}

func TestStdinIsFedAndEnds(t *testing.T) {
	input := make([]byte, 3<<20)
	rand.New(rand.NewSource(3)).Read(input)
	for name, data := range map[string][]byte{"much": input, "little": []byte("x"), "nothing": nil} {
		t.Run(name, func(t *testing.T) {
			got := runIt(t, workload.Spec{Command: []string{"digest"}, Options: workload.Options{}.Set("interactive", "true")}, bytes.NewReader(data))
			want := fmt.Sprintf("%d %x\n", len(data), sha256.Sum256(data))
			if got.err != nil || got.stdout != want {
				t.Fatalf("the workload read %q, want %q (%v)", got.stdout, want, got.err)
			}
		})
	}
	t.Run("no reader is an empty one", func(t *testing.T) {
		if got := runIt(t, workload.Spec{Command: []string{"digest"}, Options: workload.Options{}.Set("interactive", "true")}, nil); !strings.HasPrefix(got.stdout, "0 ") {
			t.Fatalf("read %q, %v", got.stdout, got.err)
		}
	})
	t.Run("without -i there is none", func(t *testing.T) {
		if got := runIt(t, workload.Spec{Command: []string{"digest"}}, strings.NewReader("unseen")); !strings.HasPrefix(got.stdout, "0 ") {
			t.Fatalf("read %q, %v", got.stdout, got.err)
		}
	})
}

func TestAnImmediateEndLosesNothing(t *testing.T) {
	e := newEngine(t)
	for i := range 20 {
		var stdout, stderr bytes.Buffer
		c := create(t, e, workload.Spec{Command: []string{"echo", "round", fmt.Sprint(i)}}, capability.Of())
		exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout, Stderr: &stderr})
		if want := fmt.Sprintf("round %d\n", i); err != nil || exit.Code != 0 || stdout.String() != want {
			t.Fatalf("round %d: %q, exit %d, %v", i, stdout.String(), exit.Code, err)
		}
		if err := c.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTerminal(t *testing.T) {
	sizes := make(chan engine.Size, 1)
	sizes <- engine.Size{Width: 123, Height: 45}
	var stdout bytes.Buffer
	c := create(t, newEngine(t), workload.Spec{Command: []string{"window"}, Options: workload.Options{}.Set("tty", "true").Set("interactive", "true")}, capability.Of())
	exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout, Resize: sizes})
	if err != nil || exit.Code != 0 {
		t.Fatalf("exit %d, %v, %q", exit.Code, err, stdout.String())
	}
	// The terminal's line discipline adds the carriage return, docker adds nothing.
	if got := stdout.String(); got != "123x45\r\n" {
		t.Fatalf("the terminal showed %q", got)
	}
}

func TestTerminalInputEnds(t *testing.T) {
	for input, want := range map[string]string{
		"":       "",
		"line\n": "line\r\nline\r\n",
		"part":   "partpart",
	} {
		got := runIt(t, workload.Spec{Command: []string{"cat"}, Options: workload.Options{}.Set("tty", "true").Set("interactive", "true")}, strings.NewReader(input))
		// The terminal echoes the input, and the workload prints it.
		if got.err != nil || got.exit.Code != 0 || got.stdout != want {
			t.Errorf("input %q: %q, exit %d, %v; want %q", input, got.stdout, got.exit.Code, got.err, want)
		}
	}
}

func TestCancelKillsAndKeepsTheOutput(t *testing.T) {
	e := newEngine(t)
	c := create(t, e, workload.Spec{Command: []string{"hang"}}, capability.Of())
	ctx, cancel := context.WithCancel(t.Context())
	hanging := newNotice("hanging\n")
	go func() {
		<-hanging.seen
		cancel()
	}()
	_, err := engine.Run(ctx, c, engine.Stdio{Stdout: hanging})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the context's", err)
	}
	state, err := e.api.ContainerInspect(t.Context(), c.ID())
	if err != nil || state.State.Running {
		t.Fatalf("the container still runs: %v, %v", state.State, err)
	}
	if got := hanging.all.String(); got != "hanging\n" {
		t.Fatalf("output %q", got)
	}
}

func TestAContextThatEndedStartsNothing(t *testing.T) {
	e := newEngine(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tryCreate(ctx, e, workload.Spec{Image: suite(t).image}, capability.Of()); !errors.Is(err, context.Canceled) {
		t.Fatalf("create: %v", err)
	}
	c := create(t, e, workload.Spec{Command: []string{"hang"}}, capability.Of())
	if _, err := engine.Run(ctx, c, engine.Stdio{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("run: %v", err)
	}
	state, err := e.api.ContainerInspect(t.Context(), c.ID())
	if err != nil || state.State.Status != "created" {
		t.Fatalf("the container is %v, %v", state.State.Status, err)
	}
}

// refusingWriter is a full disk or a closed pipe.
type refusingWriter struct{}

func (refusingWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestOutputThatCannotBeWrittenEndsTheRun(t *testing.T) {
	c := create(t, newEngine(t), workload.Spec{Command: []string{"hang"}}, capability.Of())
	_, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: refusingWriter{}})
	if !errors.Is(err, os.ErrClosed) {
		t.Fatalf("error %v, want the writer's", err)
	}
}

func TestEveryContainerIsItsOwnCgroup(t *testing.T) {
	c := create(t, newEngine(t), workload.Spec{Command: []string{"file", "/proc/self/cgroup"}}, capability.Of())
	if c.Cgroup().Name == "" || !strings.Contains(c.Cgroup().Name, c.ID()) {
		t.Fatalf("cgroup %q of container %s", c.Cgroup().Name, c.ID())
	}
	// The engine's own word on the path that the runtime was given is in the
	// process's cgroup file, seen from outside while it runs.
	hanging := newNotice("hanging\n")
	e := newEngine(t)
	long := create(t, e, workload.Spec{Command: []string{"hang"}}, capability.Of())
	paths := make(chan string, 1)
	go func() {
		<-hanging.seen
		state, err := e.api.ContainerInspect(t.Context(), long.ID())
		if err != nil {
			paths <- err.Error()
		} else {
			data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", state.State.Pid))
			paths <- string(data)
		}
		_ = long.Signal(t.Context(), syscall.SIGKILL)
	}()
	if _, err := engine.Run(t.Context(), long, engine.Stdio{Stdout: hanging}); err != nil {
		t.Fatal(err)
	}
	if got := <-paths; !strings.Contains(got, "/"+long.Cgroup().Name+"\n") {
		t.Fatalf("no cgroup named %s in:\n%s", long.Cgroup().Name, got)
	}
}
