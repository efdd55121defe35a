package export_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/scenario"
)

// TestPhasesAreComments: next to each capability in YAML, above a command line.
func TestPhasesAreComments(t *testing.T) {
	d := profiletest.Supervisord()
	const what = "A service: ready when its health check says so; started, stopped, restarted; no request was made: --probe. It stops by SIGTERM, with exit code 0."
	for format, lines := range map[string][]string{
		"compose": {"      - KILL # only at stop", "      - SETUID # only at start"},
		"k8s":     {"      - KILL # only at stop", "      - SETUID # only at start"},
		"docker":  {"# KILL is asked for only at stop.", "# SETUID is asked for only at start."},
	} {
		text := exported(t, format, d)
		for _, line := range lines {
			if !slices.Contains(strings.Split(text, "\n"), line) {
				t.Errorf("%s: no line %q in:\n%s", format, line, text)
			}
		}
		if got := comments(text); !strings.Contains(got, what) {
			t.Errorf("%s: %q", format, got)
		}
	}
	compose := composeConfig(t, exported(t, "compose", d)).Services["supervisord"]
	if !slices.Equal(compose.CapAdd, []string{"KILL", "SETUID"}) {
		t.Errorf("docker-compose reads %q", compose.CapAdd)
	}
}

// TestWhoAskedIsAComment, as is what does not enter the set.
func TestWhoAskedIsAComment(t *testing.T) {
	d := profiletest.Database()
	text := exported(t, "compose", d)
	for _, line := range []string{
		"      - CHOWN # at start, not in the restart",
		"      - KILL # when used; at stop, from the restart on; asked by your own wrapper (the shell that is process 1)",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in:\n%s", line, text)
		}
	}
	if got := comments(text); !strings.Contains(got, "The --exec commands used SETGID, SETUID for themselves: not in the set (--count exec counts them).") {
		t.Errorf("%q", got)
	}
}

// TestAPhaseIsNoWayOutOfAComment: a profile may come from anywhere.
func TestAPhaseIsNoWayOutOfAComment(t *testing.T) {
	d := profiletest.Service()
	d.Requirements[0].Phases = []scenario.Phase{{Boot: scenario.FirstBoot, Step: "\n  privileged: true\u2028#"}}
	d.Scenario.Ready, d.Scenario.Probes = "\nprivileged: true", []string{"a\nprivileged: true"}
	for _, format := range []string{"compose", "k8s", "docker"} {
		for line := range strings.Lines(exported(t, format, d)) {
			if line, comment, _ := strings.Cut(line, "#"); strings.Contains(line, "privileged") || strings.ContainsRune(comment, '\u2028') {
				t.Errorf("%s: %q", format, line)
			}
		}
	}
}
