// Command inside follows a plan in a machine of the matrix: it starts the engines, runs the
// cases and prints the answers.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/capprof/capprof/internal/kernels/plan"
)

func main() {
	if err := follow("/share"); err != nil {
		fmt.Println("inside:", err)
		os.Exit(1)
	}
}

// follow answers the plan in a directory.
func follow(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, plan.File))
	if err != nil {
		return err
	}
	var p plan.Plan
	if err := json.Unmarshal(text, &p); err != nil {
		return err
	}
	f := follower{dir: dir, out: os.Stdout}
	if p.RunTests {
		if err := f.tests(p.SkipTests); err != nil {
			return err
		}
	}
	var running *engine
	for i, setup := range p.Setups {
		if running == nil || running.kind != setup.Engine {
			if running != nil {
				if err := running.stop(); err != nil {
					return err
				}
			}
			start := time.Now()
			a := plan.Answer{Setup: i}
			if running, err = startEngine(setup.Engine, filepath.Join(dir, plan.Image)); err != nil {
				a.Problem = err.Error()
			} else {
				a.Version = running.version
			}
			if err := f.answer(a, start); err != nil {
				return err
			}
		}
		if running == nil {
			continue
		}
		for _, c := range setup.Cases {
			if err := f.run(i, setup, c, running.host); err != nil {
				return err
			}
		}
	}
	return nil
}

// follower runs things and prints answers.
type follower struct {
	dir string
	out io.Writer
}

func (f *follower) answer(a plan.Answer, start time.Time) error {
	a.Seconds = time.Since(start).Seconds()
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f.out, "%s%s\n", plan.Mark, text)
	return err
}

// tests runs those of the tracer.
func (f *follower) tests(skip string) error {
	args := []string{"-test.count=1", "-test.v", "-test.timeout=30m"}
	if skip != "" {
		args = append(args, "-test.skip="+skip)
	}
	start := time.Now()
	a := finished(exec.Command(filepath.Join(f.dir, plan.Tests), args...))
	a.Setup = -1
	return f.answer(a, start)
}

// run profiles a case.
func (f *follower) run(setup int, s plan.Setup, c plan.Case, host string) error {
	file := filepath.Join(f.dir, "profile.json")
	args := append([]string{"run", "--quiet", "--engine", s.Engine.Kind, "--output", file}, s.Flags...)
	cmd := exec.Command(filepath.Join(f.dir, plan.Capprof), append(args, c.Args...)...)
	cmd.Env = append(os.Environ(), "DOCKER_HOST="+host)
	start := time.Now()
	a := finished(cmd)
	a.Setup, a.Case = setup, c.Name
	written, err := os.ReadFile(file)
	if err == nil {
		a.Profile = written
		err = os.Remove(file)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil // there is nothing to profile without tracing, or without an engine
	}
	return errors.Join(err, f.answer(a, start))
}

// most is how much of what a program says is kept, its end.
const most = 64 << 10

// finished runs a command and says how it ended.
func finished(cmd *exec.Cmd) plan.Answer {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	err := cmd.Run()
	text := said.Bytes()
	a := plan.Answer{Said: string(text[max(0, len(text)-most):])}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		a.Exit = exit.ExitCode()
	} else if err != nil {
		a.Problem = err.Error()
	}
	return a
}
