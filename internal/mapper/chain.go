package mapper

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// chain is one question of the kernel's: the capabilities that one piece of
// code asked for in turn, where one grant would have ended the asking.
type chain struct {
	place place
	// caps were refused and can be had; unreachable were refused for a reason that no
	// grant to the container changes, which why says.
	caps, unreachable capability.Set
	why               string
	// held were granted before the first refusal: the code went on to ask for
	// more, so that a later grant of the same is no alternative to what was
	// refused (mntns_install: SYS_ADMIN and SYS_CHROOT).
	held capability.Set
	// satisfied says that a later question of the chain was granted.
	satisfied bool
}

// Why a refused capability cannot be had.
const (
	whyInitial = "the kernel asks for the capability on the host, in the initial user namespace, and this container has a user namespace of its own (userns-remap or a rootless engine), where it cannot be had at all"
	whyOwnNS   = "the process holds the capability in a user namespace of its own making, and the object belongs to the container's"
)

// whyRemedies are the remedies for each.
var whyRemedies = map[string][]remedy.Remedy{
	whyInitial: try(remedy.HostUserNamespace),
	whyOwnNS:   try(remedy.BeforeNamespace),
}

// linking are the calls in which being the file's owner and having its mode
// overridden are alternatives: fs/namei.c:may_linkat, and fs/utimes.c by way of
// fs/attr.c:may_setattr for times that are set to now.
var linking = nameSet("link linkat utime utimes futimesat utimensat utimensat_time64")

// probes are the calls that ask the question on the caller's behalf, with
// credentials made for it (fs/open.c:access_override_creds).
var probes = nameSet("access faccessat faccessat2")

// accounting are the calls whose checks of CAP_SYS_ADMIN are memory
// accounting's, as far as one can tell without a stack.
var accounting = nameSet(`mmap mmap2 munmap mremap mprotect pkey_mprotect brk execve execveat fork vfork clone clone3
	shmget shmat mlock mlock2 mlockall remap_file_pages process_vm_readv memfd_create`)

// chainsOf groups the checks of an operation. A chain has at least one refused
// capability; they come in the order of their first refusal.
func chainsOf(op observation.Operation) []*chain {
	var chains []*chain
	byKey := map[string]*chain{}
	for _, check := range op.Checks {
		p := placeOf(check, op.Syscall)
		if check.Overridden && !probes[op.Syscall] && (p.entry == nil || !p.entry.foreign) {
			// Overlay file systems act with their mounter's credentials.
			continue
		}
		key := chainKey(p, check.Capability, op.Syscall)
		c := byKey[key]
		if c == nil {
			c = &chain{}
			byKey[key] = c
		}
		switch begun := !c.caps.Union(c.unreachable).Empty(); {
		case !check.Granted && !begun:
			c.place = p
			chains = append(chains, c)
			c.refuse(check, op)
		case !check.Granted:
			c.refuse(check, op)
		case begun:
			c.satisfied = c.satisfied || !c.held.Has(check.Capability)
		default:
			c.held = c.held.With(check.Capability)
		}
	}
	return chains
}

// chainKey tells whether two checks belong to one question: they have the
// calling functions in common, or the table says that they are alternatives.
func chainKey(p place, c capability.Cap, call string) string {
	owner := capability.Of(capability.FOwner, capability.DACOverride, capability.DACReadSearch)
	switch {
	case p.entry != nil && p.entry.joint != "":
		return "joint " + p.entry.joint
	case linking[call] && owner.Has(c) && p.function != "":
		return "joint owner"
	case p.entry != nil && p.entry.passes == Degraded:
		// A function can ask one capability as noise and another in earnest.
		return "entry " + p.entry.source
	default:
		return p.outer
	}
}

func (c *chain) refuse(check observation.Check, op observation.Operation) {
	c.satisfied = false
	switch {
	case check.Namespace == observation.InitialNamespace:
		c.unreachable, c.why = c.unreachable.With(check.Capability), whyInitial
	case !check.Overridden && op.Effective.Has(check.Capability):
		c.unreachable, c.why = c.unreachable.With(check.Capability), whyOwnNS
	default:
		c.caps = c.caps.With(check.Capability)
	}
}

// effect says what the refusal did to the call.
func (c *chain) effect(op observation.Operation) Effect {
	entry := c.place.entry
	all := c.caps.Union(c.unreachable)
	switch {
	case c.satisfied, !op.Returned && op.Number >= 0:
		return Noise
	case c.place.ring:
		// The call's own result says nothing of it.
		return c.silently()
	case all == capability.Of(capability.FSetID) && changesModeAlone(op):
		return Noise
	case entry == nil && c.place.function == "" && accounting[op.Syscall] && all == capability.Of(capability.SysAdmin):
		return Noise
	case entry == nil && all == capability.Of(capability.FSetID):
		// No place in the kernel fails without it.
		if op.Failed() {
			return Noise
		}
		return Degraded
	case op.Failed() && probes[op.Syscall] && refuses(entry, op):
		// The answer to a question, and not yet the failure of an act.
		return Silent
	case op.Failed() && refuses(entry, op):
		return Decisive
	case op.Failed():
		return Noise
	case c.place.netlink && (entry == nil || entry.fails == nil):
		return Silent
	case entry != nil:
		return entry.passes
	case c.place.function != "":
		return Unclear
	default:
		return Noise
	}
}

// silently is the effect of a refusal whose error, if any, travels in a message.
func (c *chain) silently() Effect {
	if entry := c.place.entry; entry != nil && entry.fails != nil && len(entry.fails) == 0 {
		return entry.passes
	}
	return Silent
}

// modeArgument is where the calls that change a mode have it.
var modeArgument = map[string]int{"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2}

// changesModeAlone reports whether a call changes a mode without setting the
// set-group-ID bit. The kernel asks for CAP_FSETID all the same, of everybody who
// is not in the file's group, and takes away nothing (fs/attr.c:setattr_prepare).
func changesModeAlone(op observation.Operation) bool {
	i, ok := modeArgument[op.Syscall]
	return ok && op.Args[i]&unix.S_ISGID == 0
}

// refuses reports whether a refusal at the entry's place, or at one that the
// table does not know, explains the call's error.
func refuses(entry *site, op observation.Operation) bool {
	if entry == nil {
		return slices.Contains(permission, op.Errno)
	}
	return entry.refuses(op.Errno)
}

// verdicts pairs each chain with its effect, after settling which of several
// made the call fail. The kernel went on after every refusal but the last, so
// that of places without a name only the last counts, and none next to a place
// that the table knows.
func verdicts(op observation.Operation) []verdict {
	var all []verdict
	known, lastUnknown := false, -1
	for _, c := range chainsOf(op) {
		v := verdict{c, c.effect(op)}
		if v.effect == Decisive {
			if c.place.entry != nil {
				known = true
			} else {
				lastUnknown = len(all)
			}
		}
		all = append(all, v)
	}
	for i := range all {
		if all[i].effect == Decisive && all[i].place.entry == nil && (known || i != lastUnknown) {
			all[i].effect = Noise
		}
	}
	return all
}

type verdict struct {
	*chain
	effect Effect
}
