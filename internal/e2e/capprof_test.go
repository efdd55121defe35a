package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/testengine"
)

// The exit codes that capprof documents.
const (
	exitProven      = 0
	exitError       = 1 // of diff and check
	exitDrift       = 3
	exitFailed      = 4
	exitIncomplete  = 5
	exitUnfit       = 125
	exitCantExecute = 126
	exitNotFound    = 127
	exitInterrupted = 130
)

// patience is how long one capprof may take before a test calls it hung.
const patience = 90 * time.Second

// invocation is one capprof to run.
type invocation struct {
	engine *testengine.Engine
	args   []string
	stdin  string
	env    []string
	// prefix is put before the program, to run it as somebody else.
	prefix []string
}

// ended is how it ended.
type ended struct {
	code           int
	stdout, stderr string
	pid            int
}

// running is a capprof that was started.
type running struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	ctx            context.Context
	cancel         context.CancelFunc
}

// start starts capprof.
func (i invocation) start(t testing.TB) *running {
	t.Helper()
	r := &running{}
	r.ctx, r.cancel = context.WithTimeout(t.Context(), patience)
	argv := append(append(append([]string{}, i.prefix...), binaryOf(t)), i.args...)
	r.cmd = exec.CommandContext(r.ctx, argv[0], argv[1:]...)
	r.cmd.Env = append(append(os.Environ(), "DOCKER_HOST="+i.engine.Host, "DOCKER_CONTEXT="), i.env...)
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	if i.stdin != "" {
		r.cmd.Stdin = strings.NewReader(i.stdin)
	}
	if err := r.cmd.Start(); err != nil {
		r.cancel()
		t.Fatalf("starting capprof: %v", err)
	}
	return r
}

// wait waits for its end.
func (r *running) wait(t testing.TB) ended {
	t.Helper()
	defer r.cancel()
	err := r.cmd.Wait()
	if r.ctx.Err() != nil {
		t.Fatalf("capprof %q did not end in %v\nstdout:\n%s\nstderr:\n%s", r.cmd.Args[1:], patience, &r.stdout, &r.stderr)
	}
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("waiting for capprof: %v", err)
	}
	return ended{r.cmd.ProcessState.ExitCode(), r.stdout.String(), r.stderr.String(), r.cmd.Process.Pid}
}

// run runs capprof to its end and checks what holds whatever it did: nothing of
// it is left on the engine, and it did not crash.
func (i invocation) run(t testing.TB) ended {
	t.Helper()
	e := i.start(t).wait(t)
	if strings.Contains(e.stderr, "goroutine ") {
		t.Errorf("capprof crashed:\n%s", e.stderr)
	}
	noContainersOf(t, i.engine, e.pid)
	return e
}

// expect fails the test, with all that was printed, unless the code is right.
func (e ended) expect(t testing.TB, code int) {
	t.Helper()
	if e.code != code {
		t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", e.code, code, e.stdout, e.stderr)
	}
}

// mentions fails the test unless stderr has each of the words, whatever the case.
func (e ended) mentions(t testing.TB, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(strings.ToLower(e.stderr), strings.ToLower(word)) {
			t.Errorf("stderr does not mention %q:\n%s", word, e.stderr)
		}
	}
}

// profiled runs capprof run on a workload, with more flags before the image, and
// reads the profile, which must also be what stdout carries.
func profiled(t testing.TB, e *testengine.Engine, w workload, flags ...string) (ended, profile.Document) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "profile.json")
	args := append([]string{"run", "--format", "json", "--output", path}, w.capprofFlags()...)
	args = append(append(args, flags...), imageOf(t, w.image), "--")
	result := invocation{engine: e, args: append(args, w.argv(t)...), stdin: w.stdin}.run(t)
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("capprof wrote no profile: %v\nexit code %d\nstderr:\n%s", err, result.code, result.stderr)
	}
	if result.stdout != string(written) {
		t.Errorf("stdout is not the profile and nothing else:\n%s", tail([]byte(result.stdout)))
	}
	return result, decodeStrictly(t, written)
}

// decodeStrictly reads a profile with the standard library alone: every field is
// known, and the set is a sorted array of the kernel's names.
func decodeStrictly(t testing.TB, data []byte) profile.Document {
	t.Helper()
	var document profile.Document
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		t.Fatalf("reading the profile: %v\n%s", err, tail(data))
	}
	return document
}

// requiredNames reads capabilities.required as a script would.
func requiredNames(t testing.TB, data []byte) []string {
	t.Helper()
	var document struct {
		Capabilities struct {
			Required []string `json:"required"`
		} `json:"capabilities"`
	}
	if err := json.Unmarshal(data, &document); err != nil {
		t.Fatalf("reading the profile: %v", err)
	}
	return document.Capabilities.Required
}

// dockerFlags are the workload's flags for docker run. It has no network unless it says so:
// docker run connects to each one that is named.
func (w workload) dockerFlags() []string {
	if slices.Contains(w.flags, "--network") {
		return slices.Clone(w.flags)
	}
	return append([]string{"--network", "none"}, w.flags...)
}

// capprofFlags are the workload's flags for capprof run.
func (w workload) capprofFlags() []string {
	flags := w.dockerFlags()
	if w.allow != "" {
		flags = append(flags, "--allow", w.allow)
	}
	if w.expectExit != 0 {
		flags = append(flags, "--expect-exit", strconv.Itoa(w.expectExit))
	}
	if w.timeout != "" {
		flags = append(flags, "--timeout", w.timeout)
	}
	return flags
}

// named returns the workload of the table.
func named(t testing.TB, name string) workload {
	t.Helper()
	for _, w := range workloads {
		if w.name == name {
			return w
		}
	}
	t.Fatalf("no workload %q", name)
	return workload{}
}
