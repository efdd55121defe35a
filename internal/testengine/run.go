package testengine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"time"

	"github.com/capprof/capprof/internal/capability"
)

// Run is a workload to run once by the docker command line, with the capabilities
// and no other.
type Run struct {
	Image          string
	Flags, Command []string
	Capabilities   capability.Set
	Stdin          io.Reader
	// Limit is the time after which the run is ended.
	Limit time.Duration
}

// Outcome is the end of a run.
type Outcome struct {
	// Stuck says that the limit ended it; Code is -1 then.
	Stuck bool
	Code  int
	// Tail is the end of what it wrote.
	Tail string
	Took time.Duration
}

// Passed reports success.
func (o Outcome) Passed() bool { return o.Code == 0 }

// RefusedError says that the engine would not start a container: nothing is
// known about the workload then.
type RefusedError struct{ Message string }

func (e *RefusedError) Error() string { return "the engine refused: " + e.Message }

// docker run ends with EngineFailed when it was not the workload that failed, and
// offers its help. A workload may end with the same code, as chroot(1) does.
// 126 and 127 may come from a refused execve, which is a workload's failure.
const (
	EngineFailed = 125
	clientHelp   = "docker run --help"
)

// runLabel is on the containers of this process's runs, so that none is left behind.
var (
	runLabel = fmt.Sprintf("dev.capprof.testrun=%d", os.Getpid())
	runCount atomic.Int64
)

// RunOnce runs a workload and removes its container.
func (e *Engine) RunOnce(ctx context.Context, r Run) (Outcome, error) {
	name := fmt.Sprintf("capprof-testrun-%d-%d", os.Getpid(), runCount.Add(1))
	args := []string{"run", "--rm", "--name", name, "--label", runLabel, "--cap-drop", "ALL"}
	for _, short := range r.Capabilities.ShortNames() {
		args = append(args, "--cap-add", short)
	}
	args = append(append(append(args, r.Flags...), r.Image), r.Command...)

	limited, cancel := context.WithTimeout(ctx, r.Limit)
	defer cancel()
	var output Tail
	cmd := e.Command(limited, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.Stdin, &output, &output
	// The client is asked to go; what it started is ended by name.
	cmd.Cancel = func() error {
		lasting, stop := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer stop()
		_, err := e.Output(lasting, "rm", "--force", "--volumes", name)
		return errors.Join(err, cmd.Process.Kill())
	}
	start := time.Now()
	err := cmd.Run()
	o := Outcome{Took: time.Since(start), Tail: output.String()}
	if ctx.Err() != nil {
		return o, context.Cause(ctx)
	}
	if limited.Err() != nil {
		o.Stuck, o.Code = true, -1
		return o, nil
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if o.Code = exit.ExitCode(); o.Code == EngineFailed && strings.Contains(o.Tail, clientHelp) {
			// What follows the first line is advice on the command line.
			reason, _, _ := strings.Cut(o.Tail, "\n")
			return o, &RefusedError{reason}
		}
		return o, nil
	}
	if err != nil {
		return o, fmt.Errorf("docker run: %w", err)
	}
	return o, nil
}

// LeftRuns lists the containers of this process's runs.
func (e *Engine) LeftRuns(ctx context.Context) ([]string, error) {
	return e.Lines(ctx, "ps", "--all", "--quiet", "--filter", "label="+runLabel)
}

// RemoveRuns removes what an interrupt left of them.
func (e *Engine) RemoveRuns(ctx context.Context) error {
	left, err := e.LeftRuns(ctx)
	if err == nil && len(left) > 0 {
		_, err = e.Output(ctx, append([]string{"rm", "--force", "--volumes"}, left...)...)
	}
	volumes, asked := e.Lines(ctx, "volume", "ls", "--quiet", "--filter", "label="+runLabel)
	return errors.Join(err, asked, e.RemoveVolumes(ctx, volumes...))
}

// Tail keeps the end of what is written to it.
type Tail struct{ kept []byte }

// tailSize is enough for an error message.
const tailSize = 8 << 10

func (t *Tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = bytes.Clone(t.kept[over:])
	}
	return len(p), nil
}

func (t *Tail) String() string { return strings.TrimSpace(string(t.kept)) }
