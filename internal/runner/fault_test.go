package runner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/workload"
)

// phases is a program whose profile has every phase: two rounds of exploring, a
// reference, a search, a confirmation, removals, and a last look.
func phases() program {
	return does(needs(setgid), needs(kill).that(survives), needs(setuid).as(hidden))
}

func TestRunLimitInEachPhase(t *testing.T) {
	for _, change := range []func(*Options){nil, untraced, func(o *Options) { o.Jobs = 4 }} {
		whole := try(t, newEngine(t, phases()), change)
		whole.gives(t, profile.Proven, setgid, setuid)
		lines := strings.Split(whole.runs(), "\n")
		for limit := 1; limit < len(lines); limit++ {
			a := try(t, newEngine(t, phases()), both(func(o *Options) {
				if change != nil {
					change(o)
				}
			}, func(o *Options) { o.MaxRuns = limit }))
			if a.err != nil || a.Document.Verdict != profile.Incomplete || len(a.Document.Reasons) != 2 || len(a.Document.Runs) != limit {
				t.Fatalf("limit %d: %v, %+v", limit, a.err, a.Outcome)
			}
			a.says(t, fmt.Sprintf("the run limit was reached: %d (--max-runs)", limit))
			a.made(t, lines[:limit]...)
			// From the reference on, the set passes.
			if set := a.Document.Capabilities.Required; strings.Contains(a.runs(), "reference") && !set.Contains(capability.Of(setgid, setuid)) {
				t.Errorf("limit %d: the set is %s\n%s", limit, set, a.runs())
			}
			if phase := map[string]string{
				"explore none failed": "no set that passes", "reference": "the search for a smaller set was not finished", "search": "", "confirm": "was not", "remove": "was not",
			}[strings.Fields(lines[limit-1])[0]]; !strings.Contains(a.Document.Reasons[1], phase) {
				t.Errorf("limit %d: %q", limit, a.Document.Reasons)
			}
		}
	}
}

func TestRunLimitWhileProving(t *testing.T) {
	p := does(needs(kill).that(survives), needs(chown).that(survives), needs(setgid), needs(setuid))
	for limit, want := range map[int]struct {
		set    capability.Set
		proven int
		says   string
	}{
		4: {capability.Of(setgid, setuid, kill, chown), 0, "whether CHOWN, KILL, SETGID, SETUID is needed was not tested"},
		// The removal of KILL passed, so it is gone.
		5: {capability.Of(setgid, setuid, chown), 0, "whether CHOWN, SETGID, SETUID is needed was not tested"},
		// What was proven with CHOWN and KILL is no proof without them.
		7: {capability.Of(setgid, setuid, chown), 0, "whether CHOWN, SETGID, SETUID is needed was not tested"},
		// All four removals were made, and no run was left for what remains.
		8:  {capability.Of(setgid, setuid, kill), 0, "whether KILL, SETGID, SETUID is needed was not tested"},
		9:  {capability.Of(setgid, setuid), 0, "whether SETGID, SETUID is needed was not tested"},
		11: {capability.Of(setgid, setuid), 2, "what the workload tolerates with the set was not looked at"},
	} {
		a := try(t, newEngine(t, p), func(o *Options) { o.MaxRuns = limit })
		if a.err != nil {
			t.Fatal(a.err)
		}
		proven := 0
		for _, r := range a.Document.Requirements {
			if r.ProvenBy > 0 {
				proven++
			}
		}
		if a.Document.Capabilities.Required != want.set || proven != want.proven {
			t.Errorf("limit %d: %s, %d of them proven\n%s", limit, a.Document.Capabilities.Required, proven, a.runs())
		}
		a.says(t, want.says)
	}
}

// at calls fail when the run with that number comes.
func at(number int, fail func() error) func(int) error {
	return func(n int) error {
		if n == number {
			return fail()
		}
		return nil
	}
}

