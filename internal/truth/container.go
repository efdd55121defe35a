package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/testengine"
)

// containers runs workloads on an engine by the docker command line.
type containers struct {
	engine *testengine.Engine
	// label is on all of them, so that none is left behind.
	label string
	count atomic.Int64
}

func newContainers(engine *testengine.Engine) *containers {
	return &containers{engine: engine, label: fmt.Sprintf("capprof-truth=%d", os.Getpid())}
}

// outcome is the end of one run.
type outcome struct {
	passed bool
	// stuck says that the time limit ended it.
	stuck bool
	code  int
	// tail is the end of what it wrote.
	tail string
	took time.Duration
}

// refusedError says that the engine would not start a container: nothing is
// known about the workload then.
type refusedError struct{ message string }

func (e *refusedError) Error() string { return "the engine refused: " + e.message }

// docker run ends with engineFailed when it was not the workload that failed, and says
// so behind clientMark. A workload may end with the same code, as chroot(1) does.
const (
	engineFailed = 125
	clientMark   = "docker: "
)

// run runs the workload with the set and nothing else.
func (c *containers) run(ctx context.Context, image string, flags, command []string, set capability.Set, limit time.Duration) (outcome, error) {
	name := fmt.Sprintf("capprof-truth-%d-%d", os.Getpid(), c.count.Add(1))
	args := []string{"run", "--rm", "--name", name, "--label", c.label, "--cap-drop", "ALL"}
	for _, short := range set.ShortNames() {
		args = append(args, "--cap-add", short)
	}
	args = append(append(append(args, flags...), image), command...)

	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var output tail
	cmd := c.engine.Command(limited, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	// The client is asked to go; what it started is ended by name.
	cmd.Cancel = func() error {
		lasting, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer stop()
		_, err := c.engine.Output(lasting, "rm", "--force", name)
		return errors.Join(err, cmd.Process.Kill())
	}
	start := time.Now()
	err := cmd.Run()
	o := outcome{took: time.Since(start), tail: output.String()}
	if ctx.Err() != nil {
		return o, context.Cause(ctx)
	}
	if limited.Err() != nil {
		o.stuck, o.code = true, -1
		return o, nil
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if o.code = exit.ExitCode(); o.code == engineFailed && strings.HasPrefix(o.tail, clientMark) {
			// What follows the first line is advice on the command line.
			reason, _, _ := strings.Cut(o.tail, "\n")
			return o, &refusedError{reason}
		}
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("docker run: %w", err)
	}
	o.passed = true
	return o, nil
}

// enter has the command executed in every container of the image that starts, until
// stop is called. How the command ends is for the workload to find out.
func (c *containers) enter(ctx context.Context, image string, command []string) (stop func(), err error) {
	id, err := c.engine.Output(ctx, "image", "inspect", "--format", "{{.Id}}", image)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	// From a moment on, since nothing tells when the client listens.
	events := c.engine.Command(ctx, "events", "--since", strconv.FormatInt(time.Now().Unix(), 10),
		"--filter", "type=container", "--filter", "event=start", "--format", "{{.ID}} {{.Actor.Attributes.image}}")
	output, err := events.StdoutPipe()
	if err == nil {
		err = events.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("docker events: %w", err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for lines := bufio.NewScanner(output); lines.Scan(); {
			container, of, _ := strings.Cut(lines.Text(), " ")
			if of == image || of == id {
				all.Go(func() { _ = c.engine.Command(ctx, append([]string{"exec", container}, command...)...).Run() })
			}
		}
		_ = events.Wait() // it ends when it is told to
	})
	return func() { cancel(); all.Wait() }, nil
}

// volume names what the runs of a case have in common.
func (c *containers) volume(name string) string {
	return fmt.Sprintf("capprof-truth-%d-%s", os.Getpid(), name)
}

// forget removes it.
func (c *containers) forget(ctx context.Context, name string) error {
	_, err := c.engine.Output(ctx, "volume", "rm", "--force", c.volume(name))
	return err
}

// close removes what an interrupt left.
func (c *containers) close(ctx context.Context) error {
	left, err := c.engine.Lines(ctx, "ps", "-aq", "--filter", "label="+c.label)
	if err != nil || len(left) == 0 {
		return err
	}
	_, err = c.engine.Output(ctx, append([]string{"rm", "--force"}, left...)...)
	return err
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

// tailSize is enough for an error message.
const tailSize = 8 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = bytes.Clone(t.kept[over:])
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.kept)) }
