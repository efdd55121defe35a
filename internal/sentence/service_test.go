package sentence_test

import (
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/workload"
)

const (
	first  = scenario.FirstBoot
	again  = scenario.Restart
	second = scenario.SecondBoot
)

func TestPhases(t *testing.T) {
	type phases = []scenario.Phase
	all := []scenario.Boot{first, again, second}
	for _, c := range []struct {
		want   string
		boots  []scenario.Boot
		phases phases
	}{
		{"", all, nil},
		{"only at start", all[:1], phases{at(first, scenario.Start)}},
		{"only at start", all, phases{at(first, scenario.Start), at(again, scenario.Start), at(second, scenario.Start)}},
		{"only at stop", all[:2], phases{at(first, scenario.Stop), at(again, scenario.Stop)}},
		{"only when used", all[:1], phases{at(first, scenario.Exercise)}},
		{"only during --exec", all[:1], phases{at(first, scenario.Exec)}},
		{"at start, first boot only", all[:2], phases{at(first, scenario.Start)}},
		{"at start, restart only", all[:2], phases{at(again, scenario.Start)}},
		{"at start, second boot only", all, phases{at(second, scenario.Start)}},
		{"at start, from the restart on", all, phases{at(again, scenario.Start), at(second, scenario.Start)}},
		{"at start, not in the restart", all, phases{at(first, scenario.Start), at(second, scenario.Start)}},
		{"at start, not in the second boot", all, phases{at(first, scenario.Start), at(again, scenario.Start)}},
		{"at start and at stop", all[:2], phases{at(first, scenario.Start), at(first, scenario.Stop), at(again, scenario.Start), at(again, scenario.Stop)}},
		{"at start and while idle, first boot only", all[:2], phases{at(first, scenario.Start), at(first, scenario.Ready)}},
		{
			"at start, first boot only; while idle, when used and at stop", all[:2],
			phases{
				at(first, scenario.Start), at(first, scenario.Ready), at(first, scenario.Exercise), at(first, scenario.Stop),
				at(again, scenario.Ready), at(again, scenario.Exercise), at(again, scenario.Stop),
			},
		},
		// Of a later version.
		{"only at reload", all[:1], phases{at(first, "reload")}},
	} {
		d := &profile.Document{Scenario: &profile.Scenario{Boots: c.boots}}
		if got := sentence.Phases(d, c.phases); got != c.want {
			t.Errorf("%v: %q, want %q", c.phases, got, c.want)
		}
	}
}

