package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/live"
	"github.com/capprof/capprof/internal/scenario"
)

// Container is one container of plain processes.
type Container struct {
	subject  *Subject
	settings *settings
	id       string
	// cgroup is its directory.
	cgroup string
	tree   *tree
	// own are its volumes without a source, where they are nobody else's.
	own *Data

	mu sync.Mutex
	// run is what Start began and Wait ends; nil before and after.
	run     *running
	removed bool
	// confined is what security modules held the latest start under.
	confined []engine.Confinement
}

var _ engine.Container = (*Container)(nil)

// ID is the session and a number.
func (c *Container) ID() string { return c.id }

// Cgroup names the cgroup that its processes are in from their first moment.
func (c *Container) Cgroup() engine.Cgroup { return engine.Cgroup{Name: filepath.Base(c.cgroup)} }

// now is what runs; an engine.ErrNotRunning where nothing does.
func (c *Container) now() (*running, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.run == nil || c.run.isOver() {
		return nil, fmt.Errorf("%w: %s", engine.ErrNotRunning, c.id)
	}
	return c.run, nil
}

// Start makes the namespaces and starts the program in them.
func (c *Container) Start(ctx context.Context, stdio engine.Stdio) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.removed:
		return fmt.Errorf("starting %s: it was removed", c.id)
	case c.run != nil:
		return fmt.Errorf("starting %s: it runs already", c.id)
	}
	// A cgroup that is new to the kernel, so that a trace tells the starts apart.
	if err := makeCgroup(c.cgroup, c.subject.engine.owner.String()); err != nil {
		return err
	}
	r, err := c.start(stdio)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		r.kill()
		<-r.over
		return err
	}
	c.run, c.confined = r, c.confinement()
	c.subject.engine.log.Debug("started", "container", c.id, "supervisor", r.supervisor.Process.Pid)
	if c.settings.health.checks() {
		go r.checkHealth(c)
	}
	return nil
}

// Wait waits for the end of the program, which is that of all processes, and for the end of
// the output.
func (c *Container) Wait(ctx context.Context) (engine.Exit, error) {
	c.mu.Lock()
	r := c.run
	c.mu.Unlock()
	if r == nil {
		return engine.Exit{}, fmt.Errorf("%s has not been started", c.id)
	}
	select {
	case <-r.over:
	case <-ctx.Done():
		return engine.Exit{}, ctx.Err()
	}
	c.mu.Lock()
	c.run = nil
	removed := c.removed
	c.mu.Unlock()
	c.subject.engine.log.Debug("ended", "container", c.id, "code", r.exit.Code, "error", r.err)
	lost := (*engine.EndedByOthersError)(nil)
	if removed && errors.As(r.err, &lost) {
		return engine.Exit{Code: killed, Signalled: true}, nil
	}
	return r.exit, r.err
}

// killed is the exit code of what SIGKILL ended.
const killed = 128 + int(syscall.SIGKILL)

// Signal sends a signal to the program; what a unit says goes to all of its processes.
func (c *Container) Signal(_ context.Context, signal syscall.Signal) error {
	r, err := c.now()
	if err != nil {
		return nil // it has not been started, or is over
	}
	return r.signal(signal, c.settings.unit.signalsAll())
}

// Exec runs a further command in the namespaces of the program.
func (c *Container) Exec(ctx context.Context, command engine.Command) (engine.Exit, error) {
	r, err := c.now()
	if err != nil {
		return engine.Exit{}, err
	}
	if err := ctx.Err(); err != nil {
		return engine.Exit{}, err
	}
	p := c.settings.program
	p.Argv, p.TTY = command.Argv, false
	if command.Privileged {
		held, err := held()
		if err != nil {
			return engine.Exit{}, err
		}
		p.Bounding = held
	}
	exit, err := r.exec(ctx, p, command.Stdout, command.Stderr)
	if failure := (*engine.StartError)(nil); errors.As(err, &failure) {
		return engine.Exit{Code: failure.Code}, nil
	}
	return exit, err
}

// live is the container as this machine's /proc has it.
func (c *Container) live() (live.Container, error) {
	r, err := c.now()
	if err != nil {
		return live.Container{}, err
	}
	return live.Container{
		PID: r.supervisor.Process.Pid, Directory: c.cgroup, SharedNetwork: !c.settings.ownNetwork, IsRuntime: isEntering,
	}, nil
}

// isEntering reports whether a process is still capprof, on its way to be a program.
func isEntering(pid int) bool {
	theirs, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid), "exe"))
	if err != nil {
		return false
	}
	ours, err := os.Stat("/proc/self/exe")
	return err == nil && os.SameFile(theirs, ours)
}

