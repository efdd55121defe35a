package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
)

// untraced runs a command in a container and returns the number that it prints.
func (s *setup) untraced(ctx context.Context, command []string) (float64, error) {
	run := s.start(ctx, command)
	return run.number()
}

// dockerRun is a container that is running, or has run.
type dockerRun struct {
	ended          chan struct{}
	stdout, stderr bytes.Buffer
	err            error
}

// start starts a container with CAP_CHOWN alone.
func (s *setup) start(ctx context.Context, command []string) *dockerRun {
	args := []string{"run", "--rm", "--label", s.label, "--cap-drop", "ALL", "--cap-add", "CHOWN"}
	args = append(append(append(args, s.options()...), s.image), command...)
	r := &dockerRun{ended: make(chan struct{})}
	cmd := s.engine.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &r.stdout, &r.stderr
	s.running.Go(func() {
		defer close(r.ended)
		r.err = cmd.Run()
	})
	return r
}

// wait waits for the container's end.
func (r *dockerRun) wait() error {
	<-r.ended
	if r.err != nil {
		return fmt.Errorf("docker run: %w: %s", r.err, r.stderr.String())
	}
	return nil
}

func (r *dockerRun) number() (float64, error) {
	if err := r.wait(); err != nil {
		return 0, err
	}
	return parseNumber(r.stdout.String())
}

// parseNumber reads what a workload printed.
func parseNumber(output string) (float64, error) {
	value, err := strconv.ParseFloat(strings.TrimSpace(output), 64)
	if err != nil {
		return 0, fmt.Errorf("the workload printed %q where a number was expected", output)
	}
	return value, nil
}

// underEmpty does something while the empty programs are attached.
func (s *setup) underEmpty(do func() error) error {
	if err := s.programs.Attach(); err != nil {
		return err
	}
	err := do()
	if detachErr := s.programs.Detach(); err == nil {
		err = detachErr
	}
	return err
}

// underStrace holds a container at the gate, attaches strace -f to it, does
// something while it still waits, and lets it go. The first step of the command is
// the gate.
func (s *setup) underStrace(ctx context.Context, command []string, while func() error) (*dockerRun, error) {
	run := s.start(ctx, command)
	held, err := s.arrival(ctx, run.ended)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, run.stderr.String())
	}
	defer held.conn.Close()
	strace := exec.CommandContext(ctx, s.strace, "-f", "-o", "/dev/null", "-p", strconv.Itoa(held.pid))
	complaints, err := strace.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("connecting to strace: %w", err)
	}
	if err := strace.Start(); err != nil {
		return nil, fmt.Errorf("starting strace: %w", err)
	}
	lines := bufio.NewReader(complaints)
	line, err := lines.ReadString('\n')
	if err == nil && !strings.Contains(line, "attached") {
		err = fmt.Errorf("strace said %q", line)
	}
	if err == nil {
		err = while()
	}
	if passErr := held.pass(); err == nil {
		err = passErr
	}
	if _, drainErr := io.Copy(io.Discard, lines); err == nil {
		err = drainErr
	}
	if waitErr := strace.Wait(); err == nil && waitErr != nil {
		err = fmt.Errorf("strace: %w", waitErr)
	}
	return run, err
}
