package testengine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Service is a container that runs until it is stopped, driven by the docker command
// line.
type Service struct {
	engine *Engine
	// Name is the container's.
	Name string
}

// Launch starts a workload and leaves it running. Where its first program could not be
// executed, why is the engine's message, and the container is there all the same. The
// caller removes it.
func (e *Engine) Launch(ctx context.Context, r Run) (s *Service, why string, err error) {
	name := fmt.Sprintf("capprof-testrun-%d-%d", os.Getpid(), runCount.Add(1))
	args := []string{"run", "--detach", "--name", name, "--label", runLabel, "--cap-drop", "ALL"}
	for _, short := range r.Capabilities.ShortNames() {
		args = append(args, "--cap-add", short)
	}
	args = append(append(append(args, r.Flags...), r.Image), r.Command...)
	s = &Service{e, name}
	var output Tail
	cmd := e.Command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = r.Stdin, &output, &output
	err = cmd.Run()
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case ctx.Err() != nil:
		return s, "", context.Cause(ctx)
	case failed && exit.ExitCode() == EngineFailed:
		reason, _, _ := strings.Cut(output.String(), "\n")
		return s, "", &RefusedError{reason}
	case failed:
		return s, output.String(), nil
	case err != nil:
		return s, "", fmt.Errorf("docker run: %w", err)
	}
	return s, "", nil
}

// Again starts the container again after it ended; why is as with Launch.
func (s *Service) Again(ctx context.Context) (why string, err error) {
	output, err := s.engine.Command(ctx, "start", s.Name).CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); failed && ctx.Err() == nil {
		return string(bytes.TrimSpace(output)), nil
	}
	return "", err
}

// State is what the engine says of a container.
type State struct {
	State struct {
		Running       bool
		Pid, ExitCode int
		// Health is nil where there is no health check.
		Health *struct{ Status string }
	}
	NetworkSettings struct{ IPAddress string }
}

// State asks the engine.
func (s *Service) State(ctx context.Context) (State, error) {
	var states []State
	text, err := s.engine.Output(ctx, "container", "inspect", s.Name)
	if err == nil {
		err = json.Unmarshal([]byte(text), &states)
	}
	if err != nil {
		return State{}, err
	}
	if len(states) != 1 {
		return State{}, fmt.Errorf("%d containers are called %s", len(states), s.Name)
	}
	return states[0], nil
}

// Exec runs a shell command in the container and returns what it wrote.
func (s *Service) Exec(ctx context.Context, command string) (string, error) {
	output, err := s.engine.Command(ctx, "exec", s.Name, "sh", "-c", command).CombinedOutput()
	return string(bytes.TrimSpace(output)), err
}

// Stop stops the container by its own signal, and by SIGKILL after the limit, in whole
// seconds. It returns when the container has ended.
func (s *Service) Stop(ctx context.Context, limit time.Duration) error {
	_, err := s.engine.Output(ctx, "stop", "-t", strconv.Itoa(int(limit.Seconds())), s.Name)
	return err
}

// Log is the end of what the container wrote.
func (s *Service) Log(ctx context.Context) string {
	var output Tail
	cmd := s.engine.Command(ctx, "logs", "--tail", "20", s.Name)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return err.Error()
	}
	return output.String()
}

// Remove removes the container, running or not, with its anonymous volumes.
func (s *Service) Remove(ctx context.Context) error {
	_, err := s.engine.Output(ctx, "rm", "--force", "--volumes", s.Name)
	return err
}

// NewVolume makes a volume that RemoveRuns removes, if the caller doesn't.
func (e *Engine) NewVolume(ctx context.Context) (string, error) {
	return e.Output(ctx, "volume", "create", "--label", runLabel)
}

// RemoveVolumes removes volumes that no container uses any more.
func (e *Engine) RemoveVolumes(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	_, err := e.Output(ctx, append([]string{"volume", "rm", "--force"}, names...)...)
	return err
}
