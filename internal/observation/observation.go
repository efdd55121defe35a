// Package observation holds what a traced run showed: the operations that
// failed or were checked, aggregated, with no interpretation. The tracer fills
// it, the mapper reads it, and neither knows the other.
package observation

import (
	"syscall"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/scenario"
)

// The sysctls of a network namespace on which a container's needs depend.
const (
	UnprivilegedPortStart = "net.ipv4.ip_unprivileged_port_start"
	PingGroupRange        = "net.ipv4.ping_group_range"
)

// Observation is everything seen of one run of one container.
type Observation struct {
	// Operations are in the order in which they were first seen.
	Operations []Operation
	// Executions counts the successful execve(2) calls seen inside the
	// container. With 0, either its command did not start or the tracer followed
	// the wrong cgroup; Losses.Unseen assumes the latter.
	Executions uint64
	// Sysctls are the container's own values, at its start, of those on which its
	// needs depend: UnprivilegedPortStart and PingGroupRange.
	Sysctls map[string]string
	// SysctlUses counts, by the name of a sysctl in Sysctls, the calls whose outcome
	// it decides, whether they failed or not: bind(2) to a port below 1024, and
	// socket(2) for ICMP datagrams. No capability is asked for where the sysctl lets
	// them pass. An io_uring instance counts for both, since what it does is no call.
	SysctlUses map[string]uint64
	// Refusals are what security modules of the kernel refused while the run lasted,
	// others' processes included, as far as it was logged. AllRefusals says that no record
	// of one was missed; what a policy refuses without logging it is in none.
	Refusals    []Refusal
	AllRefusals bool
	// Losses says what could not be recorded. Its zero value is a complete
	// observation.
	Losses Losses
}

// Operation is one system call, or work of the kernel outside of any, that
// failed or made capability checks; calls that are alike are one operation with
// a count.
type Operation struct {
	// Executable is the path given to the execve(2) that the process runs, or the
	// file's own where that was /proc/self/exe or a descriptor. Comm is the thread's
	// name (at most 15 bytes) when first seen.
	Executable string
	Comm       string
	// PID is the process of the first occurrence in the initial PID namespace.
	PID int
	// UID is the effective user ID in the initial user namespace.
	UID uint32
	// Bounding, Inheritable, Permitted and Effective are the thread's own sets at
	// the time of the first occurrence.
	Bounding, Inheritable, Permitted, Effective capability.Set
	// NoNewPrivs is the thread's no_new_privs bit.
	NoNewPrivs bool
	// Starting marks the runtime's execve of the container's command before it
	// succeeded: the only thing recorded of a runtime's own process.
	Starting bool
	// Joined marks a process that entered the running container from outside
	// (docker exec, a health check).
	Joined bool
	// ByExec marks one of the user's own commands inside the container that counts like
	// the workload's own processes.
	ByExec bool
	// Init marks the container's first process.
	Init bool
	// Phase is the part of the run in which it was seen; alike operations of two phases
	// are two.
	Phase scenario.Phase

	// Arch is the calling convention, with the names of GOARCH: amd64, 386, arm64.
	Arch string
	// Number is the system call's number in Arch, -1 outside of any call.
	Number int
	// Syscall is its name in section 2 of the manual, "syscall_999" for an
	// unknown number, "" outside of any call.
	Syscall string
	// Args are the call's six argument registers.
	Args [6]uint64
	// Errno is 0 for success.
	Errno syscall.Errno
	// Entered is false for a call that was refused before the kernel looked at
	// it: by seccomp, or skipped by a tracer. With Losses.Missed it may also be one that was
	// not refused, and of which the beginning was missed.
	Entered bool
	// Returned is false when the thread died inside the call.
	Returned bool

	// WentOn says of a call that may give up privileges (setuid(2) and its kin, capset(2),
	// chroot(2), prctl(2)) that a process which made it was there to the end or executed
	// another program: it did not end by itself, with an error, after the call.
	WentOn bool

	// Checks are those made inside the call, in order, alike ones merged.
	Checks []Check
	// Object is what the first occurrence was about.
	Object Object
	// Count is the number of occurrences.
	Count uint64
}

// Failed reports whether the call returned an error.
func (o Operation) Failed() bool { return o.Errno != 0 }

