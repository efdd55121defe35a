package runner

import (
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
)

// findings are what the traced runs explained.
type findings struct {
	// denials and failures are by the number of the run that showed them.
	denials  map[int][]mapper.Denial
	failures map[int][]mapper.Failure
	// chosen is what was added for the denials of a run, by its number.
	chosen map[int]capability.Set
	// last is the last traced run.
	last result
}

func newFindings() *findings {
	return &findings{denials: map[int][]mapper.Denial{}, failures: map[int][]mapper.Failure{}, chosen: map[int]capability.Set{}}
}

// learn maps a traced run.
func (f *findings) learn(env mapper.Environment, r result) {
	env.Granted = r.run.Set
	mapped := mapper.Map(r.obs, env)
	f.denials[r.run.Number] = mapped.Denials
	f.failures[r.run.Number] = mapped.Failures
	f.last = r
}

// latest are the denials of the last traced run.
func (f *findings) latest() []mapper.Denial { return f.denials[f.last.run.Number] }

// choose returns the least dangerous capabilities that meet what the last traced
// run was denied, beside those of a set: what made calls fail, and only when that
// adds nothing, what calls survived, since a workload mostly survives that too.
func (f *findings) choose(already, allowed capability.Set) capability.Set {
	for _, least := range []mapper.Effect{mapper.Decisive, mapper.Silent, mapper.Degraded} {
		if added := f.chooseFrom(least, already, allowed); !added.Empty() {
			return added
		}
	}
	return 0
}

// chooseFrom chooses for the denials of at least an effect. What no attainable
// capability meets is left out first: its clause {A} would otherwise stand for a
// wider {A, B}, whose B can be had.
func (f *findings) chooseFrom(least mapper.Effect, already, allowed capability.Set) capability.Set {
	var attainable []mapper.Denial
	for _, d := range f.latest() {
		if in := capability.Of(d.AnyOf...).Intersect(allowed.Union(already)); d.Effect >= least && !in.Empty() {
			d.AnyOf = in.ByDanger()
			attainable = append(attainable, d)
		}
	}
	added := mapper.Choose(mapper.Clauses(attainable), allowed, already).Added
	f.chosen[f.last.run.Number] = added
	return added
}

// unmet returns the indexes in latest of the denials that no allowed capability
// meets.
func (f *findings) unmet(allowed capability.Set) []int {
	within := allowed.Union(f.last.run.Set)
	var unmet []int
	for i, d := range f.latest() {
		if !d.Unreachable && d.Effect > mapper.Noise && capability.Of(d.AnyOf...).Intersect(within).Empty() {
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
	return mapper.Choose(mapper.Clauses(denials), capability.Known().Minus(refused), 0).Added
}
