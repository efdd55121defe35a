package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/workload"
)

// subject is the capprof under test.
type subject struct {
	path, host, dir string
	// help is what capprof run takes.
	help  string
	count atomic.Int64
}

func newSubject(path, host string) (*subject, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("finding the capprof to test (make build): %w", err)
	}
	dir, err := os.MkdirTemp("", "capprof-truth-profiles-")
	if err != nil {
		return nil, fmt.Errorf("making a directory for profiles: %w", err)
	}
	help, err := exec.Command(path, "run", "--help").Output()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("asking capprof what it takes: %w", err), os.RemoveAll(dir))
	}
	return &subject{path: path, host: host, dir: dir, help: string(help)}, nil
}

func (s *subject) close() error { return os.RemoveAll(s.dir) }

// Exit codes of capprof run with which there is a profile to read.
var withProfile = []int{0, 4, 5}

// profile has capprof profile the workload. It may grant what brute force may.
func (s *subject) profile(ctx context.Context, image string, flags, command []string, k testCase) (answer, error) {
	file := filepath.Join(s.dir, strconv.FormatInt(s.count.Add(1), 10)+".json")
	args := slices.Concat(
		[]string{"run", "--quiet", "--allow", "ALL", "--jobs", "1", "--timeout", k.timeLimit().String(), "--output", file},
		flags)
	if k.group != givingUp {
		// A process that goes on with more privileges than it meant to have looks no
		// different from outside.
		args = append(args, "--tolerate", "drops")
	}
	if k.counts {
		// In a volume of its own, each run would be the first.
		args = append(args, "--volumes", "own")
	}
	args = append(args, image)
	if len(command) > 0 {
		args = append(append(args, "--"), command...)
	}
	var output testengine.Tail
	cmd := exec.CommandContext(ctx, s.path, args...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+s.host, "DOCKER_CONTEXT=")
	cmd.Stdout, cmd.Stderr = &output, &output
	// As by Ctrl-C, so that it removes its containers.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err := cmd.Run()
	if ctx.Err() != nil {
		return answer{}, context.Cause(ctx)
	}
	exit, failed := errors.AsType[*exec.ExitError](err)
	switch {
	case failed && !slices.Contains(withProfile, exit.ExitCode()):
		return answer{}, fmt.Errorf("exit code %d: %s", exit.ExitCode(), output.String())
	case err != nil && !failed:
		return answer{}, err
	}
	document, err := profile.Load(file)
	if err != nil {
		return answer{}, err
	}
	var byRemoval capability.Set
	for _, requirement := range document.ForCapabilities() {
		if requirement.FoundBy == profile.FoundByRemoval {
			byRemoval = byRemoval.With(requirement.Grant.Capability)
		}
	}
	var lost capability.Set
	for _, denial := range document.Tolerated {
		if denial.Silent && denial.Meaning != "" {
			lost = lost.Union(capability.Of(denial.AnyOf...))
		}
	}
	var relaxations []string
	for _, o := range document.Relaxations {
		relaxations = append(relaxations, o.String())
	}
	there, unportable := document.Capabilities.Required, false
	if p := document.Portable; p != nil {
		there, unportable = p.Capabilities.Required, !p.Verdict.Answers()
	}
	return answer{
		portable: there, unportable: unportable,
		byRemoval: byRemoval, lost: lost,
		none: document.Verdict == profile.Failed, set: document.Capabilities.Required, relaxations: relaxations,
		verdict: string(document.Verdict), reasons: document.Reasons, runs: len(document.Runs),
		contradictory: contradicted(document), said: said(document),
		scenario: document.Scenario, asks: asks(document.ForCapabilities()),
	}, nil
}

// said gathers what a profile says of causes and remedies.
func said(d *profile.Document) string {
	lines := slices.Clone(d.Reasons)
	for _, f := range d.Failures {
		lines = append(lines, sentence.Operation(f.Operation)+": "+f.Cause+"; "+advice.Sentence(f.Remedies, advice.Docker))
	}
	denials := slices.Clone(d.Blocked)
	for _, r := range d.Requirements {
		denials = append(denials, r.Denials...)
	}
	for _, denial := range denials {
		lines = append(lines, sentence.Operation(denial.Operation)+": "+sentence.Because(denial)+"; "+advice.Sentence(denial.Remedies, advice.Docker))
	}
	return strings.Join(lines, "\n")
}

// contradicted reports whether the runs of an answer contradict each other. Those for
// other engines are that answer's own, which may say so while the local one is proven.
func contradicted(d *profile.Document) bool {
	if d.Portable == nil || d.Portable.Verdict == profile.Proven {
		return contradictory(d.Runs)
	}
	return contradictory(slices.DeleteFunc(slices.Clone(d.Runs), func(run profile.Run) bool {
		return slices.ContainsFunc(run.Options, func(o workload.Setting) bool {
			name, value, _ := strings.Cut(o.Value, "=")
			return o.Name == "sysctl" && d.Portable.Sysctls[name] == value
		})
	}))
}

// contradictory reports whether two runs with the same set and options ended
// differently.
func contradictory(runs []profile.Run) bool {
	ends := map[string]profile.Outcome{}
	for _, run := range runs {
		if run.Outcome != profile.OutcomePassed && run.Outcome != profile.OutcomeFailed {
			continue
		}
		if run.Kept {
			// It passed, as it does for one who sees the exit code alone.
			run.Outcome = profile.OutcomePassed
		}
		under := run.Grants().String()
		if end, ran := ends[under]; ran && end != run.Outcome {
			return true
		}
		ends[under] = run.Outcome
	}
	return false
}
