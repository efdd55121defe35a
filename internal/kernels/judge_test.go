package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/kernels/plan"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

// answered is the answer of a case whose profile is the document.
func answered(t *testing.T, d *profile.Document) plan.Answer {
	t.Helper()
	var text bytes.Buffer
	if err := profile.Encode(&text, d); err != nil {
		t.Fatal(err)
	}
	return plan.Answer{Profile: text.Bytes()}
}

// right is a document with which nothing is wrong, and a setup and a workload that want it.
func right() (*profile.Document, setup, workload) {
	d := profiletest.Proven()
	d.Environment.Engine, d.Environment.Hook = "Docker", tracepoint.recorded
	for i := range d.Requirements {
		for j := range d.Requirements[i].Denials {
			d.Requirements[i].Denials[j].Mechanism = "capability check"
		}
	}
	return d, setup{engine: docker, hook: tracepoint}, workload{name: "x", needs: d.Capabilities.Required}
}

func TestWhatIsRightDoesNotDiffer(t *testing.T) {
	d, s, w := right()
	if _, differences := s.judge(w, answered(t, d)); len(differences) > 0 {
		t.Errorf("%q", differences)
	}
}

func TestEachDifferenceIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*profile.Document, *setup, *workload)
		want   string
	}{
		"another set":     {func(_ *profile.Document, _ *setup, w *workload) { w.needs = capability.Of(capability.Chown) }, "want CHOWN"},
		"not proven":      {func(d *profile.Document, _ *setup, _ *workload) { *d = *profiletest.Sample(profile.Incomplete) }, "incomplete"},
		"no run proves":   {func(d *profile.Document, _ *setup, _ *workload) { *d = *profiletest.Sample(profile.Confirmed) }, "not proven by a run"},
		"by removal":      {func(d *profile.Document, _ *setup, _ *workload) { d.Requirements[0].FoundBy = profile.FoundByRemoval }, "found by removal"},
		"another hook":    {func(d *profile.Document, _ *setup, _ *workload) { d.Environment.Hook = "fexit/cap_capable" }, "hook"},
		"another engine":  {func(d *profile.Document, _ *setup, _ *workload) { d.Environment.Engine = "Podman" }, "engine"},
		"no portable set": {func(_ *profile.Document, _ *setup, w *workload) { w.elsewhere = capability.Of(capability.Kill) }, "no portable set"},
		"the portable set on the engine that leaves the sysctls": {func(_ *profile.Document, s *setup, w *workload) {
			s.engine.Kind, w.elsewhere = "podman", capability.Of(capability.Kill)
		}, "want KILL"},
		"traced where it must not be": {func(_ *profile.Document, s *setup, _ *workload) { s.refused = []string{"x"} }, "traced"},
	} {
		d, s, w := right()
		c.change(d, &s, &w)
		if _, differences := s.judge(w, answered(t, d)); !strings.Contains(strings.Join(differences, "\n"), c.want) {
			t.Errorf("%s: %q, want %s", name, differences, c.want)
		}
	}
	_, s, w := right()
	for name, a := range map[string]plan.Answer{
		"no profile": {}, "not started": {Problem: "no such file"}, "exit": {Exit: 5, Said: "incomplete"},
	} {
		if _, differences := s.judge(w, a); len(differences) == 0 {
			t.Errorf("%s does not differ", name)
		}
	}
}

func TestARefusalOfASecurityModuleIsNoGuess(t *testing.T) {
	s, w := setup{engine: docker, hook: tracepoint}, workload{name: "x", refuser: "apparmor"}
	good := answered(t, profiletest.Confined())
	good.Exit = exitFailed
	if _, differences := s.judge(w, good); len(differences) > 0 {
		t.Errorf("%q", differences)
	}
	guess := profiletest.Confined()
	for _, f := range guess.Failures {
		f.Refuser.ShownBy = ""
	}
	perhaps := answered(t, guess)
	perhaps.Exit = exitFailed
	passed := answered(t, profiletest.Proven())
	for name, a := range map[string]plan.Answer{"a guess": perhaps, "it passes": passed, "another exit code": answered(t, profiletest.Confined())} {
		if _, differences := s.judge(w, a); len(differences) == 0 {
			t.Errorf("%s does not differ", name)
		}
	}
	s.engine = podmanCrun
	if _, differences := s.judge(w, good); len(differences) == 0 {
		t.Error("another engine's profile does not differ")
	}
}

