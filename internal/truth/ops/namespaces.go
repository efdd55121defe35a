package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// namespaceOperations make, enter and fill namespaces.
var namespaceOperations = map[string]operation{
	"domain-name":       domainName,
	"unshare-net":       unshares("net", unix.CLONE_NEWNET),
	"unshare-mount":     unshares("mnt", unix.CLONE_NEWNS),
	"unshare-uts":       unshares("uts", unix.CLONE_NEWUTS),
	"unshare-files":     func([]string) error { return onThread(func() error { return unix.Unshare(unix.CLONE_FILES) }) },
	"clone-net":         clones("net", unix.CLONE_NEWNET),
	"clone-user":        clones("user", unix.CLONE_NEWUSER),
	"enter-net":         enters("net", unix.CLONE_NEWNET),
	"enter-mount":       enters("mnt", unix.CLONE_NEWNS),
	"pivot-root":        pivotRoot,
	"map-user-root":     func([]string) error { return mapUser(0) },
	"map-user-other":    func([]string) error { return mapUser(other) },
	"print-space":       printSpace,
	"restart-own-space": restartOwnSpace,
	"restart":           restart,
	"own-user-space":    ownUserSpace,
	"choose-pid":        choosePID,
	"last-pid":          func([]string) error { return os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte("100"), 0) },
	"thaw":              thaw,
	"personality-linux": func([]string) error { return personality(0) },
	"personality-other": func([]string) error { return personality(0x0004) }, // PER_BSD, sys/personality.h
}

func domainName([]string) error {
	if err := unix.Setdomainname([]byte("truth")); err != nil {
		return err
	}
	var names unix.Utsname
	if err := unix.Uname(&names); err != nil {
		return err
	}
	if got := unix.ByteSliceToString(names.Domainname[:]); got != "truth" {
		return fmt.Errorf("the name is %q", got)
	}
	return nil
}

// space names the thread's namespace of a kind.
func space(kind string) (string, error) { return os.Readlink("/proc/thread-self/ns/" + kind) }

// leaves fails unless f takes its thread out of its namespace.
func leaves(kind string, f func() error) error {
	return onThread(func() error {
		before, err := space(kind)
		if err != nil {
			return err
		}
		if err := f(); err != nil {
			return err
		}
		after, err := space(kind)
		if err == nil && after == before {
			return fmt.Errorf("it is still in %s", after)
		}
		return err
	})
}

func unshares(kind string, flags int) operation {
	return func([]string) error { return leaves(kind, func() error { return unix.Unshare(flags) }) }
}

// clones starts a child in a namespace of its own.
func clones(kind string, flags uintptr) operation {
	return func([]string) error {
		own, err := space(kind)
		if err != nil {
			return err
		}
		cmd := child("/proc/self/exe", "print-space", kind)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: flags}
		childs, err := cmd.Output()
		if err == nil && string(childs) == own {
			return fmt.Errorf("the child is in %s too", own)
		}
		return err
	}
}

func printSpace(args []string) error {
	if len(args) == 0 {
		return errors.New("an argument is missing")
	}
	name, err := space(args[0])
	if err == nil {
		_, err = fmt.Print(name)
	}
	return err
}

// restartOwnSpace has the first process of a process namespace restart the
// machine, which ends no more than that process: reboot(2). CAP_SYS_ADMIN makes
// the namespace, CAP_SYS_BOOT does the rest.
func restartOwnSpace([]string) error {
	cmd := child("/proc/self/exe", "restart")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	if err := cmd.Start(); err != nil {
		return err
	}
	err := cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != unix.SIGHUP {
		return fmt.Errorf("the namespace was not restarted: %w", err)
	}
	return nil
}

// restart is for restartOwnSpace's child alone.
func restart([]string) error {
	if os.Getpid() != 1 || os.Getppid() != 0 {
		return errors.New("this is not a process namespace of its own")
	}
	return unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}

// enters enters the namespace that it is in.
func enters(name string, kind int) operation {
	return func([]string) error {
		return onThread(func() error {
			// A mount namespace is refused to threads that share a root directory.
			if kind == unix.CLONE_NEWNS {
				if err := unix.Unshare(unix.CLONE_FS); err != nil {
					return fmt.Errorf("parting with the shared root: %w", err)
				}
			}
			space, err := os.Open("/proc/thread-self/ns/" + name)
			if err != nil {
				return err
			}
			defer space.Close()
			return unix.Setns(int(space.Fd()), kind)
		})
	}
}

// pivotRoot is let through to where its arguments fail.
func pivotRoot([]string) error {
	err := unix.PivotRoot("/tmp", "/tmp")
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return refusal(errno)
	}
	return err
}

// mapUser makes a user namespace with a root that is, outside of it, the user.
// Itself, as unshare -Ur does, takes CAP_SETFCAP in the parent, which is not
// asked for but remembered from when the namespace was made; another user takes
// CAP_SETUID (user_namespaces(7)).
func mapUser(user int) error {
	cmd := child("/proc/self/exe", "print-user")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: user, Size: 1}},
	}
	if user == 0 {
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: 0, Size: 1}}
	}
	inside, err := cmd.Output()
	// The child of another user's map was never told to become its root.
	if want := map[bool]string{true: "0\n", false: "65534\n"}[user == 0]; err == nil && string(inside) != want {
		return fmt.Errorf("the user inside is %q", inside)
	}
	return err
}

