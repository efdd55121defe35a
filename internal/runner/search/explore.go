package search

import (
	"context"

	"github.com/capprof/capprof/internal/grant"
)

// find looks for a set that passes. The answer has a verdict already when there is none.
// It starts from a set, which is empty or was found under other sysctls.
func (f *finder) find(ctx context.Context, from grant.Set) (Answer, error) {
	set, ok, err := f.first(ctx, from)
	a := Answer{Grants: set}
	if ok || err != nil {
		return a, err
	}
	reference, err := f.refer(ctx)
	if err != nil {
		return a, err
	}
	if reference.End != Passed {
		if reference.Look == Traced && reference.Run != f.known.Last.Run {
			f.known.explored(reference)
		}
		return Answer{Verdict: NoSet, Reasons: f.whyNoSet(reference), Deciding: &reference}, nil
	}
	if f.goal.Relaxations != nil {
		needed, err := f.searchRelaxations(ctx, set)
		if err != nil {
			return a, err
		}
		if !grant.Of(0, needed...).Equal(grant.Of(0, set.Options()...)) {
			// Behind what was refused there may be more to explore.
			if a.Grants, ok, err = f.first(ctx, grant.Of(set.Capabilities, needed...)); ok || err != nil {
				return a, err
			}
			set = a.Grants
		}
	}
	a.Grants, err = f.searchByRemoval(ctx, set)
	return a, err
}

// first finds a set that passes, or shows that the trace does not lead to one.
func (f *finder) first(ctx context.Context, from grant.Set) (grant.Set, bool, error) {
	if f.goal.Trace {
		return f.explore(ctx, from)
	}
	o, err := f.try(ctx, Trial{Purpose: Search, Grants: from, Companion: f.companion(from)})
	if err == nil && o.End == Refused {
		err = &Unusable{o.Err}
	}
	if err != nil {
		return from, false, leaves(err, FindAny, from, grant.Set{})
	}
	return from, o.End == Passed, f.startable(ctx, o)
}

// explore runs the workload under trace, first with a set to start from, and then each
// time with one that meets all that was denied before, and, where no capability helps,
// with relaxations for what the last run failed at, until it passes or a run teaches
// nothing new. It returns the set of the last run and whether that passed.
func (f *finder) explore(ctx context.Context, set grant.Set) (grant.Set, bool, error) {
	for {
		o, err := f.try(ctx, Trial{Purpose: Explore, Grants: set, Look: Traced, Companion: f.companion(set)})
		if err != nil {
			return set, false, leaves(err, FindAny, set, grant.Set{})
		}
		if o.End == Refused {
			if err := f.withdraw(ctx, o); err != nil {
				return set, false, leaves(err, FindAny, set, grant.Set{})
			}
			within, more := f.afterRefusal(set)
			if !more {
				// What is left was run already, and there is nothing else to try.
				return within, false, nil
			}
			set = within
			continue
		}
		f.known.explored(o)
		if o.End == Passed {
			return set, true, nil
		}
		if err := f.startable(ctx, o); err != nil {
			return set, false, err
		}
		if o.End == TimedOut && f.reference == nil && !f.history.anyPassed() {
			// Before another run takes all the time that there is: does it pass at all?
			if _, err := f.refer(ctx); err != nil {
				return set, false, err
			}
		}
		next, more := f.next(set)
		if f.reference != nil && f.reference.End != Passed || !more {
			return next, false, nil
		}
		set = next
	}
}

// next is the set to explore after the last run: capabilities where one may help, else
// relaxations.
func (f *finder) next(set grant.Set) (grant.Set, bool) {
	caps, more := f.known.next(f.allowed())
	set.Capabilities = caps
	if more {
		return set, true
	}
	options := f.known.relax(set, f.takable)
	for _, o := range options {
		set = set.With(grant.Option(o))
	}
	if len(options) > 0 {
		f.known.Chosen[f.known.Last.Run] = grant.Of(f.known.Chosen[f.known.Last.Run].Capabilities, options...)
	}
	return set, len(options) > 0
}

// afterRefusal is the set to explore when the engine refused a part of one; false when
// nothing is left to try.
func (f *finder) afterRefusal(set grant.Set) (grant.Set, bool) {
	set = grant.Of(set.Capabilities.Intersect(f.allowed()), f.takable(set.Options())...)
	if f.known.Last.Run == 0 {
		return set, true
	}
	caps, more := f.known.next(f.allowed())
	set.Capabilities = caps
	if more || !set.Equal(f.known.Last.Grants) {
		return set, true
	}
	return f.next(set)
}

// startable ends the search when a command cannot be started in the first run, nor with
// everything allowed: "not found" may mean no more than that a directory of $PATH could
// not be searched.
func (f *finder) startable(ctx context.Context, o Outcome) error {
	if !o.NotStarted || o.Permission {
		return nil
	}
	reference, err := f.refer(ctx)
	if err != nil {
		return err
	}
	if reference.NotStarted {
		return &Unusable{reference.Err}
	}
	return nil
}
