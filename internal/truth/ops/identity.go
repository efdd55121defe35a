package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// identityOperations change who a process is, or what it says of itself.
var identityOperations = map[string]operation{
	"setfsuid":    func([]string) error { return setFilesystemID(unix.SYS_SETFSUID) },
	"setfsgid":    func([]string) error { return setFilesystemID(unix.SYS_SETFSGID) },
	"send-uid":    func([]string) error { return sendCredentials(unix.Ucred{Pid: int32(os.Getpid()), Uid: other}) },
	"send-gid":    func([]string) error { return sendCredentials(unix.Ucred{Pid: int32(os.Getpid()), Gid: other}) },
	"send-own":    func([]string) error { return sendCredentials(unix.Ucred{Pid: int32(os.Getpid())}) },
	"setuid-own":  func([]string) error { return unix.Setresuid(0, 0, 0) },
	"setresuid":   setresuid,
	"print-user":  printUser,
	"is-other":    isOther,
	"setuid-keep": setuidKeep,
}

// onThread runs f on a thread that ends with it, because credentials belong to a
// thread and these are not to be another goroutine's.
func onThread(f func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		result <- f()
	}()
	return <-result
}

// setFilesystemID changes the identity that files are accessed with. The call
// has no error: it returns what was before, so it is made twice (setfsuid(2)).
func setFilesystemID(call uintptr) error {
	return onThread(func() error {
		_, _, _ = unix.RawSyscall(call, other, 0, 0)
		now, _, _ := unix.RawSyscall(call, ^uintptr(0), 0, 0)
		if now != other {
			return fmt.Errorf("the identity is %d", now)
		}
		return nil
	})
}

// sendCredentials says over a socket that it is somebody else: unix(7).
func sendCredentials(who unix.Ucred) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	if err := unix.SetsockoptInt(pair[1], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		return err
	}
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixCredentials(&who), nil, 0); err != nil {
		return err
	}
	control := make([]byte, 128)
	_, n, _, _, err := unix.Recvmsg(pair[1], make([]byte, 1), control, 0)
	if err != nil {
		return err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) == 0 {
		return fmt.Errorf("no credentials came: %w", err)
	}
	got, err := unix.ParseUnixCredentials(&messages[0])
	if err == nil && *got != who {
		return fmt.Errorf("the credentials are %+v", *got)
	}
	return err
}

// setresuid becomes another user by another call than setuid(2).
func setresuid([]string) error {
	return onThread(func() error {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, other, other, other); errno != 0 {
			return errno
		}
		if now, _, _ := unix.RawSyscall(unix.SYS_GETUID, 0, 0, 0); now != other {
			return fmt.Errorf("the user is %d", now)
		}
		return nil
	})
}

func printUser([]string) error {
	_, err := fmt.Fprintln(os.Stdout, os.Geteuid())
	return err
}

func isOther([]string) error {
	if os.Geteuid() != other {
		return fmt.Errorf("the effective user is %d", os.Geteuid())
	}
	return nil
}

// setuidKeep takes capabilities along to another user and gives all but one of
// them up there, as daemons do: CAP_SETUID, and CAP_NET_RAW to keep.
func setuidKeep([]string) error {
	return onThread(func() error {
		if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
			return err
		}
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, other, other, other); errno != 0 {
			return fmt.Errorf("changing the user: %w", errno)
		}
		header, _, err := readCapabilities()
		if err != nil {
			return err
		}
		only := capabilityData(1 << unix.CAP_NET_RAW)
		if err := unix.Capset(header, &only[0]); err != nil {
			return fmt.Errorf("keeping CAP_NET_RAW: %w", err)
		}
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	})
}

// statusField reads a line of /proc/thread-self/status.
func statusField(name string) (string, error) {
	status, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return "", err
	}
	for line := range bytes.Lines(status) {
		if key, value, ok := strings.Cut(string(line), ":"); ok && key == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("no field %s", name)
}
