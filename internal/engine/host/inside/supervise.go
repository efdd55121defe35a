package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// supervisor is the first process of the namespaces: it starts programs, is the parent of
// those that others leave behind, and ends with the first program or with capprof.
type supervisor struct {
	setup  Setup
	mounts int

	mu sync.Mutex
	// children are the programs that run, by process.
	children map[int]*child
	service  service
}

// child is a program that runs, with those that follow it.
type child struct {
	id       int
	programs []Program
	streams  []*os.File
	mayFail  bool
}

// supervise serves capprof until the end. Its result is an exit code that nobody reads:
// what happened is told by Events.
func supervise() int {
	for _, fd := range []int{controlFD, treeFD, cgroupFD, setupFD} {
		unix.CloseOnExec(fd)
	}
	s := &supervisor{children: map[int]*child{}}
	// Of all signals, since those from inside would end this process and all others. They
	// are caught and not ignored: programs would inherit that.
	caught, ends := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(caught)
	signal.Notify(ends, syscall.SIGCHLD)
	if err := s.prepare(); err != nil {
		tell(Event{ID: -1, Kind: Failed, Failure: &Failure{Doing: err.Error()}})
		return 1
	}
	tell(Event{ID: -1, Kind: Up})
	go func() {
		for range ends {
			s.reap()
		}
	}()
	for {
		request, files, err := receive()
		if err != nil {
			return 0 // capprof has gone, or wants this to end
		}
		s.serve(request, files)
	}
}

// prepare makes what all programs of the start share.
func (s *supervisor) prepare() error {
	err := json.NewDecoder(os.NewFile(setupFD, "setup")).Decode(&s.setup)
	if err != nil {
		return fmt.Errorf("reading the setup: %w", err)
	}
	if s.setup.Hostname != "" {
		if err := unix.Sethostname([]byte(s.setup.Hostname)); err != nil {
			return fmt.Errorf("setting the host name: %w", err)
		}
	}
	if s.setup.Domainname != "" {
		if err := unix.Setdomainname([]byte(s.setup.Domainname)); err != nil {
			return fmt.Errorf("setting the domain name: %w", err)
		}
	}
	if s.setup.OwnNetwork {
		if err := raiseLoopback(); err != nil {
			return fmt.Errorf("bringing up the loopback interface: %w", err)
		}
	}
	if s.mounts, err = makeMounts(s.setup); err != nil {
		return err
	}
	if s.setup.Notify != "" {
		return s.listen()
	}
	return nil
}

// serve does what was asked for.
func (s *supervisor) serve(r Request, files []*os.File) {
	if len(files) == 4 {
		if failure := s.start(r.ID, files); failure != nil {
			tell(Event{ID: r.ID, Kind: Failed, Failure: failure})
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.All {
		_ = unix.Kill(-1, syscall.Signal(r.Signal)) // all but this process; they may be gone
		return
	}
	for pid, c := range s.children {
		if c.id == r.ID {
			// Not reaped yet, so the number is nobody else's.
			_ = unix.Kill(pid, syscall.Signal(r.Signal))
		}
	}
	if r.ID == 0 && s.service.forked {
		s.signalService(syscall.Signal(r.Signal))
	}
}

// start starts the first of some programs, and returns when it runs or cannot.
func (s *supervisor) start(id int, files []*os.File) *Failure {
	var programs []Program
	err := json.NewDecoder(io.NewSectionReader(files[0], 0, 1<<32)).Decode(&programs)
	_ = files[0].Close()
	if err != nil || len(programs) == 0 {
		return &Failure{Doing: fmt.Sprintf("reading what to start: %v", err)}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	failure := s.next(&child{id: id, programs: programs, streams: files[1:]})
	if failure == nil {
		tell(Event{ID: id, Kind: Started})
	}
	return failure
}

// next starts the next program of a child; s.mu is held. Nothing is reaped meanwhile.
func (s *supervisor) next(c *child) *Failure {
	p := c.programs[0]
	c.programs, c.mayFail = c.programs[1:], p.MayFail
	program, err := Memory("program", p)
	if err != nil {
		return &Failure{Doing: "handing the program on: " + err.Error()}
	}
	defer program.Close()
	var report [2]int
	if err := unix.Pipe2(report[:], unix.O_CLOEXEC); err != nil {
		return &Failure{Doing: "making a pipe: " + err.Error()}
	}
	answer := os.NewFile(uintptr(report[0]), "report")
	defer answer.Close()
	// The program is in the cgroup before it can do anything.
	pid, err := syscall.ForkExec("/proc/self/exe", []string{entrance}, &syscall.ProcAttr{
		Files: []uintptr{c.streams[0].Fd(), c.streams[1].Fd(), c.streams[2].Fd(), uintptr(report[1]), uintptr(s.mounts), program.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: cgroupFD, Setctty: p.TTY},
	})
	_ = unix.Close(report[1])
	if err != nil {
		return &Failure{Doing: "starting a process: " + err.Error()}
	}
	if text, err := io.ReadAll(answer); err == nil && len(text) > 0 {
		failure := &Failure{}
		if err := json.Unmarshal(text, failure); err != nil {
			failure.Doing = "starting: " + err.Error()
		}
		c.release()
		return failure // its end is that of nothing, when it is reaped
	}
	if len(c.programs) == 0 {
		c.release()
	}
	s.children[pid] = c
	return nil
}

// release closes the streams that no further program needs.
func (c *child) release() {
	for _, file := range c.streams {
		_ = file.Close()
	}
	c.streams = nil
}

// reap takes note of all processes that have ended.
func (s *supervisor) reap() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if errors.Is(err, unix.ECHILD) {
			s.service.empty = true
			s.serviceOver()
			return
		}
		if err != nil || pid == 0 {
			return
		}
		if c := s.children[pid]; c != nil {
			delete(s.children, pid)
			s.ended(c, status)
			continue
		}
		s.service.reaped(pid, status)
		s.serviceOver()
	}
}

// ended goes on to the next program, or tells the end; s.mu is held. With the first one all
// ends, but where it left a service running.
func (s *supervisor) ended(c *child, status unix.WaitStatus) {
	well := status.Exited() && status.ExitStatus() == 0
	if len(c.programs) > 0 && (well || c.mayFail) {
		failure := s.next(c)
		if failure == nil {
			return
		}
		well, status = false, unix.WaitStatus(failure.ExitCode()<<8)
	}
	if c.streams != nil {
		c.release()
	}
	if c.id == 0 && s.setup.Forking && well {
		s.forked()
		return
	}
	s.over(c.id, status)
}

// over tells an end; that of the first program ends this process, and with it all others
// in the PID namespace.
func (s *supervisor) over(id int, status unix.WaitStatus) {
	tell(Event{ID: id, Kind: Ended, Status: int(status)})
	if id == 0 {
		os.Exit(0)
	}
}
