package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

// TestNoTrace finds the same sets by removal alone.
func TestNoTrace(t *testing.T) {
	e := engineOf(t)
	for _, name := range []string{"op-nothing", "op-staged", "op-kill", "redis-gosu", "ping", "op-hostname"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := named(t, name)
			result, document := profiled(t, e, w, "--no-trace")
			result.expect(t, exitProven)
			if got, want := document.Capabilities.Required, setOf(t, w.want); got != want {
				t.Errorf("required: %s, want %s", got, want)
			}
			if document.Environment.Traced || document.Environment.Hook != "" {
				t.Errorf("the profile claims to be traced, by %q", document.Environment.Hook)
			}
			for _, r := range document.Requirements {
				if r.FoundBy != profile.FoundByRemoval {
					t.Errorf("%s was found by %q", r.Grant, r.FoundBy)
				}
			}
		})
	}
}

// TestNoProve stops at a confirmed set.
func TestNoProve(t *testing.T) {
	result, document := profiled(t, engineOf(t), named(t, "op-drop"), "--no-prove")
	result.expect(t, exitProven)
	if document.Verdict != profile.Confirmed {
		t.Errorf("verdict %q, want confirmed", document.Verdict)
	}
	for _, run := range document.Runs {
		if run.Purpose == profile.PurposeRemove {
			t.Errorf("run %d is a removal", run.Number)
		}
	}
}

// TestStrict counts a tolerated refusal as a need.
func TestStrict(t *testing.T) {
	result, document := profiled(t, engineOf(t), named(t, "tolerates"), "--strict")
	result.expect(t, exitProven)
	if got, want := document.Capabilities.Required, capability.Of(capability.Chown); got != want {
		t.Errorf("required: %s, want %s", got, want)
	}
}

// TestRunLimit ends incomplete where more runs would be needed.
func TestRunLimit(t *testing.T) {
	result, document := profiled(t, engineOf(t), named(t, "op-staged"), "--max-runs", "2")
	result.expect(t, exitIncomplete)
	if document.Verdict != profile.Incomplete {
		t.Errorf("verdict %q, want incomplete", document.Verdict)
	}
	if len(document.Runs) != 2 {
		t.Errorf("%d runs, want 2", len(document.Runs))
	}
}

// TestSameBytes: two profiles of a workload differ in nothing but meta.
func TestSameBytes(t *testing.T) {
	e := engineOf(t)
	for _, name := range []string{"op-staged", "redis-gosu", "tolerates-one", "mount-not-allowed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var texts []string
			for range 2 {
				_, document := profiled(t, e, named(t, name))
				document.Meta = profile.Meta{}
				text, err := json.MarshalIndent(document, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, string(text))
			}
			if texts[0] != texts[1] {
				t.Errorf("two profiles differ:\n%s", firstDifference(texts[0], texts[1]))
			}
		})
	}
}

// firstDifference shows where two texts part.
func firstDifference(a, b string) string {
	left, right := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(left), len(right)) {
		if left[i] != right[i] {
			from := max(0, i-3)
			return strings.Join(left[from:i], "\n") + "\n- " + left[i] + "\n+ " + right[i]
		}
	}
	return "one is longer"
}

// TestTogether: two capprofs at once each see their own container and no other's.
func TestTogether(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, scratch)
	cases := map[string]capability.Set{
		"chown":      capability.Of(capability.Chown),
		"raw-socket": capability.Of(capability.NetRaw),
		"chroot":     capability.Of(capability.SysChroot),
	}
	dir := t.TempDir()
	results := map[string]*running{}
	for operation := range cases {
		results[operation] = invocation{engine: e, args: []string{
			"run", "--network", "none", "-o", filepath.Join(dir, operation), image, "--", "/privop", "pause", "300", "+", operation,
		}}.start(t)
	}
	for operation, want := range cases {
		result := results[operation].wait(t)
		result.expect(t, exitProven)
		noContainersOf(t, e, result.pid)
		text, err := os.ReadFile(filepath.Join(dir, operation))
		if err != nil {
			t.Fatal(err)
		}
		document := decodeStrictly(t, text)
		if got := document.Capabilities.Required; got != want {
			t.Errorf("%s: required %s, want %s", operation, got, want)
		}
		if got := document.Capabilities.Tolerated; !got.Empty() {
			t.Errorf("%s: tolerated %s, which is another's", operation, got)
		}
	}
}

// TestMillionsOfChecks loses none of ten million refusals in one run.
func TestMillionsOfChecks(t *testing.T) {
	if testing.Short() {
		t.Skip("short: ten million system calls")
	}
	const checks = 10_000_000
	w := workload{name: "millions", image: scratch, command: privop("refused", fmt.Sprint(checks), "2"), allow: "SYS_NICE"}
	result, document := profiled(t, engineOf(t), w)
	result.expect(t, exitProven)
	if document.Losses != (profile.Losses{}) {
		t.Errorf("losses: %+v", document.Losses)
	}
	var counted uint64
	for _, denial := range document.Tolerated {
		if denial.Syscall == "setpriority" {
			counted += document.Meta.Count(denial.ID)
		}
	}
	if counted != checks {
		t.Errorf("counted %d refused calls, want %d", counted, checks)
	}
}

// TestOutputStreams: stdout carries the result, --log-dir keeps the workload's
// own output byte for byte, a run each.
func TestOutputStreams(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, scratch)
	logs := filepath.Join(t.TempDir(), "logs")
	result := invocation{engine: e, args: []string{
		"run", "--network", "none", "--log-dir", logs, image, "--", "/privop", "print", "20000",
	}}.run(t)
	result.expect(t, exitProven)
	if strings.Contains(result.stdout, "out 19999") || strings.Contains(result.stderr, "out 19999") {
		t.Error("the workload's output is shown without being asked for")
	}
	var want, got strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&want, "out %d\n", i)
	}
	entries, err := os.ReadDir(logs)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(logs, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found = found || string(text) == want.String()
		fmt.Fprintf(&got, "%s: %d bytes; ", entry.Name(), len(text))
	}
	if !found {
		t.Errorf("no log has the output byte for byte (%d bytes): %s", want.Len(), &got)
	}
}

// TestTerminal: -t gives the workload a terminal, and nothing else does.
func TestTerminal(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, debian)
	command := []string{image, "--", "bash", "-c", "test -t 1"}
	invocation{engine: e, args: append([]string{"run", "--network", "none", "-t"}, command...)}.run(t).expect(t, exitProven)
	invocation{engine: e, args: append([]string{"run", "--network", "none"}, command...)}.run(t).expect(t, exitFailed)
}

// TestReadOnlyRoot: what a read-only root refuses is named as that, and no
// capability is offered for it.
func TestReadOnlyRoot(t *testing.T) {
	keepsEngineClean(t)
	w := workload{image: debian, flags: []string{"--read-only"}, command: []string{"touch", "/file"}}
	result, document := profiled(t, engineOf(t), w)
	result.expect(t, exitFailed)
	named := slices.ContainsFunc(document.Failures, func(f profile.Failure) bool {
		return f.Errno == "EROFS" && f.Object == "/file" && strings.Contains(f.Cause, "read-only")
	})
	if !named || !document.Capabilities.BeyondAllowed.Empty() {
		t.Errorf("failures %+v, beyond what is allowed: %s", document.Failures, document.Capabilities.BeyondAllowed)
	}
}
