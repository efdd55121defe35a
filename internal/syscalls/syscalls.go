// Package syscalls knows the system calls of the architectures that a container
// here can use: their names, and which of their arguments say what a call is
// about.
package syscalls

import (
	"fmt"
	"strings"

	"github.com/elastic/go-seccomp-bpf/arch"
)

// Name returns the name, as in section 2 of the manual, of a call's number in
// an architecture named as GOARCH does (amd64, 386, arm64, arm). A number without
// a name gives syscall_999.
func Name(goarch string, number int) string {
	if info, err := arch.GetInfo(goarch); err == nil {
		if name, ok := info.SyscallNumbers[number]; ok {
			return name
		}
	}
	return fmt.Sprintf("syscall_%d", number)
}

// Number is the inverse of Name.
func Number(goarch, name string) (int, bool) {
	info, err := arch.GetInfo(goarch)
	if err != nil {
		return 0, false
	}
	number, ok := info.SyscallNames[name]
	return number, ok
}

// Compat returns the 32-bit architecture whose programs run on goarch.
func Compat(goarch string) string {
	switch goarch {
	case "amd64":
		return "386"
	case "arm64":
		return "arm"
	}
	return goarch
}

// Kind says how an argument tells what a call is about.
type Kind uint8

// The kinds.
const (
	Ignored Kind = iota
	Scalar       // a command, a protocol, flags
	Path         // a string
	Blob         // a sockaddr or a capset structure
	FD           // the open file that the call is about
	DirFD        // where a relative path starts
	First64      // a structure that begins with flags
	Message      // a struct msghdr
)

// Arguments returns the kinds of a call's six arguments by its name.
func Arguments(name string) [6]Kind {
	var kinds [6]Kind
	layout, ok := layouts[name]
	if !ok {
		// The 32-bit tables call the 16-bit uid variants chown and the full ones chown32.
		layout = layouts[strings.TrimSuffix(name, "32")]
	}
	for i, letter := range layout {
		kinds[i] = letters[letter]
	}
	return kinds
}

var letters = map[rune]Kind{
	'.': Ignored, 's': Scalar, 'p': Path, 'b': Blob, 'f': FD, 'd': DirFD, 'x': First64, 'm': Message,
}

// layouts has a letter an argument. Calls that are absent have nothing to tell
// but their name.
var layouts = map[string]string{
	// Files by name.
	"open": "ps", "openat": "dps", "openat2": "dpx", "creat": "p", "execve": "p", "execveat": "dp",
	"access": "ps", "faccessat": "dps", "faccessat2": "dps", "stat": "p", "lstat": "p", "stat64": "p", "lstat64": "p",
	"newfstatat": "dp", "fstatat64": "dp", "statx": "dp", "statfs": "p", "readlink": "p", "readlinkat": "dp",
	"chown": "p", "lchown": "p", "fchownat": "dp", "chmod": "p", "fchmodat": "dp", "fchmodat2": "dp",
	"link": "pp", "linkat": "dp.p", "rename": "pp", "renameat": "dp.p", "renameat2": "dp.p",
	"symlink": "pp", "symlinkat": "p.p", "unlink": "p", "unlinkat": "dps", "rmdir": "p", "mkdir": "p", "mkdirat": "dp",
	"mknod": "ps", "mknodat": "dps", "truncate": "p", "truncate64": "p", "utime": "p", "utimes": "p", "utimensat": "dp",
	"futimesat": "dp", "setxattr": "ppb", "lsetxattr": "ppb", "getxattr": "pp", "lgetxattr": "pp", "listxattr": "p",
	"llistxattr": "p", "removexattr": "pp", "lremovexattr": "pp", "chdir": "p", "chroot": "p", "acct": "p",
	"swapon": "p", "swapoff": "p", "inotify_add_watch": "fp", "name_to_handle_at": "dp", "memfd_create": "p",
	// Mounts.
	"mount": "pp.s", "umount": "p", "umount2": "ps", "pivot_root": "pp", "open_tree": "dp", "move_mount": "dp.p",
	"fsopen": "p", "fspick": "dp", "fsconfig": "fsp", "fsmount": "f", "mount_setattr": "dp", "quotactl": "sp", "quotactl_fd": "fs",
	// Open files.
	"fchown": "f", "fchmod": "f", "ftruncate": "f", "fsetxattr": "fpb", "fgetxattr": "fp", "fremovexattr": "fp",
	"flistxattr": "f", "ioctl": "fs", "fcntl": "fs", "fcntl64": "fs", "read": "f", "pread64": "f", "readv": "f", "write": "f",
	"pwrite64": "f", "writev": "f", "getdents64": "f", "fallocate": "f", "fchdir": "f", "open_by_handle_at": "f",
	"flock": "f", "fadvise64": "f", "copy_file_range": "f", "sendfile": "f",
	// Sockets.
	"socket": "sss", "socketpair": "sss", "bind": "fb", "connect": "fb", "sendto": "f...b", "sendmsg": "fm",
	"sendmmsg": "f", "recvmsg": "f", "recvfrom": "f", "setsockopt": "fss", "getsockopt": "fss", "listen": "f", "accept": "f", "accept4": "f",
	// Signals and processes.
	"kill": ".s", "tkill": ".s", "tgkill": "..s", "rt_sigqueueinfo": ".s", "rt_tgsigqueueinfo": "..s", "pidfd_send_signal": "fs",
	"setpriority": "s.s", "getpriority": "s", "ioprio_set": "s.s", "sched_setscheduler": ".s", "prlimit64": ".s", "setrlimit": "s",
	"ptrace": "s", "kcmp": "..s", "clone": "s", "clone3": "x", "unshare": "s", "setns": "fs", "personality": "s",
	// Identity.
	"setuid": "s", "setgid": "s", "setreuid": "ss", "setregid": "ss", "setresuid": "sss", "setresgid": "sss",
	"setfsuid": "s", "setfsgid": "s", "setgroups": "s", "capset": ".b", "prctl": "ss", "seccomp": "ss",
	// System.
	"syslog": "s", "reboot": "..s", "sethostname": "p", "setdomainname": "p", "clock_settime": "s", "clock_settime64": "s",
	"clock_adjtime": "s", "bpf": "s", "keyctl": "s", "add_key": "pp", "request_key": "pp", "fanotify_init": "ss",
	"fanotify_mark": "fs.dp", "timerfd_create": "s", "userfaultfd": "s", "finit_module": "fp", "delete_module": "p",
	"iopl": "s", "set_mempolicy": "s", "mbind": "..s",
	// Memory and IPC.
	"mmap": "..ss", "mmap2": "..ss", "mprotect": "..s", "shmget": "..s", "shmctl": ".s", "msgget": ".s", "msgctl": ".s", "semget": "..s",
	"semctl": "..s", "mq_open": "ps", "mq_unlink": "p", "memfd_secret": "s",
}
