package explain

import "github.com/capprof/capprof/internal/capability"

// Level is how dangerous a capability is to hold for root in a container.
type Level string

// The levels, from the least to the most dangerous one.
const (
	Low      Level = "low"
	Moderate Level = "moderate"
	High     Level = "high"
	Critical Level = "critical"
	// Unrated is for a number that the table does not know.
	Unrated Level = "unknown"
)

// meaning says what a level stands for.
func (l Level) meaning() string {
	switch l {
	case Low:
		return "one limited effect"
	case Moderate:
		return "enough to disturb or impersonate what runs next to it"
	case High:
		return "broad control inside the container, or some influence on the host"
	case Critical:
		return "root on the host, or near it"
	default:
		return "unknown to this version of capprof"
	}
}

// Scope is how far a capability reaches under Docker's default isolation: mount,
// network, PID, IPC and UTS namespaces of its own, and the host's user namespace.
// That last one matters: the kernel asks most often whether a task has the capability
// in the initial user namespace (capable() in the source), and root in such a
// container is in it.
type Scope string

// The scopes.
const (
	// Namespaced: acts on nothing but the container's own namespaces. Sharing one
	// with the host (--network host, --pid host) hands over the host's.
	Namespaced Scope = "namespaced"
	// Shared: acts on what the container can reach, and that includes what the
	// host shares with it: mounted files, devices, user IDs, memory, CPU time.
	Shared Scope = "shared"
	// HostWide: acts on something of which the kernel has one for the machine.
	HostWide Scope = "host-wide"
	// Unscoped is for a number that the table does not know.
	Unscoped Scope = "unknown"
)

func (s Scope) meaning() string {
	switch s {
	case Namespaced:
		return "ends at the container's own namespaces"
	case Shared:
		return "reaches what the host shares with the container"
	case HostWide:
		return "acts on the whole machine"
	default:
		return "nothing is known of it"
	}
}

// Effect is what is left of a capability in a user namespace that is not the
// host's: userns-remap, rootless engines, hostUsers: false.
type Effect string

// The effects.
const (
	Works  Effect = "works"
	Partly Effect = "partly"
	// Never: the kernel asks in the initial user namespace alone, so no engine
	// setting makes it work.
	Never         Effect = "never"
	UnknownEffect Effect = "unknown"
)

// fact is what is known of one capability. The sentences are ours; what they
// say is from capabilities(7), the sources that see names, and operations tried
// with every capability alone, in the initial and in another user namespace.
type fact struct {
	// since is the Linux version that brought it.
	since string
	// summary completes "lets the container ...".
	summary string
	allows  []string
	level   Level
	scope   Scope
	// reason says why the level and the scope are what they are.
	reason string
	// userns is the effect in a user namespace, usernsNote says what it means.
	userns     Effect
	usernsNote string
	// syscalls are refused by Docker's default seccomp profile unless this
	// capability is granted, so granting it allows them to everybody inside.
	syscalls []string
	// safer are less dangerous ways to the same effect.
	safer []string
	// see lists man pages and kernel functions.
	see []string
}

// factOf finds the facts of a capability; ok is false for a number that is not
// in the table.
func factOf(c capability.Cap) (f fact, ok bool) {
	for _, table := range []map[capability.Cap]fact{fileFacts, processFacts, networkFacts, hostFacts, kernelFacts} {
		if f, ok = table[c]; ok {
			return f, true
		}
	}
	return fact{
		summary:    "do something unknown to this version of capprof",
		level:      Unrated,
		scope:      Unscoped,
		reason:     "capprof's table does not hold this number, so treat it as the most dangerous one. A newer kernel may have given it a meaning: see capabilities(7) and include/uapi/linux/capability.h of that kernel, and /proc/sys/kernel/cap_last_cap for its highest number.",
		userns:     UnknownEffect,
		usernsNote: "unknown to this version of capprof",
	}, false
}
