// Package engine is the contract between capprof and what runs containers.
//
// An adapter (engine/docker) implements it, and engine/enginetest is the suite that
// every adapter must pass. What differs from engine to engine comes from the adapter
// as Facts; nothing above this package asks for an engine's name to decide.
package engine

import (
	"context"
	"io"
	"strconv"
	"syscall"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/workload"
)

// Engine runs containers. It may be used by several goroutines.
type Engine interface {
	// Facts asks the engine who and where it is, and what it gives to a container by
	// itself. The error says what to do when the engine cannot be reached.
	Facts(ctx context.Context) (Facts, error)
	// Prepare resolves everything that the workload names and that may change while
	// capprof works: the image, which is pulled when it is missing, and files. Lines
	// about it, for people, go to progress.
	Prepare(ctx context.Context, w workload.Spec, progress io.Writer) (Subject, error)
	// Describe reads an existing container, running or not, by its name or the beginning
	// of its ID. It is only looked at. An ErrNoContainer says which names come close.
	Describe(ctx context.Context, container string) (Description, error)
	// RemoveLeftovers removes the containers and volumes that a dead capprof left behind
	// and returns their names. Those of a living one stay.
	RemoveLeftovers(ctx context.Context) ([]string, error)
	// Close releases connections. Containers are not touched.
	Close() error
}

// Subject is a prepared workload: every container made of it is of the same image
// and of the same files. It may be used by several goroutines.
type Subject interface {
	// Identity is what the workload was resolved to.
	Identity() Identity
	// Grantable returns the part of ask that the engine can grant, without starting
	// anything.
	Grantable(ctx context.Context, ask capability.Set) (capability.Set, error)
	// Data makes what the containers of one run share: volumes in place of the anonymous
	// ones and, with the policy, of the user's. An ErrBadWorkload says why the policy
	// cannot be had for this workload; after an error, what was made is gone.
	Data(ctx context.Context, o DataOptions) (Data, error)
	// Create makes a container, which is not started. A *RefusedError says that the
	// engine will not grant the capabilities, an ErrBadWorkload that it will not take
	// the options.
	Create(ctx context.Context, c Conditions) (Container, error)
}

// Identity is what a workload was resolved to.
type Identity struct {
	// Reference is the image as it was asked for, ID the engine's own identifier of
	// it (sha256:...) and Digest its repository digest (name@sha256:...), "" for an
	// image that no registry has. All three are "" where the engine has no images.
	Reference, ID, Digest string
	// Argv is what a container runs: entrypoint and command, the workload's own
	// before the image's.
	Argv []string
	// User is what a container starts as, by name or number and without its group: the
	// workload's own, or the image's; "" for the engine's default, which is root.
	User string
	// Seccomp is the profile that the workload's own options put it under.
	Seccomp Seccomp
	// Healthcheck says that containers are made with a health check: the image's, or
	// that of the workload's own options. It runs as the engine always runs it.
	Healthcheck bool
	// StopSignal is what asks a container to end: the workload's own, the image's, or
	// SIGTERM.
	StopSignal syscall.Signal
	// StopTimeout is how long it may take to end then, before it is killed; negative
	// where docker stop waits for ever. It is 10 s where the workload says nothing.
	StopTimeout time.Duration
	// Exposed are the ports on which the image, or the workload's own options, say that
	// it listens. Whether it does is another question.
	Exposed []scenario.Socket
	// Volumes are what outlives a container, sorted by target.
	Volumes []Volume
}

// StartsAsRoot reports whether a container starts as root.
func (i Identity) StartsAsRoot() bool {
	uid, err := strconv.ParseUint(i.User, 10, 32)
	return i.User == "" || i.User == "root" || err == nil && uid == 0
}

// Conditions are what one container gets beyond the workload's own options.
type Conditions struct {
	// Service names one container of a subject that has several; "" is the only one.
	Service string
	// Capabilities are exactly those that the container holds (--cap-drop ALL and one
	// --cap-add each).
	Capabilities capability.Set
	// Options are added to the workload's; one that takes a single value replaces it.
	Options []workload.Setting
	// Data is of the same subject. nil: the container has anonymous volumes of its own,
	// and the user's named ones and directories.
	Data Data
}

