package search

import (
	"maps"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/workload"
)

// Knowledge is what the traced runs of an answer explained.
type Knowledge struct {
	// Denials and Failures are by the number of the run that showed them.
	Denials  map[int][]mapper.Denial
	Failures map[int][]mapper.Failure
	// Chosen is what was added for what a run was refused, by its number.
	Chosen map[int]grant.Set
	// Last is the last traced run that was made to explore.
	Last Outcome

	relaxations Relaxations
	// from is a part of every explored set.
	from  capability.Set
	guess guess
	// accepted are the denials for which sets were chosen by now. Those of the last
	// run join them when a set is chosen for it.
	accepted, choosing []mapper.Denial
	// survived are the operations that were refused in a run that passed.
	survived map[operation]bool
}

func newKnowledge(relaxations Relaxations) *Knowledge {
	return &Knowledge{
		Denials: map[int][]mapper.Denial{}, Failures: map[int][]mapper.Failure{}, Chosen: map[int]grant.Set{},
		relaxations: relaxations, survived: map[operation]bool{},
	}
}

// guess is the last one at which all alternatives were added to a set.
type guess struct {
	// all is the set with them, plain the one without, and from was in force before.
	all, plain, from capability.Set
}

// operation tells refused operations apart as far as they are the same from run to run.
// A call that failed is refused as a whole; in one that succeeded (a netlink message, an
// io_uring) it matters what was refused.
type operation struct {
	anyOf                                                capability.Set
	executable, comm, syscall, path, secondPath, address string
	uid                                                  uint32
	errno, signal                                        int
}

func operationOf(d mapper.Denial) operation {
	same := callOf(d.Operation)
	if !d.Operation.Failed() {
		same.anyOf = capability.Of(d.AnyOf...)
	}
	return same
}

func callOf(op observation.Operation) operation {
	return operation{
		executable: op.Executable, comm: op.Comm, syscall: op.Syscall, path: op.Object.Path, secondPath: op.Object.SecondPath,
		address: op.Object.Address, uid: op.UID, errno: int(op.Errno), signal: int(op.Object.Signal),
	}
}

// note keeps what a traced run explained.
func (k *Knowledge) note(o Outcome) {
	k.Denials[o.Run], k.Failures[o.Run] = o.Denials, o.Failures
	if o.End != Passed && o.End != Kept {
		return
	}
	for _, d := range o.Denials {
		if len(Keeps([]mapper.Denial{d}, o.Drops)) == 0 {
			k.survived[operationOf(d)] = true
		}
	}
}

// explored goes on from a traced run.
func (k *Knowledge) explored(o Outcome) {
	k.Last, k.accepted, k.choosing = o, slices.Concat(k.accepted, k.choosing), nil
}

// Latest are the denials of the last run that was made to explore.
func (k *Knowledge) Latest() []mapper.Denial { return k.Denials[k.Last.Run] }

// Survived reports whether a run that passed was refused the same operation, so that
// the refusal is no evidence of a need.
func (k *Knowledge) Survived(d mapper.Denial) bool { return k.survived[operationOf(d)] }

// persists reports whether the last run failed at something that no capability helps
// with, and that was refused in the first run too.
func (k *Knowledge) persists() bool {
	runs := slices.Sorted(maps.Keys(k.Denials))
	if len(runs) == 0 {
		return false
	}
	// With another set the same call may fail with another error.
	call := func(op observation.Operation) operation { o := callOf(op); o.errno = 0; return o }
	refused := map[operation]bool{}
	for _, d := range k.Denials[runs[0]] {
		refused[call(d.Operation)] = true
	}
	for _, f := range k.Failures[runs[0]] {
		refused[call(f.Operation)] = true
	}
	return slices.ContainsFunc(k.Failures[k.Last.Run], func(f mapper.Failure) bool { return refused[call(f.Operation)] }) ||
		slices.ContainsFunc(k.Latest(), func(d mapper.Denial) bool { return d.Unreachable && refused[call(d.Operation)] })
}

