package sentence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
)

// Service says, in one line, what was taken for what, and what was done with it: "a
// service: ready when 80/tcp listens; started, stopped, restarted; no request was made:
// --probe"; "" for a batch job.
func Service(d *profile.Document) string {
	s := d.Scenario
	if s == nil {
		return ""
	}
	what := "a service: ready " + ready(d)
	if s.Stopped == nil {
		// What was to be done with it was not done.
		return text.Printable(what)
	}
	used := "no request was made: --probe"
	if len(s.Probes)+len(s.Execs) > 0 {
		var commands []string
		for _, probe := range s.Probes {
			commands = append(commands, "--probe "+text.ShellWord(probe))
		}
		for _, exec := range s.Execs {
			commands = append(commands, "--exec "+text.ShellWord(exec))
		}
		used = "used by " + and(commands)
	}
	return text.Printable(what + "; " + boots(s) + "; " + used)
}

// ready says when a service is ready.
func ready(d *profile.Document) string {
	s := d.Scenario
	how, err := scenario.ParseReadiness(s.Ready)
	if err != nil {
		// Found out, or of a later version.
		how = scenario.Readiness{How: scenario.How(s.Ready)}
	}
	switch how.How {
	case scenario.Listening:
		var sockets []string
		for _, socket := range s.Sockets {
			sockets = append(sockets, socket.String())
		}
		if len(sockets) == 1 {
			return "when " + sockets[0] + " listens"
		}
		return "when " + and(sockets) + " listen"
	case scenario.Quiet:
		return "when quiet"
	case scenario.Healthy:
		if d.Workload.Options.Value("unit") != "" && d.Workload.Options.Value("health-cmd") == "" {
			return "when it tells systemd so"
		}
		return "when its health check says so"
	case scenario.TCP:
		return fmt.Sprintf("when %d/tcp accepts a connection", how.Port)
	case scenario.HTTP:
		return fmt.Sprintf("when GET %s on port %d is answered", how.Argument, how.Port)
	case scenario.Log:
		return "when its output matches " + how.Argument
	case scenario.Command:
		return "when " + text.ShellWord(how.Argument) + " exits with 0 inside"
	case scenario.After:
		return "after " + how.After.String()
	}
	return "by " + s.Ready
}

// boots says what was done with it.
func boots(s *profile.Scenario) string {
	times := map[scenario.Boot]int{}
	for _, boot := range s.Boots {
		times[boot]++
	}
	done := []string{"started", "stopped"}
	if n := times[scenario.Restart]; n > 0 {
		done = append(done, repeated("restarted", n))
	}
	if n := times[scenario.SecondBoot]; n > 0 {
		done = append(done, repeated("started", n)+" in a new container with the same volumes")
	}
	return strings.Join(done, ", ")
}

func repeated(done string, times int) string {
	if times == 1 {
		return done
	}
	return fmt.Sprintf("%s %d times", done, times)
}

// Stop says how a service ended when it was asked to: "it stops by SIGTERM, with exit
// code 0"; "" where that was not seen.
func Stop(d *profile.Document) string {
	s := d.Scenario
	switch {
	case s == nil || s.Stopped == nil:
		return ""
	case s.Stopped.Killed:
		return text.Printable("it ignores " + s.StopSignal + ": killed after its stop timeout")
	}
	return text.Printable(fmt.Sprintf("it stops by %s, with exit code %d", s.StopSignal, s.Stopped.ExitCode))
}

// Data says what the runs found in place of the user's own data; "" where they found
// that, or where there is none.
func Data(d *profile.Document) string {
	switch w := d.Workload; {
	case w.Data == workload.CopiedData:
		return "each run had a copy of the volumes and directories that it writes to"
	case w.Data == workload.FreshData && slices.ContainsFunc(w.Options.Volumes(), workload.Volume.Named):
		return "each run had new volumes in place of the named ones (--volumes copy or own takes those)"
	}
	return ""
}

// About says what a workload was taken for, what it was given and what was done with it,
// a sentence each; none of a batch job without data.
func About(d *profile.Document) []string {
	all := []string{Service(d), Stop(d), Data(d), ExecNeeds(&d.Answer)}
	return slices.DeleteFunc(all, func(words string) bool { return words == "" })
}

// ExecNeeds says what the --exec commands used that the workload does not need; "" for
// nothing.
func ExecNeeds(a *profile.Answer) string {
	if a.ExecNeeds.Empty() {
		return ""
	}
	return "the --exec commands used " + a.ExecNeeds.String() + " for themselves: not in the set (--count exec counts them)"
}
