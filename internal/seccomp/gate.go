// Package seccomp answers what an engine's seccomp profile does with a system
// call under a set of capabilities, and which capability would open it. It is
// the only importer of github.com/moby/profiles/seccomp.
package seccomp

import (
	"syscall"

	"github.com/capprof/capprof/internal/capability"
)

// Call is a system call as the kernel saw it.
type Call struct {
	// Arch is the calling convention, with the names of GOARCH.
	Arch string
	// Name is the call's name in section 2 of the manual.
	Name string
	// Args are its six argument registers.
	Args [6]uint64
}

// Verdict is what a profile does with a call.
type Verdict struct {
	// Refused says that the profile refuses the call under the granted set.
	Refused bool
	// Errno is what a refused call returns.
	Errno syscall.Errno
	// Opens are the capabilities of which each, added alone, makes the profile
	// let the call pass; the least dangerous first, and empty when none does.
	Opens []capability.Cap
	// Fallback says that the refusal is meant to be worked around and no need:
	// clone3(2) answers ENOSYS so that the C library uses clone(2).
	Fallback bool
}

// Gate is a seccomp profile.
type Gate struct{}

// Default is the profile that an engine of this version applies when nothing
// is said; "" stands for the newest.
func Default(engineVersion string) *Gate { return &Gate{} }

// Parse reads a profile as given to --security-opt seccomp=FILE.
func Parse(profile []byte) (*Gate, error) { return &Gate{}, nil }

// Judge says what the profile does with a call when the container was granted
// a set.
func (g *Gate) Judge(call Call, granted capability.Set) Verdict { return Verdict{} }
