package profiletest

import (
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/workload"
)

// Phase is a part of a run.
func Phase(boot scenario.Boot, step scenario.Step) *scenario.Phase {
	return &scenario.Phase{Boot: boot, Step: step}
}

// Service is a proven document of nginx as a service, about which nothing was told: it
// gives its cache away at its first start, and changes its group at every start.
func Service() *profile.Document {
	first := Phase(scenario.FirstBoot, scenario.Start)
	d := Proven()
	d.Scenario = &profile.Scenario{
		Ready:      "listening",
		Sockets:    []scenario.Socket{{Protocol: "tcp", Port: 80}},
		Processes:  []scenario.Process{{Name: "nginx", UID: 0}, {Name: "nginx", UID: 101}},
		Boots:      []scenario.Boot{scenario.FirstBoot, scenario.Restart},
		StopSignal: "SIGQUIT", Stopped: &scenario.Stopped{},
	}
	for i := range d.Requirements {
		r := &d.Requirements[i]
		r.Phases = []scenario.Phase{*first}
		r.Denials[0].Phase = first
	}
	d.Requirements[1].Phases = append(d.Requirements[1].Phases, *Phase(scenario.Restart, scenario.Start))
	fellIn(d, first, "it did not listen on 80/tcp", 0, 1, 4, 5)
	profile.Normalize(d)
	return d
}

// Supervisord is a proven document of a service of two users, with a health check: what
// runs as the other user can be stopped by KILL alone.
func Supervisord() *profile.Document {
	start, stop := Phase(scenario.FirstBoot, scenario.Start), Phase(scenario.FirstBoot, scenario.Stop)
	kill, setuid := Denial("kill", capability.Kill), Denial("setuid", capability.SetUID)
	for _, denial := range []*profile.Denial{&kill, &setuid} {
		denial.Executable, denial.Process = "/usr/bin/supervisord", "supervisord"
	}
	kill.Object, kill.CallSite, kill.Meaning, kill.Phase, kill.Run = "web, SIGTERM", "check_kill_permission", "send a signal to a process of another user", stop, 2
	setuid.Object, setuid.Phase = "1000", start
	d := base("registry.example/team/supervisord:4")
	d.Verdict = profile.Proven
	d.Scenario = &profile.Scenario{
		Ready:      "healthy",
		Sockets:    []scenario.Socket{{Protocol: "tcp", Port: 8080}},
		Processes:  []scenario.Process{{Name: "supervisord", UID: 0}, {Name: "web", UID: 1000}},
		Boots:      []scenario.Boot{scenario.FirstBoot, scenario.Restart},
		StopSignal: "SIGTERM", Stopped: &scenario.Stopped{},
	}
	needed := capability.Of(capability.Kill, capability.SetUID)
	d.Capabilities.Required = needed
	d.Requirements = []profile.Requirement{
		{
			Grant: grant.Capability(capability.Kill), FoundBy: profile.FoundByTrace, ProvenBy: 5, Denials: []profile.Denial{kill},
			Phases: []scenario.Phase{*stop, *Phase(scenario.Restart, scenario.Stop)},
		},
		{
			Grant: grant.Capability(capability.SetUID), FoundBy: profile.FoundByTrace, ProvenBy: 6, Denials: []profile.Denial{setuid},
			Phases: []scenario.Phase{*start, *Phase(scenario.Restart, scenario.Start)},
		},
	}
	d.Runs = []profile.Run{
		run(1, profile.PurposeExplore, 0, profile.OutcomeFailed, 1),
		run(2, profile.PurposeExplore, needed.Without(capability.Kill), profile.OutcomeFailed, 137),
		run(3, profile.PurposeExplore, needed, profile.OutcomePassed, 0),
		run(4, profile.PurposeConfirm, needed, profile.OutcomePassed, 0),
		without(run(5, profile.PurposeRemove, needed, profile.OutcomeFailed, 137), capability.Kill),
		without(run(6, profile.PurposeRemove, needed, profile.OutcomeFailed, 1), capability.SetUID),
	}
	fellIn(d, start, "it ended by itself", 0, 5)
	fellIn(d, stop, "it did not end within its stop timeout", 1, 4)
	took(d, 800, 11400, 2300, 2300, 11300, 700)
	profile.Normalize(d)
	return d
}

// FailedService is a failed document of a service that never becomes ready.
func FailedService() *profile.Document {
	d := FailedBlocked()
	d.Scenario = &profile.Scenario{
		Ready: "log:^ready for (clients)?", Told: true,
		Boots:      []scenario.Boot{scenario.FirstBoot, scenario.Restart},
		StopSignal: "SIGTERM",
	}
	start := Phase(scenario.FirstBoot, scenario.Start)
	d.Blocked[0].Phase = start
	fellIn(d, start, "it ended by itself", 0, 1)
	profile.Normalize(d)
	return d
}

