package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// service is a run of the test program in the image of a service.
func (s suite) service(args ...string) workload.Spec {
	return s.of(s.Service, args...)
}

// start starts a container and returns when it has said a word. The test's end ends it.
func start(t testing.TB, c engine.Container, word string) {
	t.Helper()
	heard := listenFor(word)
	if err := c.Start(t.Context(), engine.Stdio{Stdout: heard}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-heard.word:
	case <-time.After(time.Minute):
		t.Fatalf("it has not said %q", word)
	}
}

// end kills a container and waits for its end.
func end(t testing.TB, c engine.Container) {
	t.Helper()
	if err := c.Signal(t.Context(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit, err := c.Wait(t.Context()); err != nil || exit != (engine.Exit{Code: 137, Signalled: true}) {
		t.Fatalf("%+v, %v; want 137 by our own signal", exit, err)
	}
}

// do runs a further command, which must succeed.
func do(t testing.TB, c engine.Container, argv ...string) {
	t.Helper()
	if exit, err := c.Exec(t.Context(), engine.Command{Argv: argv}); err != nil || exit.Code != 0 {
		t.Fatalf("%q: %+v, %v", argv, exit, err)
	}
}

// identity is what a workload is resolved to.
func (s suite) identity(t testing.TB) func(w workload.Spec) engine.Identity {
	return func(w workload.Spec) engine.Identity {
		t.Helper()
		subject, err := s.open(t).Prepare(t.Context(), w, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		return subject.Identity()
	}
}

func checkLife(t *testing.T, s suite) {
	identity := s.identity(t)
	plain := identity(s.spec("exit", "0"))
	if plain.Healthcheck || plain.StopSignal != syscall.SIGTERM || plain.StopTimeout != 10*time.Second {
		t.Errorf("an image that says nothing of it: %+v", plain)
	}
	of := identity(s.service("exit", "0"))
	if !of.Healthcheck || of.StopSignal != 37 || of.StopTimeout != 10*time.Second {
		t.Errorf("a service's image: %+v", of)
	}
	for _, tc := range []struct {
		option, value string
		checked       bool
		signal        syscall.Signal
		timeout       time.Duration
	}{
		{"stop-signal", "USR1", true, syscall.SIGUSR1, 10 * time.Second},
		{"stop-signal", "34", true, 34, 10 * time.Second},
		{"stop-timeout", "3", true, 37, 3 * time.Second},
		{"stop-timeout", "0", true, 37, 0},
		{"stop-timeout", "-1", true, 37, -time.Second}, // for ever
		{"no-healthcheck", "true", false, 37, 10 * time.Second},
		{"health-cmd", "true", true, 37, 10 * time.Second},
		{"health-interval", "1s", true, 37, 10 * time.Second},
	} {
		if tc.option == "no-healthcheck" && !s.hasImages() {
			continue // there is no check of an image's that it could take away
		}
		w := s.service("exit", "0")
		w.Options = w.Options.Set(tc.option, tc.value)
		if got := identity(w); got.Healthcheck != tc.checked || got.StopSignal != tc.signal || got.StopTimeout != tc.timeout {
			t.Errorf("--%s %s: %+v", tc.option, tc.value, got)
		}
	}
	w := s.spec("exit", "0")
	for option, want := range map[string]bool{"health-cmd": true, "health-interval": false} {
		w.Options = s.spec().Options.Set(option, "1s")
		if got := identity(w); got.Healthcheck != want {
			t.Errorf("--%s for an image without a health check: %+v", option, got)
		}
	}
}

func checkVolumes(t *testing.T, s suite) {
	identity := s.identity(t)
	w := s.service("exit", "0")
	w.Options = w.Options.Set("volume", "/more", "capprof-enginetest-named:/named:ro", "/etc:/bound").Set("tmpfs", "/gone")
	got := identity(w).Volumes
	want := []engine.Volume{
		{Target: "/bound", Source: "/etc", Kind: engine.BindMount},
		{Target: "/data", Kind: engine.AnonymousVolume},
		{Target: "/more", Kind: engine.AnonymousVolume},
		{Target: "/named", Source: "capprof-enginetest-named", Kind: engine.NamedVolume, ReadOnly: true},
		{Target: "/seed", Kind: engine.AnonymousVolume},
	}
	if !slices.Equal(got, want) {
		t.Errorf("volumes %+v, want %+v", got, want)
	}
	w.Options = w.Options.Set("volume", "capprof-enginetest-named:/data").Set("tmpfs", "/seed")
	if got, want := identity(w).Volumes, []engine.Volume{{Target: "/data", Source: "capprof-enginetest-named", Kind: engine.NamedVolume}}; !slices.Equal(got, want) {
		t.Errorf("volumes %+v, want %+v", got, want)
	}
}

func checkStartAgain(t *testing.T, s suite) {
	c := create(t, s.open(t), s.spec("again", "/note"), engine.Conditions{})
	id, cgroup := c.ID(), c.Cgroup()
	for n := 1; n <= 3; n++ {
		var stdout bytes.Buffer
		exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout})
		if err != nil || exit != (engine.Exit{Code: n}) || stdout.String() != fmt.Sprintf("start %d\n", n) {
			t.Errorf("start %d: %q, %+v, %v", n, stdout.String(), exit, err)
		}
	}
	if c.ID() != id || c.Cgroup() != cgroup {
		t.Errorf("%s in %q became %s in %q", id, cgroup, c.ID(), c.Cgroup())
	}
	running, _ := s.running(t, t.Context(), "hanging\n", "hang")
	if err := running.Start(t.Context(), engine.Stdio{}); err == nil {
		t.Error("what runs was started")
	}
	end(t, running)
}

func checkStartErrorAgain(t *testing.T, s suite) {
	c := create(t, s.open(t), s.spec("remove", s.program()), engine.Conditions{})
	if exit, err := engine.Run(t.Context(), c, engine.Stdio{}); err != nil || exit != (engine.Exit{}) {
		t.Fatalf("%+v, %v", exit, err)
	}
	for _, when := range []string{"second", "third"} {
		_, err := engine.Run(t.Context(), c, engine.Stdio{})
		if failure, ok := errors.AsType[*engine.StartError](err); !ok || failure.Code != 127 {
			t.Errorf("the %s start: %v, want a start error with 127", when, err)
		}
	}
}

// A signal that capprof sent to one start says nothing of the end of another.
func checkSignalsAgain(t *testing.T, s suite) {
	c := create(t, s.open(t), s.spec("obey"), engine.Conditions{})
	for range 2 {
		start(t, c, "obeying\n")
		if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if exit, err := c.Wait(t.Context()); err != nil || exit != (engine.Exit{Signalled: true}) {
			t.Errorf("%+v, %v; want exit 0 by our own signal", exit, err)
		}
	}
	start(t, c, "obeying\n")
	end(t, c)
	start(t, c, "obeying\n")
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(t.Context()); errors.As(err, new(*engine.EndedByOthersError)) {
		t.Error(err)
	}
	if err := c.Start(t.Context(), engine.Stdio{}); err == nil {
		t.Error("what was removed was started")
	}
	again := create(t, s.open(t), s.spec("again", "/note"), engine.Conditions{})
	for n := 1; n <= 2; n++ {
		if exit, err := engine.Run(t.Context(), again, engine.Stdio{}); err != nil || exit.Signalled {
			t.Errorf("start %d: %+v, %v", n, exit, err)
		}
		if err := again.Signal(t.Context(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
}

func checkExecPrivileged(t *testing.T, s suite) {
	c, _ := s.running(t, t.Context(), "hanging\n", "hang")
	var stdout bytes.Buffer
	exit, err := c.Exec(t.Context(), engine.Command{
		Argv: []string{s.program(), "line", "/proc/self/status", "CapEff"}, Stdout: &stdout, Privileged: true,
	})
	if refused, ok := errors.AsType[*engine.RefusedError](err); ok {
		// An engine that is confined itself. It holds what it grants by default.
		if refused.Refused.Intersect(capability.DockerDefault) != 0 || stdout.Len() != 0 {
			t.Errorf("%v, %q", err, stdout.String())
		}
		return
	}
	if err != nil || exit.Code != 0 {
		t.Fatalf("%+v, %v", exit, err)
	}
	mask, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(stdout.String(), "CapEff:")), 16, 64)
	if held := capability.Set(mask); err != nil || !held.Contains(capability.DockerDefault.With(capability.SysAdmin)) {
		t.Errorf("it holds %q (%s), %v", stdout.String(), held, err)
	}
}

func checkExecEnds(t *testing.T, s suite) {
	c, _ := s.running(t, t.Context(), "hanging\n", "hang")
	heard, gone := listenFor("hanging\n"), make(chan error, 1)
	go func() {
		exit, err := c.Exec(t.Context(), engine.Command{Argv: []string{s.program(), "hang"}, Stdout: heard})
		if err == nil && exit.Code == 137 {
			err = engine.ErrNotRunning
		}
		gone <- err
	}()
	<-heard.word
	end(t, c)
	if err := <-gone; !errors.Is(err, engine.ErrNotRunning) {
		t.Errorf("error %v, want 137 or that the container does not run", err)
	}
}

func checkHealth(t *testing.T, s suite) {
	c := create(t, s.open(t), s.service("hang"), engine.Conditions{})
	start(t, c, "hanging\n")
	do(t, c, s.program(), "write", Health, "yes")
	for _, when := range []string{"awaited", "known"} {
		if healthy, err := c.Healthy(t.Context()); err != nil || !healthy {
			t.Errorf("%s: %v, %v", when, healthy, err)
		}
	}
	sick := create(t, s.open(t), s.service("hang"), engine.Conditions{})
	start(t, sick, "hanging\n")
	for _, when := range []string{"awaited", "known"} {
		if healthy, err := sick.Healthy(t.Context()); err != nil || healthy {
			t.Errorf("%s, of one that is not healthy: %v, %v", when, healthy, err)
		}
	}
}

func checkNoHealth(t *testing.T, s suite) {
	none, _ := s.running(t, t.Context(), "hanging\n", "hang")
	if healthy, err := none.Healthy(t.Context()); err == nil || healthy {
		t.Errorf("without a health check: %v, %v", healthy, err)
	}
	w := s.service("hang")
	slow := create(t, s.open(t), w, engine.Conditions{})
	start(t, slow, "hanging\n")
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	go func() {
		_, err := slow.Healthy(ctx)
		answer <- err
	}()
	cancel()
	if err := <-answer; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	dying := create(t, s.open(t), s.service("hang"), engine.Conditions{})
	start(t, dying, "hanging\n")
	go func() {
		_, err := dying.Healthy(t.Context())
		answer <- err
	}()
	end(t, dying)
	if err := <-answer; !errors.Is(err, engine.ErrNotRunning) {
		t.Errorf("error %v, want that the container does not run", err)
	}
}

// What the health check said of one start says nothing of the next.
func checkHealthAgain(t *testing.T, s suite) {
	c := create(t, s.open(t), s.service("hang"), engine.Conditions{})
	start(t, c, "hanging\n")
	do(t, c, s.program(), "write", Health, "yes")
	if healthy, err := c.Healthy(t.Context()); err != nil || !healthy {
		t.Fatalf("%v, %v", healthy, err)
	}
	do(t, c, s.program(), "remove", Health)
	end(t, c)
	start(t, c, "hanging\n")
	if healthy, err := c.Healthy(t.Context()); err != nil || healthy {
		t.Errorf("the second start: %v, %v", healthy, err)
	}
}
