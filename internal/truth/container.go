package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/testengine"
)

// containers runs workloads on an engine by the docker command line.
type containers struct{ engine *testengine.Engine }

func newContainers(engine *testengine.Engine) *containers { return &containers{engine: engine} }

// run runs the workload with the set and nothing else.
func (c *containers) run(ctx context.Context, image string, flags, command []string, set capability.Set, limit time.Duration) (testengine.Outcome, error) {
	return c.engine.RunOnce(ctx, testengine.Run{Image: image, Flags: flags, Command: command, Capabilities: set, Limit: limit})
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

// begin makes it, with nothing in it.
func (c *containers) begin(ctx context.Context, name string) error {
	_, err := c.engine.Output(ctx, "volume", "create", c.volume(name))
	return err
}

// forget removes it.
func (c *containers) forget(ctx context.Context, name string) error {
	_, err := c.engine.Output(ctx, "volume", "rm", "--force", c.volume(name))
	return err
}

// close removes what an interrupt left.
func (c *containers) close(ctx context.Context) error { return c.engine.RemoveRuns(ctx) }
