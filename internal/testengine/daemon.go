package testengine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// daemon is one dockerd, or one service of Podman, with everything of its own: socket, data, runtime
// state, network and mount namespaces, and a control group above its containers'.
type daemon struct {
	driver string
	dir    string
	// remap is the user and group whose subordinate IDs the containers get, ""
	// where they share the machine's user namespace.
	remap  string
	spaces *namespaces
	// process is the running dockerd, nil when there is none.
	process *process
}

// process is a started dockerd; ended is closed once it was waited for.
type process struct {
	pid   int
	ended chan struct{}
	err   error
}

func newDaemon(driver string, remap bool) (*daemon, error) {
	if err := lookFor(driver); err != nil {
		return nil, err
	}
	// The path is kept short: a socket's address holds 107 bytes, and containerd
	// puts sockets further down.
	dir, err := os.MkdirTemp("", "capprof-engine-")
	if err != nil {
		return nil, fmt.Errorf("making the daemon's directory: %w", err)
	}
	// An empty configuration, because the machine's may name another storage
	// driver, and dockerd refuses a flag that contradicts the file.
	if err := os.WriteFile(filepath.Join(dir, "daemon.json"), []byte("{}\n"), 0o644); err != nil {
		return nil, errors.Join(fmt.Errorf("writing the daemon's configuration: %w", err), os.RemoveAll(dir))
	}
	// Let a test reach the socket as another user; the socket has its own mode.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, errors.Join(fmt.Errorf("opening the daemon's directory: %w", err), os.RemoveAll(dir))
	}
	var remapped string
	over := map[string]string{}
	switch {
	case driver == Podman:
		over[podmanConfiguration] = filepath.Join(dir, "containers")
		err = podmanSettings(over[podmanConfiguration])
	case remap:
		over["/etc/subuid"] = filepath.Join(dir, "subordinates")
		over["/etc/subgid"] = over["/etc/subuid"]
		remapped, err = writeSubordinates(over["/etc/subuid"])
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	spaces, err := newNamespaces(over)
	if err != nil {
		return nil, errors.Join(&unavailable{NoNamespaces, err}, os.RemoveAll(dir))
	}
	return &daemon{driver: driver, dir: dir, spaces: spaces, remap: remapped}, nil
}

// RemappedRoot is the host's user ID of root in the containers of an engine of
// StartRemapped.
const RemappedRoot = 100000

// writeSubordinates writes subuid(5) and subgid(5) in one, for the user and the
// group nobody, and returns both as --userns-remap takes them.
func writeSubordinates(path string) (string, error) {
	const nobody = "65534"
	owner, err := user.LookupId(nobody)
	if err != nil {
		return "", fmt.Errorf("naming the user whom root is remapped to: %w", err)
	}
	group, err := user.LookupGroupId(nobody)
	if err != nil {
		return "", fmt.Errorf("naming the group that root is remapped to: %w", err)
	}
	table := fmt.Sprintf("%[1]s:%[3]d:65536\n%[2]s:%[3]d:65536\n", owner.Username, group.Name, RemappedRoot)
	if err := os.WriteFile(path, []byte(table), 0o644); err != nil {
		return "", fmt.Errorf("writing the table of user IDs: %w", err)
	}
	return owner.Username + ":" + group.Name, nil
}

func (d *daemon) socket() string { return filepath.Join(d.dir, "d.sock") }

// cgroupParent is the control group above the daemon's containers: what is left
// of them can be found by it when the daemon is no more.
func (d *daemon) cgroupParent() string { return "/" + filepath.Base(d.dir) }

