package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/testengine/testimage"
	"github.com/capprof/capprof/internal/truth/removal"
)

// bench is an engine with the image of the single operations.
func bench(t *testing.T) (*containers, string) {
	t.Helper()
	engine, err := testengine.System(t.Context())
	if err != nil {
		testengine.SkipOrFail(t, err)
	}
	c, i := newContainers(engine), newImages(engine, io.Discard)
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer stop()
		if err := errors.Join(c.close(ctx), i.remove(ctx)); err != nil {
			t.Error(err)
		}
	})
	if err := i.load(t.Context(), []imageName{scratch}); err != nil {
		testengine.SkipOrFail(t, err)
	}
	return c, i.loaded[scratch]
}

var isolated = []string{"--network", "none"}

func mustRun(t *testing.T, c *containers, image string, set capability.Set, command ...string) testengine.Outcome {
	t.Helper()
	o, err := c.run(t.Context(), image, isolated, command, set, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// What the engine will not grant is told by the engine, one capability at a time,
// and with them everything known is accounted for.
func TestGrantable(t *testing.T) {
	c, image := bench(t)
	g, err := c.tryAll(t.Context(), image)
	if err != nil {
		t.Fatal(err)
	}
	if !g.all.Contains(capability.DockerDefault) {
		t.Errorf("the engine grants {%s}, which lacks some of its own default", g.all)
	}
	accounted := g.all
	for capability, message := range g.refused {
		accounted = accounted.With(capability)
		if !strings.Contains(message, "capab") && !strings.Contains(message, "caps") {
			t.Errorf("%v is refused for another reason: %s", capability, message)
		}
	}
	if accounted != capability.Known() {
		t.Errorf("not accounted for: {%s}", capability.Known().Minus(accounted))
	}
}

// CAP_MAC_ADMIN and CAP_MAC_OVERRIDE do nothing where no security module asks for
// them: a label of Smack's is written by whoever may write any security
// attribute.
func TestNoCapabilityWithoutItsModule(t *testing.T) {
	if _, err := os.Stat("/proc/self/attr/smack"); err == nil {
		testengine.Skip(t, testengine.Unsettled, "Smack runs here and asks")
	}
	c, image := bench(t)
	if mustRun(t, c, image, of(capability.MACAdmin, capability.MACOverride), "/ops", "smack-label").Passed() {
		t.Error("the label was written without CAP_SYS_ADMIN")
	}
	if o := mustRun(t, c, image, of(capability.SysAdmin), "/ops", "smack-label"); !o.Passed() {
		t.Errorf("CAP_SYS_ADMIN does not suffice: %s", o.Tail)
	}
}

// CAP_BLOCK_SUSPEND shows only where the kernel can suspend, and there alone does
// it decide.
func TestBlockSuspendNeedsSuspend(t *testing.T) {
	c, image := bench(t)
	canSuspend := false
	if states, err := os.ReadFile("/sys/power/state"); err == nil {
		canSuspend = strings.TrimSpace(string(states)) != ""
	}
	o := mustRun(t, c, image, of(capability.BlockSuspend), "/ops", "block-suspend")
	if o.Passed() != canSuspend {
		t.Errorf("passed %t where the kernel can suspend: %t (%s)", o.Passed(), canSuspend, o.Tail)
	}
	if mustRun(t, c, image, 0, "/ops", "block-suspend").Passed() {
		t.Error("the flag is kept without the capability")
	}
}

// The search on an engine finds what is known of chown(2) and of reading another
// user's file, both ways.
func TestSearchOnEngine(t *testing.T) {
	c, image := bench(t)
	few := of(capability.Chown, capability.DACOverride, capability.DACReadSearch, capability.Kill)
	for _, oneByOne := range []bool{false, true} {
		got, err := removal.New(few, func(ctx context.Context, set capability.Set) (bool, error) {
			o, err := c.run(ctx, image, isolated, []string{"/privop", "chown", "+", "read-other"}, set, time.Minute)
			return o.Passed(), err
		}, removal.Options{OneByOne: oneByOne}).Find(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := []capability.Set{
			of(capability.Chown, capability.DACOverride), of(capability.Chown, capability.DACReadSearch),
		}
		if !slices.Equal(got.Sets, want) {
			t.Errorf("one by one %t: found %v, want %v", oneByOne, got.Sets, want)
		}
	}
}

// A workload that ends with docker run's own exit code is not taken for an engine that
// refuses, nor the other way round.
func TestExitCodeOfTheEngine(t *testing.T) {
	c, image := bench(t)
	if o := mustRun(t, c, image, 0, "/privop", "exit", "125"); o.Passed() || o.Code != testengine.EngineFailed {
		t.Errorf("%+v", o)
	}
	_, err := c.run(t.Context(), image, []string{"--network", "nowhere"}, []string{"/privop", "nothing"}, 0, time.Minute)
	if _, refused := errors.AsType[*testengine.RefusedError](err); !refused {
		t.Errorf("err = %v", err)
	}
}

// A run that hangs ends at its limit and leaves no container.
func TestStuckRunsEnd(t *testing.T) {
	c, image := bench(t)
	o, err := c.run(t.Context(), image, isolated, []string{"/privop", "block"}, 0, 3*time.Second)
	if err != nil || o.Passed() || !o.Stuck {
		t.Fatalf("%+v, %v", o, err)
	}
	left, err := c.engine.LeftRuns(t.Context())
	if err != nil || len(left) != 0 {
		t.Errorf("containers left: %v, %v", left, err)
	}
}

// Every operation that the cases name is one that the programs have: a misspelt
// one would fail with every set and pass for one that no capability fixes.
func TestOperationsExist(t *testing.T) {
	c, image := bench(t)
	all, err := cases()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for _, program := range []string{"/ops", "/privop", "/capable-ops", "/port-ops", "/root-ops"} {
		if path.Base(program) != "ops" && strings.HasSuffix(program, "ops") {
			// The same program, with file capabilities or the setuid bit.
			known[program] = known["/ops"]
			continue
		}
		known[program] = mustRun(t, c, image, 0, program).Tail + " "
	}
	for _, k := range all {
		commands := [][]string{k.command}
		for _, fix := range k.remedies {
			if fix.command != nil {
				commands = append(commands, fix.command)
			}
		}
		for _, command := range commands {
			if k.script != "" || len(command) == 0 || !strings.HasPrefix(command[0], "/") {
				continue
			}
			for i, word := range command[1:] {
				if (i == 0 || command[i] == "+") && !strings.Contains(known[command[0]], " "+word+" ") {
					t.Errorf("%s: %s has no operation %q", k.title(), command[0], word)
				}
			}
		}
	}
}

// What no errno and no check in the call shows is explained by the trace all the
// same, in the four or five runs that one capability takes.
func TestHiddenNeedsAreExplained(t *testing.T) {
	c, image := bench(t)
	program, err := testimage.Build(t.Context(), "github.com/capprof/capprof/cmd/capprof")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "capprof")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := newSubject(path, c.engine.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	for _, k := range slices.Concat(operationCases(), trapCases) {
		switch k.name {
		case "silent-loss-unnoticed":
			t.Run(k.name, func(t *testing.T) {
				a, err := s.profile(t.Context(), image, slices.Concat(isolated, k.flags), k.command, k)
				if err != nil {
					t.Fatal(err)
				}
				// The run with everything allowed tells that it is no service; it is made again
				// where the engine refuses a part of everything.
				if !a.set.Empty() || a.runs > 3 || a.lost != of(capability.FSetID) {
					t.Errorf("{%s} in %d runs, {%s} lost", a.set, a.runs, a.lost)
				}
			})
		case "choose-pid", "capset-inheritable", "ring-completion", "ring-completion-by-worker":
			t.Run(k.name, func(t *testing.T) {
				a, err := s.profile(t.Context(), image, slices.Concat(isolated, k.flags), k.command, k)
				if err != nil {
					t.Fatal(err)
				}
				// An io_uring may listen, so the set is proven for other engines too: three
				// runs more.
				if a.set.Len() != 1 || a.runs > 7 || !a.byRemoval.Empty() {
					t.Errorf("{%s} in %d runs, {%s} by removal alone", a.set, a.runs, a.byRemoval)
				}
			})
		}
	}
}
