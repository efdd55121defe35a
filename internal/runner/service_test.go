package runner

import (
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
)

// serves is a program that goes on until it is stopped.
func serves(steps ...step) program {
	p := does(steps...)
	p.serves = true
	return p
}

func TestAService(t *testing.T) {
	ends := serves(needs(chown))
	ends.ends = true
	start := scenario.Phase{Boot: scenario.FirstBoot, Step: scenario.Start}
	for name, c := range map[string]struct {
		program program
		change  func(*Options)
		runs    []string
	}{
		"one that needs nothing": {serves(), nil, []string{referencePassed, "explore none passed"}},
		"one that dies":          {serves(needs(chown)), nil, []string{"explore none failed", referencePassed, "explore CHOWN passed", "confirm CHOWN passed", "remove none failed"}},
		// It looks like a job that is done.
		"one that ends well": {ends, nil, []string{"explore none failed", referencePassed, "explore CHOWN passed", "confirm CHOWN passed", "remove none failed"}},
		"side by side":       {ends, both(jobs(2), told("true")), []string{"explore none failed", referencePassed, "explore CHOWN passed", "confirm CHOWN passed", "remove none failed"}},
		"untraced":           {ends, untraced, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := try(t, newEngine(t, c.program), c.change)
			if a.err != nil {
				t.Fatal(a.err)
			}
			s := a.Document.Scenario
			if a.Document.Verdict != profile.Proven || s == nil || s.Ready != "quiet" || len(s.Boots) != 2 || s.StopSignal != "SIGTERM" || s.Stopped == nil || *s.Stopped != (scenario.Stopped{}) {
				t.Fatalf("%s, %+v\n%s", a.Document.Verdict, s, a.runs())
			}
			if c.runs != nil {
				a.made(t, c.runs...)
			}
			for _, r := range a.Document.Requirements {
				if len(r.Phases) == 0 || r.Phases[0] != start {
					t.Errorf("%s is asked for in %v", r.Grant, r.Phases)
				}
			}
			for _, run := range a.Document.Runs {
				if run.Outcome == profile.OutcomeFailed && (run.FailedIn == nil || *run.FailedIn != start) {
					t.Errorf("run %d failed in %v", run.Number, run.FailedIn)
				}
			}
		})
	}
}

// told is a service that is probed by a command.
func told(probe string) func(*Options) {
	return func(o *Options) { o.Told.Probes = []string{probe} }
}

// Where the user says that a workload is no service, none is made of it.
func TestABatchJobByDecree(t *testing.T) {
	a := try(t, newEngine(t, does(needs(chown))), func(o *Options) { o.Told.Ready.How = scenario.Never })
	a.gives(t, profile.Proven, chown)
	a.made(t, "explore none failed", "explore CHOWN passed", "confirm CHOWN passed", "remove none failed")
	if a.Document.Scenario != nil {
		t.Errorf("%+v", a.Document.Scenario)
	}
}

// A program that goes into the background ends its container.
func TestAServiceThatEndsByItself(t *testing.T) {
	const words = "goes into the background"
	for name, c := range map[string]struct {
		change func(*Options)
		noted  bool
	}{
		"its image says that it listens": {nil, true},
		"the user has it do a job":       {func(o *Options) { o.Workload.Command = []string{"make", "test"} }, false},
		"by decree":                      {func(o *Options) { o.Told.Ready.How = scenario.Never }, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, does(needs(chown)))
			e.identity.Exposed = []scenario.Socket{{Protocol: "tcp", Port: 80}}
			a := try(t, e, both(jobs(1), func(o *Options) {
				o.Told.Probes = nil
				if c.change != nil {
					c.change(o)
				}
			}))
			a.gives(t, profile.Proven, chown)
			if a.watcher.noted(words) != c.noted {
				t.Errorf("notes: %q", a.watcher.notes)
			}
		})
	}
}
