package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
)

// tell parses options of a service over what a baseline had.
func tell(t *testing.T, before scenario.Told, args ...string) (scenario.Told, error) {
	t.Helper()
	flags := newFlags(help{})
	service := addServiceFlags(flags)
	if err := flags.parse(args, "run", stdio{}); err != nil {
		t.Fatal(err)
	}
	return service.told(before)
}

func TestServiceOptions(t *testing.T) {
	n := func(n int) *int { return &n }
	for _, c := range []struct {
		args   string
		before scenario.Told
		want   scenario.Told
		wrong  string
	}{
		{args: ""},
		{args: "--ready tcp:80", want: scenario.Told{Ready: scenario.Readiness{How: scenario.TCP, Port: 80}}},
		{args: "--ready none", want: scenario.Told{Ready: scenario.Readiness{How: scenario.Never}}},
		{args: "--probe one --probe two", want: scenario.Told{Probes: []string{"one", "two"}}},
		{args: "--exec one --count exec", want: scenario.Told{Execs: []string{"one"}, CountExec: true}},
		{args: "--ready exec:true --count exec", want: scenario.Told{Ready: scenario.Readiness{How: scenario.Command, Argument: "true"}, CountExec: true}},
		{args: "--restarts 0 --boots 3", want: scenario.Told{Restarts: n(0), Boots: n(3)}},
		{args: "", before: scenario.Told{Probes: []string{"one"}}, want: scenario.Told{Probes: []string{"one"}}},
		{args: "--probe two", before: scenario.Told{Probes: []string{"one"}, Restarts: n(2)}, want: scenario.Told{Probes: []string{"two"}, Restarts: n(2)}},
		{args: "--ready soon", wrong: "none of healthy"},
		{args: "--ready none --probe one", wrong: "for what is no service"},
		{args: "--probe=", wrong: "--probe: the command is empty"},
		{args: "--exec=", wrong: "--exec: the command is empty"},
		{args: "--count all", wrong: "it can only be exec"},
		{args: "--count exec", wrong: "there is no --exec"},
		{args: "--restarts -1", wrong: "--restarts must be at least 0"},
		{args: "--boots 0", wrong: "--boots must be at least 1"},
	} {
		got, err := tell(t, c.before, strings.Fields(c.args)...)
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) || codeOf(err) != exitUnfit {
				t.Errorf("%q: %v, want %q", c.args, err, c.wrong)
			}
		case err != nil || !reflect.DeepEqual(got, c.want):
			t.Errorf("%q: %+v, %v; want %+v", c.args, got, err, c.want)
		}
	}
}

// A check repeats what the baseline's runs did.
func TestWhatABaselineWasTold(t *testing.T) {
	d := &profile.Document{Scenario: &profile.Scenario{
		Ready: "http:80/health", Told: true, Probes: []string{"curl"}, Execs: []string{"id"}, CountExec: true,
		Boots: []scenario.Boot{scenario.FirstBoot, scenario.Restart, scenario.Restart, scenario.SecondBoot},
	}}
	told := toldBy(d)
	if told.Ready.String() != "http:80/health" || !told.CountExec || told.Probes[0] != "curl" || told.Execs[0] != "id" || *told.Restarts != 2 || *told.Boots != 2 {
		t.Errorf("%+v", told)
	}
	d.Scenario.Told = false
	if told := toldBy(d); told.Ready.How != "" {
		t.Errorf("%+v", told)
	}
	if told := toldBy(&profile.Document{}); told.IsService() {
		t.Errorf("a batch job: %+v", told)
	}
}
