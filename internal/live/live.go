// Package live reads from this machine's /proc what goes on in a running container: its
// processes and the sockets on which it listens. An adapter uses it where its engine's
// containers run on this machine.
package live

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/prometheus/procfs"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// Container is a running container as the kernel knows it.
type Container struct {
	// PID is its first process, as this machine's /proc has it.
	PID int
	// Cgroup is the name of its own cgroup directory, "" where it has none.
	Cgroup string
	// Directory is that of its own cgroup where its adapter knows it; then PID may be that of a
	// process outside of the cgroup that shares the container's network namespace. "" has it
	// looked up by Cgroup.
	Directory string
	// IsRuntime reports whether a process is none of the container's yet; nil for those of runc.
	IsRuntime func(pid int) bool
	// SharedNetwork says that others use its network namespace too.
	SharedNetwork bool
}

// Processes are those in the container's cgroup and in those below it. A process that
// is on its way into the container (the runtime's) is none of them.
//
// It is engine.ErrNotRunning when there is no such first process, and engine.ErrUnseen
// when the one of that number is not in the container's cgroup, or the cgroup cannot be
// read.
func (c Container) Processes() ([]scenario.Process, error) {
	members, err := c.members()
	if err != nil {
		return nil, err
	}
	var found []scenario.Process
	for _, pid := range members {
		process, err := procfs.NewProc(pid)
		if err != nil {
			continue // it has ended meanwhile
		}
		status, err := process.NewStatus()
		switch {
		case Gone(err):
			continue
		case err != nil:
			return nil, fmt.Errorf("%w: %w", engine.ErrUnseen, err)
		}
		if !isRuntime(status.Name) && (c.IsRuntime == nil || !c.IsRuntime(pid)) {
			found = append(found, scenario.Process{Name: status.Name, UID: uint32(status.UIDs[effective])})
		}
	}
	return found, nil
}

// effective is the second number of the line Uid of proc_pid_status(5).
const effective = 1

// isRuntime reports whether a process is one of runc's stages, which it names itself
// (libcontainer/nsenter/nsexec.c): runc:[2:INIT] becomes the container's program.
func isRuntime(name string) bool { return strings.HasPrefix(name, "runc:[") }

// members are the processes of the container's cgroup, itself and all below.
func (c Container) members() ([]int, error) {
	dirs, err := c.directories()
	if err != nil {
		return nil, err
	}
	var last error
	for _, dir := range dirs {
		var members []int
		if members, last = membersOf(dir); last == nil && len(members) > 0 {
			return members, nil
		}
	}
	if last == nil {
		last = errors.New("no cgroup lists its processes")
	}
	return nil, fmt.Errorf("%w: %w", engine.ErrUnseen, last)
}

// directories are where the container's cgroup may be found, one for each hierarchy
// that is mounted here. A first process that has moved into a cgroup below the
// container's own, as systemd's does, is still in it.
func (c Container) directories() ([]string, error) {
	if c.Directory != "" {
		return []string{c.Directory}, nil
	}
	first, err := procfs.NewProc(c.PID)
	if err != nil {
		return nil, notRunning(err)
	}
	hierarchies, err := first.Cgroups()
	if err != nil {
		return nil, notRunning(err)
	}
	mounted, err := hierarchyMounts()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrUnseen, err)
	}
	var dirs []string
	for _, h := range hierarchies {
		own, ok := upTo(h.Path, c.Cgroup)
		if !ok {
			continue
		}
		for _, m := range mounted {
			if inside, err := filepath.Rel(m.root, own); err == nil && m.carries(h) && filepath.IsLocal(inside) {
				dirs = append(dirs, filepath.Join(m.at, inside))
			}
		}
	}
	if len(dirs) == 0 {
		return nil, fmt.Errorf("%w: process %d is in no cgroup %q that is mounted here", engine.ErrUnseen, c.PID, c.Cgroup)
	}
	return dirs, nil
}

// upTo cuts a path behind the component of that name; false where it has none such.
func upTo(path, name string) (string, bool) {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if part == name && name != "" {
			return strings.Join(parts[:i+1], "/"), true
		}
	}
	return "", false
}

// hierarchy is a mounted cgroup hierarchy.
type hierarchy struct {
	// at is where it is mounted, root which part of it.
	at, root string
	// controllers are those of version 1, its name= included; none for version 2.
	controllers map[string]string
}

// carries reports whether a line of /proc/PID/cgroup is about this hierarchy.
func (h hierarchy) carries(line procfs.Cgroup) bool {
	if line.HierarchyID == 0 {
		return h.controllers == nil
	}
	for _, controller := range line.Controllers {
		name, value, _ := strings.Cut(controller, "=")
		if mounted, ok := h.controllers[name]; !ok || mounted != value {
			return false
		}
	}
	return h.controllers != nil && len(line.Controllers) > 0
}

// hierarchyMounts are the mounted hierarchies. They are read once: what mounts cgroups
// does so when the machine starts.
var hierarchyMounts = sync.OnceValues(func() ([]hierarchy, error) {
	mounts, err := procfs.GetMounts()
	if err != nil {
		return nil, err
	}
	var all []hierarchy
	for _, m := range mounts {
		switch m.FSType {
		case "cgroup2":
			all = append(all, hierarchy{at: m.MountPoint, root: m.Root})
		case "cgroup":
			all = append(all, hierarchy{at: m.MountPoint, root: m.Root, controllers: m.SuperOptions})
		}
	}
	return all, nil
})

// membersOf reads the processes of a cgroup and of those below it.
func membersOf(dir string) ([]int, error) {
	var members []int
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if path != dir && Gone(err) {
			return nil // a cgroup below that was removed meanwhile
		}
		if err != nil || !entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		switch {
		case path != dir && Gone(err), errors.Is(err, syscall.EOPNOTSUPP):
			// A threaded cgroup lists its processes in the one above (cgroups(7)).
			return nil
		case err != nil:
			return err
		}
		for _, line := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(line)
			if err != nil {
				return err
			}
			if pid == 0 {
				return errors.New("its processes are in a PID namespace that is not ours")
			}
			members = append(members, pid)
		}
		return nil
	})
	return members, err
}

// Gone reports whether an error says that something of /proc or of a cgroup is not there
// any more: it was not found, or it went between its opening and its reading.
func Gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.ENODEV)
}

// notRunning is what a failure to read of the first process means.
func notRunning(err error) error {
	if Gone(err) {
		return fmt.Errorf("%w: %w", engine.ErrNotRunning, err)
	}
	return fmt.Errorf("%w: %w", engine.ErrUnseen, err)
}
