package mapper

import (
	"slices"

	"github.com/capprof/capprof/internal/observation"
)

// common are the places where a granted capability says little of why the call
// failed later: every path is searched, and every device node has its rules.
var common = nameSet("generic_permission vfs_mknod do_mknodat")

// agreement finds the last capability that the container's own credentials
// were asked for in earnest and had. What refuses after that is not
// capabilities.
func agreement(op observation.Operation) (function string, agreed bool) {
	for _, check := range slices.Backward(op.Checks) {
		if !check.Granted || check.Overridden {
			continue
		}
		p := placeOf(check, op.Syscall)
		if p.entry != nil && p.entry.refuses(op.Errno) || p.entry == nil && (p.function != "" || !accounting[op.Syscall]) {
			return p.function, true
		}
	}
	return "", false
}

func hasAgreed(op observation.Operation) bool {
	_, agreed := agreement(op)
	return agreed
}

// inOwnNamespace reports whether a capability was granted in a user namespace that
// is neither the container's nor the host's.
func inOwnNamespace(op observation.Operation) bool {
	return slices.ContainsFunc(op.Checks, func(c observation.Check) bool {
		return c.Granted && c.Namespace == observation.OtherNamespace
	})
}
