package search

import (
	"context"
	"errors"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
)

// finder finds an answer under one set of sysctls.
type finder struct{ *bench }

func newFinder(s *shared, sysctls []Sysctl) finder { return finder{newBench(s, sysctls)} }

// answer goes through the loop: explore, and where that does not end well, reference and
// search; then confirm and prove, and look at what is tolerated. It starts from an answer
// that was found under other sysctls, or from none.
func (f finder) answer(ctx context.Context, from Answer) (Answer, error) {
	a, err := f.attempt(ctx, from.Grants, from)
	if errors.Is(err, errKeeps) {
		// Only now was it seen that there is something to look for.
		if a, err = f.attempt(ctx, a.Grants, from); errors.Is(err, errKeeps) {
			f.unstable(&a, f.known.Last)
			err = nil
		}
	}
	var end *unfinished
	switch {
	case errors.As(err, &end):
		a.Verdict = Incomplete
		a.Reasons = append(a.Reasons, end.reason)
		if last := f.known.Last; last.Run > 0 && last.End != Passed {
			a.Deciding = &last
		}
	case err != nil:
		return a, err
	}
	f.doubt(&a)
	if f.goal.Drops && !f.goal.Trace && a.Verdict.Good() {
		a.Reasons = append(a.Reasons, Reason{Cause: DropsUnseen})
	}
	a.Knowledge, a.Sysctls, a.Lossy = f.known, f.sysctls, f.lossy
	return a, nil
}

// attempt finds a set that passes, starting from one, and settles it.
func (f finder) attempt(ctx context.Context, start grant.Set, from Answer) (Answer, error) {
	f.known.from = start.Capabilities
	explore := explorer(f)
	a, err := explore.find(ctx, start)
	if err == nil && a.Verdict == "" {
		a.Grants, err = explore.narrow(ctx, a.Grants)
	}
	if err == nil && a.Verdict == "" {
		a, err = f.settle(ctx, a, from)
	}
	return a, err
}

// errKeeps says that a process keeps privileges with a set that was taken to pass.
var errKeeps = errors.New("a process goes on with privileges that it meant to give up")

// settle turns a set that passes into an answer: it confirms and proves it, looks at
// what is tolerated where the trace is of another set, and adds what --strict asks for.
func (f finder) settle(ctx context.Context, a, from Answer) (Answer, error) {
	switch {
	case a.Grants.Empty():
		// The run that passed had nothing: there is nothing to confirm or remove.
		a.Verdict = Proven
	case f.goal.Prove:
		p := prover{bench: f.bench, set: a.Grants, before: map[grant.Grant]bool{}}
		for g := range from.ProvenBy {
			p.before[g] = true
		}
		err := p.prove(ctx)
		a.Grants, a.ProvenBy = p.set, p.provenBy
		if err != nil {
			return a, err
		}
		if p.unstable != nil {
			f.unstable(&a, *p.unstable)
			return a, nil
		}
		a.Verdict = Proven
	default:
		o, err := f.granted(ctx, Trial{Purpose: Confirm, Grants: a.Grants})
		if err != nil {
			return a, leaves(err, ConfirmSet, a.Grants, grant.Set{})
		}
		stable := false
		if a.Grants, stable = f.confirm(a.Grants, o); !stable {
			f.unstable(&a, o)
			return a, nil
		}
		a.Verdict = Confirmed
		a.Reasons = append(a.Reasons, Reason{Cause: NotTested, Set: a.Grants})
	}
	if !f.goal.Trace {
		return a, nil
	}
	if !f.known.Last.same(a.Grants, f.sysctls) {
		o, err := f.granted(ctx, Trial{Purpose: Explore, Grants: a.Grants, Look: Traced})
		if err != nil {
			return a, leaves(err, LookAtTolerated, a.Grants, grant.Set{})
		}
		f.known.explored(o)
		switch {
		case o.End == Kept:
			return a, errKeeps
		case o.End != Passed:
			f.unstable(&a, o)
			return a, nil
		}
	}
	if f.goal.Strict {
		return f.strict(ctx, a)
	}
	return a, nil
}

// strictRepeats is how often a run is repeated that is to show all that is denied, and of
// which the kernel skipped events.
const strictRepeats = 2

// strict adds what the workload survives the want of, until nothing that may be granted
// is denied. With more capabilities a program may do more and need more, so a run that
// fails is explored as the first ones were.
func (f finder) strict(ctx context.Context, a Answer) (Answer, error) {
	trying, repeats := a.Grants, strictRepeats
	for {
		trying.Capabilities = trying.Capabilities.Union(f.known.toStrict(trying.Capabilities, f.allowed()))
		if f.known.Last.same(trying, f.sysctls) {
			if !f.known.Last.Missed || repeats == 0 {
				break
			}
			repeats--
		}
		o, err := f.try(ctx, Trial{Purpose: Explore, Grants: trying, Look: Traced})
		if err == nil && o.End == Refused {
			if err = f.withdraw(ctx, o); err == nil {
				trying.Capabilities = trying.Capabilities.Intersect(f.allowed())
				continue
			}
		}
		if err != nil {
			return a, leaves(err, AddStrict, trying, grant.Set{})
		}
		f.known.explored(o)
	}
	if last := f.known.Last; last.End != Passed {
		a.Verdict, a.Deciding = Incomplete, &last
		a.Reasons = append(a.Reasons, Reason{Cause: StrictFails, Set: trying, Run: &last})
		return a, nil
	}
	if f.known.Last.Missed {
		a.Verdict = Incomplete
		a.Reasons = append(a.Reasons, Reason{Cause: StrictMissed, Set: trying})
	}
	if added := trying.Minus(a.Grants); !added.Empty() {
		adds := Reason{Cause: StrictAdds, Set: added}
		if a.Verdict == Proven {
			adds.Proven = a.Grants
		}
		a.Reasons = append(a.Reasons, adds)
		// A run without one capability lacked the added ones too, and proves nothing
		// of a set that has them.
		a.Grants, a.ProvenBy = trying, nil
		if a.Verdict.Good() {
			a.Verdict = Confirmed
		}
	}
	return a, nil
}

// unstable notes that a set that should pass failed.
func (f finder) unstable(a *Answer, failed Outcome) {
	reason := Reason{Cause: Dependent, Set: failed.Grants, Run: &failed}
	if passed, _ := f.history.of(failed.Grants, failed.Sysctls); len(passed) > 0 {
		reason.Cause, reason.Other = Unstable, &passed[0]
	}
	a.Verdict, a.Deciding = Incomplete, &failed
	a.Reasons = append(a.Reasons, reason)
}

// doubt takes a good verdict from an answer that the runs contradict or whose trace has
// gaps.
func (f finder) doubt(a *Answer) {
	good := a.Verdict.Good()
	if passed, failed, ok := f.history.contradiction(f.sysctls); good && ok {
		a.Verdict, a.Deciding = Incomplete, &failed
		a.Reasons = append(a.Reasons, Reason{Cause: Unstable, Set: passed.Grants, Run: &failed, Other: &passed})
	}
	if f.lossy {
		if good {
			a.Verdict = Incomplete
		}
		a.Reasons = append(a.Reasons, Reason{Cause: TraceLost})
	}
	if f.missed {
		// The set rests on runs and how they ended: a skipped event costs an explanation at
		// most. That no process keeps privileges is told by the absence of one.
		a.Reasons = append(a.Reasons, Reason{Cause: TraceMissed, Unsure: good && f.goal.Drops && f.known.Last.Missed})
	}
}

func isOutOfReach(d mapper.Denial) bool { return d.Unreachable }
