package search

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// portable finds the answer under the kernel's defaults of the sysctls on which a good
// answer depends. It is nil when the answer depends on none. What goes wrong with it
// does not touch the answer.
func (f finder) portable(ctx context.Context, a Answer) (*Answer, error) {
	sysctls := f.atStake(a)
	if len(sysctls) == 0 {
		return nil, nil
	}
	there := newFinder(f.shared, sysctls)
	if f.goal.SysctlsFixed {
		return &Answer{Verdict: Incomplete, Reasons: []Reason{{Cause: SysctlsFixed}}, Knowledge: there.known, Sysctls: sysctls}, nil
	}
	p, err := there.answer(ctx, a)
	var unusable *Unusable
	if errors.As(err, &unusable) {
		return &Answer{
			Verdict: Incomplete, Reasons: []Reason{{Cause: SysctlsRefused, Err: unusable.Err}},
			Knowledge: there.known, Sysctls: sysctls, Lossy: there.lossy,
		}, nil
	}
	return &p, err
}

// atStake are the kernel's defaults of the sysctls whose values decided calls of the
// workload, and differ in the container. Without a trace that is not known, nor with one
// of which events were skipped, and only a run tells.
func (f finder) atStake(a Answer) []Sysctl {
	if !a.Verdict.Good() || !f.goal.Trace && f.goal.SysctlsFixed {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(f.goal.KernelDefaults), func(s Sysctl) bool {
		return f.goal.Trace && !s.decided(f.known.Last)
	})
}

// decided reports whether a call of a run depended on a sysctl that had another value
// than this one, or may have.
func (s Sysctl) decided(o Outcome) bool {
	value, seen := o.SysctlValues[s.Name]
	if !seen {
		return o.Missed
	}
	return (o.SysctlUses[s.Name] > 0 || o.Missed) && !slices.Equal(strings.Fields(value), strings.Fields(s.Value))
}
