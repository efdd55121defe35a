package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
)

func checkCapabilities(t *testing.T, s suite) {
	for _, set := range []capability.Set{0, capability.Of(capability.NetRaw), capability.Of(capability.Chown, capability.SetUID)} {
		got := s.run(t, s.spec("line", "/proc/self/status", "CapEff"), engine.Conditions{Capabilities: set})
		if want := "CapEff:\t" + set.Mask() + "\n"; got.err != nil || got.stdout != want {
			t.Errorf("granted %s: %q, %v; want %q", set, got.stdout, got.err, want)
		}
	}
}

func checkRefused(t *testing.T, s suite) {
	subject, err := s.open(t).Prepare(t.Context(), s.spec("exit", "0"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ask := capability.Of(capability.Chown, capability.Max)
	c, err := subject.Create(t.Context(), engine.Conditions{Capabilities: ask})
	if err == nil {
		// An engine may notice at the start alone.
		_, err = engine.Run(t.Context(), c, engine.Stdio{})
		err = errors.Join(err, c.Remove(t.Context()))
	}
	if refused, ok := errors.AsType[*engine.RefusedError](err); !ok || !capability.Of(capability.Max).Contains(refused.Refused) {
		t.Errorf("%s was granted, or something else was refused: %v", capability.Max, err)
	}
	may, err := subject.Grantable(t.Context(), ask)
	if err != nil || may != capability.Of(capability.Chown) {
		t.Errorf("grantable of %s: %s, %v", ask, may, err)
	}
}

func checkExitCodes(t *testing.T, s suite) {
	for _, code := range []int{0, 1, 125, 126, 127, 255} {
		if got := s.run(t, s.spec("exit", fmt.Sprint(code)), engine.Conditions{}); got.err != nil || got.exit != (engine.Exit{Code: code}) {
			t.Errorf("exit %d came out as %+v, %v", code, got.exit, got.err)
		}
	}
}

func checkStreams(t *testing.T, s suite) {
	const size = 1 << 20
	got := s.run(t, s.spec("both", fmt.Sprint(size)), engine.Conditions{})
	if got.err != nil || len(got.stdout) != size || len(got.stderr) != size || got.stdout == got.stderr {
		t.Errorf("%d bytes on standard output and %d on standard error, %v; want %d each", len(got.stdout), len(got.stderr), got.err, size)
	}
	if got := s.run(t, s.spec("complain", "4", "words"), engine.Conditions{}); got.stderr != "words\n" || got.stdout != "" || got.exit.Code != 4 {
		t.Errorf("standard error %q, standard output %q, %+v, %v", got.stderr, got.stdout, got.exit, got.err)
	}
	if exit, err := engine.Run(t.Context(), create(t, s.open(t), s.spec("echo", "nobody listens"), engine.Conditions{}), engine.Stdio{}); err != nil || exit.Code != 0 {
		t.Errorf("without writers: %+v, %v", exit, err)
	}
}

func checkStdin(t *testing.T, s suite) {
	w := s.spec("cat")
	w.Options = w.Options.Set("interactive", "true")
	for name, input := range map[string]string{"some": "a line\nand a half", "none": ""} {
		var stdout bytes.Buffer
		exit, err := engine.Run(t.Context(), create(t, s.open(t), w, engine.Conditions{}), engine.Stdio{Stdin: strings.NewReader(input), Stdout: &stdout})
		if err != nil || exit.Code != 0 || stdout.String() != input {
			t.Errorf("%s: %q, %+v, %v; want %q", name, stdout.String(), exit, err, input)
		}
	}
	if got := s.run(t, s.spec("cat"), engine.Conditions{}); got.err != nil || got.stdout != "" {
		t.Errorf("a workload that is given no input reads %q, %v", got.stdout, got.err)
	}
}

func checkStartErrors(t *testing.T, s suite) {
	for _, c := range []struct {
		command    string
		code       int
		permission bool
	}{
		{"no-such-program", 127, false},
		{"/no/such/program", 127, false},
		{s.at("/not-executable"), 126, true},
		{s.at("/bad-format"), 126, false},
		{s.at("/with-capabilities"), 126, true}, // outside of the bounding set
	} {
		w := s.spec()
		w.Command, w.Options = nil, w.Options.Set("entrypoint", c.command)
		got := s.run(t, w, engine.Conditions{})
		if failure, ok := errors.AsType[*engine.StartError](got.err); !ok || failure.Code != c.code || failure.Permission != c.permission {
			t.Errorf("%s: %+v, %v; want a start error with %d, permission %v", c.command, got.exit, got.err, c.code, c.permission)
		}
	}
}

func checkWaitAgain(t *testing.T, s suite) {
	c, _ := s.running(t, t.Context(), "obeying\n", "obey")
	brief, stop := context.WithTimeout(t.Context(), time.Millisecond)
	defer stop()
	if _, err := c.Wait(brief); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("a wait whose context ends: %v", err)
	}
	// It runs on: it still obeys.
	if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if exit, err := c.Wait(t.Context()); err != nil || exit != (engine.Exit{Signalled: true}) {
		t.Errorf("%+v, %v; want exit 0 by our own signal", exit, err)
	}
}

func checkSignals(t *testing.T, s suite) {
	c, _ := s.running(t, t.Context(), "hanging\n", "hang")
	// It ignores this one, so that its end is another's doing.
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGKILL} {
		if err := c.Signal(t.Context(), signal); err != nil {
			t.Fatal(err)
		}
	}
	if exit, err := c.Wait(t.Context()); err != nil || exit != (engine.Exit{Code: 137, Signalled: true}) {
		t.Errorf("%+v, %v; want 137 by our own signal", exit, err)
	}
}

