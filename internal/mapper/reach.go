package mapper

import (
	"fmt"
	"slices"

	"github.com/capprof/capprof/internal/capability"
)

// reach takes out the alternatives that were granted and yet refused: the
// process does not hold what the container was given, so that granting them
// again changes nothing. What has no other alternative is unreachable.
func (d *Denial) reach(env Environment) {
	if d.Mechanism == Seccomp {
		// The profile looks at the container's set, not at the process's.
		return
	}
	anyOf := capability.Of(d.AnyOf...)
	useless := anyOf.Intersect(env.Granted)
	if useless.Empty() {
		return
	}
	user := d.Operation.UID != env.RootUID
	if rest := anyOf.Minus(useless); !rest.Empty() && (!user || !d.Operation.Effective.Empty()) {
		d.AnyOf = rest.ByDanger()
		return
	}
	d.Unreachable = true
	switch {
	case user && (d.Operation.NoNewPrivs || env.NoNewPrivileges):
		d.Why = fmt.Sprintf("the process runs as %s under no-new-privileges, where neither an added capability nor one on the executable reaches it", userWords(d.Operation.UID, env))
	case user:
		d.Why = fmt.Sprintf("the process runs as %s, and a capability that the container is given reaches root's processes only", userWords(d.Operation.UID, env))
	default:
		d.Why = "the container was given the capability, and the process has given it up"
	}
	d.Cure = unreachableCure(*d, user)
}

// userWords names a user. Where the container's IDs are not the host's, the
// mapping of users other than root is the engine's secret.
func userWords(uid uint32, env Environment) string {
	if env.RootUID != 0 {
		return fmt.Sprintf("user %d of the host", uid)
	}
	return fmt.Sprintf("user %d", uid)
}

// unreachableCure names what works where an added capability does not.
func unreachableCure(d Denial, user bool) string {
	needs := func(c capability.Cap) bool { return slices.Contains(d.AnyOf, c) }
	executable := fmt.Sprintf("put it on the executable (setcap %s+ep FILE in the Dockerfile, without no-new-privileges), or run as root", lowerName(d.AnyOf[0]))
	switch {
	case needs(capability.NetBindService):
		return curePort + "; otherwise " + executable
	case needs(capability.NetRaw) && d.Operation.Syscall == "socket":
		return "for ping, an ICMP datagram socket: --sysctl net.ipv4.ping_group_range='0 2147483647'; otherwise " + executable
	case needs(capability.DACOverride) || needs(capability.DACReadSearch) || needs(capability.FOwner) || needs(capability.Chown):
		return cureOwner
	case user:
		return executable
	default:
		return "let the process keep it"
	}
}
