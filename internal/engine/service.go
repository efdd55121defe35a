package engine

import "errors"

// Volume is what outlives a container: a place in its file tree that is kept elsewhere.
type Volume struct {
	// Target is where it is mounted, absolute.
	Target string
	// Source is the name of a NamedVolume, the path of a BindMount on the engine's
	// machine, and "" for an AnonymousVolume.
	Source string
	Kind   VolumeKind
	// ReadOnly says that the container cannot write to it.
	ReadOnly bool
}

// VolumeKind is what keeps a volume's content.
type VolumeKind string

// The kinds.
const (
	// NamedVolume is one of the engine's, with a name that the user chose.
	NamedVolume VolumeKind = "named volume"
	// AnonymousVolume is one that the engine makes for the container: of the image's
	// VOLUME, or of a -v that has no source.
	AnonymousVolume VolumeKind = "anonymous volume"
	// BindMount is a file or a directory of the engine's machine.
	BindMount VolumeKind = "bind mount"
)

// Reach is how a running container is reached from this machine.
type Reach struct {
	// Address is its IP address: that of this machine with the host's network, "" where
	// it has none or where it cannot be reached from here.
	Address string
	// Published maps the ports that it publishes to addresses: "80/tcp" to
	// "127.0.0.1:49153".
	Published map[string]string
}

// Errors of the questions about a running container.
var (
	// ErrNotRunning says that the container does not run: not yet, or not any more.
	ErrNotRunning = errors.New("the container does not run")
	// ErrUnseen says that what is asked cannot be seen from here: the container runs on
	// another machine, or behind a /proc that is not ours.
	ErrUnseen = errors.New("it cannot be seen from here")
)
