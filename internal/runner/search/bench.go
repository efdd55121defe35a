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

// counted are the capabilities that count where a process goes on with privileges that
// it meant to give up.
func (s *shared) counted() capability.Set {
	if !s.goal.Drops || !s.goal.Trace {
		return 0
	}
	return s.allowed()
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

// bench makes the trials of an answer, under one set of sysctls, and keeps what they
// show.
type bench struct {
	*shared
	sysctls []Sysctl
	known   *Knowledge
	// reference is the run with everything allowed, nil while it is not known whether
	// that passes; referenceFailed says that one failed.
	reference       *Outcome
	referenceFailed bool
	// lossy says that a trace had gaps, missed that events of one were skipped.
	lossy, missed bool
}

func newBench(s *shared, sysctls []Sysctl) *bench {
	return &bench{shared: s, sysctls: sysctls, known: newKnowledge(s.goal.Relaxations)}
}

// try makes one trial. A set that the engine refuses is an outcome, not an error.
func (b *bench) try(ctx context.Context, t Trial) (Outcome, error) {
	outcomes, err := b.tryAll(ctx, t)
	if err != nil || len(outcomes) == 0 {
		return Outcome{}, err
	}
	return outcomes[0], nil
}

// tryAll makes trials that do not depend on each other. When the run limit leaves some
// out, the outcomes of the others come with the error.
func (b *bench) tryAll(ctx context.Context, trials ...Trial) ([]Outcome, error) {
	for i := range trials {
		t := &trials[i]
		t.Sysctls, t.Drops, t.Everything = b.sysctls, b.counted(), t.Grants.Equal(b.everything())
		switch {
		case !b.goal.Trace:
			t.Look = Blind
		case b.history.blind && !b.history.traced(t.Grants, t.Sysctls):
			t.Look = Traced
		}
		if c := t.Companion; c != nil {
			c.Sysctls, c.Drops = t.Sysctls, t.Drops
		}
	}
	outcomes, err := b.lab.Try(ctx, trials...)
	if err != nil && !errors.Is(err, ErrRunLimit) {
		return nil, err
	}
	for _, o := range outcomes {
		b.refused = b.refused.Union(o.Refused)
		for _, c := range o.Companions {
			b.refused = b.refused.Union(c.Refused)
		}
	}
	for i := range outcomes {
		o := &outcomes[i]
		if o.End == Kept && len(Keeps(o.Denials, b.counted())) == 0 {
			o.End = Passed // what it lacks cannot be had, as another one showed
		}
		b.take(*o)
		for _, c := range o.Companions {
			b.take(c)
		}
	}
	return outcomes, err
}

// take keeps an outcome.
func (b *bench) take(o Outcome) {
	b.history.counted = b.counted()
	b.history.add(o)
	b.lossy, b.missed = b.lossy || o.Lossy, b.missed || o.Missed
	if o.End != Refused && o.Look == Traced {
		b.known.note(o)
	}
	b.refers(o)
}

// granted makes a trial of a set that the engine has granted before, alone or as a
// part of a greater one. That the engine refuses it now says nothing of the workload,
// so it is no failed run but an error.
func (b *bench) granted(ctx context.Context, t Trial) (Outcome, error) {
	o, err := b.try(ctx, t)
	if err == nil && o.End == Refused {
		err = &errWithdrawn{o}
	}
	return o, err
}

// passes reports whether the workload passes with a set.
func (b *bench) passes(ctx context.Context, purpose Purpose, set grant.Set) (bool, error) {
	o, err := b.granted(ctx, Trial{Purpose: purpose, Grants: set})
	return err == nil && o.End == Passed, err
}

// refers keeps a run that had everything allowed: whatever it was made for, it answers
// the reference's question. That nothing makes the workload pass is not said because of
// one flake: a run that ends by itself, and fails, is repeated once. One that took all
// its time is not, it would take it again; nor one whose command did not start.
func (b *bench) refers(o Outcome) {
	if o.End == Refused || o.Run == 0 || !o.same(b.everything(), b.sysctls) || b.reference != nil && b.reference.End == Passed {
		return
	}
	if o.End != Failed || b.referenceFailed || o.NotStarted {
		b.reference = &o
	}
	b.referenceFailed = true
}

// everythingTrial is a run with everything allowed.
func (b *bench) everythingTrial() Trial {
	return Trial{Purpose: Reference, Grants: b.everything(), Sysctls: b.sysctls, Everything: true}
}

// refer runs the workload with everything allowed, until it is known whether it passes.
func (b *bench) refer(ctx context.Context) (Outcome, error) {
	for b.reference == nil {
		t := b.everythingTrial()
		if b.referenceFailed {
			// It will most likely fail again: see at what.
			t.Look = Traced
		}
		o, err := b.try(ctx, t)
		if err == nil && o.End == Refused {
			err = b.withdraw(ctx, o)
		}
		if err != nil {
			return o, leaves(err, TryEverything, t.Grants, grant.Set{})
		}
	}
	return *b.reference, nil
}

// companion is the run with everything for a trial that may take long; nil when its
// answer is known, or the trial has everything itself.
func (b *bench) companion(set grant.Set) *Trial {
	if b.reference != nil || b.history.anyPassed() || set.Equal(b.everything()) {
		return nil
	}
	t := b.everythingTrial()
	return &t
}

// withdraw finds out what the engine refuses of a trial, so that the next one does
// without. Capabilities are named by the Lab; of the options only those can be at
// fault that were never accepted. A refused trial takes no time.
func (b *bench) withdraw(ctx context.Context, refused Outcome) error {
	if !refused.Refused.Intersect(refused.Grants.Capabilities).Empty() {
		return nil // it was taken note of
	}
	var suspects []workload.Setting
	for _, o := range refused.Grants.Options() {
		if !b.history.accepted(o) {
			suspects = append(suspects, o)
		}
	}
	if len(suspects) == 0 {
		return &Unusable{refused.Err}
	}
	if len(suspects) == 1 {
		b.refusedOptions = append(b.refusedOptions, suspects[0])
		return nil
	}
	ordered := b.byDanger(grant.Of(0, suspects...))
	for _, g := range slices.Backward(ordered) {
		o, err := b.try(ctx, Trial{Purpose: refused.Purpose, Grants: refused.Grants.Without(g), Without: &g, Look: refused.Look})
		if err != nil {
			return err
		}
		if o.End != Refused {
			b.refusedOptions = append(b.refusedOptions, g.Option)
			return nil
		}
	}
	return &Unusable{refused.Err}
}

// confirm returns the set that a confirming run leaves: the set itself when the run
// passed. When it failed, and the set was only inferred by a search by removal, the
// workload is not monotone, and the smallest set that did pass takes its place. It is
// false when a set failed that passed before.
func (b *bench) confirm(set grant.Set, o Outcome) (grant.Set, bool) {
	if o.End == Passed {
		return set, true
	}
	passed, _ := b.history.of(set, b.sysctls)
	smallest, found := b.history.smallest(b.sysctls)
	if len(passed) > 0 || !found {
		return set, false
	}
	return smallest, true
}
