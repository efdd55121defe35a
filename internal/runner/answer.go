package runner

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
)

// answer is what the search ended with.
type answer struct {
	verdict  profile.Verdict
	reasons  []string
	set      capability.Set
	provenBy map[capability.Cap]int
	// deciding is the run that decided against a success.
	deciding *result
}

// answer goes through the loop: explore, and where that does not end well,
// reference and search; then confirm and prove, and look at what is tolerated. It
// starts from nothing, or from what is known where more is let through.
func (s *session) answer(ctx context.Context, env mapper.Environment, found *findings, from known) (answer, error) {
	a, err := s.find(ctx, env, found)
	if err == nil && a.verdict == "" && s.opts.Prove && s.opts.privileged() {
		err = s.proveOpenings(ctx, a.set)
	}
	if err == nil && a.verdict == "" {
		a, err = s.settle(ctx, env, found, a, from)
	}
	var end *unfinished
	switch {
	case errors.As(err, &end):
		a.verdict = profile.Incomplete
		a.reasons = append(a.reasons, end.err.Error(), end.left)
		if found.last.run.Number > 0 && !found.last.passed {
			a.deciding = &found.last
		}
	case err != nil:
		return a, err
	}
	return s.doubt(a), nil
}

// find looks for a set that passes. The answer has a verdict already when there is
// none.
func (s *session) find(ctx context.Context, env mapper.Environment, found *findings) (answer, error) {
	set, ok, err := s.first(ctx, env, found)
	a := answer{set: set}
	if ok || err != nil {
		return a, err
	}
	reference, err := s.reference(ctx)
	if err != nil {
		return a, err
	}
	if !reference.passed {
		if err := s.traceReference(ctx, env, found, reference); err != nil {
			return a, err
		}
		return answer{verdict: profile.Failed, reasons: s.whyFailed(reference, found), deciding: &reference}, nil
	}
	if s.opts.privileged() {
		before := s.options
		if err := s.searchOpenings(ctx); err != nil {
			return a, err
		}
		if !slices.Equal(before, s.options) {
			// Behind what was closed there may be more to explore.
			if a.set, ok, err = s.first(ctx, env, found); ok || err != nil {
				return a, err
			}
			set = a.set
		}
	}
	a.set, err = s.searchByRemoval(ctx, set, s.allowed())
	return a, err
}

// first finds a set that passes, or shows that the trace does not lead to one.
func (s *session) first(ctx context.Context, env mapper.Environment, found *findings) (capability.Set, bool, error) {
	if s.tracer != nil {
		return s.explore(ctx, env, found)
	}
	r, err := s.besideReference(ctx, plan{purpose: profile.PurposeSearch, set: found.from})
	if err != nil {
		return found.from, false, unfinishedBy(err, "no set that passes was found by then")
	}
	return found.from, r.passed, s.startable(ctx, r)
}

// startable ends the search when a command cannot be started in the first run, nor
// with everything allowed: "not found" may mean no more than that a directory of
// $PATH could not be searched.
func (s *session) startable(ctx context.Context, r result) error {
	if r.startErr == nil || r.startErr.Permission {
		return nil
	}
	reference, err := s.reference(ctx)
	if err != nil {
		return err
	}
	if reference.startErr != nil {
		return reference.startErr
	}
	return nil
}

// settle turns a set that passes into an answer: it confirms and proves it, looks
// at what is tolerated where the trace is of another set, and adds what --strict
// asks for.
func (s *session) settle(ctx context.Context, env mapper.Environment, found *findings, a answer, from known) (answer, error) {
	switch {
	case from.verdict.Answers() && a.set == from.set:
		// That it needs no less was shown where more is let through.
		a = from.answer
	case a.set.Empty():
		// The run that passed had nothing: there is nothing to confirm or remove.
		a.verdict = profile.Proven
		if s.opts.privileged() && len(s.options) > len(s.openingProof) {
			a.verdict = profile.Confirmed
			a.reasons = append(a.reasons, "that nothing of what was opened can go was not tried (--no-prove)")
		}
	case s.opts.Prove:
		p, err := s.prove(ctx, env, found, a.set, from.proven(a.set))
		a.set, a.provenBy = p.set, p.provenBy
		if err != nil {
			return a, err
		}
		if p.unstable != nil {
			return s.unstable(a, *p.unstable), nil
		}
		a.verdict = profile.Proven
	default:
		r, err := s.confirm(ctx, a.set)
		if err != nil {
			return a, err
		}
		if !r.passed {
			return s.unstable(a, r), nil
		}
		a.verdict = profile.Confirmed
		a.reasons = append(a.reasons, "that nothing in the set can go was not tried (--no-prove)")
	}
	if s.tracer == nil {
		return a, nil
	}
	if !s.atAnswer(found.last.run, a.set) {
		r, err := s.granted(ctx, plan{purpose: profile.PurposeExplore, set: a.set, traced: true})
		if err != nil {
			return a, unfinishedBy(err, "what the workload tolerates with the set was not looked at")
		}
		found.learn(env, r)
		if !r.passed {
			return s.unstable(a, r), nil
		}
	}
	if s.opts.Strict {
		return s.strict(ctx, env, found, a)
	}
	return a, nil
}

