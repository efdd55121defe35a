package runner

import (
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
)

// findings are what the traced runs explained.
type findings struct {
	// from is the set of the first run, and what every set to explore holds: what is
	// needed is sought beside it.
	from  capability.Set
	guess guess
	// denials and failures are by the number of the run that showed them.
	denials  map[int][]mapper.Denial
	failures map[int][]mapper.Failure
	// chosen is what was added for the denials of a run, by its number.
	chosen map[int]capability.Set
	// last is the last traced run that was made to explore.
	last result
	// before are the denials of the runs before the last one for which a set was
	// chosen, adopted those and the last one's.
	before, adopted []mapper.Denial
}

func newFindings(from capability.Set) *findings {
	return &findings{from: from, denials: map[int][]mapper.Denial{}, failures: map[int][]mapper.Failure{}, chosen: map[int]capability.Set{}}
}

// learn maps a traced run, and goes on from it.
func (f *findings) learn(env mapper.Environment, r result) {
	f.note(env, r)
	f.last, f.before = r, f.adopted
}

// note maps a traced run.
func (f *findings) note(env mapper.Environment, r result) {
	env = under(env, r.run)
	mapped := mapper.Map(r.obs, env)
	f.denials[r.run.Number] = mapped.Denials
	f.failures[r.run.Number] = mapped.Failures
}

// latest are the denials of the last traced run.
func (f *findings) latest() []mapper.Denial { return f.denials[f.last.run.Number] }

// guess is the last one at which all alternatives were added to a set.
type guess struct {
	// all is the set with them, plain the one without, and from was in force before.
	all, plain, from capability.Set
}

// tiers are what a failed run is put down to, the likeliest first: what made calls
// fail; what calls survived, since a workload mostly survives that too; and what
// processes were denied that entered from outside (docker exec, a health check),
// on which a workload seldom waits. A tier is a guess only where those before it
// have nothing new.
var tiers = []tier{
	{least: mapper.Decisive}, {least: mapper.Silent}, {least: mapper.Degraded}, {least: mapper.Degraded, joined: true},
}

type tier struct {
	least mapper.Effect
	// joined takes in the processes that entered from outside.
	joined bool
}

func (t tier) holds(d mapper.Denial) bool {
	return d.Effect >= t.least && (t.joined || !d.Operation.Joined)
}

// next returns the set to explore after the last traced run: the least dangerous
// one that meets the clauses of all runs so far. It need not hold the last run's
// set: what that took for one of several alternatives goes when another of them
// turns out to be needed anyway. ok is false when the last run shows nothing that
// this would cure, nor an alternative to what was chosen before. Asking again, after
// the engine refused a part, is free.
func (f *findings) next(allowed capability.Set) (set capability.Set, ok bool) {
	last := f.last.run
	for _, t := range tiers {
		adopted := slices.Concat(f.before, slices.DeleteFunc(slices.Clone(f.latest()), func(d mapper.Denial) bool { return !t.holds(d) }))
		// A set that was run meets none of the clauses that its run showed, so that
		// this never goes round in circles.
		if set := leastDangerous(adopted, allowed, f.from); !set.Empty() && set != last.Capabilities {
			f.adopted = adopted
			f.chosen[last.Number] = set.Minus(last.Capabilities)
			return set, true
		}
	}
	if all := last.Capabilities.Union(f.alternatives(allowed)); all != last.Capabilities && all != f.guess.all {
		f.guess = guess{all: all, plain: last.Capabilities, from: f.from}
		f.from = all
		f.chosen[last.Number] = all.Minus(last.Capabilities)
		return all, true
	}
	if last.Capabilities == f.guess.all && !f.guess.plain.Empty() {
		// They did not help either.
		f.from = f.guess.from
		return f.guess.plain, false
	}
	return last.Capabilities, false
}

// alternatives are all that would have met what was denied so far. Where nothing new
// is denied and the workload still fails, one that was taken may not have helped, and
// another one does. What is needless among them goes in the proof.
func (f *findings) alternatives(allowed capability.Set) capability.Set {
	var all capability.Set
	for _, d := range f.adopted {
		if !d.Unreachable {
			all = all.Union(capability.Of(d.AnyOf...))
		}
	}
	return all.Intersect(allowed)
}

// beside returns the least dangerous capabilities that meet all that the last traced
// run was denied, beside those of a set.
func (f *findings) beside(already, allowed capability.Set) capability.Set {
	added := leastDangerous(f.latest(), allowed, already).Minus(already)
	f.chosen[f.last.run.Number] = added
	return added
}

// leastDangerous chooses for denials, beside what there is already. What no attainable
// capability meets is left out first: its clause {A} would otherwise stand for a
// wider {A, B}, whose B can be had.
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

// unmet returns the indexes in latest of the denials that no allowed capability
// meets.
func (f *findings) unmet(allowed capability.Set) []int {
	within := allowed.Union(f.last.run.Capabilities)
	var unmet []int
	for i, d := range f.latest() {
		if !d.Unreachable && d.Effect > mapper.Unclear && capability.Of(d.AnyOf...).Intersect(within).Empty() {
			unmet = append(unmet, i)
		}
	}
	return unmet
}

// beyond is the least dangerous set that would meet what no allowed capability
// does. What the engine refuses helps nobody.
func (f *findings) beyond(allowed, refused capability.Set) capability.Set {
	var denials []mapper.Denial
	for _, i := range f.unmet(allowed) {
		denials = append(denials, f.latest()[i])
	}
	return mapper.Choose(mapper.Clauses(denials), (^capability.Set(0)).Minus(refused), 0).Added
}
