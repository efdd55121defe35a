package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/runner"
)

// Grantable returns the part of ask that the engine can grant. The engine names
// what it does not know when a container is created, and creating is all that
// is done: nothing is started. What the engine knows but does not itself hold,
// it refuses at a start only ("unable to apply caps"); so the bounding sets of
// the local engine's processes count too, where they can be read.
func (e *Engine) Grantable(ctx context.Context, imageID string, ask capability.Set) (capability.Set, error) {
	if held, known := e.boundingSet(); known {
		ask = ask.Intersect(held)
	}
	for !ask.Empty() {
		id, err := e.create(ctx,
			&container.Config{Image: imageID, Cmd: []string{"/never-started"}},
			&container.HostConfig{CapDrop: []string{"ALL"}, CapAdd: ask.ShortNames()}, ask)
		var no *runner.RefusedError
		switch {
		case errors.As(err, &no) && !no.Refused.Empty():
			ask = ask.Minus(no.Refused)
			continue
		case err != nil:
			return 0, fmt.Errorf("asking which capabilities the engine grants: %w", err)
		}
		lasting, stop := outlive(ctx)
		err = e.remove(lasting, id)
		stop()
		return ask, err
	}
	return ask, nil
}

// boundingSet is what the engine's processes can hand on: the bounding set of
// the daemon and that of the containerd behind it, whose child runs the
// runtime. False when the engine is not a process that can be seen.
func (e *Engine) boundingSet() (capability.Set, bool) {
	if e.endpoint.socket() == "" {
		return 0, false
	}
	pid, err := listener(e.endpoint.socket())
	if err != nil || processName(pid) != "dockerd" {
		// With socket activation the listener is systemd, whose sets say nothing.
		return 0, false
	}
	held, err := boundingSetOf(pid)
	if err != nil {
		return 0, false
	}
	if containerd := containerdOf(pid); containerd != 0 {
		if behind, err := boundingSetOf(containerd); err == nil {
			held = held.Intersect(behind)
		}
	}
	return held, true
}

// containerdOf finds the containerd that a dockerd started, 0 when it uses one
// that somebody else did: which one that is cannot be seen.
func containerdOf(dockerd int) int {
	processes, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return 0
	}
	for _, status := range processes {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(status)))
		if err != nil || processName(pid) != "containerd" {
			continue
		}
		if parent, err := statusField(pid, "PPid"); err == nil && parent == strconv.Itoa(dockerd) {
			return pid
		}
	}
	return 0
}

// boundingSetOf reads CapBnd of a process.
func boundingSetOf(pid int) (capability.Set, error) {
	mask, err := statusField(pid, "CapBnd")
	if err != nil {
		return 0, err
	}
	bits, err := strconv.ParseUint(mask, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("bounding set of process %d: %w", pid, err)
	}
	return capability.Set(bits), nil
}

// statusField reads a field of /proc/PID/status (proc_pid_status(5)).
func statusField(pid int, name string) (string, error) {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return "", fmt.Errorf("reading the status of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(status)) {
		if key, value, ok := strings.Cut(line, ":"); ok && key == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("process %d has no field %s in its status", pid, name)
}