// strict adds what the workload survives the want of, until nothing that may be
// granted is denied. With more capabilities a program may do more and need more, so
// a run that fails is explored as the first ones were.
func (s *session) strict(ctx context.Context, env mapper.Environment, found *findings, a answer) (answer, error) {
	needed, trying := a.set, a.set
	for {
		trying = trying.Union(found.beside(trying, s.allowed()))
		if s.atAnswer(found.last.run, trying) {
			break
		}
		r, err := s.run(ctx, plan{purpose: profile.PurposeExplore, set: trying, traced: true})
		if err != nil {
			return a, unfinishedBy(err, "what --strict adds to the set was not tried to its end")
		}
		if r.refused {
			if trying, err = s.grantable(ctx, trying); err != nil {
				return a, err
			}
			continue
		}
		found.learn(env, r)
	}
	if !found.last.passed {
		a.verdict, a.deciding = profile.Incomplete, &found.last
		a.reasons = append(a.reasons, strictFails(found.last))
		return a, nil
	}
	if added := trying.Minus(needed); !added.Empty() {
		a.reasons = append(a.reasons, strictAdds(a, added))
		// A run without one capability lacked the added ones too, and proves nothing
		// of a set that has them.
		a.set, a.verdict, a.provenBy = trying, profile.Confirmed, nil
	}
	return a, nil
}

// unstable is the answer when a set that should pass fails.
func (s *session) unstable(a answer, r result) answer {
	a.verdict, a.deciding = profile.Incomplete, &r
	a.reasons = append(a.reasons, s.whyUnstable(r.run))
	return a
}

// doubt takes a good verdict from an answer that the runs contradict or whose
// trace has gaps.
func (s *session) doubt(a answer) answer {
	good := a.verdict.Answers()
	if passed, failed, ok := s.contradiction(); good && ok {
		a.verdict = profile.Incomplete
		a.reasons = append(a.reasons, contradicts(passed, failed))
		a.deciding = &result{run: failed, output: s.outputs[failed.Number]}
	}
	if s.losses.Total() > 0 && good {
		a.verdict = profile.Incomplete
	}
	a.reasons = append(a.reasons, whyLossy(s.losses)...)
	return a
}

// own says whether a run was made under the session's conditions.
func (s *session) own(run profile.Run) bool {
	if s.opts.privileged() {
		// The conditions changed on the way.
		return true
	}
	return len(run.Options) >= len(s.options) && slices.Equal(run.Options[:len(s.options)], s.options)
}

// contradiction finds two runs of one set, with the same options, of which one
// passed and one did not.
func (s *session) contradiction() (passed, failed profile.Run, found bool) {
	type conditions struct {
		set     capability.Set
		options string
	}
	first := map[conditions]profile.Run{}
	for _, run := range s.runs {
		if run.Outcome == profile.OutcomeRefused || !s.own(run) {
			continue
		}
		same := conditions{run.Capabilities, strings.Join(optionTexts(run.Options), "\x00")}
		before, seen := first[same]
		if !seen {
			first[same] = run
			continue
		}
		if before.Outcome == profile.OutcomePassed != (run.Outcome == profile.OutcomePassed) {
			if run.Outcome == profile.OutcomePassed {
				return run, before, true
			}
			return before, run, true
		}
	}
	return passed, failed, false
}

// unfinished says that the search ended before it was done, and what was left.
type unfinished struct {
	err  error
	left string
}

func (u *unfinished) Error() string { return u.err.Error() + ": " + u.left }

func (u *unfinished) Unwrap() error { return u.err }

// unfinishedBy makes an unfinished of what ends a search early and is no fault of
// the engine's or the user's. What was left when it happened counts, not what the
// callers had in mind.
func unfinishedBy(err error, left string) error {
	var already *unfinished
	if errors.As(err, &already) || !endsEarly(err) {
		return err
	}
	return &unfinished{err: err, left: left}
}

func endsEarly(err error) bool { return errors.Is(err, errRunLimit) || errors.Is(err, errWithdrawn) }
