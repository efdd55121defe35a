package docker

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

func TestCommandsThatCannotStart(t *testing.T) {
	for _, tc := range []struct {
		name       string
		command    string
		tty        bool
		code       int
		permission bool
	}{
		{"not in the path", "no-such-program", false, 127, false},
		{"no such file", "/no/such/program", false, 127, false},
		{"not executable", "/not-executable", false, 126, true},
		{"a directory", "/etc", false, 126, true},
		{"unknown format", "/bad-format", false, 126, false},
		{"missing interpreter", "/bad-interpreter", false, 127, false},
		{"file capabilities outside of the bounding set", "/with-capabilities", false, 126, true},
		{"the same by its name", "with-capabilities", false, 126, true},
		{"the same on a terminal", "with-capabilities", true, 126, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := runIt(t, workload.Spec{Options: workload.Options{}.Set("entrypoint", tc.command).Set("tty", strconv.FormatBool(tc.tty))}, nil)
			var failure *engine.StartError
			if !errors.As(got.err, &failure) {
				t.Fatalf("exit %d, error %v; want a start error", got.exit.Code, got.err)
			}
			// runc tests the mode of a directory before it notices what it is, so both
			// of docker's reasons give 126.
			if failure.Code != tc.code || failure.Permission != tc.permission {
				t.Fatalf("code %d, permission %v; want %d, %v (%v)", failure.Code, failure.Permission, tc.code, tc.permission, failure)
			}
		})
	}
	t.Run("and can with the capability", func(t *testing.T) {
		c := create(t, newEngine(t), workload.Spec{Command: []string{"exit", "3"}, Options: workload.Options{}.Set("entrypoint", "/with-capabilities")}, capability.Of(capability.NetRaw))
		if exit, err := engine.Run(t.Context(), c, engine.Stdio{}); err != nil || exit.Code != 3 {
			t.Fatalf("exit %d, %v", exit.Code, err)
		}
	})
}

// A program's own words are not the runtime's, however alike they look.
func TestAProgramMayComplainLikeARuntime(t *testing.T) {
	for name, complaint := range map[string]string{
		"about another program": "exec /usr/bin/other: operation not permitted",
		"in the old form":       "exec /workload failed: operation not permitted",
	} {
		t.Run(name, func(t *testing.T) {
			got := runIt(t, workload.Spec{Command: []string{"complain", "1", complaint}}, nil)
			if got.err != nil || got.exit.Code != 1 || got.stderr != complaint+"\n" {
				t.Fatalf("exit %d, %v, %q", got.exit.Code, got.err, got.stderr)
			}
		})
	}
}

func TestExecFailureForms(t *testing.T) {
	for _, tc := range []struct {
		name, stderr, stdout, command string
		exit, code                    int
	}{
		{"runc 1.1", "exec /usr/bin/ping: operation not permitted\n", "", "ping", 1, 126},
		{"runc 1.2", "exec /usr/bin/ping: permission denied\n", "", "/usr/bin/ping", 255, 126},
		{"runc 1.0", "standard_init_linux.go:228: exec user process caused: no such file or directory\n", "", "/run", 1, 127},
		{"runc rc", "standard_init_linux.go:211: exec user process caused \"exec format error\"\n", "", "/run", 1, 126},
		{"crun", "exec container process `/bin/ping`: Operation not permitted\n", "", "/bin/ping", 1, 126},
		{"more on stderr", "exec /ping: operation not permitted\nmore\n", "", "/ping", 1, 0},
		{"something on stdout", "exec /ping: operation not permitted\n", "x", "/ping", 1, 0},
		{"an unfinished line", "exec /ping: operation not permitted", "", "/ping", 1, 0},
		{"another exit code", "exec /ping: operation not permitted\n", "", "/ping", 2, 0},
		{"success", "exec /ping: operation not permitted\n", "", "/ping", 0, 0},
		{"another program", "exec /ping: operation not permitted\n", "", "/pong", 1, 0},
		{"silence", "", "", "/ping", 1, 0},
		{"too much to be kept", "exec /" + strings.Repeat("x", beginningSize) + ": operation not permitted\n", "", "/ping", 1, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			seen := &head{}
			seen.stderr.add([]byte(tc.stderr))
			seen.stdout.add([]byte(tc.stdout))
			failure := execFailure(tc.exit, seen, tc.command)
			switch {
			case failure == nil && tc.code != 0:
				t.Fatalf("taken for an exit, want %d", tc.code)
			case failure != nil && failure.Code != tc.code:
				t.Fatalf("code %d, want %d: %v", failure.Code, tc.code, failure)
			}
		})
	}
}

