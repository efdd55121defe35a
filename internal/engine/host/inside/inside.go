// Package inside is what runs in the namespaces of plain processes: the supervisor, which
// is the first process there, and the step from it to the program.
//
// Both are this very executable, which calls Main before anything else. The supervisor
// stays in the machine's mount namespace. Each program that it starts enters the one that
// was made for it before it executes: a task whose mount namespace is not its parent's is
// how the tracer knows the first program of a container.
package inside

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

// Program is what is started, and how.
type Program struct {
	Argv, Env []string
	// Dir is the working directory.
	Dir string
	// UID, GID and Groups are those of the process; Groups without GID.
	UID, GID uint32
	Groups   []uint32
	// Bounding are the capabilities that it and its children can ever have. A program of
	// root holds all of them. With Ambient that of another user does too.
	Bounding capability.Set
	Ambient  bool
	// NoNewPrivileges is that of prctl(2).
	NoNewPrivileges bool
	Limits          []Limit
	// OOMScoreAdj is proc_pid_oom_score_adj(5); nil leaves it.
	OOMScoreAdj *int
	// Umask is umask(2); nil leaves it.
	Umask *int
	// Full says that it runs as root and keeps all capabilities, whatever is said above.
	Full bool
	// MayFail says of a program that another one follows that it does not matter how it ends.
	MayFail bool
	// TTY says that standard input is a terminal, which becomes the controlling one.
	TTY bool
}

// Limit is one of setrlimit(2): RLIMIT_* and its values.
type Limit struct {
	Resource   int
	Soft, Hard uint64
}

// Failure says what could not be done on the way to a program.
type Failure struct {
	// Doing is what was being done, with what it was done to.
	Doing string
	// Execing says that all was ready: the program itself cannot be executed, or is not
	// there.
	Execing bool
	// Errno is the kernel's answer, 0 where there is none.
	Errno int
}

// ExitCode is that of a shell: 127 where there is no such program, 126 where it cannot be
// executed.
func (f *Failure) ExitCode() int {
	if errno := syscall.Errno(f.Errno); errno == syscall.ENOENT || errno == syscall.ENOTDIR {
		return 127
	}
	return 126
}

// Memory is a file in memory that holds a value as JSON, to be handed on.
func Memory(name string, value any) (*os.File, error) {
	fd, err := unix.MemfdCreate("capprof-"+name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), name)
	if err := json.NewEncoder(file).Encode(value); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	_, err = file.Seek(0, io.SeekStart)
	return file, err
}

// Setup is what the supervisor is told at its start.
type Setup struct {
	// Sysctls are written to /proc/sys, by name.
	Sysctls map[string]string
	// Hostname and Domainname are set where they are not "".
	Hostname, Domainname string
	// OwnIPC and OwnNetwork say that those namespaces are not the machine's.
	OwnIPC, OwnNetwork bool
	// Forking says that the first program ends with 0 when the service is ready, and that
	// the service is what it leaves running; PIDFile then names its main process, "" where
	// that is not told.
	Forking bool
	PIDFile string
	// Notify is where the supervisor listens for sd_notify(3); "" for nowhere.
	Notify string
}

// Request is what the supervisor is asked for. One for programs comes with descriptors: the
// Programs as JSON, standard input, output and error. They run one after the other, as one:
// it starts with the first one, and ends with the last one or with one that fails.
type Request struct {
	// ID tells programs apart; 0 is the first one, whose end is the end of all.
	ID int
	// Signal is sent to the program, to all processes with All; 0 is for a new program.
	Signal int
	All    bool
}

// Event is what the supervisor tells.
type Event struct {
	// ID is that of the program; the supervisor's own failure has none of a program's.
	ID   int
	Kind Kind
	// Status is that of wait(2), of an end; a program behind the first one that cannot be
	// executed ends as in a shell, with 126 or 127.
	Status int
	// Failure is that of a Failed.
	Failure *Failure
}

// Kind is what happened.
type Kind string

// The kinds.
const (
	Up      Kind = "up"      // the supervisor can be asked for programs
	Started Kind = "started" // the program was executed
	Failed  Kind = "failed"  // it could not be
	Ended   Kind = "ended"
	Ready   Kind = "ready" // the service said so, or its first process ended well
)

// The names under which this executable is one of the two.
const (
	Supervisor = "capprof-supervisor"
	entrance   = "capprof-entrance"
)

// The descriptors that the supervisor is given.
const (
	controlFD = 3 // a socket of Requests and Events, one a packet
	treeFD    = 4 // the mount namespace of the container's file tree
	cgroupFD  = 5 // the container's cgroup
	setupFD   = 6 // a Setup as JSON
)

// Main is the supervisor or the step to a program, where this process was started as one
// of these, and does not return then.
func Main() {
	switch os.Args[0] {
	case Supervisor:
		os.Exit(supervise())
	case entrance:
		os.Exit(enter())
	}
}
