package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/capprof/capprof/bench/empty"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// redisScript runs in a container, through bash.
//
//go:embed redis.sh
var redisScript string

// Where a container finds the benchmark's directory, and what is in it.
const (
	inside       = "/bench"
	workloadFile = "workload"
	redisFile    = "redis.sh"
	gateFile     = "gate"
)

// setup is what all measurements share.
type setup struct {
	engine   *testengine.Engine
	image    string
	dir      string // mounted into every container at inside
	capprof  string
	strace   string
	programs *empty.Programs
	gate     *net.UnixListener
	label    string
	// running are the commands that have not ended yet.
	running sync.WaitGroup
	// runs numbers the runs of capprof, for their directories.
	runs int
	// peak is the largest resident set of a capprof so far, in bytes.
	peak int64
}

func newSetup(ctx context.Context, progress io.Writer) (_ *setup, err error) {
	s := &setup{label: fmt.Sprintf("capprof-bench=%d", os.Getpid())}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
		}
	}()
	if os.Geteuid() != 0 {
		return nil, errors.New("tracing needs root")
	}
	if s.strace, err = exec.LookPath("strace"); err != nil {
		return nil, fmt.Errorf("strace is one of those compared (apt-get install strace): %w", err)
	}
	if s.engine, err = testengine.System(ctx); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "capprof-bench-"); err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	s.capprof = filepath.Join(s.dir, "capprof")
	for name, source := range map[string]string{
		"capprof":    "github.com/capprof/capprof/cmd/capprof",
		workloadFile: "github.com/capprof/capprof/bench/workload",
	} {
		build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(s.dir, name), source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building %s: %w: %s", name, err, output)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, redisFile), []byte(redisScript), 0o644); err != nil {
		return nil, fmt.Errorf("writing %s: %w", redisFile, err)
	}
	if s.gate, err = net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(s.dir, gateFile)}); err != nil {
		return nil, fmt.Errorf("making the gate: %w", err)
	}
	if s.programs, err = empty.Load(); err != nil {
		return nil, err
	}
	if s.image, err = testimage.Debian(ctx, s.engine, progress); err != nil {
		return nil, err
	}
	return s, nil
}

// close removes everything, containers of an interrupted measurement included. The
// context of the measurements must have ended.
func (s *setup) close(ctx context.Context) error {
	s.running.Wait()
	var problems []error
	if s.programs != nil {
		problems = append(problems, s.programs.Close())
	}
	if s.gate != nil {
		problems = append(problems, s.gate.Close())
	}
	if s.engine != nil {
		left, err := s.engine.Lines(ctx, "ps", "-aq", "--filter", "label="+s.label)
		problems = append(problems, err)
		if len(left) > 0 {
			_, err := s.engine.Output(ctx, append([]string{"rm", "-f"}, left...)...)
			problems = append(problems, err)
		}
	}
	if s.image != "" {
		problems = append(problems, testimage.Remove(ctx, s.engine, s.image))
	}
	if s.dir != "" {
		problems = append(problems, os.RemoveAll(s.dir))
	}
	return errors.Join(problems...)
}

// options are those of docker run and capprof run that every container is given.
// Without a network of its own a container starts faster.
func (s *setup) options() []string {
	return []string{"--network", "none", "-v", s.dir + ":" + inside + ":ro"}
}

// steps are the arguments of a workload command in a container.
func (s *setup) steps(steps ...string) []string {
	return append([]string{inside + "/" + workloadFile}, strings.Fields(strings.Join(steps, " + "))...)
}