// look asks the kernel something about what runs.
func look[T any](ctx context.Context, c *Container, what func(live.Container) (T, error)) (found T, err error) {
	if err := ctx.Err(); err != nil {
		return found, err
	}
	here, err := c.live()
	if err != nil {
		return found, err
	}
	if found, err = what(here); err != nil {
		if _, over := c.now(); over != nil {
			return found, over
		}
	}
	return found, err
}

// Processes are those in the cgroup.
func (c *Container) Processes(ctx context.Context) ([]scenario.Process, error) {
	return look(ctx, c, live.Container.Processes)
}

// Listening are the sockets in the network namespace, of the container's own processes where
// that is the machine's.
func (c *Container) Listening(ctx context.Context) ([]scenario.Socket, error) {
	return look(ctx, c, live.Container.Listening)
}

// Busy reports whether a thread runs.
func (c *Container) Busy(ctx context.Context) (bool, error) {
	return look(ctx, c, live.Container.Busy)
}

// Confinement is what the kernel said of the program after the start: a profile may be
// attached to its path.
func (c *Container) Confinement(ctx context.Context) ([]engine.Confinement, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.confined, ctx.Err()
}

// confinement asks the kernel; a program that has ended already is under nothing.
func (c *Container) confinement() []engine.Confinement {
	text, err := os.ReadFile(filepath.Join(c.cgroup, "cgroup.procs"))
	if err != nil {
		return nil
	}
	for _, word := range strings.Fields(string(text)) {
		pid, err := strconv.Atoi(word)
		if err != nil || isEntering(pid) {
			continue
		}
		if held, err := (live.Container{PID: pid, Directory: c.cgroup}).Confinement(); err == nil {
			return held
		}
	}
	return nil
}

// CPUTime is what the cgroup has used.
func (c *Container) CPUTime(ctx context.Context) (time.Duration, error) {
	return look(ctx, c, func(live.Container) (time.Duration, error) {
		text, err := os.ReadFile(filepath.Join(c.cgroup, "cpu.stat"))
		if err != nil {
			return 0, fmt.Errorf("%w: %w", engine.ErrUnseen, err)
		}
		for line := range strings.Lines(string(text)) {
			if used, ok := strings.CutPrefix(strings.TrimSpace(line), "usage_usec "); ok {
				n, err := strconv.ParseInt(used, 10, 64)
				return time.Duration(n) * time.Microsecond, err
			}
		}
		return 0, fmt.Errorf("%w: %s/cpu.stat has no usage_usec", engine.ErrUnseen, c.cgroup)
	})
}

// Reach is the machine itself, or nothing with --network none.
func (c *Container) Reach(ctx context.Context) (engine.Reach, error) {
	return look(ctx, c, func(live.Container) (engine.Reach, error) {
		if c.settings.ownNetwork {
			return engine.Reach{}, nil
		}
		return engine.Reach{Address: "127.0.0.1"}, nil
	})
}

// FileCapabilities reads the attribute of a file in the tree.
func (c *Container) FileCapabilities(ctx context.Context, path string) (capability.Set, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.settings.program.Dir, path)
	}
	root, err := c.tree.root.SyscallConn()
	if err != nil {
		return 0, err
	}
	var permitted capability.Set
	var failure error
	err = root.Control(func(fd uintptr) { permitted, failure = fileCapabilities(int(fd), path) })
	if err := errors.Join(err, failure); err != nil {
		return 0, fmt.Errorf("reading the file capabilities of %s in %s: %w", path, c.id, err)
	}
	return permitted, nil
}

// fileCapabilities looks a file up inside of a tree, whatever its links say.
func fileCapabilities(root int, path string) (capability.Set, error) {
	fd, err := unix.Openat2(root, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	value := make([]byte, 64)
	n, err := unix.Getxattr(fmt.Sprintf("/proc/self/fd/%d", fd), "security.capability", value)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.EOPNOTSUPP) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return capability.OfFile(value[:n])
}

// Remove kills what runs and removes all that was made.
func (c *Container) Remove(ctx context.Context) error {
	c.mu.Lock()
	r, again := c.run, c.removed
	c.removed = true
	c.mu.Unlock()
	if again {
		return nil
	}
	if r != nil {
		r.kill()
		select {
		case <-r.over:
		case <-ctx.Done():
			return fmt.Errorf("removing %s: %w", c.id, ctx.Err())
		}
	}
	return errors.Join(removeCgroup(c.cgroup), c.tree.close(), c.removeOwn(ctx))
}

func (c *Container) removeOwn(ctx context.Context) error {
	if c.own == nil {
		return nil
	}
	return c.own.Remove(ctx)
}
