package inside

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// InThread runs f in a thread of its own, which ends with it: what f does to its
// namespaces is nobody else's.
func InThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends
		done <- f()
	}()
	return <-done
}

// makeMounts makes the mount namespace of one start from that of the file tree: a copy of
// it, with what belongs to the other namespaces of the start. It returns it as a
// descriptor.
func makeMounts(s Setup) (mounts int, err error) {
	err = InThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		if err := unix.Setns(treeFD, unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("entering the file tree: %w", err)
		}
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("making a mount namespace: %w", err)
		}
		if err := mountOwn(s); err != nil {
			return err
		}
		if err := writeSysctls(s.Sysctls); err != nil {
			return err
		}
		mounts, err = unix.Open("/proc/thread-self/ns/mnt", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		return err
	})
	return mounts, err
}

// mountOwn mounts what shows the other namespaces.
func mountOwn(s Setup) error {
	const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	if err := unix.Mount("proc", "/proc", "proc", safe, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	if s.OwnIPC {
		if _, err := os.Stat("/dev/mqueue"); err == nil {
			if err := unix.Mount("mqueue", "/dev/mqueue", "mqueue", safe, ""); err != nil {
				return fmt.Errorf("mounting /dev/mqueue: %w", err)
			}
		}
	}
	if !s.OwnNetwork {
		return nil
	}
	// /sys shows the network of whoever mounts it, and what was below stays there.
	var below []string
	entries, err := os.ReadFile("/proc/thread-self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(entries)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], "/sys/") && !inside(fields[4], below) {
			below = append(below, fields[4])
		}
	}
	trees := make([]int, len(below))
	for i, path := range below {
		if trees[i], err = unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE); err != nil {
			return fmt.Errorf("taking %s: %w", path, err)
		}
		defer unix.Close(trees[i])
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", safe, ""); err != nil {
		return fmt.Errorf("mounting /sys: %w", err)
	}
	for i, path := range below {
		if err := unix.MoveMount(trees[i], "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("mounting %s: %w", path, err)
		}
	}
	return nil
}

// inside reports whether a path is one of the others or below one.
func inside(path string, others []string) bool {
	return slices.ContainsFunc(others, func(other string) bool { return path == other || strings.HasPrefix(path, other+"/") })
}

func writeSysctls(sysctls map[string]string) error {
	for name, value := range sysctls {
		path := filepath.Join("/proc/sys", strings.ReplaceAll(name, ".", "/"))
		if err := os.WriteFile(path, []byte(value), 0); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("this kernel has no sysctl %s", name)
			}
			return fmt.Errorf("setting the sysctl %s to %q: %w", name, value, err)
		}
	}
	return nil
}

// raiseLoopback brings the loopback interface of a new network namespace up.
func raiseLoopback() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}
