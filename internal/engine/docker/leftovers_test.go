package docker

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

// noCancel is the test's context for its clean-up, by when its own has ended.
func noCancel(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }

func readFile(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// deadOwner is a process that has ended.
func deadOwner(t testing.TB) owner {
	t.Helper()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dead, err := currentOwner()
	if err != nil {
		t.Fatal(err)
	}
	dead.pid = cmd.Process.Pid
	if dead.started, err = startTime(dead.pid); err != nil {
		t.Fatal(err)
	}
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return dead
}

func TestLeftoversOfADeadCapprof(t *testing.T) {
	living := create(t, newEngine(t), workload.Spec{}, capability.Of())
	lost := newEngine(t)
	lost.owner = deadOwner(t)
	created := create(t, lost, workload.Spec{}, capability.Of())
	running := create(t, lost, workload.Spec{Command: []string{"hang"}}, capability.Of())
	if err := lost.api.ContainerStart(t.Context(), running.ID(), container.StartOptions{}); err != nil {
		t.Fatal(err)
	}

	names, err := newEngine(t).RemoveLeftovers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The engine may hold leftovers of others, which are rightly removed too.
	for _, want := range []string{"capprof-" + lost.session + "-1", "capprof-" + lost.session + "-2"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not among the removed %q", want, names)
		}
	}
	for id, want := range map[string]bool{created.ID(): false, running.ID(): false, living.ID(): true} {
		if _, err := lost.api.ContainerInspect(t.Context(), id); (err == nil) != want {
			t.Errorf("container %.12s: there %v, want %v (%v)", id, err == nil, want, err)
		}
	}
	again, err := newEngine(t).RemoveLeftovers(t.Context())
	if err != nil || slices.ContainsFunc(again, func(name string) bool { return strings.Contains(name, lost.session) }) {
		t.Errorf("a second time: %q, %v", again, err)
	}
}

func TestWhoIsGone(t *testing.T) {
	self, err := currentOwner()
	if err != nil {
		t.Fatal(err)
	}
	change := func(f func(*owner)) owner { o := self; f(&o); return o }
	for _, tc := range []struct {
		name          string
		owner         owner
		running, gone bool
	}{
		{"ourselves", self, true, false},
		{"a dead process", deadOwner(t), true, true},
		{"our PID used before us", change(func(o *owner) { o.started = "1" }), true, true},
		{"another machine", change(func(o *owner) { o.host = "elsewhere"; o.started = "1" }), false, false},
		{"another PID namespace", change(func(o *owner) { o.namespace = "pid:[1]"; o.started = "1" }), false, false},
		{"an earlier boot", change(func(o *owner) { o.boot = "earlier" }), false, true},
		{"an earlier boot, but running", change(func(o *owner) { o.boot = "earlier" }), true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			read, err := parseOwner(tc.owner.String())
			if err != nil || read != tc.owner {
				t.Fatalf("the label %q reads back as %+v, %v", tc.owner, read, err)
			}
			if got := read.gone(self, tc.running); got != tc.gone {
				t.Fatalf("gone %v, want %v", got, tc.gone)
			}
		})
	}
}

func FuzzParseOwner(f *testing.F) {
	for _, seed := range []string{"host/boot/pid:[1]/12/345", "", "////", "a/b/c/-1/e", "a/b/c/1/e/f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, label string) {
		read, err := parseOwner(label)
		if err != nil {
			return
		}
		again, err := parseOwner(read.String())
		if err != nil || again != read || strings.Count(label, "/") != 4 {
			t.Fatalf("%q reads as %+v, which reads as %+v, %v", label, read, again, err)
		}
	})
}
