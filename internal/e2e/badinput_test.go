package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBadInput gives capprof what it must refuse: each has its exit code and an
// error that says what is wrong, and no container is left behind.
func TestBadInput(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	image := imageOf(t, scratch)
	dir := t.TempDir()
	for _, tc := range []struct {
		name     string
		args     []string
		env      []string
		code     int
		mentions []string
	}{
		{name: "no image", args: []string{"run"}, code: exitUnfit, mentions: []string{"image"}},
		{name: "no command", args: []string{"run", image}, code: exitUnfit, mentions: []string{"command"}},
		{name: "only dashes", args: []string{"run", image, "--"}, code: exitUnfit, mentions: []string{"command"}},
		{name: "unknown flag", args: []string{"run", "--frobnicate", image, "/privop"}, code: exitUnfit, mentions: []string{"--frobnicate"}},
		{name: "unknown subcommand", args: []string{"frobnicate"}, code: exitUnfit, mentions: []string{"frobnicate"}},
		{name: "unknown format", args: []string{"run", "--format", "xml", image, "/privop", "nothing"}, code: exitUnfit, mentions: []string{"xml"}},
		{name: "unknown capability allowed", args: []string{"run", "--allow", "SYS_MAGIC", image, "/privop", "nothing"}, code: exitUnfit, mentions: []string{"SYS_MAGIC"}},
		{name: "unknown capability added", args: []string{"run", "--cap-add", "SYS_MAGIC", image, "/privop", "nothing"}, code: exitUnfit, mentions: []string{"SYS_MAGIC"}},
		{name: "timeout without unit", args: []string{"run", "--timeout", "ten", image, "/privop", "nothing"}, code: exitUnfit, mentions: []string{"timeout"}},
		{name: "no runs at all", args: []string{"run", "--max-runs", "0", image, "/privop", "nothing"}, code: exitUnfit, mentions: []string{"max-runs"}},
		{name: "expected exit out of range", args: []string{"run", "--expect-exit", "300", image, "/privop", "nothing"}, code: exitUnfit, mentions: []string{"expect-exit"}},
		{name: "bad volume", args: []string{"run", "-v", ":::", image, "/privop", "nothing"}, code: exitUnfit},
		{name: "bad network", args: []string{"run", "--network", "no-such-network", image, "/privop", "nothing"}, code: exitUnfit, mentions: []string{"no-such-network"}},
		{name: "bad user", args: []string{"run", "--user", "no-such-user", image, "/privop", "nothing"}, code: exitUnfit, mentions: []string{"no-such-user"}},
		{name: "bad image name", args: []string{"run", "UPPER::case", "true"}, code: exitUnfit, mentions: []string{"UPPER::case"}},
		{
			// Nothing listens there, so the answer does not depend on the network.
			name: "missing image", args: []string{"run", "localhost:1/capprof-test/missing:none", "true"},
			code: exitUnfit, mentions: []string{"localhost:1/capprof-test/missing:none"},
		},
		{
			name: "no engine", args: []string{"run", image, "/privop", "nothing"},
			env: []string{"DOCKER_HOST=unix:///nonexistent/docker.sock"}, code: exitUnfit,
			mentions: []string{"/nonexistent/docker.sock"},
		},
		{
			name: "remote engine", args: []string{"run", image, "/privop", "nothing"},
			env: []string{"DOCKER_HOST=tcp://127.0.0.1:1"}, code: exitUnfit, mentions: []string{"127.0.0.1:1"},
		},
		{
			name: "engine address of no kind", args: []string{"run", image, "/privop", "nothing"},
			env: []string{"DOCKER_HOST=gopher://x"}, code: exitUnfit, mentions: []string{"gopher"},
		},
		{name: "command not found", args: []string{"run", image, "/no-such-program"}, code: exitNotFound, mentions: []string{"/no-such-program"}},
		{name: "command not in the path", args: []string{"run", image, "no-such-program"}, code: exitNotFound, mentions: []string{"no-such-program"}},
		{name: "empty command", args: []string{"run", image, ""}, code: exitNotFound},
		{name: "command not executable", args: []string{"run", image, "/not-executable"}, code: exitCantExecute, mentions: []string{"/not-executable"}},
		{name: "command a directory", args: []string{"run", image, "/data"}, code: exitCantExecute, mentions: []string{"/data"}},
		{
			name: "profile into no directory", args: []string{"run", "-o", filepath.Join(dir, "none", "p.json"), image, "/privop", "nothing"},
			code: exitUnfit, mentions: []string{filepath.Join(dir, "none")},
		},
		{name: "profile onto a directory", args: []string{"run", "-o", dir, image, "/privop", "nothing"}, code: exitUnfit, mentions: []string{dir}},
		{
			name: "logs into a file", args: []string{"run", "--log-dir", "/proc/version", image, "/privop", "nothing"},
			code: exitUnfit, mentions: []string{"/proc/version"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			result := invocation{engine: e, args: tc.args, env: tc.env}.run(t)
			result.expect(t, tc.code)
			result.mentions(t, tc.mentions...)
			// A command that can't be run is a workload that fails, which is a result.
			if tc.code == exitUnfit && result.stdout != "" {
				t.Errorf("stdout carries %q", result.stdout)
			}
			if strings.TrimSpace(result.stderr) == "" {
				t.Error("stderr says nothing")
			}
		})
	}
}

