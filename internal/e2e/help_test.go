package e2e

import (
	"strings"
	"testing"
)

// TestHelp: what was asked for goes to stdout with exit code 0, and names what
// the documentation promises.
func TestHelp(t *testing.T) {
	e := engineOf(t)
	for _, tc := range []struct {
		args []string
		says []string
	}{
		{[]string{"--help"}, []string{"run", "check", "diff", "doctor", "clean", "version", "capprof run my-api:latest -- npm test"}},
		{[]string{"help"}, []string{"Usage"}},
		{[]string{"version"}, []string{"capprof"}},
		{[]string{"--version"}, []string{"capprof"}},
		{
			[]string{"run", "--help"},
			[]string{
				"--allow", "--expect-exit", "--timeout", "--max-runs", "--jobs", "--no-prove", "--no-trace", "--strict",
				"--log-dir", "--format", "--output", "--verbose", "--env", "--volume", "--workdir", "--user", "--network",
				"--sysctl", "--security-opt", "--device", "--tmpfs", "--entrypoint", "--read-only", "--cap-add",
				"--cap-drop", "--privileged", "--interactive", "--tty", "125", "126", "127", "130",
			},
		},
		{[]string{"check", "--help"}, []string{"--baseline", "--format"}},
		{[]string{"diff", "--help"}, []string{"--format", "markdown", "sarif"}},
		{[]string{"doctor", "--help"}, []string{"doctor"}},
		{[]string{"clean", "--help"}, []string{"clean"}},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			// Help is to be had without an engine.
			result := invocation{engine: e, args: tc.args, env: []string{"DOCKER_HOST=unix:///nonexistent/docker.sock"}}.run(t)
			result.expect(t, 0)
			for _, word := range tc.says {
				if !strings.Contains(result.stdout, word) {
					t.Errorf("stdout does not mention %q:\n%s", word, result.stdout)
				}
			}
			if result.stderr != "" {
				t.Errorf("stderr says %q", result.stderr)
			}
		})
	}
	invocation{engine: e}.run(t).expect(t, exitUnfit)
}
