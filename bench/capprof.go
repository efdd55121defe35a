package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// capprofRun is a capprof that runs, or has run.
type capprofRun struct {
	setup  *setup
	logs   string
	ended  chan struct{}
	peak   bytes.Buffer
	stderr bytes.Buffer
	err    error
}

// profile starts capprof on a command, with further options.
func (s *setup) profile(ctx context.Context, command []string, options ...string) (*capprofRun, error) {
	s.runs++
	r := &capprofRun{setup: s, logs: filepath.Join(s.dir, fmt.Sprintf("logs-%d", s.runs)), ended: make(chan struct{})}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding the benchmark itself: %w", err)
	}
	args := []string{peakCommand, s.capprof, "run", "--log-dir", r.logs}
	args = append(append(append(append(args, options...), s.options()...), s.image, "--"), command...)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+s.engine.Host, "DOCKER_CONTEXT=")
	cmd.Stdout, cmd.Stderr = &r.peak, &r.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	s.running.Go(func() {
		defer close(r.ended)
		r.err = cmd.Run()
	})
	return r, nil
}

// wait waits for capprof's end and notes its peak.
func (r *capprofRun) wait() error {
	<-r.ended
	if r.err != nil {
		return fmt.Errorf("capprof: %w: %s", r.err, r.stderr.String())
	}
	kibibytes, err := strconv.ParseInt(strings.TrimSpace(r.peak.String()), 10, 64)
	if err != nil {
		return fmt.Errorf("reading capprof's peak memory: %w", err)
	}
	r.setup.peak = max(r.setup.peak, kibibytes<<10)
	return nil
}

// number is what the last run of a purpose printed. Those before it failed.
func (r *capprofRun) number(purpose string) (float64, error) {
	files, err := filepath.Glob(filepath.Join(r.logs, "run-*-"+purpose+".stdout"))
	if err != nil || len(files) == 0 {
		return 0, errors.Join(err, fmt.Errorf("capprof made no run to %s", purpose))
	}
	data, err := os.ReadFile(files[len(files)-1])
	if err != nil {
		return 0, fmt.Errorf("reading a run's output: %w", err)
	}
	return parseNumber(string(data))
}

// made is how many containers capprof ran.
func (r *capprofRun) made() (int, error) {
	files, err := filepath.Glob(filepath.Join(r.logs, "run-*.stdout"))
	if err != nil {
		return 0, fmt.Errorf("counting runs: %w", err)
	}
	return len(files), nil
}
