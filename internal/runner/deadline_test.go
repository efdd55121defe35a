package runner

import (
	"errors"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

func data(p workload.DataPolicy) func(*Options) { return func(o *Options) { o.Data.Policy = p } }

func jobs(n int) func(*Options) { return func(o *Options) { o.Jobs = n } }

// A workload that hangs when it is refused something costs the patience and a
// passing run's time, not the time limit.
func TestAHangingWorkloadDoesNotCostTheTimeLimit(t *testing.T) {
	hanging := does(needs(chown).that(hangs), needs(kill).that(hangs))
	for name, c := range map[string]struct {
		change func(*Options)
		most   time.Duration
		runs   []string
	}{
		"with a companion": {jobs(2), time.Minute, []string{
			"explore none stuck", "reference AUDIT_WRITE+CHOWN+DAC_OVERRIDE+FOWNER+FSETID+KILL+MKNOD+NET_BIND_SERVICE+NET_RAW+SETFCAP+SETGID+SETPCAP+SETUID+SYS_CHROOT passed",
			"explore CHOWN stuck", "explore CHOWN+KILL passed", "confirm CHOWN+KILL passed", "remove CHOWN stuck", "remove KILL stuck",
		}},
		"with a companion, untraced": {both(jobs(2), untraced), 3 * time.Minute, nil},
		// A run that takes long is taken back, and made after the one that shows how long it
		// may take.
		"one job": {jobs(1), time.Minute, []string{
			referencePassed, "explore none stuck", "explore CHOWN stuck", "explore CHOWN+KILL passed", "confirm CHOWN+KILL passed", "remove CHOWN stuck", "remove KILL stuck",
		}},
		"one job, untraced": {both(jobs(1), untraced), 3 * time.Minute, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := try(t, newEngine(t, hanging), c.change)
			a.gives(t, profile.Proven, chown, kill)
			if c.runs != nil {
				a.made(t, c.runs...)
			}
			if a.took > c.most {
				t.Errorf("took %v:\n%s", a.took, a.runs())
			}
			if name == "with a companion" && (a.engine.together != 2 || !a.watcher.noted("taking a while")) {
				t.Errorf("%d runs at a time; notes %q", a.engine.together, a.watcher.notes)
			}
		})
	}
}

func TestSlowWorkloads(t *testing.T) {
	for _, c := range []struct {
		name    string
		program program
		change  func(*Options)
		verdict profile.Verdict
		want    []capability.Cap
		runs    []string
		most    time.Duration
	}{
		{
			// The reference is not wanted any more when the explored run passes.
			name: "passes, slowly", program: program{steps: does().steps, takes: 20 * time.Second}, change: jobs(2), verdict: profile.Proven,
			runs: []string{"explore none passed"}, most: 21 * time.Second,
		},
		{
			// What the reference is about to tell is needed after a run that failed.
			name: "fails slowly, passes slowly", program: program{steps: does(needs(chown)).steps, takes: 20 * time.Second, dying: 10 * time.Second},
			change: both(jobs(2), allow(chown, kill)), verdict: profile.Proven, want: []capability.Cap{chown},
			runs: []string{"explore none failed", "reference CHOWN+KILL passed", "explore CHOWN passed", "confirm CHOWN passed", "remove none failed"},
			most: 2 * time.Minute,
		},
		{
			name: "hangs whatever it has", program: does(needs(sysTime).that(hangs)), change: both(jobs(2), allow(chown, kill)),
			verdict: profile.Failed, runs: []string{"explore none timeout", "reference CHOWN+KILL timeout"}, most: 11 * time.Minute,
		},
		{
			name: "hangs, or fails with everything", change: both(jobs(2), allow(chown, kill)), verdict: profile.Failed,
			program: does(needs(chown).that(hangs), step{sight: hopeless}),
			runs:    []string{"explore none stuck", "reference CHOWN+KILL failed", "reference CHOWN+KILL failed"}, most: 10 * time.Second,
		},
		{
			name: "hangs, with nothing allowed", program: does(needs(chown).that(hangs)), change: both(jobs(2), allow()), verdict: profile.Failed,
			runs: []string{"explore none timeout"}, most: 11 * time.Minute,
		},
		{
			name: "hangs, alone, whatever it has", program: does(needs(sysTime).that(hangs)), change: both(jobs(1), allow(chown)),
			verdict: profile.Failed, runs: []string{"reference CHOWN timeout", "explore none stuck"}, most: 11 * time.Minute,
		},
		{
			name: "the time limit is the ceiling", program: program{steps: does(needs(chown)).steps, takes: 5 * time.Second},
			change: both(jobs(2), allow(chown), func(o *Options) { o.Timeout = 2 * time.Second }), verdict: profile.Failed,
			runs: []string{"explore none failed", "explore CHOWN timeout"}, most: 5 * time.Second,
		},
		{
			name: "no run is left for the companion", program: does(needs(chown).that(hangs)), verdict: profile.Incomplete,
			change: both(jobs(2), func(o *Options) { o.MaxRuns = 1 }), runs: []string{"explore none timeout"}, most: 11 * time.Minute,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := try(t, newEngine(t, c.program), c.change)
			a.gives(t, c.verdict, c.want...)
			a.made(t, c.runs...)
			if a.took > c.most {
				t.Errorf("took %v", a.took)
			}
		})
	}
}

