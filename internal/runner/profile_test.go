package runner

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/workload"
)

// defaults are the command line's, one run at a time.
func defaults() Options {
	return Options{
		Workload: workload.Spec{Image: "image:latest"}, Baseline: capability.DockerDefault, Allowed: capability.DockerDefault,
		Success: trial.ExitCode(0), Prove: true, Jobs: 1, MaxRuns: 32, Timeout: 10 * time.Minute, Patience: 8 * time.Second, Version: "test",
	}
}

// attempt is what profiling gave, with what must hold of it in any case checked.
type attempt struct {
	*Outcome
	err     error
	engine  *fakeEngine
	watcher *watcher
	took    time.Duration
	json    []byte
}

// try profiles a program in a bubble in which time costs nothing.
func try(t *testing.T, e *fakeEngine, change func(*Options)) attempt {
	t.Helper()
	return tryContext(t, e, change, func(ctx context.Context) context.Context { return ctx })
}

func tryContext(t *testing.T, e *fakeEngine, change func(*Options), wrap func(context.Context) context.Context) (a attempt) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opts := defaults()
		if change != nil {
			change(&opts)
		}
		a = attempt{engine: e, watcher: &watcher{t: t}}
		var tracer trial.Tracer = e
		if opts.Version == withoutTrace {
			tracer = nil
		}
		began := time.Now()
		a.Outcome, a.err = Profile(wrap(t.Context()), e, tracer, opts, a.watcher)
		a.took = time.Since(began)
		for _, c := range e.containers {
			if c.removed != 1 && e.removing < time.Minute {
				t.Errorf("container %d was removed %d times", c.number, c.removed)
			}
		}
		for i, data := range e.data {
			if data.removed != 1 {
				t.Errorf("the data of run %d was removed %d times", i+1, data.removed)
			}
			if len(data.containers) > 1 {
				t.Errorf("the containers of %d runs have the same data", len(data.containers))
			}
		}
		if e.attached != e.closed {
			t.Errorf("%d traces, of which %d were closed", e.attached, e.closed)
		}
		if a.watcher.open != 0 {
			t.Errorf("%d runs were announced and never done", a.watcher.open)
		}
		if a.err == nil {
			a.check(t)
		}
	})
	return a
}

// withoutTrace, as the version, is --no-trace, which Profile knows from the tracer
// that it is not given.
const withoutTrace = "without trace"

// untraced is --no-trace, with the sysctls set that a run without a trace would ask
// about.
func untraced(o *Options) {
	o.Version = withoutTrace
	given("sysctl", observation.UnprivilegedPortStart+"=0", observation.PingGroupRange+"=0 2147483647")(o)
}

// given sets an option of docker run.
func given(name string, values ...string) func(*Options) {
	return func(o *Options) { o.Workload.Options = o.Workload.Options.Set(name, values...) }
}

func both(changes ...func(*Options)) func(*Options) {
	return func(o *Options) {
		for _, change := range changes {
			change(o)
		}
	}
}

func (a *attempt) check(t *testing.T) {
	t.Helper()
	var b bytes.Buffer
	if err := profile.Encode(&b, a.Document); err != nil {
		t.Fatalf("%v\nruns:\n%s", err, a.runs())
	}
	a.json = b.Bytes()
	if len(a.watcher.ended) != len(a.Document.Runs) || len(a.Document.Meta.Runs) != len(a.Document.Runs) {
		t.Errorf("%d runs were reported, %d have a duration and %d are in the document",
			len(a.watcher.ended), len(a.Document.Meta.Runs), len(a.Document.Runs))
	}
	ids := map[string]bool{}
	described := func(id string) {
		ids[id] = true
		if a.Document.Meta.Count(id) == 0 {
			t.Errorf("%s has no count", id)
		}
	}
	answers := []*profile.Answer{&a.Document.Answer}
	if p := a.Document.Portable; p != nil {
		answers = append(answers, &p.Answer)
	}
	for _, answer := range answers {
		for _, r := range answer.Requirements {
			for _, d := range r.Denials {
				described(d.ID)
			}
			for _, f := range r.Failures {
				described(f.ID)
			}
		}
		for _, d := range slices.Concat(answer.Tolerated, answer.KeptPrivileges, answer.Blocked) {
			if ids[d.ID] {
				t.Errorf("%s is described twice", d.ID)
			}
			described(d.ID)
		}
		for _, f := range answer.Failures {
			described(f.ID)
		}
	}
	if len(ids) != len(a.Document.Meta.Occurrences) {
		t.Errorf("%d operations are described, %d counted", len(ids), len(a.Document.Meta.Occurrences))
	}
}

// runs is one line a run: "explore NONE failed".
func (a *attempt) runs() string {
	var lines []string
	for _, r := range a.Document.Runs {
		line := fmt.Sprintf("%s %s %s", r.Purpose, strings.ReplaceAll(r.Capabilities.String(), ", ", "+"), r.Outcome)
		if len(r.Options) > 0 {
			line += " portable"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// gives checks verdict and set.
func (a *attempt) gives(t *testing.T, verdict profile.Verdict, caps ...capability.Cap) {
	t.Helper()
	if a.err != nil {
		t.Fatal(a.err)
	}
	if a.Document.Verdict != verdict || a.Document.Capabilities.Required != capability.Of(caps...) {
		t.Fatalf("%s %s, want %s %s\nreasons: %q\nruns:\n%s", a.Document.Verdict, a.Document.Capabilities.Required,
			verdict, capability.Of(caps...), a.Document.Reasons, a.runs())
	}
}

// made checks the runs.
func (a *attempt) made(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := a.runs(), strings.Join(lines, "\n"); got != want {
		t.Errorf("runs:\n%s\nwant:\n%s", got, want)
	}
}

// says checks that the reasons hold words.
func (a *attempt) says(t *testing.T, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(strings.Join(a.Document.Reasons, "\n"), w) {
			t.Errorf("the reasons do not say %q: %q", w, a.Document.Reasons)
		}
	}
}
