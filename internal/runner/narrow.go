package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// What is here narrows --privileged down: the search opens what a run failed at,
// and proves each opening by runs without it, as it does with capabilities.

// under is what the mapper has to know of a run.
func under(env mapper.Environment, run profile.Run) mapper.Environment {
	env.Granted = run.Capabilities
	for _, option := range run.Options {
		switch option {
		case workload.Setting{Name: "security-opt", Value: "seccomp=unconfined"}:
			env.Seccomp = nil
		case moduleOpening["apparmor"], moduleOpening["selinux"]:
			env.SecurityModules = nil
		}
	}
	return env
}

// everything are the options of a run with everything allowed.
func (s *session) everything() []workload.Setting {
	if s.opts.privileged() {
		return s.everyOpening()
	}
	return s.options
}

// isReference reports whether a run with these has everything.
func (s *session) isReference(set capability.Set, options []workload.Setting) bool {
	return set == s.allowed() && slices.Equal(options, s.everything())
}

// atAnswer reports whether a run had this set, and the openings in force.
func (s *session) atAnswer(run profile.Run, set capability.Set) bool {
	return run.Capabilities == set && slices.Equal(run.Options, s.options)
}

// open adds openings for what the last traced run failed at; false when there is
// none to add.
func (s *session) open(found *findings) bool {
	if !s.opts.privileged() {
		return false
	}
	options := s.named(found)
	if len(options) == 0 {
		return false
	}
	s.fresh = options
	s.options = sortOpenings(slices.Concat(s.options, options))
	return true
}

// takeBack closes what the engine refused with the last openings. Of several, the
// first stays, for it to show whether it is the one; the others come back when a run
// fails at the same again.
func (s *session) takeBack(r result) error {
	if len(s.fresh) == 0 {
		// They were taken before.
		return r.badOptions
	}
	at := func(o workload.Setting) bool { return slices.Contains(s.fresh, o) }
	if len(s.fresh) == 1 {
		s.refuse(s.fresh[0])
	} else {
		at = func(o workload.Setting) bool { return slices.Contains(s.fresh[1:], o) }
	}
	s.options = slices.DeleteFunc(slices.Clone(s.options), at)
	s.fresh = s.fresh[:min(1, len(s.fresh)-1)]
	return nil
}

func (s *session) refuse(o workload.Setting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusedOpenings = append(s.refusedOpenings, o)
}

// findRefused finds the one of several openings for which the engine refuses a run
// with everything, by leaving each away in turn; a refused run costs no time.
func (s *session) findRefused(ctx context.Context, set capability.Set, openings []workload.Setting, refused result) error {
	for _, o := range slices.Backward(openings) {
		r, err := s.run(ctx, plan{purpose: profile.PurposeReference, set: set, options: less(openings, o), exact: true, without: leaving(o)})
		if err != nil {
			return unfinishedBy(err, "whether it passes with everything allowed was not found out")
		}
		if r.badOptions == nil {
			s.refuse(o)
			return nil
		}
	}
	return refused.badOptions
}

// searchOpenings finds a smallest set of openings with which the workload passes,
// given everything that is allowed; with all of them it is known to.
func (s *session) searchOpenings(ctx context.Context) error {
	passes := func(options []workload.Setting) (bool, error) {
		r, err := s.run(ctx, plan{purpose: profile.PurposeSearch, set: s.allowed(), options: sortOpenings(slices.Clone(options)), exact: true})
		return r.passed, err
	}
	needed, err := s.fewestOpenings(passes)
	if err != nil {
		return unfinishedBy(err, "which of the things that --privileged opens are needed was not found out")
	}
	s.options, s.fresh = sortOpenings(needed), nil
	return nil
}

func (s *session) fewestOpenings(passes func([]workload.Setting) (bool, error)) ([]workload.Setting, error) {
	if ok, err := passes(nil); ok || err != nil {
		return nil, err
	}
	// What the trace named is narrower than what covers it.
	needed, err := quickXplain(nil, s.openable(slices.Concat(s.options, s.everyOpening())), passes)
	allDevices := workload.Setting{Name: "device", Value: "/dev"}
	if err != nil || !slices.Contains(needed, allDevices) {
		return needed, err
	}
	groups, others := s.openable(deviceGroups(s.info)), less(needed, allDevices)
	if ok, err := passes(slices.Concat(others, groups)); !ok || err != nil {
		return needed, err
	}
	some, err := quickXplain(others, groups, passes)
	return slices.Concat(others, some), err
}

