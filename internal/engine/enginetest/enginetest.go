// Package enginetest is the suite that every adapter of a container engine must pass
// before capprof can rely on it.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// Setup is an engine to hold to the contract.
type Setup struct {
	// Open makes an adapter. The suite closes it.
	Open func(t testing.TB) engine.Engine
	// Without are the parts of the suite that mean nothing for the engine, by name, and why.
	Without map[string]string
	// Root is where the containers have Archive's file system: "" for their root directory.
	Root string
	// Spec makes a workload of an image and of arguments for its entrypoint, for an engine
	// without images; nil for one that has them.
	Spec func(image string, args ...string) workload.Spec
	// Image names an image of Archive's file system whose entrypoint is Program, whose
	// command is "echo default" and whose PATH is "/". Other is the same but for its
	// command, "echo other".
	Image, Other string
	// Service names an image of the same file system whose stop signal is StopSignal,
	// which has the volumes /data and /seed, and whose health check is HealthCheck, every 100 ms and
	// twice.
	Service string
	// LostLinks says why absolute links in volumes lead nowhere as long as the container
	// does not run; "" where they are followed.
	LostLinks string
	// Reachable says that containers on the engine's own network are reached from here.
	Reachable bool
	// Tag gives an image a further name, or moves the name to it; nil for an engine
	// that has no names to move.
	Tag func(t testing.TB, image, name string)
	// Orphan makes an adapter as a capprof had it that is dead now.
	Orphan func(t testing.TB) engine.Engine
	// Exists reports whether the engine has a container of that ID, and Left lists the
	// containers that an adapter made and that are still there.
	Exists func(t testing.TB, id string) bool
	Left   func(t testing.TB, e engine.Engine) []string
}

// Run runs the suite.
func Run(t *testing.T, setup Setup) {
	s := suite{setup}
	known := map[string]bool{}
	for _, c := range parts {
		known[c.name] = true
		t.Run(c.name, func(t *testing.T) {
			if why := setup.Without[c.name]; why != "" {
				t.Skip(why)
			}
			c.test(t, s)
		})
	}
	for name := range setup.Without {
		if !known[name] {
			t.Errorf("the suite has no part %q that an engine could be without", name)
		}
	}
}

// part is a part of the suite.
type part struct {
	name string
	test func(t *testing.T, s suite)
}

var parts = []part{
	{"facts", checkFacts},
	{"an unknown image", checkUnknownImage},
	{"what a workload is resolved to", checkIdentity},
	{"a name that moves", checkMovedName},
	{"options", checkOptions},
	{"capabilities", checkCapabilities},
	{"a capability that nobody has", checkRefused},
	{"exit codes", checkExitCodes},
	{"streams", checkStreams},
	{"standard input", checkStdin},
	{"commands that cannot start", checkStartErrors},
	{"waiting again", checkWaitAgain},
	{"signals", checkSignals},
	{"signals to what does not run", checkSignalsToNobody},
	{"a further command", checkExec},
	{"a further command that is given up", checkExecGivenUp},
	{"processor time", checkCPUTime},
	{"file capabilities", checkFileCapabilities},
	{"control groups", checkCgroups},
	{"containers side by side", checkSideBySide},
	{"removal", checkRemoval},
	{"data", checkData},
	{"an existing container", checkDescription},
	{"leftovers", checkLeftovers},
	{"a life", checkLife},
	{"what outlives a container", checkVolumes},
	{"starts of one container", checkStartAgain},
	{"a command that is gone at the second start", checkStartErrorAgain},
	{"signals to each start", checkSignalsAgain},
	{"a further command with all capabilities", checkExecPrivileged},
	{"a further command at the container's end", checkExecEnds},
	{"health", checkHealth},
	{"no health", checkNoHealth},
	{"health at the second start", checkHealthAgain},
	{"processes", checkProcesses},
	{"confinement", checkConfinement},
	{"sockets", checkListening},
	{"sockets in the machine's network", checkListeningOnHost},
	{"an address", checkReach},
	{"without a network", checkNoNetwork},
	{"what does not run", checkNotRunning},
	{"a context that has ended", checkEnded},
	{"a context that ends during a run", checkEnds},
}

type suite struct{ Setup }

