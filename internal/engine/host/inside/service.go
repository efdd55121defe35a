package inside

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// service is what a first program that forks left running (Type=forking of
// systemd.service(5)).
type service struct {
	forked bool
	// main is its main process, 0 where that is not known; empty says that no process is
	// left.
	main  int
	empty bool
	// dead are how others than the programs ended, and last is the latest of them.
	dead map[int]unix.WaitStatus
	last unix.WaitStatus
}

func (s *service) reaped(pid int, status unix.WaitStatus) {
	if s.dead == nil {
		s.dead = map[int]unix.WaitStatus{}
	}
	s.dead[pid], s.last = status, status
}

// forked: the first program ended well, so that the service is ready; s.mu is held.
func (s *supervisor) forked() {
	// Who was the child of nobody else is this process's by now.
	s.service.forked, s.service.empty = true, false
	if s.setup.PIDFile != "" {
		s.service.main, _ = s.readPIDFile() // without one, its end is that of the last process
	}
	tell(Event{Kind: Ready})
	s.serviceOver()
}

// serviceOver tells the end of a service that forked; s.mu is held.
func (s *supervisor) serviceOver() {
	if !s.service.forked {
		return
	}
	if status, over := s.service.dead[s.service.main]; over {
		s.over(0, status)
	}
	if s.service.empty {
		s.over(0, s.service.last)
	}
}

// signalService signals the main process of a service that forked, and all where it is not
// known; s.mu is held.
func (s *supervisor) signalService(signal syscall.Signal) {
	to := -1
	if s.service.main > 0 {
		to = s.service.main
	}
	_ = unix.Kill(to, signal) // it may be gone
}

// inMounts does something in the mount namespace of the programs.
func (s *supervisor) inMounts(f func() error) error {
	return InThread(func() error {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		if err := unix.Setns(s.mounts, unix.CLONE_NEWNS); err != nil {
			return err
		}
		return f()
	})
}

func (s *supervisor) readPIDFile() (pid int, err error) {
	err = s.inMounts(func() error {
		text, err := os.ReadFile(s.setup.PIDFile)
		if err != nil {
			return err
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err
	})
	return pid, err
}

// listen makes the socket of sd_notify(3) and tells when the service says that it is
// ready.
func (s *supervisor) listen() error {
	var socket *net.UnixConn
	err := s.inMounts(func() error {
		if err := os.Remove(s.setup.Notify); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		var err error
		if socket, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.setup.Notify, Net: "unixgram"}); err != nil {
			return err
		}
		return os.Chmod(s.setup.Notify, 0o666)
	})
	if err != nil {
		return fmt.Errorf("listening for the service's word: %w", err)
	}
	go func() {
		message := make([]byte, 4096)
		for {
			n, err := socket.Read(message)
			if err != nil {
				return
			}
			for line := range bytes.Lines(message[:n]) {
				if string(bytes.TrimSpace(line)) == "READY=1" {
					tell(Event{Kind: Ready})
				}
			}
		}
	}()
	return nil
}
