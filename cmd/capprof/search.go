package main

import (
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/runner"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/tracer"
	"github.com/capprof/capprof/internal/workload"
)

// searchFlags say how to search and what to keep, for run and check.
type searchFlags struct {
	allow      []string
	expectExit int
	strict     bool
	tolerate   []string
	noProve    bool
	noTrace    bool
	hook       string
	jobs       int
	maxRuns    int
	timeout    time.Duration
	output     string
	logDir     string
	verbose    bool
	quiet      bool
	data       dataFlags
}

func addSearchFlags(flags *flagSet, std stdio) *searchFlags {
	s := &searchFlags{}
	search := flags.group(searchGroup)
	search.StringArrayVar(&s.allow, "allow", nil, "also try these capabilities, beyond those the container has today: `CAP[,CAP]`, or ALL")
	search.IntVar(&s.expectExit, "expect-exit", 0, "exit `code` of a run that succeeds (default 0)")
	search.BoolVar(&s.strict, "strict", false, "also count as required what is denied without failing the workload")
	search.StringArrayVar(&s.tolerate, "tolerate", nil, "`what` the answer may do without, although it counts by default: drops (a process that is refused to give up privileges, and goes on with them)")
	search.BoolVar(&s.noProve, "no-prove", false, "skip the runs that prove each capability is needed")
	search.BoolVar(&s.noTrace, "no-trace", false, "find the set by removal alone, without BPF and without explanations")
	search.StringVar(&s.hook, "hook", "", "see capability checks by this `hook` of the kernel: "+strings.Join(tracer.Hooks(), ", ")+" (default: the first of them that works)")
	search.IntVar(&s.jobs, "jobs", runtime.NumCPU(), "`runs` at the same time, where they do not depend on each other")
	search.IntVar(&s.maxRuns, "max-runs", 64, "give up after this many `runs`")
	search.DurationVar(&s.timeout, "timeout", 10*time.Minute, "time limit of one run, a `duration` such as 90s or 5m")
	std.engine.addFlag(search)
	s.data.add(flags.group(serviceGroup))
	output := flags.group(outputGroup)
	output.StringVarP(&s.output, "output", "o", "", "write the profile to this `file`; - writes it to standard output, in place of the report")
	output.StringVar(&s.logDir, "log-dir", "", "save the workload's output in this `directory`, one file per run and stream")
	output.BoolVar(&s.verbose, "verbose", false, "show the workload's output, prefixed with the run number, and list the runs in the report")
	output.BoolVarP(&s.quiet, "quiet", "q", false, "show no progress")
	std.debug.addFlag(output)
	return s
}

// patience is how long a run may take before capprof wants to know how long a passing
// one does, and whether the workload ends by itself at all.
const patience = 5 * time.Second

// tolerateDrops is what --tolerate takes.
const tolerateDrops = "drops"

// options are those of the search. What the engine grants is added when it has been asked.
func (s *searchFlags) options(workload workload.Spec) (runner.Options, error) {
	allowed, err := capability.ParseSet(s.allow...)
	if err != nil {
		return runner.Options{}, usageError("--allow: %w", err)
	}
	for _, check := range []struct {
		wrong   bool
		message string
	}{
		{s.jobs < 1, "--jobs must be at least 1"},
		{s.maxRuns < 1, "--max-runs must be at least 1"},
		{s.timeout <= 0, "--timeout must be more than 0"},
		{s.strict && s.noTrace, "--strict and --no-trace exclude each other: only a trace shows what is denied without failing the workload"},
		{s.hook != "" && s.noTrace, "--hook and --no-trace exclude each other"},
		{s.hook != "" && !slices.Contains(tracer.Hooks(), s.hook), "--hook takes " + strings.Join(tracer.Hooks(), ", ")},
		{slices.ContainsFunc(s.tolerate, func(what string) bool { return what != tolerateDrops }), "--tolerate takes drops"},
		{s.expectExit < 0 || s.expectExit > 255, "--expect-exit must be from 0 to 255"},
	} {
		if check.wrong {
			return runner.Options{}, usageError("%s", check.message)
		}
	}
	data, err := s.data.options()
	if err != nil {
		return runner.Options{}, err
	}
	return runner.Options{
		Data:     data,
		Workload: workload,
		Allowed:  allowed,
		Success:  trial.ExitCode(s.expectExit),
		Strict:   s.strict,

		TolerateDrops: len(s.tolerate) > 0,

		Prove:    !s.noProve,
		Jobs:     s.jobs,
		MaxRuns:  s.maxRuns,
		Timeout:  s.timeout,
		Patience: patience,
		Version:  capprofVersion(),
	}, nil
}