func allow(caps ...capability.Cap) func(*Options) {
	return func(o *Options) { o.Allowed = capability.Of(caps...) }
}

func TestTheEngineGoesAwayNextToARun(t *testing.T) {
	e := newEngine(t, does(needs(chown).that(hangs)))
	e.onCreate = at(2, func() error { return engine.ErrEngineLost })
	a := try(t, e, jobs(2))
	if !errors.Is(a.err, engine.ErrEngineLost) || a.took > time.Minute {
		t.Errorf("%v after %v", a.err, a.took)
	}
}

func TestACompanionThatIsRefused(t *testing.T) {
	e := newEngine(t, does(needs(chown).that(hangs)))
	e.unheld = capability.Of(kill)
	a := try(t, e, both(jobs(2), allow(chown, kill)))
	a.gives(t, profile.Proven, chown)
	a.made(t, "explore none stuck", "reference CHOWN+KILL refused", "reference CHOWN passed", "explore CHOWN passed", "confirm CHOWN passed", "remove none stuck")
}

func TestJobsBoundTheRunsAtOneTime(t *testing.T) {
	p := does(needs(chown), needs(kill), needs(setuid), needs(setgid), needs(netRaw), needs(chroot))
	for _, n := range []int{1, 4} {
		if a := try(t, newEngine(t, p), jobs(n)); a.engine.together != n {
			t.Errorf("%d jobs: %d runs at one time", n, a.engine.together)
		}
	}
}

// TestWhatAnotherContainerHandsOnIsShared: its volumes are new for each run, its directories
// are not.
func TestWhatAnotherContainerHandsOnIsShared(t *testing.T) {
	handed := []engine.Volume{
		{Target: "/a", Source: "/srv/a", Kind: engine.BindMount},
		{Target: "/b", Source: "/srv/b", Kind: engine.BindMount, ReadOnly: true},
		{Target: "/c", Source: "named", Kind: engine.NamedVolume},
	}
	for policy, want := range map[workload.DataPolicy]string{"": "/srv/a", workload.FreshData: "/srv/a", workload.OwnData: "the volumes of donor", workload.CopiedData: ""} {
		e := newEngine(t, does(needs(chown), needs(kill)))
		e.identity.Volumes = handed
		a := try(t, e, both(jobs(4), given("volumes-from", "donor"), data(policy)))
		a.gives(t, profile.Proven, chown, kill)
		if (a.engine.together == 1) != (want != "") || want != "" && !a.watcher.noted("they share the host's "+want+";") && !a.watcher.noted("they share "+want+";") {
			t.Errorf("%q: %d runs at one time, notes %q", policy, a.engine.together, a.watcher.notes)
		}
	}
}

// TestRunsThatWriteTheSameDoNotOverlap: a database in a volume is ruined by two servers.
func TestRunsThatWriteTheSameDoNotOverlap(t *testing.T) {
	slow := does(needs(chown), needs(kill), needs(setuid).that(hangs))
	for name, c := range map[string]struct {
		change   func(*Options)
		together int
	}{
		"named volume, fresh":                 {given("volume", "data:/v"), 4},
		"named volume, own":                   {both(given("volume", "data:/v"), data(workload.OwnData)), 1},
		"named volume, copied":                {both(given("volume", "data:/v"), data(workload.CopiedData)), 4},
		"writable bind mount":                 {given("volume", "/srv:/v"), 1},
		"writable bind mount, copied":         {both(given("volume", "/srv:/v"), data(workload.CopiedData)), 4},
		"the host's ports":                    {both(given("network", "host"), func(o *Options) { o.Workload.Options = o.Workload.Options.Set("sysctl") }), 1},
		"read-only bind mount":                {given("volume", "/srv:/v:ro"), 4},
		"anonymous volume":                    {given("volume", "/v"), 4},
		"nothing":                             {func(*Options) {}, 4},
		"with a companion a run that is slow": {both(given("volume", "/srv:/v"), func(o *Options) { o.Patience = time.Millisecond }), 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := try(t, newEngine(t, slow), both(jobs(4), c.change))
			a.gives(t, profile.Proven, chown, kill, setuid)
			if a.engine.together != c.together {
				t.Errorf("%d runs at one time, want %d", a.engine.together, c.together)
			}
			if a.watcher.noted("one at a time") != (c.together == 1) {
				t.Errorf("notes %q", a.watcher.notes)
			}
		})
	}
}

// TestAServiceIsToldAsOne: a workload that does not end by itself is not one that no set
// makes pass.
func TestAServiceIsToldAsOne(t *testing.T) {
	service := does(step{then: hangs, sight: hopeless})
	for _, change := range []func(*Options){jobs(1), jobs(4), untraced} {
		a := try(t, newEngine(t, service), both(change, func(o *Options) { o.Timeout = 30 * time.Second }))
		a.gives(t, profile.Failed)
		a.says(t, "with everything that is allowed", "still at work after 30s", "--ready")
	}
}
