package mapper

import (
	"path"
	"regexp"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// Calls that are alike.
var (
	openCalls  = nameSet("open openat openat2 creat")
	writeCalls = nameSet("write writev pwrite64 pwritev pwritev2")
	ownerCalls = nameSet("chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat chown32 fchown32 lchown32 utime utimes utimensat futimesat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr")
	nameCalls  = nameSet("unlink unlinkat rmdir rename renameat renameat2 link linkat symlink symlinkat mkdir mkdirat truncate ftruncate truncate64 ftruncate64")
	lookCalls  = nameSet("stat lstat newfstatat fstatat64 statx readlink readlinkat chdir getdents64 access faccessat faccessat2")
	keyCalls   = nameSet("keyctl add_key request_key")
	// signalCalls have the signal as their second argument, but for those of one
	// thread of a process.
	signalCalls = map[string]int{"kill": 1, "tkill": 1, "tgkill": 2, "rt_sigqueueinfo": 1, "rt_tgsigqueueinfo": 2, "pidfd_send_signal": 1}
)

// namesFile reports whether the call is about a file, so that ENOSPC is about its
// file system.
func namesFile(op observation.Operation) bool {
	return op.Object.Path != "" && (openCalls[op.Syscall] || writeCalls[op.Syscall] || nameCalls[op.Syscall])
}

// openFlags are the flags of an open; openat2(2) has them in memory.
func openFlags(op observation.Operation) (flags uint64, known bool) {
	switch op.Syscall {
	case "creat":
		return unix.O_CREAT | unix.O_WRONLY | unix.O_TRUNC, true
	case "open":
		return op.Args[1], true
	case "openat":
		return op.Args[2], true
	default:
		return 0, false
	}
}

func creates(op observation.Operation) bool {
	flags, _ := openFlags(op)
	return flags&unix.O_CREAT != 0
}

// onlyReads reports whether an open asks for nothing that an immutable file denies.
func onlyReads(op observation.Operation) bool {
	flags, known := openFlags(op)
	return known && flags&(unix.O_ACCMODE|unix.O_TRUNC) == unix.O_RDONLY
}

// isInternet reports whether the call's address is one of the Internet's.
func isInternet(op observation.Operation) bool {
	return op.Object.Family == unix.AF_INET || op.Object.Family == unix.AF_INET6
}

var processFile = regexp.MustCompile(`^/proc/[0-9]+/`)

// isOtherProcess reports whether the path is a file of a process by its number.
func isOtherProcess(op observation.Operation) bool { return processFile.MatchString(op.Object.Path) }

// isProbe reports whether a call sends signal 0, which asks whether a process is there
// and does nothing to it (kill(2)).
func isProbe(op observation.Operation) bool {
	i, ok := signalCalls[op.Syscall]
	return ok && op.Args[i] == 0
}

// isPingSocket reports whether a socket is for ICMP datagrams.
func isPingSocket(op observation.Operation) bool {
	const typeMask = 0xf // SOCK_NONBLOCK and SOCK_CLOEXEC are above it
	return op.Args[1]&typeMask == unix.SOCK_DGRAM && asksForPing(op)
}

// isDevice reports whether the path is where the engine puts devices.
func isDevice(op observation.Operation) bool {
	name := op.Object.Path
	// What else lies below /dev are file systems (OCI runtime specification,
	// "Default Filesystems").
	return path.IsAbs(name) && within(name, "/dev") && !within(name, "/dev/shm") && !within(name, "/dev/mqueue")
}

func isProcess(op observation.Operation) bool {
	return strings.HasPrefix(op.Object.Path, "/proc/") || strings.HasPrefix(op.Object.Path, "/sys/")
}

// isTerminal reports whether an ioctl request is one of a terminal's: the type
// byte 'T' (asm-generic/ioctls.h).
func isTerminal(request uint64) bool { return request>>8&0xff == 'T' }

func union(sets ...map[string]bool) map[string]bool {
	all := map[string]bool{}
	for _, set := range sets {
		for name := range set {
			all[name] = true
		}
	}
	return all
}
