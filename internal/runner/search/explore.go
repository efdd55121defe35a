package search

import (
	"context"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
)

// explorer finds a set with which the workload passes.
type explorer struct{ *bench }

// find looks for a set that passes. The answer has a verdict already when there is none.
// It starts from a set, which is empty or was found under other sysctls.
func (e explorer) find(ctx context.Context, from grant.Set) (Answer, error) {
	set, ok, err := e.first(ctx, from)
	a := Answer{Grants: set}
	if ok || err != nil {
		return a, err
	}
	reference, err := e.refer(ctx)
	if err != nil {
		return a, err
	}
	if reference.End != Passed {
		if reference.Look == Traced && reference.Run != e.known.Last.Run {
			e.known.explored(reference)
		}
		if fewer, found, err := e.fewer(ctx, set, reference); found || err != nil {
			a.Grants = fewer
			return a, err
		}
		return Answer{Verdict: NoSet, Reasons: e.whyNoSet(reference), Deciding: &reference}, nil
	}
	if e.goal.Relaxations != nil {
		needed, err := e.searchRelaxations(ctx, set)
		if err != nil {
			return a, err
		}
		if !grant.Of(0, needed...).Equal(grant.Of(0, set.Options()...)) {
			// Behind what was refused there may be more to explore.
			if a.Grants, ok, err = e.first(ctx, grant.Of(set.Capabilities, needed...)); ok || err != nil {
				return a, err
			}
			set = a.Grants
		}
	}
	a.Grants, err = e.searchByRemoval(ctx, set)
	return a, err
}

// fewer tries what the trace led to without each of its grants, the most dangerous
// first, where no call tells why the workload fails that failed in the first run as
// well: it may fail for what it is allowed, such as a program that refuses to run where
// it may mount. One that took all its time would take it each time.
func (e explorer) fewer(ctx context.Context, set grant.Set, reference Outcome) (grant.Set, bool, error) {
	if !e.goal.Trace || reference.End != Failed || reference.NotStarted || e.known.persists() {
		return set, false, nil
	}
	for _, g := range slices.Backward(e.byDanger(set)) {
		rest := set.Without(g)
		if passed, failed := e.history.of(rest, e.sysctls); len(passed)+len(failed) > 0 {
			continue
		}
		if ok, err := e.passes(ctx, Search, rest); ok || err != nil {
			return rest, ok, leaves(err, FindAny, rest, grant.Set{})
		}
	}
	return set, false, nil
}

// first finds a set that passes, or shows that the trace does not lead to one.
func (e explorer) first(ctx context.Context, from grant.Set) (grant.Set, bool, error) {
	if e.goal.Trace {
		return e.explore(ctx, from)
	}
	o, err := e.try(ctx, Trial{Purpose: Search, Grants: from, Companion: e.companion(from)})
	if err == nil && o.End == Refused {
		err = &Unusable{o.Err}
	}
	if err != nil {
		return from, false, leaves(err, FindAny, from, grant.Set{})
	}
	return from, o.End == Passed, e.startable(ctx, o)
}

// explore runs the workload under trace, first with a set to start from, and then each
// time with one that meets all that was denied before, and, where no capability helps,
// with relaxations for what the last run failed at, until it passes or a run teaches
// nothing new. It returns the set of the last run and whether that passed.
func (e explorer) explore(ctx context.Context, set grant.Set) (grant.Set, bool, error) {
	for {
		o, err := e.try(ctx, Trial{Purpose: Explore, Grants: set, Look: Traced, Companion: e.companion(set)})
		if err != nil {
			return set, false, leaves(err, FindAny, set, grant.Set{})
		}
		if o.End == Refused {
			if err := e.withdraw(ctx, o); err != nil {
				return set, false, leaves(err, FindAny, set, grant.Set{})
			}
			if last := &e.known.Last; last.End == Kept && len(Keeps(last.Denials, e.counted())) == 0 {
				last.End = Passed // what it lacked cannot be had
				return last.Grants, true, nil
			}
			within, more := e.afterRefusal(set)
			if !more {
				// What is left was run already, and there is nothing else to try.
				return within, false, nil
			}
			set = within
			continue
		}
		e.known.explored(o)
		if o.End == Passed {
			return set, true, nil
		}
		if err := e.startable(ctx, o); err != nil {
			return set, false, err
		}
		if o.End == TimedOut && e.reference == nil && !e.history.anyPassed() {
			// Before another run takes all the time that there is: does it pass at all?
			if _, err := e.refer(ctx); err != nil {
				return set, false, err
			}
		}
		next, more := e.next(set)
		if e.reference != nil && e.reference.End != Passed || !more {
			return next, false, nil
		}
		set = next
	}
}

// next is the set to explore after the last run: capabilities where one may help, else
// relaxations.
func (e explorer) next(set grant.Set) (grant.Set, bool) {
	caps, more := e.known.next(e.allowed())
	set.Capabilities = caps
	if more {
		return set, true
	}
	options := e.known.relax(set, e.takable)
	for _, o := range options {
		set = set.With(grant.Option(o))
	}
	if len(options) > 0 {
		e.known.Chosen[e.known.Last.Run] = grant.Of(e.known.Chosen[e.known.Last.Run].Capabilities, options...)
	}
	return set, len(options) > 0
}

// afterRefusal is the set to explore when the engine refused a part of one; false when
// nothing is left to try.
func (e explorer) afterRefusal(set grant.Set) (grant.Set, bool) {
	set = grant.Of(set.Capabilities.Intersect(e.allowed()), e.takable(set.Options())...)
	if e.known.Last.Run == 0 {
		return set, true
	}
	caps, more := e.known.next(e.allowed())
	set.Capabilities = caps
	if more || !set.Equal(e.known.Last.Grants) {
		return set, true
	}
	return e.next(set)
}

// startable ends the search when a command cannot be started in the first run, nor with
// everything allowed: "not found" may mean no more than that a directory of $PATH could
// not be searched.
func (e explorer) startable(ctx context.Context, o Outcome) error {
	if !o.NotStarted || o.Permission {
		return nil
	}
	reference, err := e.refer(ctx)
	if err != nil {
		return err
	}
	if reference.NotStarted {
		return &Unusable{reference.Err}
	}
	return nil
}

// whyNoSet explains that not even everything allowed makes the workload pass.
func (e explorer) whyNoSet(reference Outcome) []Reason {
	reasons := []Reason{{Cause: EverythingFails, Set: reference.Grants, Run: &reference}}
	for _, o := range e.refusedOptions {
		reasons = append(reasons, Reason{Cause: OptionRefused, Set: grant.Of(0, o)})
	}
	var helpless capability.Set
	for _, i := range e.known.Unmet(e.allowed()) {
		if anyOf := capability.Of(e.known.Latest()[i].AnyOf...); e.refused.Contains(anyOf) {
			helpless = helpless.Union(anyOf)
		}
	}
	if !helpless.Empty() {
		reasons = append(reasons, Reason{Cause: EngineRefuses, Set: grant.Of(helpless)})
	}
	if beyond := e.known.Beyond(e.allowed(), e.refused); !beyond.Empty() {
		reasons = append(reasons, Reason{Cause: BeyondAllowed, Set: grant.Of(beyond)})
	}
	if slices.ContainsFunc(e.known.Latest(), isOutOfReach) {
		reasons = append(reasons, Reason{Cause: OutOfReach})
	}
	return reasons
}
