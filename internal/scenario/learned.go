package scenario

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"syscall"
	"time"
)

// Socket is an address on which a container listens.
type Socket struct {
	// Protocol is tcp or udp.
	Protocol string `json:"protocol"`
	Port     int    `json:"port"`
}

// String is docker's way to write it: 80/tcp.
func (s Socket) String() string { return fmt.Sprintf("%d/%s", s.Port, s.Protocol) }

// Process is a kind of process of a container: processes of one name and one user are
// one, since how many there are changes.
type Process struct {
	// Name is that of its program as the kernel has it (comm), at most 15 bytes.
	Name string `json:"name"`
	// UID is its effective user, in the initial user namespace.
	UID uint32 `json:"uid"`
}

// digits stand for numbers in the names of processes, which differ from run to run.
var digits = regexp.MustCompile(`[0-9]+`)

// Kinds are the different kinds among processes, sorted, with their numbers taken out of
// their names.
func Kinds(processes []Process) []Process {
	kinds := make([]Process, 0, len(processes))
	for _, p := range processes {
		p.Name = digits.ReplaceAllString(p.Name, "#")
		kinds = append(kinds, p)
	}
	slices.SortFunc(kinds, func(a, b Process) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID)) })
	return slices.Compact(kinds)
}

// Stopped is how a boot of a service ended.
type Stopped struct {
	// ExitCode is docker's: 128+n for signal n.
	ExitCode int `json:"exitCode"`
	// Killed says that it had not ended within the stop timeout.
	Killed bool `json:"killed"`
}

// Learned is what the run with everything allowed showed, and what the other runs are
// held against.
type Learned struct {
	Kind Kind
	// Ready is how a service shows that it is ready: as told, or found out.
	Ready Readiness
	// Sockets are those on which it listened when it was ready, sorted.
	Sockets []Socket
	// Processes are the kinds of processes that were there all the while from its
	// being ready to its stop, sorted.
	Processes []Process
	// StopSignal is what asks it to end.
	StopSignal syscall.Signal
	// Boots is how each boot of its plan went, in their order.
	Boots []Booted
}

// Booted is how one boot went.
type Booted struct {
	Boot Boot
	// Took is how long each step took.
	Took map[Step]time.Duration
	// Stopped is how it ended.
	Stopped Stopped
}
