package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/testengine"
)

// noEngine is where nobody listens: plain processes need no engine.
var noEngine = &testengine.Engine{Host: "unix:///nowhere/capprof-e2e.sock"}

// onHost runs capprof on plain processes, and checks that nothing of it is left.
func onHost(t testing.TB, args ...string) ended {
	t.Helper()
	needPlain(t)
	e := invocation{engine: noEngine, args: args}.start(t).wait(t)
	if strings.Contains(e.stderr, "goroutine ") {
		t.Errorf("capprof crashed:\n%s", e.stderr)
	}
	if left := plainLeft(t); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	return e
}

func needPlain(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "plain processes are made by root")
	}
}

// plainLeft are the cgroups of plain processes, and the directories of their volumes.
func plainLeft(t testing.TB) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "capprof-data-*"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), "capprof-plain-") {
			left = append(left, path)
		}
		return nil // a cgroup that has gone meanwhile
	})
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// testProgram builds the program of the engine's suite where every user can execute it.
func testProgram(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "capprof-e2e-host-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "workload")
	build := exec.Command("go", "build", "-o", program, "github.com/capprof/capprof/internal/engine/enginetest/program")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// profiledOnHost is the profile of plain processes, and what was said.
func profiledOnHost(t testing.TB, args ...string) (ended, profile.Document) {
	t.Helper()
	e := onHost(t, append([]string{"run", "--engine", "host", "--format", "json"}, args...)...)
	if e.stdout == "" {
		t.Fatalf("no profile, exit code %d\n%s", e.code, e.stderr)
	}
	return e, decodeStrictly(t, []byte(e.stdout))
}

// What plain processes need is found, explained and proven, and nothing of what the runs
// wrote is on the machine.
func TestHostOperations(t *testing.T) {
	needPlain(t)
	program := testProgram(t)
	file := filepath.Join("/var/tmp", fmt.Sprintf("capprof-e2e-%d", os.Getpid()))
	for name, tc := range map[string]struct {
		options, argv []string
		want          capability.Set
		call          string
	}{
		"nothing":          {nil, []string{"sh", "-c", "echo x > " + file + " && test $(cat " + file + ") = x"}, 0, ""},
		"an owner":         {nil, []string{"sh", "-c", "test ! -e " + file + " && touch " + file + " && chown 1:1 " + file}, capability.Of(capability.Chown), "chown"},
		"a device":         {nil, []string{"mknod", file, "c", "1", "3"}, capability.Of(capability.MkNod), "mknod"},
		"a low port":       {[]string{"--network", "none"}, []string{program, "serve", "tcp=127.0.0.1:80"}, capability.Of(capability.NetBindService), "bind"},
		"a user's":         {[]string{"--network", "none", "--user", "nobody"}, []string{program, "serve", "tcp=127.0.0.1:81"}, capability.Of(capability.NetBindService), "bind"},
		"no new privs":     {[]string{"--network", "none", "--user", "nobody", "--security-opt", "no-new-privileges"}, []string{program, "serve", "tcp=127.0.0.1:81"}, capability.Of(capability.NetBindService), "bind"},
		"another's file":   {[]string{"--user", "nobody"}, []string{"cat", "/etc/shadow"}, capability.Of(capability.DACOverride), "openat"},
		"a name of a host": {nil, []string{"sh", "-c", "hostname other || exec hostname other"}, capability.Of(capability.SysAdmin), "sethostname"},
	} {
		t.Run(name, func(t *testing.T) {
			e, d := profiledOnHost(t, append(append(tc.options, "--"), tc.argv...)...)
			e.expect(t, exitProven)
			if d.Capabilities.Required != tc.want || !d.Plain() || d.Workload.Image != (profile.Image{}) {
				t.Fatalf("%s, want %s: %+v", d.Capabilities.Required, tc.want, d.Workload)
			}
			for _, r := range d.Requirements {
				asked := slices.ContainsFunc(r.Denials, func(d profile.Denial) bool { return strings.Contains(d.Syscall, tc.call) })
				if r.FoundBy != profile.FoundByTrace || !asked || r.ProvenBy == 0 {
					t.Errorf("%s is explained by %+v", r.Grant, r)
				}
			}
		})
	}
	if _, err := os.Lstat(file); !os.IsNotExist(err) {
		t.Errorf("%s is on the machine: %v", file, err)
	}
}

// A service of systemd, from its unit to its drop-in, and what the drop-in gives is enough.
func TestHostUnit(t *testing.T) {
	needPlain(t)
	program := testProgram(t)
	const dir = "/run/systemd/system"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("capprof-e2e-%d.service", os.Getpid())
	unit := "[Service]\nUser=nobody\nRuntimeDirectory=capprof-e2e\nExecStartPre=/bin/sh -c 'echo x > $RUNTIME_DIRECTORY/x'\nExecStart=" + program + " serve tcp=127.0.0.1:83\nProtectHome=yes\n"
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
		_ = os.Remove(dir) // where it was made for this alone
		_ = os.Remove(filepath.Dir(dir))
	})
	e := onHost(t, "run", "--engine", "host", "--format", "systemd", "--unit", name)
	e.expect(t, exitProven)
	e.mentions(t, "this is not applied: ProtectHome=")
	want := "[Service]\nUser=nobody\nCapabilityBoundingSet=\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE\nAmbientCapabilities=\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"
	if !strings.HasSuffix(e.stdout, want) || !strings.Contains(e.stdout, "proven for "+name) {
		t.Errorf("the drop-in:\n%s", e.stdout)
	}
	if _, err := os.Stat("/run/capprof-e2e"); !os.IsNotExist(err) {
		t.Errorf("the service's directory is on the machine: %v", err)
	}
}

