package search

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/workload"
)

// universe are the capabilities of random programs, from the least to the most
// dangerous.
var universe = capability.Of(kill, setgid, setuid, chown, override, chroot, netRaw, mknod).ByDanger()

// randomSteps are those of a program that passes with every greater set too: clauses of
// one to three capabilities, some of them hidden from the trace, and refusals without
// harm.
func randomSteps(r *rand.Rand) []step {
	var steps []step
	for range r.IntN(7) {
		var s step
		for range 1 + r.IntN(3) {
			s.anyOf = s.anyOf.With(grant.Capability(universe[r.IntN(len(universe))]))
		}
		s.effect = mapper.Decisive
		s.then = []reaction{dies, dies, failsLater, survives, hangs}[r.IntN(5)]
		s.hidden = r.IntN(4) == 0
		steps = append(steps, s)
	}
	return steps
}

// dependentSteps are those of a program in which some steps are done only with, or only
// without, another capability.
func dependentSteps(r *rand.Rand) []step {
	steps := randomSteps(r)
	for i := range steps {
		switch r.IntN(4) {
		case 0:
			steps[i] = steps[i].onlyWith(universe[r.IntN(len(universe))])
		case 1:
			steps[i] = steps[i].onlyWithout(universe[r.IntN(len(universe))])
		}
	}
	return steps
}

// relaxedSteps are those of a program some of whose steps take a relaxation.
func relaxedSteps(r *rand.Rand) []step {
	steps := dependentSteps(r)
	for i := range steps {
		if r.IntN(3) == 0 {
			o := optionDanger[r.IntN(len(optionDanger))]
			steps[i].anyOf = grant.Of(0, o)
		}
	}
	return steps
}

// relaxed allows relaxations, of which the engine refuses some.
func relaxed(r *rand.Rand, l *lab, g *Goal) {
	g.Relaxations = catalogue{map[workload.Setting][]workload.Setting{allDevices: {fuse, kvm}}}
	for range r.IntN(2) {
		l.untakable = append(l.untakable, optionDanger[r.IntN(len(optionDanger))])
	}
}

func passesWith(steps []step, set grant.Set) bool {
	for _, s := range steps {
		if s.then != survives && s.then != keeps && !s.met(set, nil) {
			return false
		}
	}
	return true
}

// givesUp reports whether a program that passes gives up all that it means to, as far as
// what may be granted lets it.
func givesUp(steps []step, set grant.Set, counted capability.Set) bool {
	for _, s := range steps {
		if s.then == keeps && !s.hidden && !s.anyOf.Capabilities.Intersect(counted).Empty() && !s.met(set, nil) {
			return false
		}
	}
	return true
}

// right reports whether a set passes, and does not without any one of its grants.
// counted are the capabilities that count where privileges are kept.
func right(steps []step, set grant.Set, counted capability.Set) bool {
	good := func(set grant.Set) bool { return passesWith(steps, set) && givesUp(steps, set, counted) }
	for _, g := range set.Grants() {
		if good(set.Without(g)) {
			return false
		}
	}
	return good(set)
}

// dropping makes keeping privileges of a part of the refusals of a program.
func dropping(of func(*rand.Rand) []step) func(*rand.Rand) []step {
	return func(r *rand.Rand) []step {
		steps := of(r)
		for i := range steps {
			if r.IntN(3) == 0 {
				steps[i].then = keeps
			}
		}
		return steps
	}
}

// class is a kind of random workloads.
type class struct {
	name     string
	programs int
	steps    func(*rand.Rand) []step
	change   func(*rand.Rand, *lab, *Goal)
	// wrong is the greatest share of wrong proofs, in thousandths of all proofs.
	wrong int
	// unproven is the greatest share of programs that pass with everything and get no
	// proof, in thousandths.
	unproven int
}