// Database is a proven document of a service that was told how to be used, on the
// user's own volume: the wrapper's shell asked for KILL, and a command inside the
// container needed capabilities of its own.
func Database() *profile.Document {
	chown, kill := Denial("chown", capability.Chown), Denial("kill", capability.Kill)
	chown.Executable, chown.Process, chown.Object = "/usr/local/bin/docker-entrypoint.sh", "chown", "/var/lib/postgresql/data"
	kill.Executable, kill.Process, kill.Object = "/bin/sh", "sh", "16, signal 0"
	kill.Meaning, kill.Probe, kill.Asker, kill.Run = "ask whether a process is there", true, profile.AskerWrapper, 2
	chown.Phase, kill.Phase = Phase(scenario.FirstBoot, scenario.Start), Phase(scenario.FirstBoot, scenario.Exercise)
	d := base("postgres:17")
	d.Verdict = profile.Proven
	d.Workload.Options = d.Workload.Options.Set("volume", "pgdata:/var/lib/postgresql/data")
	d.Workload.Data = workload.OwnData
	d.Workload.Command = []string{"sh", "-c", "postgres & while kill -0 $!; do sleep 1; done"}
	d.Scenario = &profile.Scenario{
		Ready: "tcp:5432", Told: true,
		Sockets:    []scenario.Socket{{Protocol: "tcp", Port: 5432}},
		Processes:  []scenario.Process{{Name: "postgres", UID: 999}, {Name: "sh", UID: 0}},
		Probes:     []string{`psql -h $CAPPROF_ADDRESS -U postgres -c "select 1"`},
		Execs:      []string{"gosu postgres pg_dump", "id"},
		Boots:      []scenario.Boot{scenario.FirstBoot, scenario.Restart, scenario.SecondBoot},
		StopSignal: "SIGINT", Stopped: &scenario.Stopped{ExitCode: 137, Killed: true},
	}
	needed := capability.Of(capability.Chown, capability.Kill)
	d.Capabilities.Required, d.ExecNeeds = needed, capability.Of(capability.SetUID, capability.SetGID)
	d.Requirements = []profile.Requirement{
		{
			Grant: grant.Capability(capability.Chown), FoundBy: profile.FoundByTrace, ProvenBy: 5, Denials: []profile.Denial{chown},
			Phases: []scenario.Phase{*chown.Phase, *Phase(scenario.SecondBoot, scenario.Start)},
		},
		{
			Grant: grant.Capability(capability.Kill), FoundBy: profile.FoundByTrace, ProvenBy: 6, Denials: []profile.Denial{kill},
			Phases: []scenario.Phase{
				*kill.Phase, *Phase(scenario.Restart, scenario.Exercise), *Phase(scenario.SecondBoot, scenario.Exercise),
				*Phase(scenario.Restart, scenario.Stop), *Phase(scenario.SecondBoot, scenario.Stop),
			},
		},
	}
	d.Runs = []profile.Run{
		run(1, profile.PurposeExplore, 0, profile.OutcomeFailed, 1),
		run(2, profile.PurposeExplore, needed.Without(capability.Kill), profile.OutcomeFailed, 1),
		run(3, profile.PurposeExplore, needed, profile.OutcomePassed, 0),
		run(4, profile.PurposeConfirm, needed, profile.OutcomePassed, 0),
		without(run(5, profile.PurposeRemove, needed, profile.OutcomeTimeout, 0), capability.Chown),
		without(run(6, profile.PurposeRemove, needed, profile.OutcomeFailed, 1), capability.Kill),
	}
	fellIn(d, Phase(scenario.SecondBoot, scenario.Start), "", 4)
	fellIn(d, chown.Phase, "nothing accepts connections to 5432/tcp", 0)
	fellIn(d, kill.Phase, "a probe exits 1: "+d.Scenario.Probes[0], 1, 5)
	took(d, 900, 2100, 7800, 7900, 30000, 2200)
	profile.Normalize(d)
	return d
}

// KeptPrivileges is a proven document of a web server whose workers go on as root where
// they cannot become another user.
func KeptPrivileges() *profile.Document {
	kept := Denial("setuid", capability.SetUID)
	kept.Executable, kept.Process, kept.Object, kept.Run = "/usr/sbin/apache2", "apache2", "33", 3
	d := Service()
	d.Workload.Image.Reference = "httpd:2.4"
	kept.Keeps = "it stays root"
	kept.Phase = d.Requirements[0].Denials[0].Phase
	d.KeptPrivileges = []profile.Denial{kept}
	profile.Normalize(d)
	return d
}

// GaveUp is a document of one that passes without SETGID, whose workers keep their group
// then, so that it counts.
func GaveUp() *profile.Document {
	d := Proven()
	for i := range d.Requirements {
		r := &d.Requirements[i]
		if r.Grant.Capability != capability.SetGID {
			continue
		}
		r.Denials[0].Keeps = "it stays in the group that it has"
		for j := range d.Runs {
			if run := &d.Runs[j]; run.Number == r.ProvenBy {
				run.Outcome, run.Kept = profile.OutcomeFailed, true
				run.Exited(0)
			}
		}
	}
	profile.Normalize(d)
	return d
}

// fellIn says of the runs with those indexes where they failed, and how.
func fellIn(d *profile.Document, phase *scenario.Phase, detail string, runs ...int) {
	for _, i := range runs {
		d.Runs[i].FailedIn = phase
		if detail != "" {
			d.Runs[i].Detail = detail
		}
	}
}