func checkSignalsToNobody(t *testing.T, s suite) {
	c := create(t, s.open(t), s.spec("exit", "5"), engine.Conditions{})
	send := func(when string) {
		t.Helper()
		if err := c.Signal(t.Context(), syscall.SIGKILL); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	send("before the start")
	if exit, err := engine.Run(t.Context(), c, engine.Stdio{}); err != nil || exit != (engine.Exit{Code: 5}) {
		t.Errorf("%+v, %v", exit, err)
	}
	send("after the end")
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	send("after the removal")
}

func checkCPUTime(t *testing.T, s suite) {
	created := create(t, s.open(t), s.spec("exit", "0"), engine.Conditions{})
	if _, err := created.CPUTime(t.Context()); !errors.Is(err, engine.ErrNotRunning) {
		t.Errorf("before the start: %v", err)
	}
	if _, err := created.Busy(t.Context()); !errors.Is(err, engine.ErrNotRunning) {
		t.Errorf("before the start: %v", err)
	}
	spins, _ := s.running(t, t.Context(), "spinning\n", "spin")
	hangs, _ := s.running(t, t.Context(), "hanging\n", "hang")
	looks := 0
	for c, want := range map[engine.Container]bool{spins: true, hangs: false} {
		// One that has just said that it waits may still be on its way to that.
		for busy := !want; busy != want; looks++ {
			var err error
			if busy, err = c.Busy(t.Context()); err != nil || looks > 1000 {
				t.Fatalf("busy: %v, %v, at look %d; want %v", busy, err, looks, want)
			}
		}
	}
	for range 20 {
		if busy, err := spins.Busy(t.Context()); !busy || err != nil {
			t.Errorf("one that computes is busy: %v, %v", busy, err)
		}
	}
	used := func(c engine.Container) time.Duration {
		used, err := c.CPUTime(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return used
	}
	before := used(hangs)
	for began := used(spins); used(spins)-began < 100*time.Millisecond; {
		if t.Context().Err() != nil {
			t.Fatal("it never uses any")
		}
	}
	if after := used(hangs); after-before > 50*time.Millisecond {
		t.Errorf("one that waits used %v", after-before)
	}
}

func checkExec(t *testing.T, s suite) {
	c, heard := s.running(t, t.Context(), "hanging\n", "hang")
	for _, tc := range []struct {
		argv           []string
		code           int
		stdout, stderr string
	}{
		{[]string{s.program(), "echo", "a  b", "*"}, 0, "a  b *\n", ""},
		{[]string{s.program(), "complain", "7", "words"}, 7, "", "words\n"},
		{[]string{"workload", "line", "/proc/self/status", "CapEff"}, 0, "CapEff:\t" + capability.Of().Mask() + "\n", ""},
		{[]string{s.program(), "cat"}, 0, "", ""},
	} {
		var stdout, stderr bytes.Buffer
		exit, err := c.Exec(t.Context(), engine.Command{Argv: tc.argv, Stdout: &stdout, Stderr: &stderr})
		if err != nil || exit.Code != tc.code || stdout.String() != tc.stdout || stderr.String() != tc.stderr {
			t.Errorf("%q: %+v, %v, %q, %q", tc.argv, exit, err, stdout.String(), stderr.String())
		}
	}
	if exit, err := c.Exec(t.Context(), engine.Command{Argv: []string{"no-such-program"}}); err == nil && exit.Code != 127 && exit.Code != 126 {
		t.Errorf("a command that is not there: %+v", exit)
	}
	if err := c.Signal(t.Context(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := heard.all.String(); got != "hanging\n" {
		t.Errorf("the commands' output is among the workload's: %q", got)
	}
	if _, err := c.Exec(t.Context(), engine.Command{Argv: []string{s.program(), "exit", "0"}}); err == nil {
		t.Error("a command ran in a container that has ended")
	}
}

func checkExecGivenUp(t *testing.T, s suite) {
	c, _ := s.running(t, t.Context(), "hanging\n", "hang")
	ctx, cancel := context.WithCancel(t.Context())
	heard := listenFor("hanging\n")
	go func() {
		<-heard.word
		cancel()
	}()
	if _, err := c.Exec(ctx, engine.Command{Argv: []string{s.program(), "hang"}, Stdout: heard}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if err := c.Signal(t.Context(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func checkFileCapabilities(t *testing.T, s suite) {
	w := s.spec("exit", "0")
	w.Options = w.Options.Set("workdir", s.at("/seed"))
	c := create(t, s.open(t), w, engine.Conditions{})
	look := func(when string) {
		t.Helper()
		for path, want := range map[string]capability.Set{
			s.at("/with-capabilities"):    capability.Of(capability.NetRaw),
			s.at("/link"):                 capability.Of(capability.NetRaw),
			s.at("/seed/absolute-link"):   capability.Of(capability.NetRaw),
			"absolute-link":               capability.Of(capability.NetRaw),
			"../with-capabilities":        capability.Of(capability.NetRaw),
			s.program():                   0,
			"/etc":                        0,
			s.at("/dangling"):             0,
			s.at("/circle"):               0,
			"/no/such/file":               0,
			s.program() + "/below-a-file": 0,
		} {
			if s.LostLinks != "" && strings.HasSuffix(path, "absolute-link") {
				want = 0
			}
			if got, err := c.FileCapabilities(t.Context(), path); err != nil || got != want {
				t.Errorf("%s, %s: %s, %v; want %s", path, when, got, err, want)
			}
		}
	}
	look("before the run")
	if _, err := engine.Run(t.Context(), c, engine.Stdio{}); err != nil {
		t.Fatal(err)
	}
	look("after the run")
}

func checkCgroups(t *testing.T, s suite) {
	e := s.open(t)
	first, second := create(t, e, s.spec("exit", "0"), engine.Conditions{}), create(t, e, s.spec("exit", "0"), engine.Conditions{})
	if first.Cgroup() == second.Cgroup() || first.Cgroup().Name == "" || first.ID() == second.ID() || first.ID() == "" {
		t.Errorf("two containers: %s in %q, %s in %q", first.ID(), first.Cgroup().Name, second.ID(), second.Cgroup().Name)
	}
}

func checkSideBySide(t *testing.T, s suite) {
	e := s.open(t)
	var all sync.WaitGroup
	for i := range 3 {
		c := create(t, e, s.spec("echo", fmt.Sprint(i)), engine.Conditions{})
		all.Go(func() {
			var stdout bytes.Buffer
			if exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout}); err != nil || exit.Code != 0 || stdout.String() != fmt.Sprintln(i) {
				t.Errorf("container %d: %q, %+v, %v", i, stdout.String(), exit, err)
			}
		})
	}
	all.Wait()
}

func checkRemoval(t *testing.T, s suite) {
	c, _ := s.running(t, t.Context(), "hanging\n", "hang")
	for _, time := range []string{"running", "gone"} {
		if err := c.Remove(t.Context()); err != nil {
			t.Errorf("removing what is %s: %v", time, err)
		}
	}
	if s.Exists(t, c.ID()) {
		t.Error("it is still there")
	}
	// That it has gone is our own doing.
	if _, err := c.Wait(t.Context()); errors.As(err, new(*engine.EndedByOthersError)) {
		t.Error(err)
	}
}

func checkLeftovers(t *testing.T, s suite) {
	living := create(t, s.open(t), s.spec("exit", "0"), engine.Conditions{})
	dead := s.Orphan(t)
	defer dead.Close()
	created := create(t, dead, s.spec("exit", "0"), engine.Conditions{})
	heard := listenFor("hanging\n")
	running := create(t, dead, s.spec("hang"), engine.Conditions{})
	if err := running.Start(t.Context(), engine.Stdio{Stdout: heard}); err != nil {
		t.Fatal(err)
	}
	names, err := s.open(t).RemoveLeftovers(t.Context())
	if err != nil || len(names) < 2 {
		t.Fatalf("removed %q, %v", names, err)
	}
	for id, want := range map[string]bool{created.ID(): false, running.ID(): false, living.ID(): true} {
		if got := s.Exists(t, id); got != want {
			t.Errorf("container %.12s: there %v, want %v", id, got, want)
		}
	}
	again, err := s.open(t).RemoveLeftovers(t.Context())
	if err != nil || slices.ContainsFunc(again, func(name string) bool { return slices.Contains(names, name) }) {
		t.Errorf("a second time: %q, %v", again, err)
	}
}

func checkEnded(t *testing.T, s suite) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := s.open(t)
	if _, err := e.Prepare(ctx, s.spec("exit", "0"), io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("prepare: %v", err)
	}
	subject, err := e.Prepare(t.Context(), s.spec("hang"), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := subject.Create(ctx, engine.Conditions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("create: %v", err)
	}
	if left := s.Left(t, e); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	c := create(t, e, s.spec("hang"), engine.Conditions{})
	if err := c.Start(ctx, engine.Stdio{}); !errors.Is(err, context.Canceled) {
		t.Errorf("start: %v", err)
	}
	if _, err := c.Exec(ctx, engine.Command{Argv: []string{s.program(), "exit", "0"}}); err == nil {
		t.Error("a command ran in a container that was not started")
	}
}

func checkEnds(t *testing.T, s suite) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	c, heard := s.running(t, ctx, "hanging\n", "hang")
	cancel(cause)
	if _, err := engine.WaitOrKill(ctx, c); !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause of the context's end", err)
	}
	if got := heard.all.String(); got != "hanging\n" {
		t.Errorf("output %q", got)
	}
	if _, err := c.Exec(t.Context(), engine.Command{Argv: []string{s.program(), "exit", "0"}}); err == nil {
		t.Error("the container still runs")
	}
}
