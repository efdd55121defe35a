package mapper

import (
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/seccomp"
)

// Environment is what the mapper has to know of the run beyond what was seen
// in it.
type Environment struct {
	// Granted is the container's set: what its processes may hold at most, and
	// what the engine derived the seccomp filter from.
	Granted capability.Set
	// Seccomp is the engine's seccomp profile in force; nil when the container is
	// unconfined or its profile is unknown.
	Seccomp Filter
	// NoNewPrivileges says that the container runs with no-new-privileges, which
	// makes execve(2) ignore set-user-ID bits and file capabilities.
	NoNewPrivileges bool
	// RootUID is the user ID, in the initial user namespace, of the container's
	// root: 0 unless the engine remaps users or is rootless.
	RootUID uint32
	// Ambient says that the container starts as a user other than root, and that what is
	// added reaches it all the same: the engine raises it in the ambient set, which
	// execve(2) keeps.
	Ambient bool
	// Modules are the security modules that confine the container in addition to
	// capabilities and seccomp. ModulesKnown says that there are no others.
	Modules      []Module
	ModulesKnown bool
	// ModuleLog is where a user finds what they log, "" when that is not known.
	ModuleLog string
	// Ruling asks the policy of a module what it says of something; nil when it cannot be
	// asked.
	Ruling func(m Module, a observation.Access) observation.Ruling
	// HasDevice reports whether the machine has a device node, or a directory of
	// them, at a path; nil when that is not known.
	HasDevice func(path string) bool
	// Mounts are those of the container: the engine's own, and after them those that
	// the user asked for, which lie over them.
	Mounts []Mount
	// Settings are values of the host's sysctls, "0" for one that the kernel has
	// not; one that is not in it is unknown.
	Settings map[string]string
	// SharedNetwork says that the network namespace is not the container's own.
	SharedNetwork bool

	// sysctls are the container's own, as its trace saw them.
	sysctls map[string]string
}

// Filter judges system calls as a seccomp profile would; *seccomp.Profile is one.
type Filter interface {
	// Judge says what the profile does with a call under a granted set, and
	// which single capabilities would make it let the call pass.
	Judge(call seccomp.Call, granted capability.Set) seccomp.Verdict
}

// Result is the explanation of one observation, in the order of its
// operations.
type Result struct {
	Denials  []Denial
	Failures []Failure
}

// Mechanism is what refused.
type Mechanism string

// The mechanisms.
const (
	// Check is a refused question to cap_capable().
	Check Mechanism = "capability check"
	// Netlink is a refused check whose error travels in a netlink reply.
	Netlink Mechanism = "netlink"
	// Ring is a refused check whose error travels in a completion of an io_uring.
	Ring Mechanism = "io_uring"
	// Seccomp is a call that the engine's profile lets pass with a capability.
	Seccomp Mechanism = "seccomp"
	// FileCapabilities is execve(2) of a file whose capabilities are beyond the
	// bounding set.
	FileCapabilities Mechanism = "file capabilities"
	// Capset is capset(2) asking for more than is permitted.
	Capset Mechanism = "capset"
	// Ambient is PR_CAP_AMBIENT_RAISE of what is not permitted.
	Ambient Mechanism = "ambient"
	// BoundingDrop is PR_CAPBSET_DROP without CAP_SETPCAP.
	BoundingDrop Mechanism = "bounding-set drop"
	// UserNamespaceMap is a write to uid_map that maps the parent's root, which
	// the kernel judges by CAP_SETFCAP at unshare(2), without a check.
	UserNamespaceMap Mechanism = "user namespace map"
)

// Effect is what a refusal did to the call. A greater one weighs more.
type Effect uint8

// The effects.
const (
	// Noise: the check was refused and nothing came of it.
	Noise Effect = iota
	// Unclear: the call succeeded, and the table does not know the place that asked.
	// It is shown and no guess is made of it.
	Unclear
	// Degraded: the call succeeded and left something out for good, without a
	// word: the set-group-ID bit of a file.
	Degraded
	// Silent: the call succeeded, or only asked a question, and the refusal
	// reached the program another way: a netlink reply, a completion of an
	// io_uring, the answer of access(2), a call that seems not to be there.
	// Whether the program cares, only a run tells.
	Silent
	// Decisive: the call failed because of the refusal.
	Decisive
)

// String is one word.
func (e Effect) String() string {
	switch e {
	case Decisive:
		return "decisive"
	case Silent:
		return "silent"
	case Degraded:
		return "degraded"
	case Unclear:
		return "unclear"
	default:
		return "noise"
	}
}

// Denial is a refusal that a capability would have prevented.
type Denial struct {
	// AnyOf are the capabilities of which one would have done, the least
	// dangerous first.
	AnyOf     []capability.Cap
	Mechanism Mechanism
	Effect    Effect
	// CallSite is the kernel function that asked, "" where nothing was asked or
	// the stack is unknown.
	CallSite string
	// Meaning says in words what was refused; "" for a function that the table
	// does not know.
	Meaning string
	// Remedies are better ways than the capability, or, for an unreachable denial,
	// ways that work. One is enough; the better ones come first.
	Remedies []remedy.Remedy
	// Probe says that the call only asked whether a process is there: kill(pid, 0).
	Probe bool
	// Keeps says what a process keeps that the call was to give up: it was refused, and
	// went on. "" for any other denial.
	Keeps string
	// Unreachable says that granting the capabilities to the container does not
	// help this process: it does not hold what was granted already. Such a
	// denial makes no clause. Why is the reason, a sentence.
	Unreachable bool
	Why         string
	// Operation is the call that was refused.
	Operation observation.Operation
}

// Failure is a refused call that no capability would have let through.
type Failure struct {
	// Cause is a sentence, never empty.
	Cause string
	// Remedies are what to do about it, of which one is enough.
	Remedies []remedy.Remedy
	// Obstacle is what an option of docker run would take away.
	Obstacle Obstacle
	// Refuser is the security module that refused, or may have; nil where none is known
	// that could.
	Refuser   *Refuser
	Operation observation.Operation
}
