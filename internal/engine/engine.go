// Package engine is the contract between capprof and what runs containers.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

// Engine is what the loop needs of a container engine. Docker is the one
// implementation today; Podman is meant to join.
type Engine interface {
	// Info asks the engine who and where it is. Its error says what to do when
	// the engine cannot be reached.
	Info(ctx context.Context) (Info, error)
	// Image finds the image, pulling it when it is missing. Progress lines for
	// people go to progress.
	Image(ctx context.Context, reference string, progress io.Writer) (Image, error)
	// Create makes a container of the workload that holds exactly the
	// capabilities of grant (--cap-drop ALL and one --cap-add each). It is not
	// started. A *RefusedError says that the engine will not grant them.
	Create(ctx context.Context, w workload.Spec, grant capability.Set) (Container, error)
	// Grantable returns the part of ask that the engine can grant, without
	// starting anything.
	Grantable(ctx context.Context, imageID string, ask capability.Set) (capability.Set, error)
	// Leftovers removes the containers that an earlier capprof left behind and
	// returns their names.
	Leftovers(ctx context.Context) ([]string, error)
}

// Container is one created container. It is used by one goroutine at a time,
// except for Kill, which may be called at any time.
type Container interface {
	// ID is the engine's full identifier.
	ID() string
	// CgroupName is the name of the container's own cgroup directory: the one
	// thing that tells its tasks from all others from the first instruction.
	CgroupName() string
	// Run attaches stdio, starts the container and waits for its end. A
	// *RefusedError says that the runtime could not apply the capabilities; a
	// *StartError that the command could not be started. When ctx ends, the
	// container is killed and the context's error returned.
	Run(ctx context.Context, stdio Stdio) (Exit, error)
	// FileCapabilities reads the permitted set of the security.capability
	// attribute of a file in the container, following links; empty when it has
	// none. The container need not run.
	FileCapabilities(ctx context.Context, path string) (capability.Set, error)
	// Kill ends the container at once.
	Kill(ctx context.Context) error
	// Remove deletes the container and its anonymous volumes, running or not.
	// Removing what is gone already is no error.
	Remove(ctx context.Context) error
}

// Stdio is where a run's streams come from and go to. Stdin is nil when the
// workload reads nothing. With a TTY everything arrives on Stdout.
type Stdio struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Resize delivers terminal sizes, nil without a TTY.
	Resize <-chan Size
}

// Size is a terminal's, in characters.
type Size struct{ Width, Height uint }

// Exit is how a container ended.
type Exit struct {
	// Code is the exit status as docker run reports it: 128+n for signal n.
	Code int
	// OutOfMemory says that the kernel's OOM killer ended it.
	OutOfMemory bool
}

// Info describes the engine and the machine it runs on.
type Info struct {
	Name, Version, APIVersion string
	Runtime, RuntimeVersion   string
	StorageDriver             string
	CgroupVersion             string
	CgroupDriver              string
	KernelRelease             string
	Architecture              string
	SecurityOptions           []string
	// Endpoint is the address in use, without credentials.
	Endpoint string
	// Devices are the device nodes below /dev beyond those that every container has,
	// of the machine that the engine runs on; none where it cannot be looked at.
	Devices []string
	// SameKernel says whether the containers run on the kernel that capprof
	// runs on; when false, WhyRemote is the reason, for people.
	SameKernel bool
	WhyRemote  string
	// Seccomp is the name of the engine's default seccomp profile: "default"
	// for its built-in one, "" when seccomp is off.
	Seccomp string
	// RootUID is the host's user ID of the containers' root: 0 unless the engine
	// remaps users (userns-remap) or is rootless.
	RootUID uint32
}

// HasDevice reports whether the machine has a device node, or a directory of them,
// at a path.
func (i Info) HasDevice(file string) bool {
	return slices.ContainsFunc(i.Devices, func(d string) bool { return d == file || strings.HasPrefix(d, file+"/") && file != "/dev" })
}

// Image is a resolved image.
type Image struct {
	// Reference is what was asked for, ID the local image ID (sha256:...), and
	// Digest the repository digest (name@sha256:...), "" for a local image.
	Reference, ID, Digest string
	Entrypoint, Command   []string
	User, WorkingDir      string
	HealthCheck           bool
	Volumes               []string
}

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
	// capabilities may cure (file capabilities) or not.
	Permission bool
	Err        error
}

func (e *StartError) Error() string { return e.Err.Error() }

func (e *StartError) Unwrap() error { return e.Err }

// Errors of the engine that the command line tells apart.
var (
	// ErrNoEngine says that the engine cannot be reached.
	ErrNoEngine = errors.New("no container engine")
	// ErrNoImage says that the image is neither here nor to be had.
	ErrNoImage = errors.New("no such image")
	// ErrEngineLost says that the engine went away during a run.
	ErrEngineLost = errors.New("the engine went away")
	// ErrOtherKernel says that the containers cannot be traced from here.
	ErrOtherKernel = errors.New("the engine's containers do not run on this machine's kernel")
	// ErrBadWorkload says that the engine refused the workload's options.
	ErrBadWorkload = errors.New("the engine refuses the options")
)