// TestUnwritableOutputCostsNoRun: that the profile can't be kept is found out
// before the first container, not after the last.
func TestUnwritableOutputCostsNoRun(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, scratch)
	seen := watch(t, e, patience, "type=container")
	running := invocation{engine: e, args: []string{"run", "-o", "/proc/none/p.json", image, "/privop", "chown"}}.start(t)
	pid := running.cmd.Process.Pid
	running.wait(t).expect(t, exitUnfit)
	// A container of this test's own marks the end of what there is to see.
	marker, err := e.Output(t.Context(), "create", "--label", ownerLabel+"=marker/0/", image, "/privop")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := e.Output(t.Context(), "rm", marker); err != nil {
			t.Error(err)
		}
	}()
	for line := range seen.lines {
		if strings.Contains(line, marker) {
			return
		}
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		if owner, err := ownerPID(fields[3]); err == nil && owner == pid {
			t.Errorf("capprof made a container: %s", line)
		}
	}
	t.Error("the event stream ended early")
}

// TestBadBaseline gives check and diff profiles that they must not believe.
func TestBadBaseline(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, scratch)
	good := filepath.Join(t.TempDir(), "good.json")
	invocation{engine: e, args: []string{"run", "--network", "none", "-o", good, image, "/privop", "chown"}}.
		run(t).expect(t, exitProven)
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, with string) string {
		if !strings.Contains(string(text), old) {
			t.Fatalf("the profile has no %q", old)
		}
		return strings.Replace(string(text), old, with, 1)
	}
	for _, tc := range []struct {
		name, content string
		mentions      []string
	}{
		{name: "empty", content: ""},
		{name: "not JSON", content: "capabilities: [CHOWN]\n"},
		{name: "truncated", content: string(text[:len(text)/2])},
		{name: "an array", content: "[]"},
		{name: "null", content: "null"},
		{name: "no version", content: `{"verdict":"proven"}`, mentions: []string{"version"}},
		{name: "two documents", content: string(text) + string(text)},
		{name: "newer version", content: replaced(`"schemaVersion": "2.2"`, `"schemaVersion": "3.0"`), mentions: []string{"written by a newer capprof", "3.0"}},
		{name: "unknown capability", content: replaced(`"CAP_CHOWN"`, `"CAP_MAGIC"`), mentions: []string{"MAGIC"}},
		{name: "unknown verdict", content: replaced(`"proven"`, `"maybe"`), mentions: []string{"maybe"}},
		{name: "binary", content: "\x7fELF\x02\x01\x01\x00\x00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "bad.json")
			if err := os.WriteFile(bad, []byte(tc.content), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"diff", bad, good},
				{"diff", good, bad},
				{"check", "--baseline", bad},
				{"check", "--baseline", bad, image, "--", "/privop", "chown"},
			} {
				result := invocation{engine: e, args: args}.run(t)
				result.expect(t, exitError)
				result.mentions(t, append(tc.mentions, "bad.json")...)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		missing := filepath.Join(t.TempDir(), "missing.json")
		for _, args := range [][]string{{"diff", missing, good}, {"check", "--baseline", missing}} {
			result := invocation{engine: e, args: args}.run(t)
			result.expect(t, exitError)
			result.mentions(t, "missing.json")
		}
	})
	t.Run("usage", func(t *testing.T) {
		for _, args := range [][]string{{"diff"}, {"diff", good}, {"diff", good, good, good}, {"check"}, {"check", "--frobnicate"}} {
			invocation{engine: e, args: args}.run(t).expect(t, exitUnfit)
		}
	})
}