func TestInterruptedInEachPhase(t *testing.T) {
	interrupted := errors.New("interrupted")
	runs := len(try(t, newEngine(t, phases()), nil).Document.Runs)
	for _, jobs := range []int{1, 4} {
		for number := 1; number <= runs; number++ {
			for _, moment := range []string{"create", "run", "during", "finish"} {
				for _, removing := range []time.Duration{0, 20 * time.Second} {
					e := newEngine(t, phases())
					e.removing = removing
					var cancel context.CancelCauseFunc
					came := false
					stop := at(number, func() error { came = true; cancel(interrupted); return nil })
					switch moment {
					case "create":
						e.onCreate = stop
					case "run":
						e.onRun = stop
					case "during":
						e.onRun = at(number, func() error {
							came = true
							time.AfterFunc(50*time.Millisecond, func() { cancel(interrupted) })
							return nil
						})
					case "finish":
						e.onFinish = stop
					}
					a := tryContext(t, e, func(o *Options) { o.Jobs = jobs }, func(ctx context.Context) context.Context {
						ctx, cancel = context.WithCancelCause(ctx)
						return ctx
					})
					if !came {
						continue // the run is not traced
					}
					last := number == runs
					if a.Outcome != nil && !last || a.err == nil && !last || a.err != nil && (!errors.Is(a.err, interrupted) || errors.Is(a.err, trial.ErrCleanup)) {
						t.Fatalf("%d jobs, run %d, at %s: %v", jobs, number, moment, a.err)
					}
					if len(e.containers) > number+jobs {
						t.Errorf("run %d, at %s: %d containers", number, moment, len(e.containers))
					}
				}
			}
		}
	}
}

func TestInterruptedBeforeTheFirstRun(t *testing.T) {
	a := tryContext(t, newEngine(t, phases()), nil, func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	})
	if !errors.Is(a.err, context.Canceled) || len(a.engine.containers) != 0 {
		t.Errorf("%v, %d containers", a.err, len(a.engine.containers))
	}
}

func TestTheEngineGoesAway(t *testing.T) {
	runs := len(try(t, newEngine(t, phases()), nil).Document.Runs)
	for _, jobs := range []int{1, 4} {
		for number := 1; number <= runs; number++ {
			for _, where := range []string{"create", "run", "finish"} {
				e := newEngine(t, phases())
				lost := at(number, func() error { return fmt.Errorf("%w while it ran", engine.ErrEngineLost) })
				switch where {
				case "create":
					e.onCreate = lost
				case "run":
					e.onRun = lost
				default:
					e.onFinish = lost
				}
				a := try(t, e, func(o *Options) { o.Jobs = jobs })
				if where == "finish" && a.err == nil && !strings.Contains(strings.Split(a.runs(), "\n")[number-1], "explore") {
					continue // the run is not traced
				}
				if !errors.Is(a.err, engine.ErrEngineLost) || a.Outcome != nil {
					t.Errorf("%d jobs, run %d, at %s: %v", jobs, number, where, a.err)
				}
			}
		}
	}
}

func TestWhatIsLeftBehindIsSaid(t *testing.T) {
	full := errors.New("device or resource busy")
	e := newEngine(t, does(needs(chown)))
	e.removeErr = full
	a := try(t, e, nil)
	a.gives(t, profile.Proven, chown)
	if !a.watcher.noted("not removed: removing container 0") || !a.watcher.noted("capprof clean") {
		t.Errorf("notes: %q", a.watcher.notes)
	}
	e = newEngine(t, does(needs(chown)))
	e.removeErr = full
	e.onRun = at(2, func() error { return engine.ErrEngineLost })
	if a := try(t, e, nil); !errors.Is(a.err, trial.ErrCleanup) || !errors.Is(a.err, full) || !errors.Is(a.err, engine.ErrEngineLost) {
		t.Errorf("error %v", a.err)
	}
}

