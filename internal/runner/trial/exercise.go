package trial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// How a probe is made.
const (
	// probeTime bounds one attempt while it is not known how long one takes.
	probeTime = 30 * time.Second
	// insists is how long a probe that fails is tried again: a service that listens need
	// not be able to answer yet.
	insists = 3 * time.Second
	// pause is the time between two attempts.
	pause = 200 * time.Millisecond
)

// ProbeError says that the user's own probe does not work, with everything allowed.
type ProbeError struct {
	// Option is --probe, --exec or --ready.
	Option, Command string
	// Why says how it failed.
	Why string
	// Output are its last lines.
	Output []string
}

func (e *ProbeError) Error() string {
	text := fmt.Sprintf("%s %q fails with everything allowed, so it tells nothing: %s", e.Option, e.Command, e.Why)
	for _, line := range e.Output {
		text += "\n  | " + line
	}
	return text
}

// exercise makes the probes and runs the commands inside the container.
func (s *service) exercise(ctx context.Context, boot scenario.Boot) error {
	if len(s.Told.Probes)+len(s.Told.Execs) == 0 {
		return nil
	}
	if err := s.enter(scenario.Exercise); err != nil {
		return err
	}
	environment, err := s.environment(ctx)
	if err != nil {
		return err
	}
	for _, command := range s.Told.Probes {
		err := s.insist(ctx, boot, "--probe", command, func(ctx context.Context, output io.Writer) (int, error) {
			return shell(ctx, command, environment, output)
		})
		if err != nil {
			return err
		}
	}
	if len(s.Told.Execs) == 0 {
		return nil
	}
	if err := s.enter(scenario.Exec); err != nil {
		return err
	}
	for _, command := range s.Told.Execs {
		err := s.insist(ctx, boot, "--exec", command, func(ctx context.Context, output io.Writer) (int, error) {
			return s.inside(ctx, command, output)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// insist makes a probe until it succeeds, for as long as it took in the reference and
// some time.
func (s *service) insist(ctx context.Context, boot scenario.Boot, option, command string, attempt func(context.Context, io.Writer) (int, error)) error {
	began, patience := time.Now(), insists
	limit := s.limit(boot, s.phase.Step)
	if limit == 0 {
		limit = probeTime
	} else {
		patience = min(patience, limit)
	}
	for {
		output := &tail{}
		limited, stop := within(ctx, limit)
		code, err := s.attempt(limited, attempt, output)
		stop()
		var why string
		switch {
		case err == nil && code == 0:
			return nil
		case err == nil:
			why = fmt.Sprintf("exit code %d", code)
		case errors.Is(err, errStep):
			why = "it does not end"
		default:
			return err
		}
		missing := err == nil && (code == 126 || code == 127)
		if missing || err != nil || time.Since(began) >= patience {
			return s.fails(option, command, why, output.last())
		}
		select {
		case end := <-s.ended:
			return s.over(end)
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// attempt makes one attempt, next to the container, which may end meanwhile.
func (s *service) attempt(ctx context.Context, attempt func(context.Context, io.Writer) (int, error), output io.Writer) (int, error) {
	type result struct {
		code int
		err  error
	}
	trying, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan result, 1)
	go func() {
		code, err := attempt(trying, output)
		done <- result{code, err}
	}()
	select {
	case r := <-done:
		if r.err != nil && ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return r.code, r.err
	case end := <-s.ended:
		stop()
		<-done
		return 0, s.over(end)
	}
}

// fails is what becomes of a probe that does not succeed: with everything allowed, it is
// the probe's own fault.
func (s *service) fails(option, command, why string, output []string) error {
	if s.teaches {
		return &ProbeError{Option: option, Command: command, Why: why, Output: output}
	}
	if len(output) > 0 {
		why += ": " + output[len(output)-1]
	}
	return fell("%s %q fails: %s", option, command, why)
}

// shell runs a command on this machine.
func shell(ctx context.Context, command string, environment []string, output io.Writer) (int, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), environment...), output, output
	// Nothing of it outlives the attempt, nor capprof.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	var exited *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case errors.As(err, &exited):
		if status, ok := exited.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal()), nil
		}
		return exited.ExitCode(), nil
	case errors.Is(err, exec.ErrWaitDelay):
		return 0, nil // something that it started holds its output open
	}
	return 0, err
}

// environment tells a probe where the service is.
func (l *live) environment(ctx context.Context) ([]string, error) {
	reach, err := l.container.Reach(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := l.container.Listening(ctx)
	if err != nil && !errors.Is(err, engine.ErrUnseen) {
		return nil, err
	}
	env := []string{"CAPPROF_CONTAINER=" + l.container.ID()}
	ports := map[string]string{}
	for _, socket := range seen {
		ports[strconv.Itoa(socket.Port)] = strconv.Itoa(socket.Port)
	}
	address := reach.Address
	for _, published := range slices.Sorted(maps.Keys(reach.Published)) {
		port, _, _ := strings.Cut(published, "/")
		if reach.Address != "" {
			ports[port] = port
			continue
		}
		// Only what is published can be reached.
		host, number, err := net.SplitHostPort(reach.Published[published])
		if err == nil {
			address, ports[port] = host, number
		}
	}
	env = append(env, "CAPPROF_ADDRESS="+address)
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		env = append(env, "CAPPROF_PORT_"+port+"="+ports[port])
	}
	return env, nil
}