// Check is one question to cap_capable().
type Check struct {
	Capability capability.Cap
	Granted    bool
	// Overridden is true when the credentials that were asked are not the
	// thread's own (override_creds: overlayfs, but also faccessat(2)).
	Overridden bool
	// Namespace says whose user namespace the capability was asked in.
	Namespace Namespace
	// Stack holds the kernel functions that led to the check, innermost first,
	// without offsets, starting behind cap_capable(); nil when it could not be
	// taken.
	Stack []string
	Count uint64
}

// Namespace relates the user namespace of a check to the container's.
type Namespace uint8

// The user namespaces that a check can be about.
const (
	// ContainerNamespace is the one that the container's first process has.
	ContainerNamespace Namespace = iota
	// InitialNamespace is the host's, where it is not the container's too.
	InitialNamespace
	// OtherNamespace is any other, for example one that the workload made.
	OtherNamespace
)

// Object is what a call was about, as far as its arguments tell. Fields that do
// not apply are zero.
type Object struct {
	// Path and SecondPath are strings of the call as the caller gave them: a
	// file, the source and target of a mount(2), a rename(2) or a link(2).
	Path, SecondPath string
	// Address is a socket address in net.JoinHostPort's form, a Unix path or
	// "netlink".
	Address string
	// Family and Port are those of Address; Port is 0 where there is none.
	Family, Port int
	// Signal and Target are those of kill(2) and its kin; Target is in the
	// caller's PID namespace.
	Signal syscall.Signal
	Target int
	// TargetExecutable is the file that the target runs, "" where that is not known.
	TargetExecutable string
	// Capabilities is the set that capset(2) asked for, permitted and effective
	// together, the one capability of a prctl(2), or the permitted set in the
	// security.capability attribute of a file that execve(2) refused, or that
	// setxattr(2) and its kin gave to a file.
	Capabilities capability.Set
	// FileSeen says of an execve(2) that the file was looked at when the call was
	// refused, so that Capabilities are those that counted.
	FileSeen bool
	// Inheritable is the inheritable set that capset(2) asked for.
	Inheritable capability.Set
	// CloneFlags are those of clone3(2), and ChosenIDs how many process IDs its
	// caller chose for the child.
	CloneFlags uint64
	ChosenIDs  int
}

// Watched is what the watch of one run saw.
type Watched struct {
	// Denied are the capabilities denied to the container's programs, on
	// credentials of their own.
	Denied capability.Set
	// Losses says what the watch could not see.
	Losses Losses
}

// Losses counts what the tracer could not record. Any of them but Missed makes the
// observation incomplete.
type Losses struct {
	// Unseen counts runs in which no program started in the container, as far as
	// the tracer could see. Of a container whose command did start, it means that
	// the tracer did not find the container's processes, and saw nothing at all.
	Unseen uint64
	// Operations were not counted: the table of operations was full.
	Operations uint64
	// Details of an operation did not reach user space; it is counted, but
	// what it was about is unknown.
	Details uint64
	// Checks beyond the number that one call can carry.
	Checks uint64
	// Stacks that could not be stored.
	Stacks uint64
	// Tasks that could not be followed since memory ran out.
	Tasks uint64
	// Missed counts runs of a BPF program that the kernel skipped, since it was in the
	// middle of another run of it (recursion_misses), of all tasks of the machine: whether
	// one was of the container is not known. What was seen is so; what was not seen may have
	// been there.
	Missed uint64
}

// Gaps adds up those that make the observation incomplete.
func (l Losses) Gaps() uint64 { return l.Total() - l.Missed }

// Total adds all losses up.
func (l Losses) Total() uint64 {
	return l.Unseen + l.Operations + l.Details + l.Checks + l.Stacks + l.Tasks + l.Missed
}

// Plus adds the losses of two runs up.
func (l Losses) Plus(more Losses) Losses {
	return Losses{
		Unseen:     l.Unseen + more.Unseen,
		Operations: l.Operations + more.Operations,
		Details:    l.Details + more.Details,
		Checks:     l.Checks + more.Checks,
		Stacks:     l.Stacks + more.Stacks,
		Tasks:      l.Tasks + more.Tasks,
		Missed:     l.Missed + more.Missed,
	}
}
