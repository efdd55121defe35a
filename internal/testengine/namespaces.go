package testengine

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// containerdState is where every containerd of a machine puts its shims'
// sockets, whatever its own state directory is.
const containerdState = "/run/containerd"

// namespaces are a network and a mount namespace, held open so that they outlive
// the daemons that come and go in them. The network one keeps a second dockerd
// from taking the first one's bridge; the mount one makes all of a daemon's
// mounts vanish with it.
type namespaces struct{ network, mount *os.File }

// newNamespaces makes the pair, with the loopback interface up. Over some paths
// others lie inside.
func newNamespaces(over map[string]string) (*namespaces, error) {
	type result struct {
		spaces *namespaces
		err    error
	}
	made := make(chan result, 1)
	go func() {
		// Never unlocked: the thread, changed beyond repair, ends with the goroutine.
		runtime.LockOSThread()
		spaces, err := unshare(over)
		made <- result{spaces, err}
	}()
	r := <-made
	return r.spaces, r.err
}

// unshare gives the calling thread namespaces of its own and opens them.
func unshare(over map[string]string) (*namespaces, error) {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("making a network and a mount namespace: %w", err)
	}
	// Nothing mounted here may show up in the machine's own namespace.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("making the mounts private: %w", err)
	}
	if _, err := os.Stat(containerdState); err == nil {
		if err := unix.Mount("tmpfs", containerdState, "tmpfs", 0, "mode=0711"); err != nil {
			return nil, fmt.Errorf("mounting %s: %w", containerdState, err)
		}
	}
	for path, own := range over {
		if err := unix.Mount(own, path, "", unix.MS_BIND, ""); err != nil {
			return nil, fmt.Errorf("mounting over %s: %w", path, err)
		}
	}
	if err := loopbackUp(); err != nil {
		return nil, err
	}
	network, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("opening the network namespace: %w", err)
	}
	mount, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the mount namespace: %w", err), network.Close())
	}
	return &namespaces{network, mount}, nil
}

// loopbackUp brings the thread's loopback interface up: netdevice(7).
func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("opening a socket to configure loopback: %w", err)
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return fmt.Errorf("naming loopback: %w", err)
	}
	request.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("bringing loopback up: %w", err)
	}
	return nil
}

// enter moves the calling thread, which must be locked, into the namespaces.
func (n *namespaces) enter() error {
	// setns(2) refuses a mount namespace to a thread that shares its root and
	// working directory with others, as all of a process do.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("parting with the shared file system attributes: %w", err)
	}
	if err := unix.Setns(int(n.network.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering the network namespace: %w", err)
	}
	if err := unix.Setns(int(n.mount.Fd()), unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("entering the mount namespace: %w", err)
	}
	return nil
}

func (n *namespaces) close() error {
	return errors.Join(n.network.Close(), n.mount.Close())
}
