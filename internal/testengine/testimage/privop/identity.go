package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// identityOperations change who the process is, or act on other users' processes.
var identityOperations = map[string]operation{
	"setuid":     setuid,
	"setgid":     setgid,
	"setgroups":  setgroups,
	"drop":       drop,
	"kill-other": killOther,
	"is-user":    isUser,
}

// setuid becomes another user: CAP_SETUID.
func setuid([]string, streams) error {
	if err := syscall.Setuid(otherID); err != nil {
		return err
	}
	if os.Getuid() != otherID {
		return fmt.Errorf("the user is %d", os.Getuid())
	}
	return nil
}

// setgid changes the group: CAP_SETGID.
func setgid([]string, streams) error {
	if err := syscall.Setgid(otherID); err != nil {
		return err
	}
	if os.Getgid() != otherID {
		return fmt.Errorf("the group is %d", os.Getgid())
	}
	return nil
}

// setgroups changes the supplementary groups: CAP_SETGID.
func setgroups([]string, streams) error {
	want := []int{otherID}
	if err := syscall.Setgroups(want); err != nil {
		return err
	}
	groups, err := os.Getgroups()
	if err == nil && !slices.Equal(groups, want) {
		return fmt.Errorf("the groups are %v", groups)
	}
	return err
}

// drop does what a daemon that starts as root does, each step hiding the next:
// CAP_SETGID, CAP_SETUID.
func drop(args []string, s streams) error {
	for _, step := range []operation{setgroups, setgid, setuid} {
		if err := step(args, s); err != nil {
			return err
		}
	}
	return nil
}

// killOther starts a process of another user's and kills it: CAP_SETUID for the
// one, CAP_KILL for the other, which only shows once the first is granted.
func killOther([]string, streams) error {
	child := exec.Command("/proc/self/exe", "block")
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherID, NoSetGroups: true}}
	if err := child.Start(); err != nil {
		return err
	}
	if err := child.Process.Signal(unix.SIGKILL); err != nil {
		return err
	}
	if err := child.Wait(); err == nil || child.ProcessState.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		return fmt.Errorf("the child ended with %v", child.ProcessState)
	}
	return nil
}

// isUser fails unless it runs as the other user.
func isUser([]string, streams) error {
	if os.Getuid() != otherID {
		return fmt.Errorf("the user is %d", os.Getuid())
	}
	return nil
}
