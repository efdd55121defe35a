package tracer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

// refusedFile is the file of an execve(2) that failed with EPERM, which is how the
// kernel refuses file capabilities (security/commoncap.c:bprm_caps_from_vfs_caps).
func refusedFile(d capprofDetail) (name string, ok bool) {
	if d.Key.Error != -int32(unix.EPERM) {
		return "", false
	}
	op := operation(d, nil)
	if op.Syscall != "execve" && op.Syscall != "execveat" {
		return "", false
	}
	return op.Object.Path, path.IsAbs(op.Object.Path)
}

// fileCapabilities reads the permitted set in the security.capability attribute of a
// file in a container, through the root directory of one of the processes. The first
// of them that is there still, and in the container, is asked: what was refused may
// have ended already, while the container's first process lives as long as any.
func fileCapabilities(name string, container Target, pids ...int) (capability.Set, error) {
	var errs []error
	for _, pid := range pids {
		root, err := rootOf(pid, container)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		defer root.Close()
		return capabilitiesBelow(root, name)
	}
	return 0, fmt.Errorf("finding the root of %s: %w", container.CgroupName, errors.Join(errs...))
}

// rootOf opens the root directory of a process, if that is in the container's cgroup.
// The numbers are the kernel's own: where ours is another PID namespace, or a number
// has gone to another process, the cgroup tells.
func rootOf(pid int, container Target) (*os.File, error) {
	dir, err := os.OpenFile("/proc/"+strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer dir.Close() // which stands for this very process
	cgroup, err := openAt(dir, "cgroup", unix.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer cgroup.Close()
	lines, err := io.ReadAll(cgroup)
	if err != nil {
		return nil, fmt.Errorf("reading the cgroup of process %d: %w", pid, err)
	}
	if !inCgroup(string(lines), container.CgroupName) {
		return nil, fmt.Errorf("process %d is not in %s", pid, container.CgroupName)
	}
	return openAt(dir, "root", unix.O_PATH|unix.O_DIRECTORY, 0)
}

// inCgroup looks for a cgroup, or one below it, in the unified hierarchy's line of a
// process's cgroup file.
func inCgroup(lines, name string) bool {
	for line := range strings.Lines(lines) {
		if unified, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			return slices.Contains(strings.Split(unified, "/"), name)
		}
	}
	return false
}

// capabilitiesBelow reads the attribute of a file, whose links are followed inside of
// root. Nothing is opened but the path: a FIFO would wait, a device would act.
func capabilitiesBelow(root *os.File, name string) (capability.Set, error) {
	file, err := openAt(root, name, unix.O_PATH, unix.RESOLVE_IN_ROOT)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	attribute := make([]byte, 64) // a struct vfs_ns_cap_data has 24
	n, err := unix.Getxattr("/proc/self/fd/"+strconv.Itoa(int(file.Fd())), fileCapabilityAttribute, attribute)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOPNOTSUPP) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the file capabilities of %s: %w", name, err)
	}
	return capability.OfFile(attribute[:n])
}

func openAt(dir *os.File, name string, flags int, resolve uint64) (*os.File, error) {
	fd, err := unix.Openat2(int(dir.Fd()), name, &unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: resolve})
	if err != nil {
		return nil, &os.PathError{Op: "openat2", Path: path.Join(dir.Name(), name), Err: err}
	}
	return os.NewFile(uintptr(fd), path.Join(dir.Name(), name)), nil
}
