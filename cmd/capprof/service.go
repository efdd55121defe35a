package main

import (
	"slices"

	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
)

// serviceFlags say what a run of a service is, for run and check.
type serviceFlags struct {
	flags           *pflag.FlagSet
	ready           string
	probes, execs   []string
	count           []string
	boots, restarts int
}

func addServiceFlags(flags *flagSet) *serviceFlags {
	s := &serviceFlags{flags: flags.group(serviceGroup)}
	s.flags.StringVar(&s.ready, "ready", "", "how the service shows that it is ready: `HOW` is "+scenario.Grammar+" (default: by its health check, its ports, or being quiet)")
	s.flags.StringArrayVar(&s.probes, "probe", nil, "use the service: a shell `command` on this machine that exits with 0, with CAPPROF_ADDRESS, CAPPROF_PORT_80 and CAPPROF_CONTAINER in its environment")
	s.flags.StringArrayVar(&s.execs, "exec", nil, "a shell `command` inside the container that exits with 0; what it needs for itself is not in the set")
	s.flags.StringArrayVar(&s.count, "count", nil, "`what` counts as the workload's own: exec")
	s.flags.IntVar(&s.restarts, "restarts", 0, "how often a run starts its container again (default 1)")
	s.flags.IntVar(&s.boots, "boots", 0, "how many containers a run starts, one after the other, on the same volumes (default 2 with volumes, 1 without)")
	return s
}

// told is what the options say, over what a baseline had.
func (s *serviceFlags) told(told scenario.Told) (scenario.Told, error) {
	var err error
	if s.flags.Changed("ready") {
		if told.Ready, err = scenario.ParseReadiness(s.ready); err != nil {
			return told, usageError("--ready: %w", err)
		}
	}
	if s.flags.Changed("probe") {
		told.Probes = s.probes
	}
	if s.flags.Changed("exec") {
		told.Execs = s.execs
	}
	for option, commands := range map[string][]string{"--probe": told.Probes, "--exec": told.Execs} {
		if slices.Contains(commands, "") {
			return told, usageError("%s: the command is empty", option)
		}
	}
	for _, what := range s.count {
		if what != "exec" {
			return told, usageError("--count %q: it can only be exec", what)
		}
		told.CountExec = true
	}
	for _, n := range []struct {
		name  string
		value int
		least int
		to    **int
	}{{"restarts", s.restarts, 0, &told.Restarts}, {"boots", s.boots, 1, &told.Boots}} {
		if !s.flags.Changed(n.name) {
			continue
		}
		if n.value < n.least {
			return told, usageError("--%s must be at least %d", n.name, n.least)
		}
		*n.to = &n.value
	}
	switch {
	case told.IsBatch() && len(told.Probes)+len(told.Execs) > 0:
		return told, usageError("--ready none is for what is no service, and a --probe or --exec is for one")
	case told.CountExec && len(told.Execs) == 0 && told.Ready.How != scenario.Command:
		return told, usageError("--count exec: there is no --exec")
	}
	return told, nil
}

// toldBy is what the user said when a profile was made.
func toldBy(d *profile.Document) scenario.Told {
	s := d.Scenario
	if s == nil {
		return scenario.Told{}
	}
	told := scenario.Told{Probes: s.Probes, Execs: s.Execs, CountExec: s.CountExec}
	if s.Told {
		// Validate has read it.
		told.Ready, _ = scenario.ParseReadiness(s.Ready)
	}
	restarts, boots := 0, 1
	for _, b := range s.Boots {
		switch b {
		case scenario.Restart:
			restarts++
		case scenario.SecondBoot:
			boots++
		}
	}
	told.Restarts, told.Boots = &restarts, &boots
	return told
}
