package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/capprof/capprof/internal/kernels/plan"
	"github.com/capprof/capprof/internal/machines"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/testengine/testimage"
)

// job is what one machine is asked.
type job struct {
	machine machine
	plan    plan.Plan
	// setups are those of the plan.
	setups []setup
}

// chosen are the machines of the matrix that have something to do, and what.
func chosen(only *regexp.Regexp) []job {
	var jobs []job
	for _, m := range matrix {
		j := job{machine: m, plan: plan.Plan{RunTests: m.traced() && only.MatchString(m.name+"/tests"), SkipTests: tooSlow}}
		for _, s := range m.setups {
			cases := slices.DeleteFunc(s.asked(), func(c plan.Case) bool { return !only.MatchString(s.in(m) + "/" + c.Name) })
			if len(cases) > 0 {
				j.setups = append(j.setups, s)
				j.plan.Setups = append(j.plan.Setups, plan.Setup{Engine: s.engine, Flags: s.hook.flags, Cases: cases})
			}
		}
		if j.plan.RunTests || len(j.setups) > 0 {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// in is the setup's name in the matrix.
func (s setup) in(m machine) string { return m.name + "/" + s.engine.String() + "/" + s.hook.name }

func (j job) names() []string {
	var names []string
	if j.plan.RunTests {
		names = append(names, j.machine.name+"/tests")
	}
	for i, s := range j.setups {
		for _, c := range j.plan.Setups[i].Cases {
			names = append(names, s.in(j.machine)+"/"+c.Name)
		}
	}
	return names
}

// lab runs jobs.
type lab struct {
	cache    *machines.Cache
	progress io.Writer
	jobs     int
	// out keeps the answers, if it is not empty.
	out string
	// dir has what all machines share.
	dir string
	// lines keeps those of several machines apart.
	lines sync.Mutex
}

// say tells those who wait.
func (l *lab) say(format string, args ...any) {
	l.lines.Lock()
	defer l.lines.Unlock()
	fmt.Fprintf(l.progress, format+"\n", args...)
}

func (l *lab) close() error { return os.RemoveAll(l.dir) }

// prepare builds the programs and the image that the machines get.
func (l *lab) prepare(ctx context.Context) (err error) {
	if l.dir, err = os.MkdirTemp("", "capprof-kernels-"); err != nil {
		return err
	}
	l.say("building what the machines run")
	for _, build := range [][]string{
		{"build", "-trimpath", "-o", filepath.Join(l.dir, plan.Capprof), "github.com/capprof/capprof/cmd/capprof"},
		{"build", "-trimpath", "-o", filepath.Join(l.dir, plan.Inside), "github.com/capprof/capprof/internal/kernels/inside"},
		{"test", "-c", "-trimpath", "-o", filepath.Join(l.dir, plan.Tests), "github.com/capprof/capprof/internal/tracer"},
	} {
		cmd := exec.CommandContext(ctx, "go", build...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // linked statically
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w: %s", build[0], err, out)
		}
	}
	tree, err := testimage.Operations(ctx, false)
	if err != nil {
		return err
	}
	image, err := os.Create(filepath.Join(l.dir, plan.Image))
	if err != nil {
		return err
	}
	_, err = io.Copy(image, tree)
	return errors.Join(err, image.Close())
}

// runAll runs the jobs, some at a time, and returns the rows of the table in their order.
func (l *lab) runAll(ctx context.Context, jobs []job) []row {
	results := make([][]row, len(jobs))
	var group errgroup.Group
	group.SetLimit(l.jobs)
	// The newer a kernel, the more there is to do: those are not left for the end.
	for i, j := range slices.Backward(jobs) {
		group.Go(func() error {
			results[i] = l.run(ctx, j)
			return nil
		})
	}
	_ = group.Wait() // errors are in the rows
	var rows []row
	for _, r := range results {
		rows = append(rows, r...)
	}
	return rows
}

// timeLimit is how long one machine may take, on a machine that has other things to do too.
const timeLimit = 40 * time.Minute

// run follows a job's plan in its machine.
func (l *lab) run(ctx context.Context, j job) []row {
	failed := func(err error) []row {
		return []row{{kernel: j.machine.name, userland: j.machine.userland, differences: []string{err.Error()}}}
	}
	if err := l.cache.Prepare(ctx, j.machine.userland, j.machine.kernel); err != nil {
		return failed(err)
	}
	share, err := l.share(j)
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(share)
	start := time.Now()
	l.say("%s: started", j.machine.name)
	output := &answers{heard: func(a plan.Answer) { l.say("%s: %s", j.machine.name, j.describe(a)) }}
	status, err := l.cache.Run(ctx, machines.Command{
		Userland: j.machine.userland, Kernel: j.machine.kernel, Share: share, Timeout: timeLimit, Output: output,
		Args: []string{"/share/" + plan.Inside},
	})
	took := time.Since(start)
	if err == nil && status != 0 {
		err = fmt.Errorf("what follows the plan ended with %d: %s", status, output.rest)
	}
	if err == nil && l.out != "" {
		err = keep(filepath.Join(l.out, j.machine.name+".json"), output.all)
	}
	rows := rowsOf(j, output.all)
	rows[0].machine = took
	if err != nil {
		rows[0].differences = append(rows[0].differences, err.Error())
	}
	return rows
}

// share makes the directory that the job's machine shares.
func (l *lab) share(j job) (string, error) {
	dir, err := os.MkdirTemp(l.dir, "share-")
	if err != nil {
		return "", err
	}
	for _, name := range []string{plan.Capprof, plan.Inside, plan.Tests, plan.Image} {
		if err := os.Link(filepath.Join(l.dir, name), filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(j.plan)
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, plan.File), text, 0o644)
}

// keep writes the answers down for those who look into them.
func keep(path string, answers []plan.Answer) error {
	text, err := json.MarshalIndent(answers, "", " ")
	if err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, text, 0o644))
}

// rowsOf judges the answers of a job: a row for the tests and one for each setup.
func rowsOf(j job, answers []plan.Answer) []row {
	var rows []row
	of := func(setup int) []plan.Answer {
		var own []plan.Answer
		for _, a := range answers {
			if a.Setup == setup {
				own = append(own, a)
			}
		}
		return own
	}
	start := row{kernel: j.machine.name, userland: j.machine.userland}
	if j.plan.RunTests {
		r := start
		r.engine, r.hook = "tracer's tests", "-"
		r.judgeTests(of(-1))
		rows = append(rows, r)
	}
	// The profiles of the first setup of each engine, with which those of other hooks are
	// compared.
	first := map[plan.Engine]map[string]*profile.Document{}
	version := ""
	for i, s := range j.setups {
		r := start
		r.engine, r.hook = s.engine.String(), s.hook.name
		documents := r.judge(s, j.plan.Setups[i].Cases, of(i))
		if r.version == "" {
			r.version = version // the engine of the setup before
		}
		version = r.version
		if others := first[s.engine]; others == nil {
			first[s.engine] = documents
		} else {
			r.compare(others, documents)
		}
		rows = append(rows, r)
	}
	return rows
}

// answers gathers them from a machine's output.
type answers struct {
	all   []plan.Answer
	heard func(plan.Answer)
	// line is the last one as far as it has come, rest what else was written.
	line, rest []byte
}

func (o *answers) Write(text []byte) (int, error) {
	o.line = append(o.line, text...)
	for {
		line, after, ended := bytes.Cut(o.line, []byte("\n"))
		if !ended {
			return len(text), nil
		}
		o.line = after
		// A port of the machine ends lines as a terminal does.
		encoded, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte(plan.Mark))
		var a plan.Answer
		if !ok || json.Unmarshal(encoded, &a) != nil {
			o.rest = append(append(o.rest, line...), '\n')
			continue
		}
		o.all = append(o.all, a)
		o.heard(a)
	}
}

// describe tells those who wait of an answer.
func (j job) describe(a plan.Answer) string {
	what := "the tracer's tests"
	if a.Setup >= 0 {
		s := j.setups[a.Setup]
		what = s.engine.String() + "/" + s.hook.name
		if a.Case == "" {
			what = s.engine.String() + " " + a.Version
		} else {
			what += "/" + a.Case
		}
	}
	text := fmt.Sprintf("%s: exit code %d after %s", what, a.Exit, clock(seconds(a.Seconds)))
	if a.Problem != "" {
		text += ": " + a.Problem
	}
	if a.Exit != 0 {
		text += ": " + a.Said
	}
	return text
}
