package runner

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

// flakes is a program of which some runs fail, at some place, without
// nothing that a capability brings.
func flakes(steps []step, fails func(run int) bool, flake step, place int) program {
	p := does()
	p.steps = func(run int, _ capability.Set) []step {
		if !fails(run) {
			return steps
		}
		return slices.Insert(slices.Clone(steps), place, flake)
	}
	return p
}

// needsMostly is a random program, some of whose needs the trace and the watch see,
// some the trace alone, and some neither.
func needsMostly(r *rand.Rand) []step {
	steps := randomProgram(r)
	for i := range steps {
		if r.IntN(4) == 0 {
			steps[i].anyOf, steps[i].sight = capability.Of(chroot), bySeccomp
		}
	}
	return steps
}

// judge fails the test when an answer is wrong, and reports whether it is one.
func (a *attempt) judge(t *testing.T, steps []step, allowed capability.Set) bool {
	t.Helper()
	if a.err != nil {
		t.Fatal(a.err)
	}
	set := a.Document.Capabilities.Required
	switch a.Document.Verdict {
	case profile.Incomplete:
		return false
	case profile.Failed:
		if passesWith(steps, allowed) {
			t.Errorf("%+v fails\nruns:\n%s", steps, a.runs())
		}
	default:
		if !passesWith(steps, set) {
			t.Errorf("%+v does not pass with %s\nruns:\n%s", steps, set, a.runs())
		}
		for c := range set.All() {
			if a.Document.Verdict == profile.Proven && passesWith(steps, set.Without(c)) {
				t.Errorf("%+v passes without %s of %s\nruns:\n%s", steps, c, set, a.runs())
			}
		}
	}
	return true
}

// TestOneAccident lets one run fail, whichever: the answer is right, or there is none.
func TestOneAccident(t *testing.T) {
	programs := 120
	if testing.Short() {
		programs = 20
	}
	answered, doubted := 0, 0
	for seed := range programs {
		r := rand.New(rand.NewPCG(uint64(seed), 17))
		steps := needsMostly(r)
		flake := step{sight: []sight{hopeless, hidden}[r.IntN(2)], then: []reaction{dies, failsLater}[r.IntN(2)]}
		if flake.sight == hidden {
			flake.anyOf = capability.Of(sysTime) // never allowed
		}
		place := r.IntN(len(steps) + 1)
		allowed := capability.Of(universe...)
		change := both(func(o *Options) { o.Allowed, o.MaxRuns = allowed, 300 }, jobs(1+3*r.IntN(2)))
		switch r.IntN(5) {
		case 0:
			change = both(change, untraced)
		case 1:
			change = both(change, func(o *Options) { o.Prove = false })
		}
		engine := func(p program) *fakeEngine {
			e := newEngine(t, p)
			e.info.Seccomp = dockerSeccomp
			return e
		}
		stable := try(t, engine(does(steps...)), change)
		if !stable.judge(t, steps, allowed) {
			t.Fatalf("%+v gives no answer", steps)
		}
		for number := range len(stable.Document.Runs) + 3 {
			t.Run(fmt.Sprint(seed, " run ", number+1), func(t *testing.T) {
				fails := func(run int) bool { return run == number+1 }
				a := try(t, engine(flakes(steps, fails, flake, place)), change)
				if a.judge(t, steps, allowed) {
					answered++
				} else {
					doubted++
				}
			})
		}
	}
	// What must be right in any case must not be so by never giving an answer.
	if answered < doubted || doubted == 0 {
		t.Errorf("%d answers, %d times none", answered, doubted)
	}
}

