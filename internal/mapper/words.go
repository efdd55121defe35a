package mapper

import (
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
)

// moduleWords name the security modules that may refuse. A program can put itself
// under Landlock, of which no engine knows.
func moduleWords(env Environment) string {
	var names []string
	for _, m := range env.Modules {
		names = append(names, m.words())
	}
	switch {
	case len(names) > 0:
	case env.ModulesKnown:
		return "a security module (the program's own Landlock rules)"
	default:
		names = []string{"AppArmor, SELinux"}
	}
	return "a security module (" + strings.Join(names, ", ") + ", or the program's own Landlock rules)"
}

func laterRefusal(env Environment) string {
	return moduleWords(env) + ", a rule of the file system, or the kernel's lockdown"
}

// userWords names a user. Where the container's IDs are not the host's, the
// mapping of users other than root is the engine's secret.
func userWords(uid uint32, env Environment) string {
	if env.RootUID != 0 {
		return fmt.Sprintf("user %d of the host", uid)
	}
	return fmt.Sprintf("user %d", uid)
}

// needsNone says of calls that the seccomp profile refuses in what cases the kernel
// itself asks for no capability.
func needsNone(op observation.Operation) (string, bool) {
	switch op.Syscall {
	case "mbind", "set_mempolicy", "get_mempolicy", "set_mempolicy_home_node":
		return "asks for no capability where a process places its own memory", true
	case "unshare", "clone":
		if op.Args[0]&unix.CLONE_NEWUSER != 0 {
			return "lets every user make a user namespace", true
		}
	case "ptrace", "process_vm_readv", "process_vm_writev", "kcmp", "pidfd_getfd":
		return "asks for no capability among processes of one user", true
	case "name_to_handle_at", "lsm_get_self_attr", "lsm_list_modules":
		return "asks for no capability", true
	}
	return "", false
}

// shells run what a user wrote for the run: their own calls are the script's.
var shells = nameSet("sh bash dash ash ksh mksh zsh busybox")

// probeWords say whose kill(pid, 0) it is: a script's that waits for a server says
// nothing of the server.
func probeWords(op observation.Operation) string {
	who := "the program"
	if shells[path.Base(op.Executable)] {
		who = "the workload's own script"
	}
	return who + " asks whether another user's process is there: kill(pid, 0)"
}
