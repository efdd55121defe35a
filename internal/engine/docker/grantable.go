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
	"github.com/capprof/capprof/internal/engine"
)

// Grantable returns the part of ask that the engine can grant. The engine names
// what it does not know when a container is created, and creating is all that
// is done: nothing is started. What the engine knows but does not itself hold,
// it refuses at a start only ("unable to apply caps"); so the bounding sets of
// the local engine's processes count too, where they can be read.
func (s *Subject) Grantable(ctx context.Context, ask capability.Set) (capability.Set, error) {
	e := s.engine
	if held, known := e.boundingSet(); known {
		ask = ask.Intersect(held)
	}
	for !ask.Empty() {
		id, err := e.create(ctx, &createBody{
			Config:     container.Config{Image: s.identity.ID, Cmd: []string{"/never-started"}},
			HostConfig: container.HostConfig{CapDrop: []string{"ALL"}, CapAdd: ask.ShortNames()},
		}, ask)
		var no *engine.RefusedError
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
// the daemon and that of a containerd behind dockerd, whose child runs the
// runtime. False when the engine is not a process that can be seen.
func (e *Engine) boundingSet() (capability.Set, bool) {
	if e.endpoint.socket() == "" {
		return 0, false
	}
	pid := engineProcess(e.endpoint.socket())
	if pid == 0 {
		return 0, false
	}
	held, err := boundingSetOf(pid)
	if err != nil {
		return 0, false
	}
	if containerd := containerdOf(pid); containerd != 0 && processName(pid) == "dockerd" {
		if behind, err := boundingSetOf(containerd); err == nil {
			held = held.Intersect(behind)
		}
	}
	return held, true
}

// engineProcess finds the dockerd or podman behind a socket, 0 when it cannot be told.
// With socket activation the listener is systemd, and the engine is the one process
// of its name.
func engineProcess(socket string) int {
	pid, err := listener(socket)
	if err != nil {
		return 0
	}
	switch processName(pid) {
	case "dockerd", "podman":
		return pid
	case "systemd":
		name := "dockerd"
		if file, err := filepath.EvalSymlinks(socket); err == nil && filepath.Base(file) == podmanSocket {
			name = "podman"
		}
		if engines := processesNamed(name); len(engines) == 1 {
			return engines[0]
		}
	}
	return 0
}

// containerdOf finds the containerd behind a dockerd: its own child, or else
// the one that no dockerd started, where there is just one. 0 when it cannot be
// told.
func containerdOf(dockerd int) int {
	var others []int
	for _, pid := range processesNamed("containerd") {
		field, err := statusField(pid, "PPid")
		if err != nil {
			continue
		}
		parent, err := strconv.Atoi(field)
		switch {
		case err != nil:
		case parent == dockerd:
			return pid
		case processName(parent) != "dockerd":
			others = append(others, pid)
		}
	}
	if len(others) == 1 {
		return others[0]
	}
	return 0
}

// processesNamed lists the processes of a name, as far as they can be seen.
func processesNamed(name string) []int {
	found, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil
	}
	var named []int
	for _, dir := range found {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil && processName(pid) == name {
			named = append(named, pid)
		}
	}
	return named
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
