package mapper

import (
	"fmt"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
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
	d.Cure = unreachableCure(*d, user, d.Operation.NoNewPrivs || env.NoNewPrivileges)
}

// userWords names a user. Where the container's IDs are not the host's, the
// mapping of users other than root is the engine's secret.
func userWords(uid uint32, env Environment) string {
	if env.RootUID != 0 {
		return fmt.Sprintf("user %d of the host", uid)
	}
	return fmt.Sprintf("user %d", uid)
}

// unreachableCure names what works where an added capability does not: first what
// makes it needless.
func unreachableCure(d Denial, user, noNewPrivs bool) string {
	needs := func(c capability.Cap) bool { return slices.Contains(d.AnyOf, c) }
	if !user {
		if d.Cure != "" {
			return d.Cure + "; or let the process keep the capability"
		}
		return "let the process keep it"
	}
	with := fmt.Sprintf("put it on the executable (setcap %s+ep FILE in the Dockerfile, without no-new-privileges), or run as root", lowerName(d.AnyOf[0]))
	if noNewPrivs {
		with = fmt.Sprintf("no-new-privileges is in the way: without it, a capability on the executable (setcap %s+ep FILE in the Dockerfile) or a setuid bit takes effect; or run as root", lowerName(d.AnyOf[0]))
	}
	switch {
	case needs(capability.DACOverride) || needs(capability.DACReadSearch) || needs(capability.FOwner) || needs(capability.Chown):
		// A capability on the executable would work too, and open every file.
		if d.Cure == "" {
			return ownerCure(d.Operation)
		}
		return d.Cure
	case d.Cure != "":
		return d.Cure + "; otherwise " + with
	default:
		return with
	}
}

// ownerCure is cureOwner, less where the file is none that could be given away.
func ownerCure(op observation.Operation) string {
	switch {
	case isOtherProcess(op):
		return cureDumpable
	case isDevice(op):
		return cureDeviceOwner
	default:
		return cureOwner
	}
}
