package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/host/inside"
)

// running is a container between its start and the end of its output.
type running struct {
	id         string
	supervisor *exec.Cmd
	// control is our end of the supervisor's socket. Closing it ends all.
	control *os.File
	// over is closed when all has ended and the output has been read. exit and err are valid
	// then.
	over   chan struct{}
	exit   engine.Exit
	err    error
	health verdict

	mu sync.Mutex
	// programs are those that were asked for and have not ended.
	programs map[int]chan inside.Event
	last     int
	// signalled says that we sent the first program a signal.
	signalled bool
	ended     *inside.Event
}

// verdict is what a health check says.
type verdict struct {
	mu             sync.Mutex
	healthy, known bool
	changed        chan struct{}
}

func (v *verdict) set(healthy bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.healthy, v.known = healthy, true
	if v.changed != nil {
		close(v.changed)
		v.changed = nil
	}
}

// now is what it says, and what is closed when that changes.
func (v *verdict) now() (healthy, known bool, changed <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.changed == nil {
		v.changed = make(chan struct{})
	}
	return v.healthy, v.known, v.changed
}

// start starts the supervisor and the first program. After an error nothing runs.
func (c *Container) start(stdio engine.Stdio) (*running, error) {
	r := &running{id: c.id, over: make(chan struct{}), programs: map[int]chan inside.Event{}}
	if err := r.startSupervisor(c); err != nil {
		return nil, err
	}
	up := make(chan inside.Event, 1)
	r.programs[supervisorID] = up
	first := make(chan inside.Event, 2)
	r.programs[0] = first
	streams, err := openStreams(c.settings, stdio)
	told := make(chan struct{})
	go func() {
		defer close(told)
		r.listen()
	}()
	if err == nil {
		err = r.begin(c, up, first, streams)
	}
	streams.closeTheirs()
	if err != nil {
		r.kill()
		<-told
		_ = r.supervisor.Wait() // it was killed
		streams.close()
		return nil, errors.Join(err, r.control.Close())
	}
	streams.begin()
	go r.finish(told, streams)
	return r, nil
}

// supervisorID is that of the supervisor's own events.
const supervisorID = -1

// startSupervisor starts this executable as the first process of new namespaces.
func (r *running) startSupervisor(c *Container) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	r.control = os.NewFile(uintptr(pair[0]), "control")
	theirs := os.NewFile(uintptr(pair[1]), "control")
	defer theirs.Close()
	cgroup, err := os.Open(c.cgroup)
	if err != nil {
		return errors.Join(fmt.Errorf("opening the cgroup: %w", err), r.control.Close())
	}
	defer cgroup.Close()
	setup, err := inside.Memory("setup", c.settings.setup)
	if err != nil {
		return errors.Join(err, r.control.Close())
	}
	defer setup.Close()
	flags := uintptr(unix.CLONE_NEWPID)
	for flag, own := range map[uintptr]bool{unix.CLONE_NEWIPC: c.settings.ownIPC, unix.CLONE_NEWUTS: c.settings.ownUTS, unix.CLONE_NEWNET: c.settings.ownNetwork} {
		if own {
			flags |= flag
		}
	}
	r.supervisor = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{inside.Supervisor}, Dir: "/", ExtraFiles: []*os.File{theirs, c.tree.mounts, cgroup, setup},
		// A signal from our terminal is not the workload's.
		SysProcAttr: &syscall.SysProcAttr{Cloneflags: flags, Setsid: true},
	}
	if err := r.supervisor.Start(); err != nil {
		return errors.Join(fmt.Errorf("making namespaces: %w", err), r.control.Close())
	}
	return nil
}

// begin has the first program started.
func (r *running) begin(c *Container, up, first <-chan inside.Event, streams *streams) error {
	event, more := <-up
	if !more {
		return fmt.Errorf("starting %s: its supervisor has ended", r.id)
	}
	if event.Kind == inside.Failed {
		return fmt.Errorf("starting %s: %s", r.id, event.Failure.Doing)
	}
	if err := r.ask(0, append(c.settings.before, c.settings.program), streams.theirs); err != nil {
		return err
	}
	if event, more = <-first; !more {
		return fmt.Errorf("starting %s: its supervisor has ended", r.id)
	}
	if event.Kind == inside.Failed {
		return startError(event.Failure)
	}
	return nil
}

// startError is why a program does not run. What capprof itself could not do is the machine's
// or the options' fault, not the program's.
func startError(f *inside.Failure) error {
	errno := syscall.Errno(f.Errno)
	err := errors.New(f.Doing)
	if errno != 0 {
		err = fmt.Errorf("%s: %w", f.Doing, errno)
	}
	if !f.Execing {
		return fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
	}
	return &engine.StartError{Code: f.ExitCode(), Permission: errno == unix.EPERM || errno == unix.EACCES, Err: err}
}

