package search

import (
	"context"
	"errors"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/workload"
)

// shared is what the searches of one workload share.
type shared struct {
	lab     Lab
	goal    Goal
	history history
	// refused are the capabilities, refusedOptions the relaxations that the engine
	// would not give.
	refused        capability.Set
	refusedOptions []workload.Setting
}

// allowed is what may be granted and the engine has not refused.
func (s *shared) allowed() capability.Set { return s.goal.Allowed.Minus(s.refused) }

// everything is all that may be granted.
func (s *shared) everything() grant.Set {
	return grant.Of(s.allowed(), s.relaxations()...)
}

// relaxations are those of the catalogue that the engine has not refused.
func (s *shared) relaxations() []workload.Setting {
	if s.goal.Relaxations == nil {
		return nil
	}
	return s.takable(s.goal.Relaxations.All())
}

// takable leaves out what the engine refused.
func (s *shared) takable(options []workload.Setting) []workload.Setting {
	return slices.DeleteFunc(slices.Clone(options), func(o workload.Setting) bool { return slices.Contains(s.refusedOptions, o) })
}

// byDanger lists grants from the least to the most dangerous one. A relaxation comes
// after all capabilities.
func (s *shared) byDanger(set grant.Set) []grant.Grant {
	all := set.Grants()
	if s.goal.Relaxations == nil {
		return all
	}
	options := all[set.Capabilities.Len():]
	slices.SortStableFunc(options, func(a, b grant.Grant) int {
		return s.goal.Relaxations.Danger(a.Option) - s.goal.Relaxations.Danger(b.Option)
	})
	return all
}

// finder searches under one set of sysctls.
type finder struct {
	*shared
	sysctls []Sysctl
	known   *Knowledge
	// reference is the run with everything allowed, nil while it is not known whether
	// that passes; referenceFailed says that one failed.
	reference       *Outcome
	referenceFailed bool
	lossy           bool
}

func newFinder(s *shared, sysctls []Sysctl) *finder {
	return &finder{shared: s, sysctls: sysctls, known: newKnowledge(s.goal.Relaxations)}
}

// try makes one trial. A set that the engine refuses is an outcome, not an error.
func (f *finder) try(ctx context.Context, t Trial) (Outcome, error) {
	outcomes, err := f.tryAll(ctx, t)
	if err != nil || len(outcomes) == 0 {
		return Outcome{}, err
	}
	return outcomes[0], nil
}

// tryAll makes trials that do not depend on each other. When the run limit leaves some
// out, the outcomes of the others come with the error.
func (f *finder) tryAll(ctx context.Context, trials ...Trial) ([]Outcome, error) {
	for i := range trials {
		trials[i].Sysctls = f.sysctls
		if !f.goal.Trace {
			trials[i].Look = Blind
		}
		if c := trials[i].Companion; c != nil {
			c.Sysctls = f.sysctls
		}
	}
	outcomes, err := f.lab.Try(ctx, trials...)
	if err != nil && !errors.Is(err, ErrRunLimit) {
		return nil, err
	}
	for i := range outcomes {
		f.take(outcomes[i])
		if c := outcomes[i].Companion; c != nil {
			f.take(*c)
		}
	}
	return outcomes, err
}

// take keeps an outcome.
func (f *finder) take(o Outcome) {
	f.history.add(o)
	f.refused = f.refused.Union(o.Refused)
	f.lossy = f.lossy || o.Lossy
	if o.End != Refused && o.Look == Traced {
		f.known.note(o)
	}
	f.refers(o)
}

// granted makes a trial of a set that the engine has granted before, alone or as a
// part of a greater one. That the engine refuses it now says nothing of the workload,
// so it is no failed run but an error.
func (f *finder) granted(ctx context.Context, t Trial) (Outcome, error) {
	o, err := f.try(ctx, t)
	if err == nil && o.End == Refused {
		err = &errWithdrawn{o}
	}
	return o, err
}

// passes reports whether the workload passes with a set.
func (f *finder) passes(ctx context.Context, purpose Purpose, set grant.Set) (bool, error) {
	o, err := f.granted(ctx, Trial{Purpose: purpose, Grants: set})
	return err == nil && o.End == Passed, err
}

// refers keeps a run that had everything allowed: whatever it was made for, it answers
// the reference's question. That nothing makes the workload pass is not said because of
// one flake: a run that ends by itself, and fails, is repeated once. One that took all
// its time is not, it would take it again; nor one whose command did not start.
func (f *finder) refers(o Outcome) {
	if o.End == Refused || o.Run == 0 || !o.same(f.everything(), f.sysctls) || f.reference != nil && f.reference.End == Passed {
		return
	}
	if o.End != Failed || f.referenceFailed || o.NotStarted {
		f.reference = &o
	}
	f.referenceFailed = true
}

// everythingTrial is a run with everything allowed.
func (f *finder) everythingTrial() Trial {
	return Trial{Purpose: Reference, Grants: f.everything(), Sysctls: f.sysctls}
}

// refer runs the workload with everything allowed, until it is known whether it passes.
func (f *finder) refer(ctx context.Context) (Outcome, error) {
	for f.reference == nil {
		t := f.everythingTrial()
		if f.referenceFailed {
			// It will most likely fail again: see at what.
			t.Look = Traced
		}
		o, err := f.try(ctx, t)
		if err == nil && o.End == Refused {
			err = f.withdraw(ctx, o)
		}
		if err != nil {
			return o, leaves(err, TryEverything, t.Grants, grant.Set{})
		}
	}
	return *f.reference, nil
}

// companion is the run with everything for a trial that may take long; nil when its
// answer is known, or the trial has everything itself.
func (f *finder) companion(set grant.Set) *Trial {
	if f.reference != nil || f.history.anyPassed() || set.Equal(f.everything()) {
		return nil
	}
	t := f.everythingTrial()
	return &t
}

// withdraw finds out what the engine refuses of a trial, so that the next one does
// without. Capabilities are named by the Lab; of the options only those can be at
// fault that were never accepted. A refused trial takes no time.
func (f *finder) withdraw(ctx context.Context, refused Outcome) error {
	if !refused.Refused.Intersect(refused.Grants.Capabilities).Empty() {
		return nil // it was taken note of
	}
	var suspects []workload.Setting
	for _, o := range refused.Grants.Options() {
		if !f.history.accepted(o) {
			suspects = append(suspects, o)
		}
	}
	if len(suspects) == 0 {
		return &Unusable{refused.Err}
	}
	if len(suspects) == 1 {
		f.refusedOptions = append(f.refusedOptions, suspects[0])
		return nil
	}
	ordered := f.byDanger(grant.Of(0, suspects...))
	for _, g := range slices.Backward(ordered) {
		o, err := f.try(ctx, Trial{Purpose: refused.Purpose, Grants: refused.Grants.Without(g), Without: &g, Look: refused.Look})
		if err != nil {
			return err
		}
		if o.End != Refused {
			f.refusedOptions = append(f.refusedOptions, g.Option)
			return nil
		}
	}
	return &Unusable{refused.Err}
}
