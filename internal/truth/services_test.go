package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/truth/boots"
)

func judged(t *testing.T, c *containers, s boots.Service) *boots.Judge {
	t.Helper()
	j, err := boots.New(t.Context(), c.engine, s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// A run tells in which phase a service fails, and leaves nothing behind.
func TestBootsOfServices(t *testing.T) {
	c, image := bench(t)
	j := judged(t, c, boots.Service{
		Image: image, Command: serve("start:drop-bounding", "later:raw6", "stop:change-owner,/own/file"),
		Probes: []string{web8080, web8080},
	})
	all := of(capability.SetPCap, capability.NetRaw, capability.Chown)
	if _, err := j.Run(t.Context(), all); err == nil {
		t.Error("a run is judged by nothing")
	}
	if o, err := j.Learn(t.Context(), all); err != nil || !o.Passed() {
		t.Fatalf("%+v, %v", o, err)
	}
	sockets, processes, stopped := j.Learned()
	if !slices.Equal(sockets, []scenario.Socket{{Protocol: "tcp", Port: 8080}}) ||
		!slices.Equal(processes, []scenario.Process{{Name: "ops"}}) || stopped != (scenario.Stopped{}) {
		t.Errorf("learned %v, %v, %+v", sockets, processes, stopped)
	}
	for without, step := range map[capability.Cap]scenario.Step{
		capability.SetPCap: scenario.Start, capability.NetRaw: scenario.Exercise, capability.Chown: scenario.Stop,
	} {
		o, err := j.Run(t.Context(), all.Without(without))
		if err != nil || o.Passed() || *o.Failed != (scenario.Phase{Boot: scenario.FirstBoot, Step: step}) {
			t.Errorf("without %s: %+v, %v", without, o, err)
		}
	}
	left, err := c.engine.LeftRuns(t.Context())
	if err != nil || len(left) > 0 {
		t.Errorf("containers left: %v, %v", left, err)
	}
}

// What ends by itself is no service, and what does not end when asked to is killed.
func TestBootsOfOthers(t *testing.T) {
	c, image := bench(t)
	o, err := judged(t, c, boots.Service{Image: image, Command: []string{"/privop", "nothing"}}).Learn(t.Context(), 0)
	if err != nil || o.Passed() || !strings.Contains(o.Why, "ended with 0") {
		t.Errorf("%+v, %v", o, err)
	}
	j := judged(t, c, boots.Service{Image: image, Command: serve("stop:never"), StopTimeout: 1e9})
	if o, err := j.Learn(t.Context(), 0); err != nil || !o.Passed() {
		t.Fatalf("%+v, %v", o, err)
	}
	if _, _, stopped := j.Learned(); stopped != (scenario.Stopped{ExitCode: 137, Killed: true}) {
		t.Errorf("%+v", stopped)
	}
}

func TestPhasesAreCompared(t *testing.T) {
	phase := func(boot scenario.Boot, step scenario.Step) scenario.Phase {
		return scenario.Phase{Boot: boot, Step: step}
	}
	start, stop := phase(scenario.FirstBoot, scenario.Start), phase(scenario.FirstBoot, scenario.Stop)
	sorted := []scenario.Phase{start, stop, phase(scenario.Restart, scenario.Start), phase(scenario.SecondBoot, scenario.Ready)}
	if !slices.IsSortedFunc(sorted, comparePhases) {
		t.Error("phases are out of order")
	}
	var early earlyFailures
	for _, p := range []scenario.Phase{stop, phase(scenario.Restart, scenario.Start)} {
		early.put("web", 0, boots.Outcome{Failed: &p})
	}
	if _, known := early.get("web", 0); known {
		t.Error("a failure after the use passes for one before it")
	}
	if early.put("web", 0, boots.Outcome{Failed: &start}); early.all["web"][0].Passed() {
		t.Error("a failure before the use is forgotten")
	}
	raw := of(capability.NetRaw)
	f := &found{sets: []capability.Set{raw}, failed: map[capability.Set]scenario.Phase{0: start}}
	if got := f.needed(); len(got) != 1 || got[capability.NetRaw] != start {
		t.Errorf("%v", got)
	}
	v := verdict{exact: true}
	if v.goes(testCase{serves: &serves{}}, f, answer{set: raw}); v.exact || v.note != "taken for a batch job" {
		t.Errorf("%+v", v)
	}
	for name, test := range map[string]struct {
		asks, want []scenario.Phase
		exact      bool
	}{
		"as it shows":  {[]scenario.Phase{start}, nil, true},
		"later":        {[]scenario.Phase{stop}, nil, false},
		"also later":   {[]scenario.Phase{start, stop}, nil, true},
		"not said":     {nil, nil, false},
		"as known":     {[]scenario.Phase{start}, []scenario.Phase{start}, true},
		"not as known": {[]scenario.Phase{start, stop}, []scenario.Phase{start}, false},
	} {
		v := verdict{exact: true}
		k := testCase{serves: &serves{asks: map[capability.Cap][]scenario.Phase{capability.NetRaw: test.want}}}
		v.asked(k, f, answer{set: raw, scenario: &profile.Scenario{}, asks: map[capability.Cap][]scenario.Phase{capability.NetRaw: test.asks}})
		if v.exact != test.exact {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
