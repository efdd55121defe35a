// Package search decides which run comes next and when a set of grants is proven. It is
// pure: it knows no engine, no clock, no goroutine and no files, and asks a Lab to try
// a set, or several.
//
// A set is proven when it passed in a run of its own and when, for each of its grants,
// a run that had exactly the others failed for no reason but the missing one. Programs
// are not monotone: what a run with a larger set showed proves nothing of a smaller one.
package search

import (
	"context"
	"errors"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/workload"
)

// Lab makes trials.
type Lab interface {
	// Try makes trials that do not depend on each other, in whatever order and however
	// many at a time, and returns their outcomes in the order of the trials. An error
	// that wraps ErrRunLimit comes with the outcomes of the trials that were made. Any
	// other error is never the workload's.
	Try(ctx context.Context, trials ...Trial) ([]Outcome, error)
}

// ErrRunLimit says that no more runs may be made.
var ErrRunLimit = errors.New("the run limit was reached")

// Purpose is what a trial is for.
type Purpose string

// The purposes.
const (
	Explore   Purpose = "explore"   // traced, to learn what is missing
	Reference Purpose = "reference" // everything allowed: does it pass at all?
	Search    Purpose = "search"    // one step of a search by removal
	Confirm   Purpose = "confirm"   // a set by itself
	Remove    Purpose = "remove"    // a set without one of its grants
)

// Look is how closely a trial is observed.
type Look int

// The looks, from the cheapest to the dearest.
const (
	Blind   Look = iota // the exit code alone
	Watched             // which capabilities were denied
	Traced              // every refused check and failed call
)

// Trial is a run to make.
type Trial struct {
	Purpose Purpose
	Grants  grant.Set
	// Sysctls are set in the container, as --sysctl does, in a fixed order.
	Sysctls []Sysctl
	// Without is the grant that a removal run leaves out.
	Without *grant.Grant
	Look    Look
	// Drops are the capabilities for which a run counts that passed, and in which a
	// process went on with privileges that it meant to give up: it ends Kept. A look that
	// is not Traced does not see them.
	Drops capability.Set
	// Everything says that the trial has everything allowed, so that it shows what the
	// workload is and how it goes.
	Everything bool
	// Companion is a trial with everything allowed that is worth making at the same time
	// when this one takes long, or cannot be judged, and nothing is known yet of a run
	// that passes. When the companion fails, this trial is hopeless and may be ended.
	Companion *Trial
}

// String is one word.
func (l Look) String() string { return [...]string{"blind", "watched", "traced"}[l] }

// Sysctl is a kernel setting of a container and its value.
type Sysctl struct{ Name, Value string }

// same reports whether two trials had the same grants under the same sysctls.
func (t Trial) same(grants grant.Set, sysctls []Sysctl) bool {
	return t.Grants.Equal(grants) && slices.Equal(t.Sysctls, sysctls)
}

// End is how a trial ended.
type End string

// The ends.
const (
	Passed   End = "passed"
	Kept     End = "kept"    // passed, but for privileges that were not given up
	Failed   End = "failed"  // it ended by itself
	Stuck    End = "stuck"   // ended by capprof, long after a passing run's time
	TimedOut End = "timeout" // ended by capprof at the time limit
	Refused  End = "refused" // the engine would not make the container: nothing ran
)

// Outcome is how a trial went.
type Outcome struct {
	Trial
	// Run is the number of the run, from 1.
	Run int
	End End
	// Refused are the capabilities that the engine will not grant, when End is Refused;
	// empty when it is one of the relaxations or sysctls that it will not take.
	Refused capability.Set
	// Err is the engine's word on a refusal, or why the command could not be started.
	Err error
	// NotStarted says that the command could not be started, Permission that this was
	// because a permission was missing, which a capability may give.
	NotStarted, Permission bool
	// Denials and Failures are what a traced run showed.
	Denials  []mapper.Denial
	Failures []mapper.Failure
	// Denied are the capabilities that a watched run was denied.
	Denied capability.Set
	// SysctlValues are those of a traced run's container by name, and SysctlUses says
	// how often the outcome of a call depended on one.
	SysctlValues map[string]string
	SysctlUses   map[string]uint64
	// Lossy says that the trace or the watch has gaps.
	Lossy bool
	// Missed says that the kernel skipped events of the trace. What it shows is so; what it
	// does not show may have been there all the same.
	Missed bool
	// Companions are the outcomes of the trial's companion, which is repeated once when
	// it fails by itself, and made without what the engine refuses of it.
	Companions []Outcome
}

