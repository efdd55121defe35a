package engine

import (
	"errors"
	"fmt"

	"github.com/capprof/capprof/internal/capability"
)

// RefusedError says that the engine or its runtime will not grant a capability,
// which tells nothing of the workload.
type RefusedError struct {
	// Refused are the capabilities at fault; empty when the engine does not say
	// which of those that it was given.
	Refused capability.Set
	Err     error
}

func (e *RefusedError) Error() string {
	if e.Refused.Empty() {
		return fmt.Sprintf("the engine refuses the capabilities: %v", e.Err)
	}
	return fmt.Sprintf("the engine refuses to grant %s: %v", e.Refused, e.Err)
}

func (e *RefusedError) Unwrap() error { return e.Err }

// StartError says that the container's command could not be started.
type StartError struct {
	// Code is docker's: 127 for a command that does not exist, 126 for one that
	// cannot be executed.
	Code int
	// Permission says that execve(2) failed with EPERM or EACCES, which more
	// capabilities may prevent (file capabilities) or not.
	Permission bool
	Err        error
}

func (e *StartError) Error() string { return e.Err.Error() }

func (e *StartError) Unwrap() error { return e.Err }

// EndedByOthersError says that somebody else ended a container, so that how it ended
// tells nothing of the workload.
type EndedByOthersError struct {
	// Container is its identifier.
	Container string
	// Signal is what it was sent, as the engine spells it, or UnknownSignal; "" when it was
	// removed or restarted.
	Signal string
	// Restarted says that it runs again.
	Restarted bool
}

// UnknownSignal is one that the engine does not name.
const UnknownSignal = "unknown"

func (e *EndedByOthersError) Error() string {
	if e.Restarted {
		return fmt.Sprintf("somebody restarted container %.12s while it ran", e.Container)
	}
	if e.Signal == "" {
		return fmt.Sprintf("somebody removed container %.12s while it ran", e.Container)
	}
	if e.Signal == UnknownSignal {
		return fmt.Sprintf("somebody stopped container %.12s while it ran (podman stop, podman kill)", e.Container)
	}
	return fmt.Sprintf("somebody stopped container %.12s while it ran: it was sent signal %s (docker stop, docker kill, or the engine's shutdown)", e.Container, e.Signal)
}

// WriteError is a failure of a caller's writer, told from one of the container's streams.
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return "writing the workload's output: " + e.Err.Error() }

func (e *WriteError) Unwrap() error { return e.Err }

// Errors of the engine that the command line tells apart.
var (
	// ErrNoEngine says that the engine cannot be reached.
	ErrNoEngine = errors.New("no container engine")
	// ErrNoImage says that the image is neither here nor to be had.
	ErrNoImage = errors.New("no such image")
	// ErrNoContainer says that there is no container of that name or ID.
	ErrNoContainer = errors.New("no such container")
	// ErrEngineLost says that the engine went away during a run.
	ErrEngineLost = errors.New("the engine went away")
	// ErrSilent says that the engine took a request and did not answer in time. It is
	// never the workload's fault.
	ErrSilent = errors.New("the engine does not answer")
	// ErrOtherKernel says that the containers cannot be traced from here.
	ErrOtherKernel = errors.New("the engine's containers do not run on this machine's kernel")
	// ErrOtherCgroup says that a container's processes are not in the cgroup by which they
	// are told from all others.
	ErrOtherCgroup = errors.New("the container is in another control group than its engine's settings say")
	// ErrBadWorkload says that the engine refused the workload's options.
	ErrBadWorkload = errors.New("the engine refuses the options")
)