func TestARefusalNamesWhatIsMissing(t *testing.T) {
	s := setup{engine: docker, hook: noHook, refused: []string{"task storage", "--no-trace"}}
	good := plan.Answer{Case: refusedCase, Exit: exitUnfit, Said: "tracing needs task storage: use --no-trace"}
	if _, differences := s.judge(workload{}, good); len(differences) > 0 {
		t.Errorf("%q", differences)
	}
	for name, change := range map[string]func(*plan.Answer){
		"not refused":    func(a *plan.Answer) { a.Exit = 0 },
		"no feature":     func(a *plan.Answer) { a.Said = "tracing is not to be had: --no-trace" },
		"a profile":      func(a *plan.Answer) { a.Profile = []byte("{}") },
		"no alternative": func(a *plan.Answer) { a.Said = "tracing needs task storage" },
	} {
		a := good
		change(&a)
		if _, differences := s.judge(workload{}, a); len(differences) != 1 {
			t.Errorf("%s: %q", name, differences)
		}
	}
}

func TestProfilesOfTwoHooksAreComparedButForTheHook(t *testing.T) {
	one, _, _ := right()
	other, _, _ := right()
	other.Environment.Hook, other.Meta = "kprobe/cap_capable", profile.Meta{}
	if difference, err := alike(one, other); err != nil || difference != "" {
		t.Errorf("%s, %v", difference, err)
	}
	other.Requirements[0].Denials[0].CallSite = "cap_capable"
	if difference, err := alike(one, other); err != nil || !strings.Contains(difference, "cap_capable") {
		t.Errorf("%q, %v", difference, err)
	}
}

// TestNoAnswerIsADifference: a machine that stops half way does not pass.
func TestNoAnswerIsADifference(t *testing.T) {
	jobs := chosen(regexp.MustCompile(""))
	if len(jobs) != len(matrix) {
		t.Fatalf("%d jobs of %d machines", len(jobs), len(matrix))
	}
	for _, j := range jobs {
		for _, r := range rowsOf(j, nil) {
			if len(r.differences) == 0 || r.right > 0 {
				t.Errorf("%s %s: %+v", r.kernel, r.engine, r)
			}
		}
	}
}

func TestSkippedAndFailedTestsAreDifferences(t *testing.T) {
	for said, want := range map[string]int{
		"--- PASS: TestA (0.1s)\n--- PASS: TestB (0.1s)\nPASS\n": 0,
		"--- PASS: TestA (0.1s)\n--- SKIP: TestB (0.1s)\nPASS\n": 1,
		"PASS\n": 1,
	} {
		var r row
		r.judgeTests([]plan.Answer{{Setup: -1, Said: said}})
		if len(r.differences) != want {
			t.Errorf("%q: %q", said, r.differences)
		}
	}
	var r row
	r.judgeTests([]plan.Answer{{Setup: -1, Exit: 1, Said: "--- PASS: TestA (0.1s)\n--- FAIL: TestB (0.1s)\nFAIL\n"}})
	if len(r.differences) != 1 || r.right != 1 || r.cases != 2 {
		t.Errorf("%+v", r)
	}
}

func TestAnswersAreReadFromTheOutputAsItComes(t *testing.T) {
	var heard []string
	o := &answers{heard: func(a plan.Answer) { heard = append(heard, a.Case) }}
	for _, text := range []string{"warn", "ing\r\nanswer: {\"setup\":0,\"ca", "se\":\"chown\",\"exit\":0}\r\nanswer: {\"setup\":1,\"case\":\"mknod\"}\nanswer: {"} {
		if n, err := o.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%d, %v", n, err)
		}
	}
	if strings.Join(heard, " ") != "chown mknod" || len(o.all) != 2 || strings.TrimSpace(string(o.rest)) != "warning" {
		t.Errorf("heard %q, %d answers, rest %q", heard, len(o.all), o.rest)
	}
}