// open makes an adapter that the test's end closes.
func (s suite) open(t testing.TB) engine.Engine {
	t.Helper()
	e := s.Open(t)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// spec is a run of the test program with these arguments.
func (s suite) spec(args ...string) workload.Spec { return s.of(s.Image, args...) }

// of is a run of an image with these arguments.
func (s suite) of(image string, args ...string) workload.Spec {
	if s.Spec != nil {
		return s.Spec(image, args...)
	}
	return workload.Spec{Image: image, Command: args}
}

// at is where the containers have a file of the archive.
func (s suite) at(path string) string { return s.Root + path }

// program is where they have the test program.
func (s suite) program() string { return s.at(Program) }

// hasImages reports whether the engine has any.
func (s suite) hasImages() bool { return s.Spec == nil }

// create prepares a workload and makes a container, which the test's end removes.
func create(t testing.TB, e engine.Engine, w workload.Spec, conditions engine.Conditions) engine.Container {
	t.Helper()
	subject, err := e.Prepare(t.Context(), w, io.Discard)
	if err != nil {
		t.Fatalf("preparing %v: %v", w.Command, err)
	}
	c, err := subject.Create(t.Context(), conditions)
	if err != nil {
		t.Fatalf("creating %v: %v", w.Command, err)
	}
	t.Cleanup(func() {
		if err := c.Remove(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return c
}

// ended is how a run ended and what it wrote.
type ended struct {
	stdout, stderr string
	exit           engine.Exit
	err            error
}

// run makes a container and runs it to its end.
func (s suite) run(t testing.TB, w workload.Spec, conditions engine.Conditions) ended {
	t.Helper()
	var stdout, stderr bytes.Buffer
	exit, err := engine.Run(t.Context(), create(t, s.open(t), w, conditions), engine.Stdio{Stdout: &stdout, Stderr: &stderr})
	return ended{stdout.String(), stderr.String(), exit, err}
}

// running starts a workload and returns when it has said a word.
func (s suite) running(t testing.TB, ctx context.Context, word string, args ...string) (engine.Container, *listener) {
	t.Helper()
	c, heard := create(t, s.open(t), s.spec(args...), engine.Conditions{}), listenFor(word)
	if err := c.Start(ctx, engine.Stdio{Stdout: heard}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-heard.word:
	case <-time.After(time.Minute):
		t.Fatalf("%v has not said %q", args, word)
	}
	return c, heard
}

// listener is a writer that tells when a word has come by.
type listener struct {
	want string
	word chan struct{}
	mu   sync.Mutex
	all  strings.Builder
}

func listenFor(word string) *listener { return &listener{want: word, word: make(chan struct{})} }

func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := strings.Contains(l.all.String(), l.want)
	l.all.Write(p)
	if !before && strings.Contains(l.all.String(), l.want) {
		close(l.word)
	}
	return len(p), nil
}

func checkFacts(t *testing.T, s suite) {
	f, err := s.open(t).Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"name": f.Name, "version": f.Version, "kernel": f.KernelRelease, "architecture": f.Architecture} {
		if value == "" {
			t.Errorf("no %s", name)
		}
	}
	if f.SameKernel != (f.WhyRemote == "") {
		t.Errorf("the same kernel: %v, because %q", f.SameKernel, f.WhyRemote)
	}
	if f.DefaultCapabilities.Empty() || !capability.Known().Contains(f.DefaultCapabilities) {
		t.Errorf("it grants %s by default", f.DefaultCapabilities)
	}
	if f.Seccomp.Name == "" || f.Seccomp.Name == engine.Unconfined && f.Seccomp.Filter != nil {
		t.Errorf("seccomp profile %+v", f.Seccomp)
	}
	for _, m := range f.Mounts {
		if !strings.HasPrefix(m.Target, "/") {
			t.Errorf("mount at %q", m.Target)
		}
	}
	for name, value := range f.Sysctls {
		if got := s.run(t, s.spec("file", "/proc/sys/"+strings.ReplaceAll(name, ".", "/")), engine.Conditions{}); strings.Join(strings.Fields(got.stdout), " ") != value {
			t.Errorf("%s is %q in a container, and said to be %q", name, got.stdout, value)
		}
	}
}

func checkUnknownImage(t *testing.T, s suite) {
	for _, name := range []string{"127.0.0.1:1/no/such:image", "UPPER CASE", ""} {
		if _, err := s.open(t).Prepare(t.Context(), workload.Spec{Image: name}, io.Discard); !errors.Is(err, engine.ErrNoImage) {
			t.Errorf("%q: %v, want no such image", name, err)
		}
	}
}

func checkIdentity(t *testing.T, s suite) {
	subject, err := s.open(t).Prepare(t.Context(), s.spec("exit", "0"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	id := subject.Identity()
	if strings.Join(id.Argv, " ") != s.program()+" exit 0" || id.Seccomp.Name == "" {
		t.Errorf("identity %+v", id)
	}
	if s.hasImages() && (id.Reference != s.Image || id.ID == "") || !s.hasImages() && id.Reference+id.ID+id.Digest != "" {
		t.Errorf("the image %+v", id)
	}
	none := s.spec()
	none.Command, none.Options = nil, none.Options.Set("entrypoint", "")
	if _, err := s.open(t).Prepare(t.Context(), none, io.Discard); !errors.Is(err, engine.ErrBadWorkload) {
		t.Errorf("nothing to run: %v", err)
	}
}

func checkMovedName(t *testing.T, s suite) {
	if s.Tag == nil {
		t.Skip("the engine has no names to move")
	}
	const name = "capprof-enginetest-moving:latest"
	s.Tag(t, s.Image, name)
	subject, err := s.open(t).Prepare(t.Context(), workload.Spec{Image: name}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s.Tag(t, s.Other, name)
	c, err := subject.Create(t.Context(), engine.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	_, err = engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout})
	if err := errors.Join(err, c.Remove(t.Context())); err != nil || stdout.String() != "default\n" {
		t.Errorf("the image that the name stands for now ran: %q, %v", stdout.String(), err)
	}
}

func checkOptions(t *testing.T, s suite) {
	w := s.spec("describe")
	w.Options = w.Options.Set("env", "GIVEN=a").Set("workdir", "/proc")
	got := s.run(t, w, engine.Conditions{Options: []workload.Setting{{Name: "env", Value: "ADDED=b"}, {Name: "workdir", Value: "/etc"}}})
	for _, want := range []string{"env:GIVEN=a\n", "env:ADDED=b\n", "cwd=/etc\n"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("no %q in %q, %v", want, got.stdout, got.err)
		}
	}
	subject, err := s.open(t).Prepare(t.Context(), s.spec("exit", "0"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for name, conditions := range map[string]engine.Conditions{
		"an option": {Options: []workload.Setting{{Name: "security-opt", Value: "nonsense=1"}}},
		"a service": {Service: "capprof-no-such-service"},
	} {
		if _, err := subject.Create(t.Context(), conditions); !errors.Is(err, engine.ErrBadWorkload) {
			t.Errorf("%s that there is not: %v", name, err)
		}
	}
}
