package main

import (
	"context"
	"fmt"
	"net"

	"golang.org/x/sys/unix"
)

// A gate holds a container at a point of its workload: the container connects to a
// socket and waits for the hang-up.

// waiting is a container at the gate.
type waiting struct {
	conn *net.UnixConn
	// pid is the container's process as seen from here.
	pid int
}

// arrival waits for the next container at the gate, and gives up when ctx ends or
// nobody can come any more because what should bring it has ended.
func (s *setup) arrival(ctx context.Context, ended <-chan struct{}) (*waiting, error) {
	type accepted struct {
		conn *net.UnixConn
		err  error
	}
	// A listener can't wait for two things. Whoever gives up connects to it itself.
	next := make(chan accepted, 1)
	go func() {
		conn, err := s.gate.AcceptUnix()
		next <- accepted{conn, err}
	}()
	var why error
	select {
	case a := <-next:
		if a.err != nil {
			return nil, fmt.Errorf("waiting at the gate: %w", a.err)
		}
		pid, err := peer(a.conn)
		if err != nil {
			a.conn.Close()
			return nil, err
		}
		return &waiting{a.conn, pid}, nil
	case <-ctx.Done():
		why = ctx.Err()
	case <-ended:
		why = fmt.Errorf("the run ended without coming to the gate")
	}
	if self, err := net.Dial("unix", s.gate.Addr().String()); err == nil {
		self.Close()
		if a := <-next; a.err == nil {
			a.conn.Close()
		}
	}
	return nil, why
}

// peer is the process at the other end, in the caller's PID namespace (unix(7)).
func peer(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var credentials *unix.Ucred
	var optionErr error
	if err := raw.Control(func(fd uintptr) {
		credentials, optionErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return 0, err
	}
	if optionErr != nil {
		return 0, fmt.Errorf("asking who waits at the gate: %w", optionErr)
	}
	return int(credentials.Pid), nil
}

// pass lets the container go on.
func (w *waiting) pass() error { return w.conn.Close() }
