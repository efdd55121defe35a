package callwords

import (
	"fmt"

	"github.com/capprof/capprof/internal/observation"
)

// Call names a call, with the argument on which a seccomp profile may depend.
func Call(op observation.Operation) string {
	switch op.Syscall {
	case "":
		return "work outside of any system call"
	case "socket":
		return fmt.Sprintf("socket(2) of address family %d", op.Args[0])
	case "personality":
		return fmt.Sprintf("personality(2) with %#x", op.Args[0])
	default:
		return op.Syscall
	}
}