// Container is one created container. Start and Wait are called by one goroutine at
// a time; the others may be called at any time. What asks about a running container
// answers ErrNotRunning when it does not run: not yet, or not any more.
type Container interface {
	// ID is the engine's full identifier.
	ID() string
	// Cgroup tells the container's tasks from all others from the first instruction.
	Cgroup() Cgroup
	// Start attaches stdio and starts the container. Whoever starts it must wait for
	// its end. A *RefusedError says that the runtime could not apply the
	// capabilities, a *StartError that the command could not be started. After an
	// error nothing runs, and the writers of stdio are not used any more. A time limit
	// of the workload's is none of the start's: an engine that is slow to start is
	// not a workload that is slow to end.
	//
	// After Wait returned an Exit, the same container may be started again, as a
	// restart does: it has its file tree and its identifier still, and its streams, its
	// end and who brought that about are the new start's own.
	Start(ctx context.Context, stdio Stdio) error
	// Wait waits for the container's end and the end of its output, after which the
	// writers of stdio are not used any more. A *StartError says that the command
	// could not be started after all, an *EndedByOthersError that the end is not the
	// workload's own. When ctx ends first, the container runs on, the context's error
	// is returned, and Wait may be called again.
	Wait(ctx context.Context) (Exit, error)
	// Signal sends a signal to the container's first process. One that has not been
	// started, has ended or is gone is left as it is, without an error.
	Signal(ctx context.Context, signal syscall.Signal) error
	// Exec runs a further command in the running container and waits for its end. When
	// ctx ends first, the command is left to the container's end. A container that ends
	// first kills it, which is an exit with 137 or an ErrNotRunning: Wait tells which of
	// the two ended.
	Exec(ctx context.Context, c Command) (Exit, error)
	// Healthy waits until the health check says that the container is healthy (true) or
	// unhealthy (false), which is at once where it has said so already. It is an error
	// where there is no health check, see Identity.Healthcheck.
	Healthy(ctx context.Context) (bool, error)
	// Processes are those of the running container, what was brought in by Exec and by
	// the health check included. They are cheap enough to be asked for 10 times a
	// second.
	Processes(ctx context.Context) ([]scenario.Process, error)
	// Listening are the sockets in the running container's network namespace that
	// others may talk to, sorted: those of TCP that listen, those of UDP that are bound
	// and not connected. Left out are those on ports that the kernel picks where they
	// are loopback's alone or of UDP: they differ from start to start, and nobody
	// outside knows of them. In a network that is not the container's own they are
	// those of its own processes. ErrUnseen where they cannot be read from here. They
	// are as cheap as Processes.
	Listening(ctx context.Context) ([]scenario.Socket, error)
	// Busy reports whether one of the running container's threads runs at this moment,
	// or would, had it a processor or what it waits for from a disk. It is as cheap as
	// Processes.
	Busy(ctx context.Context) (bool, error)
	// CPUTime is the processor time that the running container has used so far.
	CPUTime(ctx context.Context) (time.Duration, error)
	// Confinement says what security modules hold the container's processes under, one
	// entry a module, by its name; none where nothing does. It is known after a start, and
	// stays known after the end.
	Confinement(ctx context.Context) ([]Confinement, error)
	// Reach says how the running container is reached.
	Reach(ctx context.Context) (Reach, error)
	// FileCapabilities reads the permitted set of the security.capability attribute
	// of a file in the container, following links; empty when it has none. The
	// container need not run.
	FileCapabilities(ctx context.Context, path string) (capability.Set, error)
	// Remove deletes the container and its anonymous volumes, running or not.
	// Removing what is gone already is no error.
	Remove(ctx context.Context) error
}

// Cgroup identifies a container's tasks in the kernel.
type Cgroup struct {
	// Name is that of the container's own cgroup directory, known before it exists;
	// "" where the engine runs without cgroups.
	Name string
}

// Command is what Exec runs, with the container's own user, environment and
// directory.
type Command struct {
	Argv           []string
	Stdout, Stderr io.Writer
	// Privileged gives it all capabilities, whatever the container has. An engine that
	// does not hold them all refuses that with a *RefusedError.
	Privileged bool
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

// Exit is how a container or a command in it ended.
type Exit struct {
	// Code is the exit status as docker run reports it: 128+n for signal n.
	Code int
	// OutOfMemory says that the kernel's OOM killer ended it.
	OutOfMemory bool
	// Signalled says that capprof itself told it to end, by Signal.
	Signalled bool
}