// Keeps are the denials of a run after which a process went on with privileges that it
// meant to give up, where one of the capabilities would have let it.
func Keeps(denials []mapper.Denial, caps capability.Set) []mapper.Denial {
	return slices.DeleteFunc(slices.Clone(denials), func(d mapper.Denial) bool {
		return d.Keeps == "" || d.Unreachable || capability.Of(d.AnyOf...).Intersect(caps).Empty()
	})
}

// failed reports whether the workload ran, or tried to start, and did not pass.
func (o Outcome) failed() bool { return o.Run > 0 && o.End != Passed && o.End != Refused }

// Goal is what to find.
type Goal struct {
	// Allowed are the capabilities that may be granted.
	Allowed capability.Set
	// Relaxations are the options that may take the place of --privileged; nil for none.
	Relaxations Relaxations
	// Trace says that runs can be traced and watched.
	Trace bool
	// Prove asks for a proof, Strict to count denials that the workload survives.
	Prove, Strict bool
	// Drops counts as needed what lets a process give up privileges, where it goes on
	// without.
	Drops bool
	// KernelDefaults are the sysctls of a container on an engine that sets none; they
	// are tried where the answer may depend on them.
	KernelDefaults []Sysctl
	// SysctlsFixed says that no run can have other sysctls, since the container shares
	// another one's network.
	SysctlsFixed bool
}

// Relaxations is the catalogue of docker run options that do a part of what
// --privileged does.
type Relaxations interface {
	// All come nearest to --privileged together, in the order of their danger.
	All() []workload.Setting
	// For are those that let pass what a call failed at; likely is false where
	// something else may have refused the call.
	For(f mapper.Failure) (options []workload.Setting, likely bool)
	// Narrower are options that together may do for a wide one.
	Narrower(wide workload.Setting) []workload.Setting
	// Danger ranks an option: 0 is the least dangerous.
	Danger(workload.Setting) int
}

// Verdict is what an answer is worth.
type Verdict string

// The verdicts.
const (
	Proven     Verdict = "proven"
	Confirmed  Verdict = "confirmed"
	Incomplete Verdict = "incomplete"
	NoSet      Verdict = "failed"
)

// Good says that there is a set with which the workload passed.
func (v Verdict) Good() bool { return v == Proven || v == Confirmed }

// Answer is what a search ends with.
type Answer struct {
	Verdict Verdict
	Reasons []Reason
	Grants  grant.Set
	// ProvenBy is the number of the failed run without a grant.
	ProvenBy map[grant.Grant]int
	// Deciding is the run that decided against a good verdict, nil for none.
	Deciding *Outcome
	// Knowledge is what the runs of this answer explained.
	Knowledge *Knowledge
	// Sysctls are those under which the answer was found.
	Sysctls []Sysctl
	// Lossy says that a trace had gaps.
	Lossy bool
}

// Result is all that a search found.
type Result struct {
	Answer
	// Portable is the answer under the kernel's defaults of sysctls that the engine
	// sets; nil where the answer depends on none of them.
	Portable *Answer
	// Refused are the capabilities, RefusedOptions the relaxations that the engine
	// would not give.
	Refused        capability.Set
	RefusedOptions []workload.Setting
}

// Find searches for the least dangerous set with which the workload passes, and proves
// it. Its error is the Lab's, or why the command cannot be started whatever is granted.
func Find(ctx context.Context, lab Lab, goal Goal) (Result, error) {
	shared := &shared{lab: lab, goal: goal}
	local := newFinder(shared, nil)
	var r Result
	var err error
	if r.Answer, err = local.answer(ctx, Answer{}); err != nil {
		var unusable *Unusable
		if errors.As(err, &unusable) {
			err = unusable.Err
		}
		return r, err
	}
	r.Portable, err = local.portable(ctx, r.Answer)
	r.Refused, r.RefusedOptions = shared.refused, shared.refusedOptions
	return r, err
}
