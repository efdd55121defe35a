package mapper

import (
	"fmt"

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
	user := isUser(d.Operation, env)
	noNewPrivs := d.Operation.NoNewPrivs || env.NoNewPrivileges
	if useless.Empty() && !env.Ambient && user && noNewPrivs && holdsNone(d.Operation) && d.Mechanism != FileCapabilities {
		// Neither what it executes nor what it holds can ever bring them.
		useless = anyOf
	}
	if useless.Empty() {
		return
	}
	if rest := anyOf.Minus(useless); !rest.Empty() && (!user || !d.Operation.Effective.Empty()) {
		d.AnyOf = rest.ByDanger()
		return
	}
	d.Unreachable = true
	switch {
	case env.Ambient:
		d.Why = "the container has the capability, but the process gave it up"
	case user && noNewPrivs:
		d.Why = fmt.Sprintf("the process runs as %s under no-new-privileges: neither an added capability nor one on the executable reaches it", userWords(d.Operation.UID, env))
	case user:
		d.Why = fmt.Sprintf("the process runs as %s, and added capabilities only reach processes of root", userWords(d.Operation.UID, env))
	default:
		d.Why = "the container has the capability, but the process gave it up"
	}
	d.Remedies = whereUnreachable(*d, user, noNewPrivs)
}

// isUser reports whether a process is of a user whom no added capability reaches.
func isUser(op observation.Operation, env Environment) bool {
	return op.UID != env.RootUID && !env.Ambient
}

// holdsNone reports whether a process has no capability in any set of its own, so
// that one of the container's is none of its either (security/commoncap.c:
// cap_bprm_creds_from_file, handle_privileged_root).
func holdsNone(op observation.Operation) bool {
	return op.Permitted.Union(op.Effective).Union(op.Inheritable).Empty()
}
