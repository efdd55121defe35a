package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/system"
	"golang.org/x/sys/unix"
)

// whyRemote says why the containers of an engine cannot be shown to run on this
// kernel; "" when they do. The API has nothing that identifies a boot, so the
// proof is local: the process that listens on the Unix socket is an engine
// among our own processes (SO_PEERCRED), or the engine's identity lies in our
// own file system. A forwarded socket (ssh -L, Docker Desktop, a VM) and a TCP
// address have neither.
func whyRemote(at endpoint, info system.Info) string {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return fmt.Sprintf("this kernel's release is unknown: uname: %v", err)
	}
	release, host := unix.ByteSliceToString(name.Release[:]), unix.ByteSliceToString(name.Nodename[:])
	if info.OSType != "" && info.OSType != "linux" {
		return fmt.Sprintf("the engine at %s runs %s containers", at, info.OSType)
	}
	if info.KernelVersion != release {
		return fmt.Sprintf("the engine at %s runs on kernel %s, capprof on %s", at, info.KernelVersion, release)
	}
	for _, sandbox := range []string{"runsc", "gvisor", "kata", "firecracker"} {
		if strings.Contains(info.DefaultRuntime, sandbox) {
			return fmt.Sprintf("the engine's runtime %s gives each container a kernel of its own", info.DefaultRuntime)
		}
	}
	if identityIsLocal(info) {
		return ""
	}
	if at.socket() == "" {
		return fmt.Sprintf("the engine at %s is reached over the network, and nothing shows that it is this machine", at)
	}
	pid, err := listener(at.socket())
	if err != nil {
		return fmt.Sprintf("nothing shows who listens on %s: %v", at.socket(), err)
	}
	if pid == 0 {
		return fmt.Sprintf("the process that listens on %s is outside of this PID namespace: run capprof in the host's", at.socket())
	}
	switch comm := processName(pid); comm {
	case "dockerd", "podman":
		return ""
	case "systemd":
		// Socket activation: systemd made the socket and handed it to the engine
		// that it starts (docker.socket), which then is a process of this machine.
		if info.Name == host {
			return ""
		}
		return fmt.Sprintf("systemd listens on %s, but the engine behind it says that it is on %q and not on %q", at.socket(), info.Name, host)
	default:
		return fmt.Sprintf("%s is served by %s (PID %d), which may forward it to another machine", at.socket(), comm, pid)
	}
}

// identityIsLocal reports whether the engine's own identity file is here: since
// dockerd 23 its ID is the content of engine-id in its data directory, which
// the engine's user may read.
func identityIsLocal(info system.Info) bool {
	if info.ID == "" || info.DockerRootDir == "" {
		return false
	}
	id, err := os.ReadFile(filepath.Join(info.DockerRootDir, "engine-id"))
	return err == nil && strings.TrimSpace(string(id)) == info.ID
}

// listener is the process that called listen(2) on a Unix socket, 0 when it is
// not visible from this PID namespace (unix(7), SO_PEERCRED).
func listener(socket string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("opening a socket: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
		return 0, fmt.Errorf("connecting to %s: %w", socket, err)
	}
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, fmt.Errorf("asking for the peer of %s: %w", socket, err)
	}
	return int(peer.Pid), nil
}

// processName is the name in /proc/PID/comm, "" when there is no such process.
func processName(pid int) string {
	comm, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(comm), "\n")
}
