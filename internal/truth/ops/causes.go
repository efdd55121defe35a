package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// causeOperations fail for reasons that are no capability, and do what fixes them.
// A function, since some of them look operations up.
func causeOperations() map[string]operation {
	return map[string]operation{
		"write":        onPath(func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) }),
		"read":         onPath(func(path string) error { _, err := os.ReadFile(path); return err }),
		"fill":         onPath(fill),
		"unlink":       onPath(unix.Unlink),
		"chmod":        onPath(func(path string) error { return unix.Chmod(path, 0o640) }),
		"chown-unless": onPath(chownUnless),
		"hard-link":    onPath(func(path string) error { return unix.Link(path, "/tmp/linked") }),

		"make-device":       onPath(func(path string) error { return unix.Mknod(path, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 11))) }),
		"use-device":        onPath(useDevice),
		"execute-copy":      onPath(executeCopy),
		"map-executable":    onPath(mapExecutable),
		"make-immutable":    onPath(func(path string) error { return setImmutable(path, true) }),
		"clear-immutable":   onPath(func(path string) error { return setImmutable(path, false) }),
		"write-sealed":      func([]string) error { return writeMemory(unix.F_SEAL_WRITE) },
		"write-unsealed":    func([]string) error { return writeMemory(0) },
		"forwarding":        forwarding,
		"named":             hostNamed,
		"mounted":           onPath(mounted),
		"trace-traced":      onOwn(traceTraced),
		"trace-released":    onOwn(traceReleased),
		"trace-sibling":     onOwn(traceSibling),
		"trace-process":     traceProcess,
		"wait-undumpable":   waitUndumpable,
		"read-undumpable":   func([]string) error { return onChild(nil, "wait-undumpable", readEnviron) },
		"read-dumpable":     func([]string) error { return onChild(nil, "wait", readEnviron) },
		"unlock-others":     func([]string) error { return unlockPI(1) }, // one thread further
		"unlock-own":        func([]string) error { return unlockPI(0) },
		"new-session":       func([]string) error { _, err := unix.Setsid(); return err },
		"change-root":       changeRoot,
		"user-space-twice":  userSpaceTwice,
		"proc-in-own-space": procInOwnSpace,
		"broadcast":         func([]string) error { return broadcast(false) },
		"broadcast-marked":  func([]string) error { return broadcast(true) },
		"ambient-alone":     ambientAlone,
		"capset-contrary":   capsetContrary,
		"restricted":        restricted,
		"lower-limit":       func([]string) error { return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) },
		"limit-processes":   limitProcesses,
		"add-key":           addKey,
		"disk-quota":        diskQuota,
	}
}

func onPath(do func(path string) error) operation {
	return func(args []string) error {
		if len(args) == 0 {
			return errors.New("a path is missing")
		}
		return do(args[0])
	}
}

// fill makes files until there are 256 KiB of them.
func fill(path string) error {
	for i := range 64 {
		if err := os.WriteFile(fmt.Sprint(path, i), make([]byte, 4096), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// chownUnless gives a file to root unless it is root's, as entrypoints do.
func chownUnless(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Uid == 0 {
		return err
	}
	return os.Chown(path, 0, 0)
}

// useDevice opens the kernel's log for writing, for which no capability is asked
// (devkmsg_open).
func useDevice(path string) error {
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return fmt.Errorf("the mode is %o, which is no device's", st.Mode)
	}
	return nil
}

// copySelf puts this program into a directory.
func copySelf(directory string) (path string, err error) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return "", err
	}
	path = directory + "/copy"
	return path, os.WriteFile(path, program, 0o755)
}

func executeCopy(directory string) error {
	path, err := copySelf(directory)
	if err != nil {
		return err
	}
	return child(path, "give-up").Run()
}

func mapExecutable(directory string) error {
	path, err := copySelf(directory)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	memory, err := unix.Mmap(int(file.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	return unix.Munmap(memory)
}

// setImmutable sets or clears the flag of a file, which it makes: chattr(1).
func setImmutable(path string, set bool) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		fd, err = unix.Open(path, unix.O_RDONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	flags := 0
	if set {
		flags = 0x10 // FS_IMMUTABLE_FL, linux/fs.h
	}
	return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, flags)
}

// writeMemory writes to a file in memory after sealing it: memfd_create(2).
func writeMemory(seals int) error {
	fd, err := unix.MemfdCreate("sealed", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return fmt.Errorf("sealing: %w", err)
	}
	_, err = unix.Write(fd, []byte("x"))
	return err
}

// forwarding switches the forwarding of packets on, unless somebody has.
func forwarding([]string) error {
	const path = "/proc/sys/net/ipv4/ip_forward"
	text, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(text)) == "1" {
		return err
	}
	return os.WriteFile(path, []byte("1"), 0)
}