// TestOneRunInFiveFails: where flakes are frequent, two may fall together. Few of
// the answers may be wrong then, and most have to be doubted.
func TestOneRunInFiveFails(t *testing.T) {
	programs := 2000
	if testing.Short() {
		programs = 300
	}
	proven, wrong := 0, 0
	for seed := range programs {
		r := rand.New(rand.NewPCG(uint64(seed), 19))
		steps := needsMostly(r)
		allowed := capability.Of(universe...)
		var fails [300]bool
		for i := range fails {
			fails[i] = r.IntN(5) == 0
		}
		e := newEngine(t, flakes(steps, func(run int) bool { return fails[run%len(fails)] }, step{sight: hopeless}, r.IntN(len(steps)+1)))
		e.info.Seccomp = dockerSeccomp
		a := try(t, e, func(o *Options) { o.Allowed, o.MaxRuns = allowed, 300 })
		if a.err != nil {
			t.Fatal(a.err)
		}
		if a.Document.Verdict != profile.Proven {
			continue
		}
		proven++
		set := a.Document.Capabilities.Required
		right := passesWith(steps, set)
		for c := range set.All() {
			right = right && !passesWith(steps, set.Without(c))
		}
		if !right {
			wrong++
		}
	}
	t.Logf("%d of %d proven, %d wrong", proven, programs, wrong)
	// One failing run for each capability would leave 8 in a hundred wrong.
	if wrong*50 > proven || proven == 0 {
		t.Errorf("%d of %d answers are wrong", wrong, proven)
	}
}

// TestARemovalThatFailsByAFlake is the trap: the program survives the want of a
// capability that it is refused, and the run that should show it fails by flake.
func TestARemovalThatFailsByAFlake(t *testing.T) {
	steps := []step{needs(chown).that(survives), needs(kill)}
	fifth := func(run int) bool { return run == 5 }
	a := try(t, newEngine(t, flakes(steps, fifth, step{sight: hopeless}, 2)), nil)
	a.gives(t, profile.Incomplete, chown, kill)
	a.made(t, "explore none failed", "explore CHOWN+KILL passed", "confirm CHOWN+KILL passed",
		"remove CHOWN failed", "remove KILL failed", "remove CHOWN failed", "remove KILL passed")
	a.says(t, "not stable: with KILL, run 7 passed and run 5 did not")
	if a.Deciding != 5 {
		t.Errorf("run %d decided", a.Deciding)
	}
}

// TestStableWorkloadsPayNothing: what a check denies, and what the exploring runs
// showed one by one, takes no more runs than one a capability.
func TestStableWorkloadsPayNothing(t *testing.T) {
	for _, c := range []struct {
		name    string
		steps   []step
		change  func(*Options)
		removes int
		traced  int
	}{
		{name: "one by one", steps: []step{needs(setgid), needs(setuid), needs(kill)}, removes: 3},
		{name: "with what is survived", steps: []step{needs(chown).that(survives), needs(setgid), needs(setuid)}, removes: 5},
		{name: "filtered", steps: []step{needs(setgid), needs(chroot).as(bySeccomp)}, removes: 2},
		{name: "SYS_ADMIN", steps: []step{needs(setgid), needs(capability.SysAdmin)}, removes: 2, change: func(o *Options) {
			o.Allowed = o.Allowed.With(capability.SysAdmin)
		}},
		// Either could be survived, and the failure the other's.
		{name: "at once", steps: []step{needs(setgid).that(failsLater), needs(setuid).that(failsLater)}, removes: 4},
		{name: "hidden", steps: []step{needs(setgid), needs(setuid).as(hidden)}, removes: 4, traced: 2},
		{name: "untraced", steps: []step{needs(setgid), needs(setuid)}, removes: 6, change: untraced},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, does(c.steps...))
			e.info.Seccomp = dockerSeccomp
			a := try(t, e, c.change)
			if a.err != nil || a.Document.Verdict != profile.Proven {
				t.Fatalf("%v %+v", a.err, a.Document)
			}
			traced := 0
			for _, run := range a.Document.Runs {
				if run.Purpose == profile.PurposeRemove && run.Traced {
					traced++
				}
			}
			if removes := strings.Count(a.runs(), "remove"); removes != c.removes || traced != c.traced {
				t.Errorf("%d removals, %d of them traced, want %d and %d:\n%s", removes, traced, c.removes, c.traced, a.runs())
			}
		})
	}
}

// TestAReferenceThatFailsByAFlake must not pass for a workload that nothing helps with.
func TestAReferenceThatFailsByAFlake(t *testing.T) {
	steps := []step{needs(chown).as(hidden)}
	a := try(t, newEngine(t, flakes(steps, func(run int) bool { return run == 2 }, step{sight: hopeless}, 0)), allow(chown, kill))
	a.gives(t, profile.Incomplete, chown)
	a.says(t, "not stable: with CHOWN, KILL, run 3 passed and run 2 did not")
}
