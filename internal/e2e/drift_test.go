package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// TestDrift profiles two versions of a workload and compares them, by file and
// in one go.
func TestDrift(t *testing.T) {
	e := engineOf(t)
	image := imageOf(t, scratch)
	dir := t.TempDir()
	profileOf := func(name string, command ...string) string {
		path := filepath.Join(dir, name+".json")
		args := append([]string{"run", "--network", "none", "-o", path, image, "--"}, command...)
		invocation{engine: e, args: args}.run(t).expect(t, exitProven)
		return path
	}
	one := profileOf("one", privop("chown")...)
	same := profileOf("same", privop("chown")...)
	more := profileOf("more", privop("chown", "+", "mknod")...)

	diff := func(code int, args ...string) ended {
		t.Helper()
		result := invocation{engine: e, args: append([]string{"diff"}, args...)}.run(t)
		result.expect(t, code)
		return result
	}
	diff(0, one, same)
	if out := diff(exitDrift, one, more).stdout; !strings.Contains(out, "+CAP_MKNOD") {
		t.Errorf("diff does not name +CAP_MKNOD:\n%s", out)
	}
	if out := diff(exitDrift, more, one).stdout; !strings.Contains(out, "-CAP_MKNOD") {
		t.Errorf("diff does not name -CAP_MKNOD:\n%s", out)
	}
	for _, format := range []string{"json", "sarif"} {
		if out := diff(exitDrift, "--format", format, one, more).stdout; !json.Valid([]byte(out)) {
			t.Errorf("--format %s is no JSON:\n%s", format, out)
		}
	}
	if out := diff(exitDrift, "--format", "markdown", one, more).stdout; !strings.Contains(out, "CAP_MKNOD") {
		t.Errorf("--format markdown does not name CAP_MKNOD:\n%s", out)
	}

	check := func(code int, args ...string) ended {
		t.Helper()
		result := invocation{engine: e, args: append([]string{"check"}, args...)}.run(t)
		result.expect(t, code)
		return result
	}
	check(0, "--baseline", one) // image and command from the baseline
	drifted := check(exitDrift, append([]string{"--baseline", one, image, "--"}, privop("chown", "+", "mknod")...)...)
	if !strings.Contains(drifted.stdout, "+CAP_MKNOD") {
		t.Errorf("check does not name +CAP_MKNOD:\n%s", drifted.stdout)
	}
	// A workload that cannot be profiled is an error, never "no drift".
	check(exitError, append([]string{"--baseline", one, image, "--"}, privop("exit", "3")...)...)
}