// ask has the supervisor run programs with these streams.
func (r *running) ask(id int, programs []inside.Program, streams [3]*os.File) error {
	program, err := inside.Memory("programs", programs)
	if err != nil {
		return err
	}
	defer program.Close()
	return r.send(inside.Request{ID: id}, program, streams[0], streams[1], streams[2])
}

func (r *running) send(request inside.Request, files ...*os.File) error {
	packet, err := json.Marshal(request)
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, file := range files {
			fds[i] = int(file.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := unix.Sendmsg(int(r.control.Fd()), packet, rights, nil, unix.MSG_NOSIGNAL); err != nil {
		return fmt.Errorf("%w: %s: asking its supervisor: %w", engine.ErrNotRunning, r.id, err)
	}
	return nil
}

// signal sends a signal to the first program, or to all processes.
func (r *running) signal(signal syscall.Signal, all bool) error {
	r.mu.Lock()
	r.signalled = true
	r.mu.Unlock()
	err := r.send(inside.Request{Signal: int(signal), All: all && signal != unix.SIGKILL})
	if errors.Is(err, engine.ErrNotRunning) {
		return nil
	}
	return err
}

// kill ends all: the PID namespace ends with its first process.
func (r *running) kill() { _ = r.supervisor.Process.Kill() } // it may have ended

// exec runs a further program and waits for its end and its output.
func (r *running) exec(ctx context.Context, p inside.Program, stdout, stderr io.Writer) (engine.Exit, error) {
	streams, err := openStreams(&settings{}, engine.Stdio{Stdout: stdout, Stderr: stderr})
	if err != nil {
		return engine.Exit{}, err
	}
	events := make(chan inside.Event, 2)
	r.mu.Lock()
	if r.programs == nil {
		r.mu.Unlock()
		streams.close()
		return engine.Exit{}, fmt.Errorf("%w: %s", engine.ErrNotRunning, r.id)
	}
	r.last++
	id := r.last
	r.programs[id] = events
	r.mu.Unlock()
	err = r.ask(id, []inside.Program{p}, streams.theirs)
	streams.closeTheirs()
	if err != nil {
		streams.close()
		return engine.Exit{}, err
	}
	streams.begin()
	for {
		select {
		case event, more := <-events:
			switch {
			case !more:
				streams.close()
				return engine.Exit{}, fmt.Errorf("%w: %s", engine.ErrNotRunning, r.id)
			case event.Kind == inside.Failed:
				streams.close()
				return engine.Exit{}, startError(event.Failure)
			case event.Kind == inside.Ended:
				return engine.Exit{Code: exitCode(event.Status)}, streams.waitOr(ctx)
			}
		case <-ctx.Done():
			// It is left to the container's end, and its output to nobody.
			streams.close()
			return engine.Exit{}, ctx.Err()
		}
	}
}

// exitCode is a status of wait(2) as docker run reports it.
func exitCode(status int) int {
	s := syscall.WaitStatus(status)
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}

// listen passes the supervisor's events on until its end.
func (r *running) listen() {
	packet := make([]byte, 64<<10)
	for {
		n, err := unix.Read(int(r.control.Fd()), packet)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		var event inside.Event
		if err != nil || n == 0 || json.Unmarshal(packet[:n], &event) != nil {
			break
		}
		if event.Kind == inside.Ready {
			r.health.set(true)
			continue
		}
		r.mu.Lock()
		to := r.programs[event.ID]
		if event.ID == 0 && event.Kind == inside.Ended {
			r.ended = &event
		}
		if event.Kind == inside.Ended || event.Kind == inside.Failed {
			delete(r.programs, event.ID)
		}
		r.mu.Unlock()
		if to != nil {
			to <- event
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, to := range r.programs {
		close(to)
	}
	r.programs = nil
}

// finish waits for the end of all and of the output.
func (r *running) finish(told <-chan struct{}, streams *streams) {
	select {
	case <-told:
	case <-streams.broken:
		r.kill() // what comes after it would be lost
		<-told
	}
	_ = r.supervisor.Wait() // how it ended is told by its events
	failure := streams.wait()
	streams.close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = errors.Join(failure, r.control.Close())
	switch {
	case r.ended != nil:
		r.exit = engine.Exit{Code: exitCode(r.ended.Status), Signalled: r.signalled}
	case failure == nil:
		r.err = errors.Join(r.err, &engine.EndedByOthersError{Container: r.id, Signal: "KILL"})
	}
	close(r.over)
}

// isOver reports whether all has ended.
func (r *running) isOver() bool {
	r.mu.Lock()
	ended := r.ended != nil || r.programs == nil
	r.mu.Unlock()
	return ended
}

// resize gives a terminal its sizes.
func resize(terminal *os.File, sizes <-chan engine.Size, until <-chan struct{}) {
	for {
		select {
		case size, more := <-sizes:
			if !more {
				return
			}
			_ = pty.Setsize(terminal, &pty.Winsize{Rows: uint16(size.Height), Cols: uint16(size.Width)}) // it may have gone
		case <-until:
			return
		}
	}
}