// proveOpenings runs a set that passed without each of the openings; what turns out
// removable goes. A run that ends by itself, and fails, is repeated once, for it may
// have failed by accident; that the two disagree is told by contradiction.
func (s *session) proveOpenings(ctx context.Context, set capability.Set) error {
	failed := map[workload.Setting]profile.Run{}
	for {
		var plans []plan
		var without []workload.Setting
		for _, o := range s.options {
			if _, proven := s.openingProof[o]; !proven {
				without = append(without, o)
				plans = append(plans, plan{purpose: profile.PurposeRemove, set: set, options: less(s.options, o), exact: true, without: leaving(o)})
			}
		}
		if len(plans) == 0 {
			return nil
		}
		results, err := s.batch(ctx, plans)
		if err != nil && !endsEarly(err) {
			return err
		}
		var removable []workload.Setting
		for i, r := range results {
			o := without[i]
			before, again := failed[o]
			switch {
			case r.refused:
			case r.passed && !again:
				removable = append(removable, o)
			case r.passed:
				return unfinishedBy(errAccident, contradicts(r.run, before))
			case !again && r.run.Outcome == profile.OutcomeFailed:
				failed[o] = r.run
			case again:
				s.openingProof[o] = before.Number
			default:
				s.openingProof[o] = r.run.Number
			}
		}
		if err == nil && len(removable) > 1 {
			var r result
			r, err = s.granted(ctx, plan{purpose: profile.PurposeConfirm, set: set, options: less(s.options, removable...), exact: true})
			if err == nil && r.passed {
				s.options = less(s.options, removable...)
				clear(failed)
				continue
			}
		}
		if len(removable) > 0 {
			// They may stand in for each other: the most dangerous one goes.
			s.options = less(s.options, removable[len(removable)-1])
			clear(failed)
		}
		if err != nil {
			return unfinishedBy(err, fmt.Sprintf("the workload passes with %s and %s; that it needs each of the latter was not shown",
				set, strings.Join(optionTexts(s.options), ", ")))
		}
	}
}

// traceReference shows, in a traced run with everything, what the workload fails at
// even so, where that is more than --allow could grant.
func (s *session) traceReference(ctx context.Context, env mapper.Environment, found *findings, reference result) error {
	if s.tracer == nil || len(s.everyOpening()) == 0 || s.isReference(found.last.run.Capabilities, s.options) {
		return nil
	}
	if reference.run.Outcome != profile.OutcomeFailed {
		// It would take all its time again.
		return nil
	}
	r, err := s.run(ctx, plan{purpose: profile.PurposeExplore, set: reference.run.Capabilities, options: s.everyOpening(), exact: true, traced: true})
	if err == nil && !r.refused {
		found.learn(env, r)
	}
	return unfinishedBy(err, "what it fails at even with everything was not looked at")
}

// less is options without some.
func less(options []workload.Setting, without ...workload.Setting) []workload.Setting {
	return slices.DeleteFunc(slices.Clone(options), func(o workload.Setting) bool { return slices.Contains(without, o) })
}

// leaving is what a run leaves out.
func leaving(o workload.Setting) *grant.Grant {
	g := grant.Option(o)
	return &g
}

// openings explains the openings in force.
func (s *session) openings(e *explainer, found *findings) []profile.Requirement {
	var all []profile.Requirement
	for _, o := range s.options {
		kind, _ := kindOf(o)
		opening := profile.Requirement{
			Grant: grant.Option(o), Allows: kind.opens, Danger: kind.danger, FoundBy: profile.FoundByRemoval, ProvenBy: s.openingProof[o],
		}
		// The same again, in a later run, says nothing new.
		firstIn := map[string]int{}
		for _, number := range slices.Sorted(maps.Keys(found.failures)) {
			for i, failure := range found.failures[number] {
				if !slices.Contains(s.openingsFor(failure), o) {
					continue
				}
				kind := describeFailure(0, failure.Operation, failure.Cause, nil).ID
				first, seen := firstIn[kind]
				if seen && first != number {
					continue
				}
				firstIn[kind], opening.FoundBy = number, profile.FoundByTrace
				if f := e.failure(number, i, failure); !seen {
					opening.Failures = append(opening.Failures, f)
				}
			}
		}
		all = append(all, opening)
	}
	return all
}