// TestSimulatedWorkloads holds the search to the truth over thousands of random
// workloads of several kinds.
func TestSimulatedWorkloads(t *testing.T) {
	flaky := func(percent int) func(*rand.Rand, *lab, *Goal) {
		return func(r *rand.Rand, l *lab, _ *Goal) { l.flakes = func(int) bool { return r.IntN(100) < percent } }
	}
	drops := func(_ *rand.Rand, _ *lab, g *Goal) { g.Drops = true }
	for _, c := range []class{
		{name: "monotone", programs: 4000, steps: randomSteps},
		{name: "monotone, without a trace", programs: 4000, steps: randomSteps, change: func(_ *rand.Rand, _ *lab, g *Goal) { g.Trace = false }},
		{name: "dependent", programs: 4000, steps: dependentSteps},
		{name: "dependent, without a trace", programs: 4000, steps: dependentSteps, change: func(_ *rand.Rand, _ *lab, g *Goal) { g.Trace = false }},
		{name: "one flake", programs: 4000, steps: randomSteps, wrong: 1, unproven: 400, change: func(r *rand.Rand, l *lab, _ *Goal) {
			at := 1 + r.IntN(12)
			l.flakes = func(run int) bool { return run == at }
		}},
		{name: "dependent, one flake", programs: 4000, steps: dependentSteps, wrong: 1, unproven: 400, change: func(r *rand.Rand, l *lab, _ *Goal) {
			at := 1 + r.IntN(12)
			l.flakes = func(run int) bool { return run == at }
		}},
		{name: "1 % flaky", programs: 4000, steps: randomSteps, wrong: 1, unproven: 150, change: flaky(1)},
		{name: "5 % flaky", programs: 4000, steps: randomSteps, wrong: 2, unproven: 400, change: flaky(5)},
		{name: "20 % flaky", programs: 4000, steps: randomSteps, wrong: 15, unproven: 900, change: flaky(20)},
		{name: "an engine that refuses some", programs: 4000, steps: randomSteps, change: func(r *rand.Rand, l *lab, _ *Goal) {
			for range r.IntN(3) {
				l.unknown = l.unknown.With(universe[r.IntN(len(universe))])
			}
		}},
		{name: "privileged", programs: 4000, steps: relaxedSteps, change: relaxed},
		{name: "privileged, without a trace", programs: 4000, steps: relaxedSteps, change: func(r *rand.Rand, l *lab, g *Goal) { relaxed(r, l, g); g.Trace = false }},
		{name: "privileges kept", programs: 2000, steps: dropping(randomSteps), change: drops},
		{name: "privileges kept, dependent", programs: 2000, steps: dropping(dependentSteps), change: drops},
		{name: "privileges kept, tolerated", programs: 2000, steps: dropping(dependentSteps)},
		{name: "privileges kept, without a trace", programs: 2000, steps: dropping(dependentSteps), change: func(_ *rand.Rand, _ *lab, g *Goal) { g.Drops, g.Trace = true, false }},
		{name: "privileges kept, an engine that refuses some", programs: 2000, steps: dropping(dependentSteps), change: func(r *rand.Rand, l *lab, g *Goal) {
			g.Drops = true
			l.unknown = l.unknown.With(universe[r.IntN(len(universe))])
		}},
		{name: "privileges kept, one flake", programs: 2000, steps: dropping(dependentSteps), wrong: 1, unproven: 400, change: func(r *rand.Rand, l *lab, g *Goal) {
			g.Drops = true
			at := 1 + r.IntN(12)
			l.flakes = func(run int) bool { return run == at }
		}},
		{name: "privileges kept, privileged", programs: 2000, steps: dropping(relaxedSteps), change: func(r *rand.Rand, l *lab, g *Goal) { relaxed(r, l, g); g.Drops = true }},
		{name: "slow, with companions", programs: 4000, steps: randomSteps, change: func(_ *rand.Rand, l *lab, _ *Goal) { l.slow = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			simulate(t, c)
		})
	}
}

func simulate(t *testing.T, c class) {
	proofs, wrong, passing, runs := 0, 0, 0, 0
	for seed := range c.programs {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		l := &lab{t: t, steps: c.steps(r)}
		g := Goal{Allowed: capability.Of(universe...), Trace: true, Prove: true}
		if c.change != nil {
			c.change(r, l, &g)
		}
		result, err := Find(context.Background(), l, g)
		if err != nil {
			t.Fatalf("%d: %v\n%s", seed, err, l.list())
		}
		runs += len(l.trials)
		everything := grant.Of(g.Allowed.Minus(l.unknown))
		var counted capability.Set
		if g.Drops && g.Trace {
			counted = everything.Capabilities
		}
		if g.Relaxations != nil {
			for _, o := range g.Relaxations.All() {
				if !slices.Contains(l.untakable, o) {
					everything = everything.With(grant.Option(o))
				}
			}
		}
		if passesWith(l.steps, everything) {
			passing++
		} else if result.Verdict.Good() && !right(l.steps, result.Grants, counted) && c.wrong == 0 {
			t.Errorf("%d: %s %v for %+v\n%s", seed, result.Verdict, result.Grants.Grants(), l.steps, l.list())
		}
		if result.Verdict != Proven {
			if passesWith(l.steps, everything) && c.unproven == 0 {
				t.Errorf("%d: %s for %+v\n%s", seed, result.Verdict, l.steps, l.list())
			}
			continue
		}
		proofs++
		if right(l.steps, result.Grants, counted) {
			holds(t, l, result.Answer)
			continue
		}
		wrong++
		if c.wrong == 0 {
			t.Errorf("%d: proven %v for %+v\n%s", seed, result.Grants.Grants(), l.steps, l.list())
		}
	}
	t.Logf("%d programs: %d pass with everything, %d proofs, %d wrong, %.1f runs", c.programs, passing, proofs, wrong, float64(runs)/float64(c.programs))
	if wrong*1000 > c.wrong*proofs {
		t.Errorf("%d of %d proofs are wrong", wrong, proofs)
	}
	if unproven := passing - proofs; unproven*1000 > c.unproven*passing {
		t.Errorf("%d of %d programs that pass with everything are not proven", unproven, passing)
	}
}
