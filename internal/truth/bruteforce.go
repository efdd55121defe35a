package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/truth/boots"
	"github.com/capprof/capprof/internal/truth/removal"
)

// found is what brute force knows of a workload under one set of flags.
type found struct {
	search *removal.Search
	// all is everything that may be granted.
	all  capability.Set
	sets []capability.Set
	// complete is false when there may be more sets, and exhaustive is what removing
	// one at a time takes for one.
	complete   bool
	exhaustive int
	// withAll is the last that the workload wrote when it failed with everything.
	withAll string
	// failed are the phases in which runs of a service failed, by set.
	failed map[capability.Set]scenario.Phase
	// judge is what ran it.
	judge *boots.Judge
}

// find runs the workload until its sets are known. noSet says why there may be none.
func (c *suite) find(ctx context.Context, k testCase, image string, flags, command []string, noSet string) (*found, error) {
	f := &found{all: c.grants.all.Minus(k.hostile).Union(k.candidates())}
	limit := k.timeLimit()
	run := func(ctx context.Context, flags []string, caps capability.Set) (testengine.Outcome, error) {
		return c.containers.run(ctx, image, flags, command, caps, limit)
	}
	passes := func(ctx context.Context, set capability.Set) (bool, error) {
		for tries := max(k.tries, 1); ; tries-- {
			o, err := k.with(ctx, run, flags, set, f.all)
			if err != nil {
				return false, err
			}
			if set == f.all {
				f.withAll = o.Tail
				// It is known now how long a good run takes; a bad one may hang.
				if o.Passed() {
					limit = min(limit, 5*time.Second+5*o.Took)
				}
			}
			if o.Passed() || tries == 1 {
				return o.Passed(), nil
			}
		}
	}
	if k.serves != nil {
		judge, err := boots.New(ctx, c.containers.engine, k.serves.service(c, image, flags, command))
		if err != nil {
			return f, err
		}
		passes = f.boots(judge, fmt.Sprintf("%q %q %q", image, flags, command), &c.early)
	}
	f.search = removal.New(f.all, passes, removal.Options{OneByOne: c.options.oneByOne, Among: k.matters()})
	answer, err := f.search.Find(ctx)
	if err != nil {
		return f, err
	}
	f.sets, f.complete, f.exhaustive = answer.Sets, answer.Complete, answer.Exhaustive
	if len(f.sets) == 0 && noSet == "" {
		// Else a workload that is broken would pass for one that nothing fixes.
		return f, fmt.Errorf("it fails with everything, and the case does not say why it should: %s", lastLine(f.withAll))
	}
	return f, nil
}

func (f *found) runs() int { return f.search.Runs() }

// check tests an answer that is not among the sets. Removal finds all minimal sets
// of a monotone program alone; whether a set is minimal, runs tell of any program.
func (f *found) check(ctx context.Context, set capability.Set) error {
	if slices.Contains(f.sets, set) || !f.all.Contains(set) {
		return nil
	}
	minimal, err := f.search.IsMinimal(ctx, set)
	if err != nil || !minimal {
		return err
	}
	f.sets, f.complete = append(f.sets, set), false
	slices.SortFunc(f.sets, removal.LessDangerous)
	return nil
}

// matters is all that can make a difference to a program that is not monotone.
func (k testCase) matters() capability.Set {
	if k.among.Empty() {
		return 0
	}
	return k.among.Union(k.candidates())
}

// compare judges capprof's answer by what brute force found with the case's own flags
// and with the strict ones.
func (r *result) compare(ctx context.Context, own, strict *found) error {
	k := r.testCase
	set, unknown := k.together(r.answer.set, r.answer.relaxations)
	r.answer.set = set
	if fails := k.counts || k.tries > 1; !fails && !r.answer.none {
		if err := own.check(ctx, set); err != nil {
			return fmt.Errorf("checking the answer: %w", err)
		}
		r.truth, r.complete = own.sets, own.complete
	}
	r.verdict = k.compare(r.truth, r.answer)
	r.verdict.opens(unknown)
	if k.counts || k.tries > 1 && r.answer.verdict == string(profile.Incomplete) {
		r.verdict = notices(r.answer)
	}
	r.verdict.finds(k, r.answer)
	r.verdict.goes(k, own, r.answer)
	if k.strict == nil {
		return nil
	}
	if !r.answer.unportable {
		if err := strict.check(ctx, r.answer.portable); err != nil {
			return fmt.Errorf("checking the portable answer: %w", err)
		}
		r.strict = strict.sets
	}
	r.verdict.portable(k, r.strict, r.answer)
	return nil
}