// ownUserSpace does in a user namespace of its own what takes much outside: the
// checks are made there, and granted. The child must not execute anything first,
// or its user, which is nobody there, would lose what it has.
func ownUserSpace([]string) error {
	return childErrno(rawCloneAndName(unix.CLONE_NEWUSER|unix.CLONE_NEWUTS|uintptr(unix.SIGCHLD), []byte("truth")))
}

// rawCloneAndName has a child set its host name, and exit with the error number,
// by raw calls alone: no other Go code can run in it.
//
//go:nosplit
//go:norace
func rawCloneAndName(flags uintptr, name []byte) (pid, _ uintptr, errno unix.Errno) {
	pid, _, errno = unix.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		_, _, failed := unix.RawSyscall(unix.SYS_SETHOSTNAME, uintptr(unsafe.Pointer(&name[0])), uintptr(len(name)), 0)
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(failed), 0, 0)
	}
	return pid, 0, errno
}

// choosePID starts a child with a process ID of its choice: clone3(2), set_tid.
// Docker's profile answers ENOSYS to clone3 without CAP_SYS_ADMIN.
func choosePID([]string) error {
	want := int32(999)
	arguments := struct {
		flags, pidfd, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
	}{exitSignal: uint64(unix.SIGCHLD), setTID: uint64(uintptr(unsafe.Pointer(&want))), setTIDSize: 1}
	// The child, a copy, exits at once; the parent waits so long.
	arguments.flags = unix.CLONE_VFORK
	pid, _, errno := rawClone3(unsafe.Pointer(&arguments), unsafe.Sizeof(arguments))
	if errno != 0 {
		return errno
	}
	if _, err := unix.Wait4(int(pid), nil, 0, nil); err != nil {
		return err
	}
	if int32(pid) != want {
		return fmt.Errorf("the process ID is %d", pid)
	}
	return nil
}

// rawClone3 makes the call; the child exits at once, with no other Go code run.
//
//go:nosplit
//go:norace
func rawClone3(arguments unsafe.Pointer, size uintptr) (pid, _ uintptr, errno unix.Errno) {
	pid, _, errno = unix.RawSyscall(unix.SYS_CLONE3, uintptr(arguments), size, 0)
	if errno == 0 && pid == 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return pid, 0, errno
}

// thaw thaws what is not frozen: FITHAW, which asks first.
func thaw([]string) error {
	directory, err := os.Open("/dev/shm")
	if err != nil {
		return err
	}
	defer directory.Close()
	const fithaw = 0xc0045878 // _IOWR('X', 120, int), linux/fs.h
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, directory.Fd(), fithaw, 0)
	return refusal(errno)
}

// personality changes the execution domain, of which the seccomp profile knows a
// few values.
func personality(value uintptr) error {
	return onThread(func() error {
		_, _, errno := unix.RawSyscall(unix.SYS_PERSONALITY, value, 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// userSpaceTwice makes a user namespace in one that nobody is mapped into: the
// kernel refuses that with EPERM (create_user_ns).
func userSpaceTwice([]string) error {
	return childErrno(rawCloneTwice(unix.CLONE_NEWUSER | uintptr(unix.SIGCHLD)))
}

// procInOwnSpace mounts proc where the container's own is partly masked, in a
// user namespace of its own: mount_too_revealing() refuses.
func procInOwnSpace([]string) error {
	kind, target := []byte("proc\x00"), []byte("/mnt\x00")
	return childErrno(rawCloneAndMount(unix.CLONE_NEWUSER|unix.CLONE_NEWPID|unix.CLONE_NEWNS|uintptr(unix.SIGCHLD), kind, target))
}

// childErrno waits for a child whose exit code is the number of an error.
func childErrno(pid, _ uintptr, errno unix.Errno) error {
	if errno != 0 {
		return fmt.Errorf("making the namespaces: %w", errno)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(int(pid), &status, 0, nil); err != nil {
		return err
	}
	if !status.Exited() || status.ExitStatus() != 0 {
		return fmt.Errorf("inside: %w", unix.Errno(status.ExitStatus()))
	}
	return nil
}

// rawCloneTwice has a child clone once more with the same flags, and exit with
// the error number, by raw calls alone: no other Go code can run in it.
//
//go:nosplit
//go:norace
func rawCloneTwice(flags uintptr) (pid, _ uintptr, errno unix.Errno) {
	pid, _, errno = unix.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		inner, _, failed := unix.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
		if failed == 0 && inner != 0 {
			_, _, _ = unix.RawSyscall6(unix.SYS_WAIT4, inner, 0, 0, 0, 0, 0)
		}
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(failed), 0, 0)
	}
	return pid, 0, errno
}

// rawCloneAndMount has a child mount a file system, and exit likewise.
//
//go:nosplit
//go:norace
func rawCloneAndMount(flags uintptr, kind, target []byte) (pid, _ uintptr, errno unix.Errno) {
	pid, _, errno = unix.RawSyscall6(unix.SYS_CLONE, flags, 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		_, _, failed := unix.RawSyscall6(unix.SYS_MOUNT, uintptr(unsafe.Pointer(&kind[0])), uintptr(unsafe.Pointer(&target[0])),
			uintptr(unsafe.Pointer(&kind[0])), 0, 0, 0)
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(failed), 0, 0)
	}
	return pid, 0, errno
}
