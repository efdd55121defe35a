package docker

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"strconv"
	"strings"

	"github.com/docker/docker/client"
)

// Kind says which engine is wanted.
type Kind string

// The kinds. Any is for whichever is found: the one that the environment names, or
// else the one that listens on its usual socket, Docker first.
const (
	Any    Kind = ""
	Docker Kind = "docker"
	Podman Kind = "podman"
)

// Kinds are those that can be asked for by name.
func Kinds() []string { return []string{string(Docker), string(Podman)} }

// Name is what the engine calls itself.
func (k Kind) Name() string {
	if k == Podman {
		return "Podman"
	}
	return "Docker"
}

// podmanSocket is the name of Podman's socket.
const podmanSocket = "podman.sock"

// containerHost is where podman --remote looks for an engine (podman(1)).
const containerHost = "CONTAINER_HOST"

// surroundings are what the choice of an engine depends on.
type surroundings struct {
	environment
	uid int
	// listens reports whether somebody listens on a Unix socket, whether or not we may
	// use it, same whether two paths are of one file, and installed whether a program is
	// in PATH.
	listens   func(socket string) bool
	same      func(one, other string) bool
	installed func(program string) bool
}

// here is this process's surroundings.
func here(env environment) surroundings {
	return surroundings{env, os.Geteuid(), listens, sameFile, func(program string) bool {
		_, err := exec.LookPath(program)
		return err == nil
	}}
}

// listens is surroundings.listens.
func listens(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return errors.Is(err, fs.ErrPermission)
	}
	_ = conn.Close()
	return true
}

// sameFile is surroundings.same: docker.sock may be a link to podman.sock, as the package
// podman-docker has it.
func sameFile(one, other string) bool {
	first, err := os.Stat(one)
	if err != nil {
		return false
	}
	second, err := os.Stat(other)
	return err == nil && os.SameFile(first, second)
}

// which finds the engine of a kind. What the environment says goes before docker's
// configuration, and that before what listens here.
func which(kind Kind, around surroundings) (endpoint, error) {
	env := around.environment
	docker, podman := env.get(client.EnvOverrideHost), env.get(containerHost)
	switch {
	case kind == Docker:
		return resolveEndpoint("", env)
	case kind == Podman && podman+docker != "":
		// A DOCKER_HOST that is Docker's is found out when the engine is asked who it is.
		return podmanAt(cmp.Or(podman, docker), env)
	case kind == Podman:
		return usual(kind, around)
	case docker != "", env.get("DOCKER_CONTEXT") != "":
		return resolveEndpoint("", env)
	case podman != "":
		return podmanAt(podman, env)
	}
	file, err := configuration(env)
	if err != nil {
		return endpoint{}, err
	}
	if file.CurrentContext != "" && file.CurrentContext != "default" {
		return resolveEndpoint("", env)
	}
	return usual(kind, around)
}

// podmanAt is the engine at an address of podman's.
func podmanAt(address string, env environment) (endpoint, error) {
	if strings.HasPrefix(address, "ssh://") {
		return endpoint{}, fmt.Errorf("address %q: Podman is not reached by ssh: forward its socket (ssh -N -L /tmp/podman.sock:/run/podman/podman.sock HOST), and set %s=unix:///tmp/podman.sock", address, containerHost)
	}
	at, err := resolveEndpoint(address, env)
	at.kind = Podman
	return at, err
}

// usual is the engine that listens on its usual socket.
func usual(kind Kind, around surroundings) (endpoint, error) {
	docker, podman := strings.TrimPrefix(client.DefaultDockerHost, "unix://"), ""
	sockets := podmanSockets(around)
	for _, socket := range sockets {
		if podman == "" && around.listens(socket) {
			podman = socket
		}
	}
	isHere := kind == Any && around.listens(docker)
	switch {
	case isHere && !around.same(docker, podman):
		at, err := resolveEndpoint("", around.environment)
		if podman != "" {
			at.beside = Podman
		}
		return at, err
	case podman != "":
		return podmanAt("unix://"+podman, around.environment)
	case kind == Podman, around.installed("podman") && !around.installed("dockerd") && !around.installed("docker"):
		return podmanAt("unix://"+sockets[0], around.environment)
	}
	return resolveEndpoint("", around.environment)
}

// podmanSockets are where podman.socket of systemd listens, for the system and for a
// user, the user's own first.
func podmanSockets(around surroundings) []string {
	const ofSystem = "/run/podman/" + podmanSocket
	if around.uid == 0 {
		return []string{ofSystem}
	}
	runtime := around.get("XDG_RUNTIME_DIR")
	if runtime == "" {
		runtime = "/run/user/" + strconv.Itoa(around.uid)
	}
	return []string{path.Join(runtime, "podman", podmanSocket), ofSystem}
}

// unit is the engine's to systemd.
func (at endpoint) unit() string {
	if at.kind == Podman || strings.HasSuffix(at.socket(), "/"+podmanSocket) {
		return "podman"
	}
	return "docker"
}

// remedy says how to start the engine that does not answer.
func (at endpoint) remedy() string {
	if at.unit() == "docker" {
		return "start it (systemctl start docker), or name another one with DOCKER_HOST"
	}
	if socket := at.socket(); strings.HasPrefix(socket, "/run/user/") || socket != "" && !strings.HasPrefix(socket, "/run/") && !strings.HasPrefix(socket, "/var/run/") {
		return "start it (systemctl --user start podman.socket), or name another one with " + containerHost
	}
	return "start it (systemctl start podman.socket), or name another one with " + containerHost +
		", such as a user's unix:///run/user/1000/podman/podman.sock"
}