// hostNamed gives the host a name, unless it has it.
func hostNamed(args []string) error {
	name, err := os.Hostname()
	if err != nil || len(args) == 0 || name == args[0] {
		return err
	}
	return unix.Sethostname([]byte(args[0]))
}

// mounted mounts a tmpfs, unless there is one.
func mounted(path string) error {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil || st.Type == unix.TMPFS_MAGIC {
		return err
	}
	return unix.Mount("none", path, "tmpfs", 0, "")
}

// traceTraced has a second process trace a child that this one traces.
func traceTraced(pid int) error {
	if err := unix.PtraceSeize(pid); err != nil {
		return err
	}
	return child("/proc/self/exe", "trace-process", strconv.Itoa(pid)).Run()
}

// traceReleased does so after it has let go of it.
func traceReleased(pid int) error {
	if err := trace(pid); err != nil {
		return err
	}
	// A process that is no ancestor, so that the case is the same under Yama.
	return trace(pid)
}

// traceSibling has a process trace another that is not its child.
func traceSibling(pid int) error {
	return child("/proc/self/exe", "trace-process", strconv.Itoa(pid)).Run()
}

func traceProcess(args []string) error {
	if len(args) == 0 {
		return errors.New("a process is missing")
	}
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	return onThread(func() error { return trace(pid) })
}

// waitUndumpable closes its memory to others of its user: PR_SET_DUMPABLE(2const).
func waitUndumpable([]string) error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	return wait(nil)
}

// unlockPI unlocks a priority-inheriting lock: futex(2), FUTEX_UNLOCK_PI. The
// kernel refuses that to all but the thread whose ID is in the word.
func unlockPI(further int) error {
	return onThread(func() error {
		word := uint32(unix.Gettid() + further)
		const unlockPI = 7 // FUTEX_UNLOCK_PI, linux/futex.h
		_, _, errno := unix.RawSyscall(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&word)), unlockPI, 0)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// changeRoot moves into a directory for good.
func changeRoot([]string) error {
	if err := unix.Chroot("/mnt"); err != nil {
		return err
	}
	return unix.Chdir("/")
}

// broadcast sends to everybody on loopback: EACCES without SO_BROADCAST.
func broadcast(marked bool) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if marked {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err != nil {
			return err
		}
	}
	return unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrInet4{Port: 9, Addr: [4]byte{127, 255, 255, 255}})
}

// ambientAlone raises an ambient capability that it did not make inheritable.
func ambientAlone([]string) error {
	return onThread(func() error {
		return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_RAW, 0, 0)
	})
}

// capsetContrary asks for an effective capability that is not to be permitted.
func capsetContrary([]string) error {
	return onThread(func() error {
		header, _, err := readCapabilities()
		if err != nil {
			return err
		}
		data := capabilityData(0)
		data[0].Effective = 1 << unix.CAP_NET_RAW
		return unix.Capset(header, &data[0])
	})
}

// restricted does the operation named under Landlock rules that let it read
// nothing: a security module, which refuses after the capabilities have agreed.
func restricted(args []string) error {
	do, rest, err := named(args)
	if err != nil {
		return err
	}
	return onThread(func() error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		attribute := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_READ_FILE}
		fd, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, pointer(&attribute), unsafe.Sizeof(attribute.Handled_access_fs), 0)
		if errno != 0 {
			return fmt.Errorf("making the rules: %w", errno)
		}
		defer unix.Close(int(fd))
		if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
			return fmt.Errorf("applying the rules: %w", errno)
		}
		return do(rest)
	})
}

// limitProcesses starts a process beyond the limit that it has set itself.
func limitProcesses([]string) error {
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &unix.Rlimit{Cur: 1, Max: 1}); err != nil {
		return err
	}
	return child("/proc/self/exe", "give-up").Run()
}

// addKey adds a key of so many bytes to a keyring of its own: keyrings(7).
func addKey(args []string) error {
	if len(args) == 0 {
		return errors.New("a size is missing")
	}
	size, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	_, err = unix.AddKey("user", "capprof", make([]byte, size), unix.KEY_SPEC_PROCESS_KEYRING)
	return err
}

// diskQuota succeeds where the root file system keeps quotas: quotactl(2). There
// alone can one be used up.
func diskQuota([]string) error {
	root, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(root)
	const getFormat = 0x800004 // Q_GETFMT, linux/quota.h
	var format uint32
	_, _, errno := unix.Syscall6(unix.SYS_QUOTACTL_FD, uintptr(root), getFormat<<8, 0, pointer(&format), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