// tiers are what a failed run is put down to, the likeliest first: what made calls
// fail; what calls survived, since a workload mostly survives that too; and what
// processes were denied that entered from outside (docker exec, a health check), on
// which a workload seldom waits. A tier counts only where those before it have nothing
// new.
var tiers = []tier{
	{least: mapper.Decisive}, {least: mapper.Silent}, {least: mapper.Degraded}, {least: mapper.Degraded, fromExec: true},
}

type tier struct {
	least mapper.Effect
	// fromExec takes in the processes that entered from outside.
	fromExec bool
}

func (t tier) holds(d mapper.Denial) bool {
	return d.Effect >= t.least && (t.fromExec || !d.Operation.Joined)
}

// next returns the capabilities to explore after the last traced run: the least
// dangerous ones that meet the clauses of all runs so far. They need not hold the last
// run's: what that took for one of several alternatives goes when another of them turns
// out to be needed anyway. ok is false when the last run shows nothing that this would
// change, nor an alternative to what was chosen before. Asking again, after the engine
// refused a part, is free.
func (k *Knowledge) next(allowed capability.Set) (set capability.Set, ok bool) {
	last := k.Last.Grants.Capabilities
	// What the engine refused meanwhile must not come back.
	k.from = k.from.Intersect(allowed)
	denials := k.Latest()
	if k.Last.End == Kept {
		denials = Keeps(denials, allowed) // all else it survived
	}
	for _, t := range tiers {
		latest := slices.DeleteFunc(slices.Clone(denials), func(d mapper.Denial) bool { return !t.holds(d) })
		// A set that was run meets none of the clauses that its run showed, so that
		// this never goes round in circles.
		if set := leastDangerous(slices.Concat(k.accepted, latest), allowed, k.from); !set.Empty() && set != last {
			k.choosing = latest
			k.Chosen[k.Last.Run] = grant.Of(set.Minus(last))
			return set, true
		}
	}
	if all := last.Union(k.alternatives(allowed)); all != last && all != k.guess.all {
		k.guess = guess{all: all, plain: last, from: k.from}
		k.from = all
		k.Chosen[k.Last.Run] = grant.Of(all.Minus(last))
		return all, true
	}
	if last == k.guess.all && !k.guess.plain.Empty() {
		// They did not help either.
		k.from = k.guess.from
		return k.guess.plain.Intersect(allowed), false
	}
	return last, false
}

// alternatives are all that would have met what was denied so far. Where nothing new is
// denied and the workload still fails, one that was taken may not have helped, and
// another one does. What is needless among them goes in the proof.
func (k *Knowledge) alternatives(allowed capability.Set) capability.Set {
	var all capability.Set
	for _, d := range slices.Concat(k.accepted, k.choosing) {
		if !d.Unreachable {
			all = all.Union(capability.Of(d.AnyOf...))
		}
	}
	return all.Intersect(allowed)
}

// relax returns the relaxations, beyond those in force, for what the last run failed
// at: those of what is known to refuse, and only when there is none, those of a
// security module, which is a guess.
func (k *Knowledge) relax(inForce grant.Set, takable func([]workload.Setting) []workload.Setting) []workload.Setting {
	if k.relaxations == nil {
		return nil
	}
	var likely, guessed []workload.Setting
	for _, f := range k.Failures[k.Last.Run] {
		options, sure := k.relaxations.For(f)
		if sure {
			likely = append(likely, options...)
		} else {
			guessed = append(guessed, options...)
		}
	}
	for _, options := range [][]workload.Setting{likely, guessed} {
		options = slices.DeleteFunc(takable(options), func(o workload.Setting) bool { return inForce.Has(grant.Option(o)) })
		if len(options) > 0 {
			return grant.Of(0, options...).Options()
		}
	}
	return nil
}