func TestWhatIsLeftOfTheDataIsSaid(t *testing.T) {
	busy := errors.New("volume is in use")
	e := newEngine(t, does(needs(chown)))
	e.dataRemoveErr = busy
	a := try(t, e, nil)
	a.gives(t, profile.Proven, chown)
	if !a.watcher.noted("not removed: removing the data of a run") || !a.watcher.noted("capprof clean") {
		t.Errorf("notes: %q", a.watcher.notes)
	}
}

// TestWithoutDataThereIsNoRun: what the policy cannot do is no run's failure.
func TestWithoutDataThereIsNoRun(t *testing.T) {
	e := newEngine(t, does(needs(chown)))
	e.dataErr = fmt.Errorf("%w: the volume is of another driver", engine.ErrBadWorkload)
	if a := try(t, e, nil); !errors.Is(a.err, engine.ErrBadWorkload) || len(e.containers) > 0 {
		t.Errorf("error %v, %d containers", a.err, len(e.containers))
	}
}

func TestEachRunHasTheDataThatIsAskedFor(t *testing.T) {
	e := newEngine(t, does(needs(chown)))
	a := try(t, e, both(given("volume", "data:/v"), func(o *Options) { o.Data = engine.DataOptions{Policy: workload.CopiedData, Limit: 7} }))
	a.gives(t, profile.Proven, chown)
	if len(e.data) != len(a.Document.Runs) || a.Document.Workload.Data != workload.CopiedData {
		t.Errorf("data of %d runs, policy %q", len(e.data), a.Document.Workload.Data)
	}
	for i, d := range e.data {
		if d.options.Policy != workload.CopiedData || d.options.Limit != 7 {
			t.Errorf("run %d: %+v", i+1, d.options)
		}
	}
}

func TestARemovalThatHangsIsGivenUp(t *testing.T) {
	e := newEngine(t, does())
	e.removing = time.Hour
	a := try(t, e, nil)
	if !a.watcher.noted("not removed") || a.took > time.Minute {
		t.Errorf("took %v; notes %q", a.took, a.watcher.notes)
	}
}

func TestRefusedCapabilities(t *testing.T) {
	for _, c := range []struct {
		name            string
		program         program
		unknown, unheld capability.Set
		change          func(*Options)
		want            []capability.Cap
		runs            []string
		refused         capability.Set
	}{
		{
			name: "by name, with an alternative", program: does(needs(kill, chown)), unknown: capability.Of(kill), want: []capability.Cap{chown},
			runs:    []string{"explore none failed", "explore KILL refused", "explore CHOWN passed", "confirm CHOWN passed", "remove none failed"},
			refused: capability.Of(kill),
		},
		{
			name: "without a name, with an alternative", program: does(needs(kill, chown)), unheld: capability.Of(kill), want: []capability.Cap{chown},
			runs:    []string{"explore none failed", "explore KILL refused", "explore CHOWN passed", "confirm CHOWN passed", "remove none failed"},
			refused: capability.Of(kill),
		},
		{
			name: "a tolerated one", program: does(needs(kill).that(survives), needs(chown)), unheld: capability.Of(kill), want: []capability.Cap{chown},
			runs:    []string{"explore none failed", "explore CHOWN+KILL refused", "explore CHOWN passed", "reference AUDIT_WRITE+CHOWN+DAC_OVERRIDE+FOWNER+FSETID+MKNOD+NET_BIND_SERVICE+NET_RAW+SETFCAP+SETGID+SETPCAP+SETUID+SYS_CHROOT passed", "confirm CHOWN passed", "remove none failed"},
			refused: capability.Of(kill),
		},
		{
			name: "in the reference run", program: does(needs(chown).as(hidden)), unheld: capability.Of(kill), unknown: capability.Of(setuid),
			want: []capability.Cap{chown}, change: func(o *Options) { o.Allowed = capability.Of(chown, kill, setuid) },
			refused: capability.Of(kill, setuid),
		},
		{
			name: "in the reference run, untraced", program: does(needs(chown)), unheld: capability.Of(kill), unknown: capability.Of(setuid),
			want: []capability.Cap{chown}, change: both(untraced, func(o *Options) { o.Allowed = capability.Of(chown, kill, setuid) }),
			refused: capability.Of(kill, setuid),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, c.program)
			e.unknown, e.unheld = c.unknown, c.unheld
			a := try(t, e, c.change)
			a.gives(t, profile.Proven, c.want...)
			if a.Document.Capabilities.Refused != c.refused {
				t.Errorf("refused: %s, want %s", a.Document.Capabilities.Refused, c.refused)
			}
			if c.runs != nil {
				a.made(t, c.runs...)
			}
		})
	}
}