// start starts dockerd and returns when its API answers.
func (d *daemon) start(ctx context.Context) error {
	logFile, err := os.OpenFile(d.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("opening the daemon's log: %w", err)
	}
	defer logFile.Close()
	args := []string{
		"--config-file", filepath.Join(d.dir, "daemon.json"),
		"--host", "unix://" + d.socket(),
		"--data-root", filepath.Join(d.dir, "root"),
		"--exec-root", filepath.Join(d.dir, "exec"),
		"--pidfile", filepath.Join(d.dir, "pid"),
		"--storage-driver", d.driver,
		"--exec-opt", "native.cgroupdriver=cgroupfs",
		"--cgroup-parent", d.cgroupParent(),
		// The rules would be those of the empty network namespace, and iptables
		// need not be installed.
		"--iptables=false", "--ip6tables=false",
	}
	if d.remap != "" {
		args = append(args, "--userns-remap", d.remap)
	}
	program := "dockerd"
	if d.driver == Podman {
		program, args = "podman", d.podmanArguments()
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	// A test binary that is killed takes its daemon along; SIGTERM, so that the
	// daemon still ends its containers.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGTERM}

	started := make(chan error, 1)
	p := &process{ended: make(chan struct{})}
	go func() {
		// Namespaces belong to the thread, and so does the parent-death signal:
		// the thread is kept for as long as dockerd lives and, never unlocked,
		// ends with this goroutine.
		runtime.LockOSThread()
		defer close(p.ended)
		if err := d.spaces.enter(); err != nil {
			started <- err
			return
		}
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("starting %s: %w", program, err)
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		p.err = cmd.Wait()
	}()
	if err := <-started; err != nil {
		return err
	}
	d.process = p
	return d.ready(ctx)
}

// ready returns when the API answers. There is no event to wait for: dockerd
// listens early and answers late.
func (d *daemon) ready(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", d.socket())
		},
	}}
	for delay := 20 * time.Millisecond; ; delay = min(2*delay, 200*time.Millisecond) {
		err := ping(ctx, client)
		if err == nil {
			return nil
		}
		select {
		case <-d.process.ended:
			return fmt.Errorf("dockerd ended at its start (%w): %s", d.process.err, d.logTail())
		case <-ctx.Done():
			return fmt.Errorf("waiting for dockerd to answer: %w (%w): %s", context.Cause(ctx), err, d.logTail())
		case <-time.After(delay):
		}
	}
}

func ping(ctx context.Context, client *http.Client) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://docker/_ping", nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ping answered %s", response.Status)
	}
	return nil
}

// kill ends dockerd with SIGKILL. The containerd that it had started dies with
// it, by a parent-death signal; its end is waited for, because a dockerd started
// meanwhile would take the dying one for its own.
func (d *daemon) kill(ctx context.Context) error {
	if d.process == nil {
		return nil
	}
	if err := unix.Kill(d.process.pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("killing dockerd: %w", err)
	}
	<-d.process.ended
	d.process = nil
	if d.driver == Podman {
		return nil
	}
	state := filepath.Join(d.dir, "exec", "containerd")
	if err := endOf(ctx, filepath.Join(state, "containerd.toml")); err != nil {
		return err
	}
	// Where process 1 is slow to reap, the dead containerd still has a process ID,
	// and dockerd takes that for a running one.
	if err := os.Remove(filepath.Join(state, "containerd.pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the dead containerd's PID file: %w", err)
	}
	return nil
}

// terminate ends dockerd in order, and by force when ctx ends before it does.
func (d *daemon) terminate(ctx context.Context) error {
	if d.process == nil {
		return nil
	}
	if err := unix.Kill(d.process.pid, unix.SIGTERM); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("ending dockerd: %w", err)
	}
	select {
	case <-d.process.ended:
		d.process = nil
		return nil
	case <-ctx.Done():
		return d.kill(context.WithoutCancel(ctx))
	}
}

// remove ends everything that the daemon started and deletes all that it made.
func (d *daemon) remove(ctx context.Context) error {
	var problems []error
	// The containers go first: dockerd gives each ten seconds otherwise.
	problems = append(problems, killCgroup(d.cgroupParent()))
	if d.driver == Podman && d.process != nil {
		problems = append(problems, d.removeContainers(ctx))
	}
	problems = append(problems, d.terminate(ctx))
	// containerd and its shims outlive a dockerd that was killed.
	problems = append(problems, killMentioning(ctx, d.dir))
	problems = append(problems, killCgroup(d.cgroupParent()))
	problems = append(problems, removeCgroup(ctx, d.cgroupParent()))
	// The mounts live in the namespace, which goes with its last process.
	problems = append(problems, d.spaces.close())
	if err := os.RemoveAll(d.dir); err != nil {
		problems = append(problems, fmt.Errorf("removing the daemon's files: %w", err))
	}
	return errors.Join(problems...)
}

func (d *daemon) logPath() string { return filepath.Join(d.dir, "log") }

// logTail is the end of the daemon's log, where the reason of a failure stands.
func (d *daemon) logTail() string {
	const tail = 4 << 10
	text, err := os.ReadFile(d.logPath())
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(text[max(0, len(text)-tail):]))
}
