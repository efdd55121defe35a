package search

import (
	"errors"

	"github.com/capprof/capprof/internal/grant"
)

// Cause is the kind of a reason.
type Cause int

// The causes.
const (
	// NotTested: no removal runs were asked for.
	NotTested Cause = iota + 1
	// Unfinished: the search ended early, for Err, with Left still to do.
	Unfinished
	// EverythingFails: the workload does not pass with Set, which is everything.
	EverythingFails
	// EngineRefuses: it asks for Set, which the engine does not grant.
	EngineRefuses
	// OptionRefused: the engine does not take the relaxation in Set.
	OptionRefused
	// BeyondAllowed: it asks for Set, which may not be granted.
	BeyondAllowed
	// OutOfReach: what is granted does not arrive where it is asked for (Knowledge).
	OutOfReach
	// Unstable: run Other passed with Set and Run did not.
	Unstable
	// Dependent: Run fails with Set, to which the search by removal led.
	Dependent
	// SysctlsFixed: the container shares another one's network, and its sysctls.
	SysctlsFixed
	// SysctlsRefused: the engine does not run the workload with the sysctls, for Err.
	SysctlsRefused
	// DropsUnseen: without a trace it does not show whether a process goes on with
	// privileges that it meant to give up.
	DropsUnseen
	// TraceLost: the trace has gaps.
	TraceLost
	// TraceMissed: the kernel skipped events of the trace. Unsure says that one of them may
	// have shown a process that goes on with privileges that it meant to give up.
	TraceMissed
	// StrictMissed: the kernel skipped events of each run with Set, so that --strict may
	// lack something.
	StrictMissed
	// StrictFails: Run fails with Set, which --strict asks for.
	StrictFails
	// StrictAdds: the workload passes without Set, which --strict adds. Proven is what
	// was proven before.
	StrictAdds
)

// Step is what was left to do when a search ended early.
type Step int

// The steps.
const (
	FindAny Step = iota + 1
	TryEverything
	FindRelaxations
	FindSmaller
	ConfirmSet
	ProveSet
	LookAtTolerated
	AddStrict
)

// Reason is why a verdict is not a better one, for the caller to put into words.
type Reason struct {
	Cause Cause
	Set   grant.Set
	// Missing is what of Set is not proven, Proven what was proven of it.
	Missing, Proven grant.Set
	Run             *Outcome
	Other           *Outcome
	Left            Step
	Err             error
	Unsure          bool
}

// errWithdrawn says that the engine refused a set in the place of a run that has to
// tell something of the workload.
type errWithdrawn struct{ outcome Outcome }

func (e *errWithdrawn) Error() string {
	return "the engine refused a part of what it had granted before: " + e.outcome.Err.Error()
}

// Withdrawn is the outcome of a run in which the engine refused what it had granted
// before, where that is what an error of a Reason says.
func Withdrawn(err error) (Outcome, bool) {
	var w *errWithdrawn
	if errors.As(err, &w) {
		return w.outcome, true
	}
	return Outcome{}, false
}

// unfinished says that the search ended before it was done.
type unfinished struct{ reason Reason }

func (u *unfinished) Error() string { return u.reason.Err.Error() }

func (u *unfinished) Unwrap() error { return u.reason.Err }

// leaves makes an unfinished of what ends a search early and is no fault of the
// engine's or the user's. What was left when it happened counts, not what the callers
// had in mind.
func leaves(err error, left Step, set, missing grant.Set) error {
	var already *unfinished
	if err == nil || errors.As(err, &already) || !endsEarly(err) {
		return err
	}
	return &unfinished{Reason{Cause: Unfinished, Err: err, Left: left, Set: set, Missing: missing}}
}

func endsEarly(err error) bool {
	_, withdrawn := Withdrawn(err)
	return withdrawn || errors.Is(err, ErrRunLimit)
}

// Unusable says that the workload cannot be run at all, for Err.
type Unusable struct{ Err error }

func (u *Unusable) Error() string { return u.Err.Error() }

func (u *Unusable) Unwrap() error { return u.Err }
