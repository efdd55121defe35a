package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/runner"
	"github.com/capprof/capprof/internal/workload"
)

// searchFlags say how to search and what to keep, for run and check.
type searchFlags struct {
	allow      []string
	expectExit int
	strict     bool
	noProve    bool
	noTrace    bool
	jobs       int
	maxRuns    int
	timeout    time.Duration
	output     string
	logDir     string
	verbose    bool
	quiet      bool
}

func addSearchFlags(flags *pflag.FlagSet) *searchFlags {
	s := &searchFlags{}
	flags.StringArrayVar(&s.allow, "allow", nil, "capabilities that may be granted beside today's: `CAP[,CAP]` or ALL")
	flags.IntVar(&s.expectExit, "expect-exit", 0, "exit `code` of a run that succeeds")
	flags.BoolVar(&s.strict, "strict", false, "require also what the workload survives without")
	flags.BoolVar(&s.noProve, "no-prove", false, "leave out the runs that show that nothing in the set can go")
	flags.BoolVar(&s.noTrace, "no-trace", false, "find the set by removal alone, without BPF and without explanations")
	flags.IntVar(&s.jobs, "jobs", runtime.NumCPU(), "`runs` at the same time, where they do not depend on each other")
	flags.IntVar(&s.maxRuns, "max-runs", 32, "give up after this many `runs`")
	flags.DurationVar(&s.timeout, "timeout", 10*time.Minute, "time limit of one run, a `duration` such as 90s or 5m")
	flags.StringVarP(&s.output, "output", "o", "", "write the profile to this `file`, - for standard output")
	flags.StringVar(&s.logDir, "log-dir", "", "keep the workload's output in this `directory`, a file a run and stream")
	flags.BoolVar(&s.verbose, "verbose", false, "show the workload's output, behind the number of its run")
	flags.BoolVarP(&s.quiet, "quiet", "q", false, "show no progress")
	return s
}

// patience is how long a run may take before capprof wants to know how long a
// passing one does.
const patience = 8 * time.Second

func (s *searchFlags) options(workload workload.Spec, base capability.Set) (runner.Options, error) {
	allowed, err := capability.ParseSet(s.allow...)
	if err != nil {
		return runner.Options{}, usageError("--allow: %w", err)
	}
	for _, check := range []struct {
		wrong   bool
		message string
	}{
		{s.jobs < 1, fmt.Sprintf("--jobs is %d; at least 1 run at a time is needed", s.jobs)},
		{s.maxRuns < 1, fmt.Sprintf("--max-runs is %d; at least 1 run is needed", s.maxRuns)},
		{s.timeout <= 0, fmt.Sprintf("--timeout is %v; a run needs some time", s.timeout)},
		{s.strict && s.noTrace, "--strict and --no-trace exclude each other: what a workload survives without is known from the trace only"},
		{s.expectExit < 0 || s.expectExit > 255, fmt.Sprintf("--expect-exit is %d; exit codes go from 0 to 255", s.expectExit)},
	} {
		if check.wrong {
			return runner.Options{}, usageError("%s", check.message)
		}
	}
	return runner.Options{
		Workload: workload,
		Baseline: base,
		Allowed:  base.Union(allowed),
		Success:  runner.ExitCode(s.expectExit),
		Strict:   s.strict,
		Prove:    !s.noProve,
		Jobs:     s.jobs,
		MaxRuns:  s.maxRuns,
		Timeout:  s.timeout,
		Patience: patience,
		Version:  capprofVersion(),
	}, nil
}