// toStrict returns the least dangerous capabilities that meet all that the last traced
// run was denied, in addition to those of a set.
func (k *Knowledge) toStrict(already, allowed capability.Set) capability.Set {
	added := leastDangerous(k.Latest(), allowed, already).Minus(already)
	k.Chosen[k.Last.Run] = grant.Of(added)
	return added
}

// leastDangerous chooses for denials, in addition to what there is already. What no
// attainable capability meets is left out first: its clause {A} would otherwise stand
// for a wider {A, B}, whose B can be had.
func leastDangerous(denials []mapper.Denial, allowed, already capability.Set) capability.Set {
	var attainable []mapper.Denial
	for _, d := range denials {
		if in := capability.Of(d.AnyOf...).Intersect(allowed.Union(already)); !in.Empty() {
			d.AnyOf = in.ByDanger()
			attainable = append(attainable, d)
		}
	}
	return mapper.Choose(mapper.Clauses(attainable), allowed, already).Set
}

// explains reports whether a failed run shows that it was refused something for want
// of a grant.
func (k *Knowledge) explains(o Outcome, g grant.Grant) bool {
	if g.IsOption() {
		return slices.ContainsFunc(o.Failures, func(f mapper.Failure) bool { return k.allows(g.Option, f) })
	}
	switch {
	case o.End == Kept:
		return len(Keeps(o.Denials, capability.Of(g.Capability))) > 0
	case o.Look == Traced:
		return k.denied(o.Run).Has(g.Capability)
	}
	// Every mmap(2) and fork(2) asks for CAP_SYS_ADMIN, and goes on without.
	return o.Denied.Has(g.Capability) && g.Capability != capability.SysAdmin
}

// allows reports whether a relaxation lets pass what a call failed at.
func (k *Knowledge) allows(o workload.Setting, f mapper.Failure) bool {
	if k.relaxations == nil {
		return false
	}
	options, _ := k.relaxations.For(f)
	return slices.Contains(options, o)
}

// denied are the capabilities that would have met a refusal of a traced run, where the
// refusal is not one that a run survived.
func (k *Knowledge) denied(run int) capability.Set {
	var all capability.Set
	for _, d := range k.Denials[run] {
		if d.Effect > mapper.Unclear && !d.Unreachable && !k.Survived(d) {
			all = all.Union(capability.Of(d.AnyOf...))
		}
	}
	return all
}

// visible are the grants of which the want showed in a traced run.
func (k *Knowledge) visible(g grant.Grant) bool {
	for run := range k.Denials {
		if !g.IsOption() && k.denied(run).Has(g.Capability) {
			return true
		}
		if g.IsOption() && slices.ContainsFunc(k.Failures[run], func(f mapper.Failure) bool { return k.allows(g.Option, f) }) {
			return true
		}
	}
	return false
}

// Unmet returns the indexes in Latest of the denials that no allowed capability meets.
func (k *Knowledge) Unmet(allowed capability.Set) []int {
	within := allowed.Union(k.Last.Grants.Capabilities)
	var unmet []int
	for i, d := range k.Latest() {
		if isUnmet(d, within) {
			unmet = append(unmet, i)
		}
	}
	return unmet
}

func isUnmet(d mapper.Denial, within capability.Set) bool {
	return !d.Unreachable && d.Effect > mapper.Unclear && capability.Of(d.AnyOf...).Intersect(within).Empty()
}

// Beyond is the least dangerous set that would meet what no allowed capability does, of
// all that any traced run was denied. What the engine refuses helps nobody.
func (k *Knowledge) Beyond(allowed, refused capability.Set) capability.Set {
	var denials []mapper.Denial
	for _, run := range slices.Sorted(maps.Keys(k.Denials)) {
		for _, d := range k.Denials[run] {
			if isUnmet(d, allowed.Union(k.Last.Grants.Capabilities)) {
				denials = append(denials, d)
			}
		}
	}
	return mapper.Choose(mapper.Clauses(denials), (^capability.Set(0)).Minus(refused), 0).Added
}
