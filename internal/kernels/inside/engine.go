package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/capprof/capprof/internal/kernels/plan"
)

// engine is one that runs.
type engine struct {
	kind plan.Engine
	// host is its address in the form of DOCKER_HOST.
	host, version string
	// client is the command that talks to it.
	client []string
	stop   func() error
}

// startEngine starts an engine and has it make the image of an archive.
func startEngine(kind plan.Engine, image string) (*engine, error) {
	start := startDocker
	switch {
	case kind.Kind == "podman" && kind.Rootless:
		start = startRootlessPodman
	case kind.Kind == "podman":
		start = startPodman
	case kind.Kind != "docker" || kind.Rootless || kind.Runtime != "":
		return nil, fmt.Errorf("nothing here starts %s", kind)
	}
	e, err := start(kind)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", kind, err)
	}
	e.kind = kind
	side := "Server"
	if kind.Kind == "podman" {
		side = "Client" // it is no client of a server
	}
	if e.version, err = e.run("version", "--format", "{{."+side+".Version}}"); err == nil {
		_, err = e.run("import", image, plan.Reference)
	}
	if err == nil && kind.Kind == "podman" {
		// The first request starts the service, for which capprof does not wait that long.
		_, err = e.run("--url", e.host, "info")
	}
	if err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

// run runs a command of the engine's client.
func (e *engine) run(args ...string) (string, error) {
	args = append(append([]string{}, e.client...), args...)
	return command(args[0], args[1:]...)
}

// startDocker starts the machine's Docker as systemd does.
func startDocker(kind plan.Engine) (*engine, error) {
	settings := map[string]any{}
	if kind.ContainerdStore {
		settings["features"] = map[string]bool{"containerd-snapshotter": true}
	}
	text, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	if err := write("/etc/docker/daemon.json", string(text)); err != nil {
		return nil, err
	}
	if _, err := command("systemctl", "start", "docker.service"); err != nil {
		return nil, errors.Join(err, journal("docker.service"))
	}
	return &engine{
		host: "unix:///run/docker.sock", client: []string{"docker"},
		stop: func() error {
			_, err := command("systemctl", "stop", "docker.service", "docker.socket")
			return err
		},
	}, nil
}

// socketUnit is of Podman's service, which the first request starts. It does not end when it
// is idle: a start takes long under emulation.
const socketUnit = "podman.socket"

const stayThere = "[Service]\nExecStart=\nExecStart=/usr/bin/podman system service --time=0\n"

// choose sets the runtime that Podman takes.
func choose(kind plan.Engine) error {
	if kind.Runtime == "" {
		return nil
	}
	return write("/etc/containers/containers.conf", fmt.Sprintf("[engine]\nruntime = %q\n", kind.Runtime))
}

func startPodman(kind plan.Engine) (*engine, error) {
	if err := errors.Join(choose(kind), write("/etc/systemd/system/podman.service.d/stay.conf", stayThere)); err != nil {
		return nil, err
	}
	if _, err := command("systemctl", "daemon-reload"); err != nil {
		return nil, err
	}
	if _, err := command("systemctl", "start", socketUnit); err != nil {
		return nil, err
	}
	return &engine{
		host: "unix:///run/podman/podman.sock", client: []string{"podman"},
		stop: func() error {
			_, err := command("systemctl", "stop", socketUnit, "podman.service")
			return err
		},
	}, nil
}

// rootlessUser is the user of rootless engines.
const rootlessUser = "user"

// startRootlessPodman starts that of an ordinary user under the user's own systemd.
func startRootlessPodman(kind plan.Engine) (*engine, error) {
	if err := errors.Join(choose(kind), write("/etc/systemd/user/podman.service.d/stay.conf", stayThere)); err != nil {
		return nil, err
	}
	id, err := command("id", "-u", rootlessUser)
	if err != nil {
		return nil, err
	}
	if _, err := command("systemctl", "start", "user@"+id+".service"); err != nil {
		return nil, errors.Join(err, journal("user@"+id+".service"))
	}
	runtime := "/run/user/" + id
	as := []string{"runuser", "-u", rootlessUser, "--", "env", "-C", "/", "XDG_RUNTIME_DIR=" + runtime, "DBUS_SESSION_BUS_ADDRESS=unix:path=" + runtime + "/bus"}
	user := func(args ...string) error {
		_, err := command(as[0], append(append([]string{}, as[1:]...), args...)...)
		return err
	}
	if err := user("systemctl", "--user", "start", socketUnit); err != nil {
		return nil, err
	}
	return &engine{
		host: "unix://" + runtime + "/podman/podman.sock", client: append(as, "podman"),
		stop: func() error { return user("systemctl", "--user", "stop", socketUnit, "podman.service") },
	}, nil
}

// journal is the end of what a unit wrote.
func journal(unit string) error {
	text, err := command("journalctl", "--no-pager", "-n", "20", "-u", unit)
	if err != nil {
		return err
	}
	return errors.New(text)
}

// command runs a command and returns what it printed. The error has what it complained of.
func command(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func write(path, text string) error {
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
}