// An engine that refuses what it has granted before must not be taken for a failed
// workload, which would prove a capability or lose one.
func TestAnEngineThatChangesItsMind(t *testing.T) {
	whole := try(t, newEngine(t, phases()), nil)
	for number := 3; number <= len(whole.Document.Runs); number++ {
		e := newEngine(t, phases())
		e.withdraws = func(n int, _ capability.Set) bool { return n == number }
		a := try(t, e, nil)
		purpose := whole.Document.Runs[number-1].Purpose
		if purpose == profile.PurposeReference || purpose == profile.PurposeExplore && number < len(whole.Document.Runs) {
			// This engine never granted the set.
			if a.err == nil || !strings.Contains(a.err.Error(), "does not say which") {
				t.Errorf("run %d: %v", number, a.err)
			}
			continue
		}
		if a.err != nil || a.Document.Verdict != profile.Incomplete {
			t.Fatalf("run %d (%s): %v %+v", number, purpose, a.err, a.Outcome)
		}
		a.says(t, fmt.Sprintf("refused a part of what it had granted before: run %d", number))
		for _, r := range a.Document.Requirements {
			if r.ProvenBy == number {
				t.Errorf("%s is proven by a refused run", r.Grant)
			}
		}
	}
}

func TestARefusalThatNobodyExplains(t *testing.T) {
	e := newEngine(t, does(needs(chown)))
	e.withdraws = func(_ int, set capability.Set) bool { return !set.Empty() }
	if a := try(t, e, nil); a.err == nil || !strings.Contains(a.err.Error(), "refuses to start a container with CHOWN") {
		t.Errorf("%v", a.err)
	}
}

func TestUnstableWorkloads(t *testing.T) {
	// fails runs besides what the program needs.
	flaky := func(numbers ...int) program {
		p := does(needs(chown))
		p.steps = func(run int, _ capability.Set) []step {
			for _, n := range numbers {
				if n == run {
					return []step{{sight: hopeless}}
				}
			}
			return []step{needs(chown)}
		}
		return p
	}
	a := try(t, newEngine(t, flaky(3)), nil)
	a.gives(t, profile.Incomplete, chown)
	a.says(t, "not stable: with CHOWN, run 2 passed and run 3 did not")
	if a.Deciding != 3 {
		t.Errorf("run %d decided", a.Deciding)
	}
	// A removal that passes by chance must not pass for a proof that nothing is
	// needed.
	lucky := does()
	lucky.steps = func(run int, _ capability.Set) []step {
		if run == 4 {
			return nil
		}
		return []step{needs(chown)}
	}
	a = try(t, newEngine(t, lucky), nil)
	a.gives(t, profile.Incomplete, chown)
	a.says(t, "with no capability, run 4 passed and run ")
	// A search that leads to a set that fails.
	search := does()
	search.steps = func(run int, set capability.Set) []step {
		if set.Has(setuid) && !set.Has(kill) {
			return []step{{sight: hopeless}}
		}
		return []step{needs(chown).as(hidden), needs(setuid).as(hidden)}
	}
	a = try(t, newEngine(t, search), func(o *Options) { o.Allowed = capability.Of(chown, setuid, kill) })
	a.gives(t, profile.Proven, chown, kill, setuid)
}