// An answer is checked again with what it was found with, without an engine being named.
func TestHostCheck(t *testing.T) {
	baseline := filepath.Join(t.TempDir(), "profile.json")
	onHost(t, "run", "--engine", "host", "-o", baseline, "--", "mknod", "/var/tmp/capprof-e2e-node", "c", "1", "3").expect(t, exitProven)
	onHost(t, "check", "--baseline", baseline).expect(t, 0)
	onHost(t, "check", "--baseline", baseline, "--", "true").expect(t, exitDrift)
}

func TestHostRefusals(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"run", "--engine", "host"}, exitUnfit, "nothing to run"},
		{[]string{"run", "--engine", "host", "--publish", "80", "--", "true"}, exitUnfit, "--publish cannot be had"},
		{[]string{"run", "--engine", "host", "--", "/no/such/program"}, exitNotFound, "no such file"},
		{[]string{"run", "--engine", "host", "--", "/etc/passwd"}, exitCantExecute, "permission denied"},
		{[]string{"run", "--engine", "nonsense", "--", "true"}, exitUnfit, "one of docker, podman, host"},
		{[]string{"run", "--unit", "ssh", "image"}, exitUnfit, "it is for plain processes: --engine host"},
		{[]string{"run", "image", "--", "true"}, exitUnfit, "--engine host -- COMMAND"},
		{[]string{"run", "--engine", "host", "--like", "container"}, exitUnfit, "plain processes are no containers"},
	} {
		e := onHost(t, tc.args...)
		if e.code != tc.code {
			t.Errorf("%q ended with %d, want %d\n%s", tc.args, e.code, tc.code, e.stderr)
		}
		e.mentions(t, tc.says)
	}
}

// An interrupted capprof removes all, and what a killed one leaves capprof clean removes.
func TestHostInterrupted(t *testing.T) {
	needPlain(t)
	for name, signal := range map[string]unix.Signal{"interrupted": unix.SIGINT, "killed": unix.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			said := filepath.Join(t.TempDir(), "said")
			if err := unix.Mkfifo(said, 0o600); err != nil {
				t.Fatal(err)
			}
			r := invocation{engine: noEngine, args: []string{
				"run", "--engine", "host", "--volume", filepath.Dir(said) + ":/mnt", "--", "sh", "-c", "echo up > /mnt/said; sleep 1000 & exec sleep 1000",
			}}.start(t)
			// It says that it runs.
			word := make(chan []byte, 1)
			go func() {
				text, _ := os.ReadFile(said)
				word <- text
			}()
			select {
			case text := <-word:
				if !bytes.Equal(text, []byte("up\n")) {
					t.Fatalf("%q", text)
				}
			case <-r.ctx.Done():
				t.Fatalf("it does not run: %s", r.stderr.String())
			}
			if len(plainLeft(t)) == 0 {
				t.Error("it has no cgroup, so this test shows nothing")
			}
			if err := r.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			e := r.wait(t)
			if signal == unix.SIGINT {
				e.expect(t, exitInterrupted)
			} else {
				cleaned := invocation{engine: noEngine, args: []string{"clean", "--engine", "host"}}.start(t).wait(t)
				cleaned.expect(t, 0)
				if !strings.Contains(cleaned.stdout, "capprof-plain-") {
					t.Errorf("clean removed %q", cleaned.stdout)
				}
			}
			if left := plainLeft(t); len(left) > 0 {
				t.Errorf("left behind: %q", left)
			}
			if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "pgrep", "-fx", "sleep 1000").Output(); err == nil && slices.ContainsFunc(strings.Fields(string(out)), ofPlain) {
				t.Errorf("its processes still run: %s", out)
			}
		})
	}
}

// ofPlain reports whether a process is in a cgroup of plain processes.
func ofPlain(pid string) bool {
	text, err := os.ReadFile(filepath.Join("/proc", pid, "cgroup"))
	return err == nil && strings.Contains(string(text), "/capprof-plain-")
}