func TestWhen(t *testing.T) {
	for want, p := range map[string]*scenario.Phase{
		"at the start of the first boot":   {Boot: first, Step: scenario.Start},
		"while idle in the restart":        {Boot: again, Step: scenario.Ready},
		"when used in the second boot":     {Boot: second, Step: scenario.Exercise},
		"during --exec in the second boot": {Boot: second, Step: scenario.Exec},
		"at the stop of the restart":       {Boot: again, Step: scenario.Stop},
		"at the reload of the third boot":  {Boot: "third boot", Step: "reload"},
	} {
		if got := sentence.When(p); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, p := range []*scenario.Phase{nil, {}} {
		if got := sentence.When(p); got != "" {
			t.Errorf("of a batch job: %q", got)
		}
	}
}

func TestService(t *testing.T) {
	const end = "; started, stopped, restarted; no request was made: --probe"
	http := scenario.Socket{Protocol: "tcp", Port: 80}
	for want, change := range map[string]func(s *profile.Scenario){
		"a service: ready when 80/tcp listens" + end: func(*profile.Scenario) {},
		"a service: ready when 80/tcp and 53/udp listen" + end: func(s *profile.Scenario) {
			s.Sockets = append(s.Sockets, scenario.Socket{Protocol: "udp", Port: 53})
		},
		"a service: ready when quiet" + end:                         func(s *profile.Scenario) { s.Ready = "quiet" },
		"a service: ready when its health check says so" + end:      func(s *profile.Scenario) { s.Ready = "healthy" },
		"a service: ready when 80/tcp accepts a connection" + end:   func(s *profile.Scenario) { s.Ready = "tcp:80" },
		"a service: ready when GET /a on port 80 is answered" + end: func(s *profile.Scenario) { s.Ready = "http:80/a" },
		"a service: ready when its output matches ^ok" + end:        func(s *profile.Scenario) { s.Ready = "log:^ok" },
		"a service: ready when 'pg_isready -q' exits with 0 inside" + end: func(s *profile.Scenario) {
			s.Ready = "exec:pg_isready -q"
		},
		"a service: ready after 30s" + end:     func(s *profile.Scenario) { s.Ready = "after:30s" },
		"a service: ready by telepathy" + end:  func(s *profile.Scenario) { s.Ready = "telepathy" },
		`a service: ready by \x1b[2J` + end:    func(s *profile.Scenario) { s.Ready = "\x1b[2J" },
		"a service: ready when 80/tcp listens": func(s *profile.Scenario) { s.Stopped = nil },
		"a service: ready when 80/tcp listens; started, stopped; used by --probe 'curl $X'": func(s *profile.Scenario) {
			s.Boots, s.Probes = s.Boots[:1], []string{"curl $X"}
		},
		"a service: ready when 80/tcp listens; started, stopped, restarted 2 times, started in a new container with the same volumes; used by --probe a, --probe b and --exec c": func(s *profile.Scenario) {
			s.Boots = []scenario.Boot{first, again, again, second}
			s.Probes, s.Execs = []string{"a", "b"}, []string{"c"}
		},
	} {
		s := &profile.Scenario{
			Ready: "listening", Sockets: []scenario.Socket{http}, Boots: []scenario.Boot{first, again}, Stopped: &scenario.Stopped{},
		}
		change(s)
		if got := sentence.Service(&profile.Document{Scenario: s}); got != want {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
	if got := sentence.Service(profiletest.Proven()) + sentence.Stop(profiletest.Proven()); got != "" {
		t.Errorf("of a batch job: %q", got)
	}
}

func TestStop(t *testing.T) {
	for want, stopped := range map[string]*scenario.Stopped{
		"": nil,
		"it stops by SIGQUIT, with exit code 131":           {ExitCode: 131},
		"it ignores SIGQUIT: killed after its stop timeout": {ExitCode: 137, Killed: true},
	} {
		d := &profile.Document{Scenario: &profile.Scenario{StopSignal: "SIGQUIT", Stopped: stopped}}
		if got := sentence.Stop(d); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestData(t *testing.T) {
	const fresh, copied = "each run had new volumes in place of the named ones (--volumes copy or own takes those)", "each run had a copy of the volumes and directories that it writes to"
	for _, c := range []struct {
		volume string
		data   workload.DataPolicy
		want   string
	}{
		{"pgdata:/data", "", ""},
		{"pgdata:/data", workload.OwnData, ""},
		{"pgdata:/data", workload.FreshData, fresh},
		{"/srv:/data", workload.FreshData, ""},
		{"/srv:/data", workload.CopiedData, copied},
	} {
		d := profiletest.Proven()
		d.Workload.Data, d.Workload.Options = c.data, d.Workload.Options.Set("volume", c.volume)
		if got := sentence.Data(d); got != c.want {
			t.Errorf("%s, %s: %q, want %q", c.volume, c.data, got, c.want)
		}
	}
}

func TestWhyOfAService(t *testing.T) {
	d := profiletest.Supervisord()
	if got, want := why(t, d, capability.Kill), "only at stop; /usr/bin/supervisord: kill(web, SIGTERM) = EPERM "+
		"(capability check, check_kill_permission: send a signal to a process of another user); "+
		"without it, run 5 fails at the stop of the first boot: it did not end within its stop timeout"; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
	if got, want := sentence.ExecNeeds(&profiletest.Database().Answer), "the --exec commands used SETGID, SETUID for themselves: not in the set (--count exec counts them)"; got != want {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestAskedBy(t *testing.T) {
	by := func(askers ...profile.Asker) profile.Requirement {
		var r profile.Requirement
		for _, asker := range askers {
			r.Denials = append(r.Denials, profile.Denial{Operation: profile.Operation{Asker: asker}})
		}
		return r
	}
	for _, c := range []struct {
		r    profile.Requirement
		want string
	}{
		{by(), ""},
		{by(profile.AskerWrapper, profile.AskerWrapper), "asked by your own wrapper (the shell that is process 1)"},
		{by(profile.AskerExec), "asked by your --exec command"},
		{by(profile.AskerWrapper, ""), ""},
		{by(profile.AskerWrapper, profile.AskerExec), ""},
	} {
		if got := sentence.AskedBy(c.r); got != c.want {
			t.Errorf("%+v: %q, want %q", c.r.Denials, got, c.want)
		}
	}
}

func TestRunOfAService(t *testing.T) {
	d := profiletest.Supervisord()
	d.Runs[0].Detail, d.Runs[5].Detail = "", ""
	d.Runs[5].ExitCode = nil
	for i, want := range map[int][2]string{
		0: {"1  explore   no capability                      exit 1     0.80 s", "at the start of the first boot"},
		5: {"6  remove    without SETUID                     failed     0.70 s", "at the start of the first boot"},
		1: {"2  explore   SETUID                             failed    11.40 s", "at the stop of the first boot: it did not end within its stop timeout"},
		2: {"3  explore   KILL, SETUID                       passed     2.30 s", ""},
	} {
		run := d.Runs[i]
		if got := sentence.RunLine(run, time.Duration(d.Meta.Runs[i].DurationMS)*time.Millisecond); got != want[0] {
			t.Errorf("%q\nwant %q", got, want[0])
		}
		if got := sentence.Failed(run); got != want[1] {
			t.Errorf("%q\nwant %q", got, want[1])
		}
	}
}

func at(b scenario.Boot, s scenario.Step) scenario.Phase { return scenario.Phase{Boot: b, Step: s} }