func TestRefusedCapabilities(t *testing.T) {
	e := newEngine(t)
	unknown := capability.Max
	_, err := tryCreate(t.Context(), e, workload.Spec{Image: suite(t).image}, capability.Of(capability.Chown, unknown))
	var no *engine.RefusedError
	if !errors.As(err, &no) || no.Refused != capability.Of(unknown) {
		t.Fatalf("error %v, want CAP_63 refused by name", err)
	}

	// A capability that the engine itself does not hold is refused at the start.
	held, known := e.boundingSet()
	missing := capability.Known().Minus(held).Minus(capability.Of(capability.BPF, capability.Perfmon, capability.CheckpointRestore))
	if !known || missing.Empty() {
		t.Log("the engine holds every capability: no refusal at the start to be had here")
		return
	}
	lacking := missing.Slice()[0]
	_, err = engine.Run(t.Context(), create(t, e, workload.Spec{}, capability.Of(lacking)), engine.Stdio{})
	if no = nil; !errors.As(err, &no) || !no.Refused.Empty() {
		t.Fatalf("starting with %s: %v, want an unnamed refusal", lacking, err)
	}
	if grantable, err := (&Subject{engine: e, identity: engine.Identity{ID: suite(t).image}}).Grantable(t.Context(), capability.Of(lacking)); err != nil || !grantable.Empty() {
		t.Fatalf("grantable of %s: %v, %v", lacking, grantable, err)
	}
}

func TestGrantableIsWhatStarts(t *testing.T) {
	e := newEngine(t)
	ask := capability.Known().With(capability.Max)
	grantable, err := (&Subject{engine: e, identity: engine.Identity{ID: suite(t).image}}).Grantable(t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if grantable.Has(capability.Max) || !grantable.Contains(capability.DockerDefault) {
		t.Fatalf("grantable %s", grantable)
	}
	c := create(t, e, workload.Spec{Command: []string{"line", "/proc/self/status", "CapBnd"}}, grantable)
	var stdout strings.Builder
	exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout})
	if err != nil || exit.Code != 0 {
		t.Fatalf("exit %d, %v", exit.Code, err)
	}
	if got := stdout.String(); got != "CapBnd:\t"+grantable.Mask()+"\n" {
		t.Fatalf("the container has %q, want %s", got, grantable.Mask())
	}
}

func TestRefusalForms(t *testing.T) {
	grant := capability.Of(capability.BPF, capability.Perfmon, capability.Chown)
	for message, want := range map[string]capability.Set{
		`Error response from daemon: invalid CapAdd: unknown capability: "CAP_BPF"`:                                          capability.Of(capability.BPF),
		`invalid CapAdd: capability not supported by your kernel or not available in the current environment: "CAP_PERFMON"`: capability.Of(capability.Perfmon),
		`unknown capability "CAP_BPF" to add`:     capability.Of(capability.BPF),
		`unknown capability: "CAP_SYS_ADMIN"`:     capability.Of(),
		`invalid mount config for type "bind": x`: capability.Of(),
	} {
		if got := refusedCapabilities(message, grant); got != want {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
}

func TestOptionsThatTheEngineRefuses(t *testing.T) {
	e := newEngine(t)
	for name, option := range map[string]workload.Setting{
		"security option":      {Name: "security-opt", Value: "nonsense=1"},
		"missing network":      {Name: "network", Value: "capprof-no-such-network"},
		"unknown user":         {Name: "user", Value: "capprof-nobody"},
		"relative working dir": {Name: "workdir", Value: "relative"},
		"volume name":          {Name: "volume", Value: "relative/path:/x"},
		"malformed volume":     {Name: "volume", Value: "a:b:c:d"},
		"missing device":       {Name: "device", Value: "/dev/capprof-no-such-device"},
		"malformed device":     {Name: "device", Value: "/dev/null:/dev/null:x"},
		"tmpfs option":         {Name: "tmpfs", Value: "/x:nonsense=1"},
		"sysctl of the host":   {Name: "sysctl", Value: "kernel.hostname2=x"},
		"missing sysctl":       {Name: "sysctl", Value: "net.capprof.nonsense=1"},
		"nameless variable":    {Name: "env", Value: "=value"},
		"missing profile":      {Name: "security-opt", Value: "seccomp=/no/such/file"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := tryCreate(t.Context(), e, workload.Spec{Image: suite(t).image}.With(option), capability.Of())
			if err == nil {
				defer func() {
					if err := c.Remove(t.Context()); err != nil {
						t.Error(err)
					}
				}()
				_, err = engine.Run(t.Context(), c, engine.Stdio{})
			}
			if !errors.Is(err, engine.ErrBadWorkload) {
				t.Fatalf("error %v, want a refusal of the options", err)
			}
		})
	}
}

func TestTheEnginesOwnProcesses(t *testing.T) {
	e := newEngine(t)
	pid := engineProcess(e.endpoint.socket())
	if processName(pid) != "dockerd" {
		t.Fatalf("process %d, %q, is taken for the engine", pid, processName(pid))
	}
	behind := containerdOf(pid)
	if processName(behind) != "containerd" {
		t.Fatalf("process %d, %q, is taken for its containerd", behind, processName(behind))
	}
	if engineProcess("/no/such/socket") != 0 {
		t.Error("an engine was found behind no socket")
	}
}
