package main

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminalOperations act on terminals of their own making: pty(7).
var terminalOperations = map[string]operation{
	"hang-up":         hangUp,
	"hang-up-own":     func([]string) error { return plain(unix.RawSyscall(unix.SYS_VHANGUP, 0, 0, 0)) },
	"terminal-inject": terminalInject,
	"terminal-steal":  terminalSteal,
	"take-terminal":   takeTerminal,
}

// terminal makes a pair of ends; what a session is given is the second.
func terminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, fmt.Errorf("unlocking the terminal: %w", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, nil, fmt.Errorf("asking for the terminal's number: %w", err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	return master, slave, err
}

// hangUp has a child hang up the terminal of its session, which ends it:
// vhangup(2), CAP_SYS_TTY_CONFIG.
func hangUp([]string) error {
	master, slave, err := terminal()
	if err != nil {
		return err
	}
	defer master.Close()
	defer slave.Close()
	cmd := child("/proc/self/exe", "hang-up-own")
	cmd.Stdin = slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != unix.SIGHUP {
		return fmt.Errorf("the child was not hung up on: %w", err)
	}
	return nil
}

// terminalInject types into a terminal that isn't its own: TIOCSTI.
func terminalInject([]string) error {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return err
	}
	defer master.Close()
	letter := [1]byte{'x'}
	return plain(unix.Syscall(unix.SYS_IOCTL, master.Fd(), unix.TIOCSTI, pointer(&letter)))
}

// terminalSteal has one child take the terminal away from another one's session.
func terminalSteal([]string) error {
	master, slave, err := terminal()
	if err != nil {
		return err
	}
	defer master.Close()
	defer slave.Close()
	owner := child("/proc/self/exe", "wait")
	input, err := owner.StdinPipe()
	if err != nil {
		return err
	}
	output, err := owner.StdoutPipe()
	if err != nil {
		return err
	}
	owner.ExtraFiles = []*os.File{slave}
	owner.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := owner.Start(); err != nil {
		return fmt.Errorf("starting the terminal's session: %w", err)
	}
	defer func() {
		_ = input.Close()
		_ = owner.Wait() // It loses its terminal, and maybe its life.
	}()
	if _, err := output.Read(make([]byte, 16)); err != nil {
		return fmt.Errorf("waiting for the terminal's session: %w", err)
	}
	thief := child("/proc/self/exe", "take-terminal")
	thief.Stdin = slave
	thief.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return thief.Run()
}

// takeTerminal makes its input the terminal of its session, whosever it is.
func takeTerminal([]string) error {
	const steal = 1
	if err := unix.IoctlSetInt(0, unix.TIOCSCTTY, steal); err != nil {
		return err
	}
	session, err := unix.IoctlGetInt(0, unix.TIOCGSID)
	if err == nil && session != os.Getpid() {
		return fmt.Errorf("the terminal's session is %d", session)
	}
	return err
}
