package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/text"
)

// ends runs a command line and returns what it wrote and its code.
func ends(t *testing.T, args ...string) (stdout, stderr string, code exitCode) {
	t.Helper()
	// Nothing here may reach an engine.
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	var out, errs bytes.Buffer
	code = dispatch(context.Background(), args, stdio{in: strings.NewReader(""), out: &out, err: &errs})
	return out.String(), errs.String(), code
}

func TestHelpOfACommand(t *testing.T) {
	for _, c := range commands() {
		want, _, code := ends(t, c.name, "--help")
		if code != exitOK || !strings.Contains(want, "capprof "+c.synopsis) {
			t.Errorf("%s --help ends with %d:\n%s", c.name, code, want)
		}
		for _, asked := range []string{"help", "--help"} {
			got, errs, code := ends(t, asked, c.name)
			if code != exitOK || got != want || errs != "" {
				t.Errorf("%s %s ends with %d and differs from %s --help:\n%s%s", asked, c.name, code, c.name, got, errs)
			}
		}
	}
	for name, args := range map[string][]string{
		"an unknown command":  {"help", "nosuch"},
		"too many":            {"help", "run", "check"},
		"an option of helps'": {"help", "--nosuch"},
	} {
		if out, errs, code := ends(t, args...); code != exitUnfit || out != "" || !strings.Contains(errs, "capprof help") {
			t.Errorf("%s ends with %d:\n%s%s", name, code, out, errs)
		}
	}
}

// TestHelpIsInGroups: which options there are is for the packages that define them;
// that each is under its heading, and nothing runs over the edge, is for help.
func TestHelpIsInGroups(t *testing.T) {
	flags := newFlags(runHelp)
	addWorkloadFlags(flags.group(workloadGroup))
	addSearchFlags(flags, stdio{debug: newDebugLog(io.Discard), engine: &engineChoice{}})
	for _, width := range []int{0, 50, 80, 120} {
		var b bytes.Buffer
		if err := flags.writeHelp(&b, width); err != nil {
			t.Fatal(err)
		}
		for option, want := range map[string]string{"--volume": workloadGroup, "--privileged": workloadGroup, "--allow": searchGroup, "--timeout": searchGroup, "--output": outputGroup, "--debug": outputGroup} {
			heading := ""
			for line := range strings.Lines(b.String()) {
				if strings.Contains(line, option+" ") || strings.Contains(line, option+"\n") {
					break
				}
				if line != "\n" && !strings.HasPrefix(line, " ") {
					heading = strings.TrimSpace(line)
				}
			}
			if heading != want {
				t.Errorf("at %d, %s is under %q, want %q", width, option, heading, want)
			}
		}
		limit := width
		if width == 0 {
			limit = text.DefaultWidth
		}
		for line := range strings.Lines(b.String()) {
			line = strings.TrimSuffix(line, "\n")
			if text.Columns(line) > limit && !strings.HasPrefix(line, "  capprof ") {
				t.Errorf("at %d: %d columns: %q", width, text.Columns(line), line)
			}
		}
	}
}

func TestOptionsThatContradict(t *testing.T) {
	for _, c := range []struct {
		name, mentions string
		args           []string
	}{
		{"two results on standard output", "--format k8s both write to standard output", []string{"run", "--format", "k8s", "-o", "-", "image"}},
		{"the report and the profile", "--format text both write to standard output", []string{"run", "-o", "-", "--format=text", "image"}},
		{"the comparison and the profile", "give -o a file", []string{"check", "--baseline", "old.json", "-o", "-"}},
		{"no output file", "--output is empty", []string{"run", "-o", "", "image"}},
		{"no output file to check", "--output is empty", []string{"check", "--baseline", "old.json", "-o", ""}},
		{"no directory for logs", "--log-dir is empty", []string{"run", "--log-dir=", "image"}},
		{"no trace to hook", "--hook and --no-trace", []string{"run", "--hook", "fexit", "--no-trace", "image"}},
		{"no such hook", "--hook takes tracepoint, fexit, kprobe", []string{"run", "--hook", "lsm", "image"}},
		{"no trace to be strict with", "--strict and --no-trace", []string{"run", "--strict", "--no-trace", "image"}},
		{"what cannot be tolerated", "--tolerate takes drops", []string{"run", "--tolerate", "everything", "image"}},
		{"no runs at all", "--max-runs", []string{"run", "--max-runs", "0", "image"}},
		{"an option that is none", "unknown option --nosuch (see capprof run --help)", []string{"run", "--nosuch=1", "image"}},
		{"a letter that is none", "unknown option -z (see capprof run --help)", []string{"run", "-iz", "image"}},
		{"no value", "option --allow needs a value (see capprof run --help)", []string{"run", "--allow"}},
		{"no host name", "option -h needs a value (see capprof run --help)", []string{"run", "-h"}},
		{"one profile", "needs two profiles", []string{"diff", "old.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, errs, code := ends(t, c.args...)
			if code != exitUnfit || out != "" || !strings.Contains(errs, c.mentions) {
				t.Errorf("ends with %d, want %q:\n%s%s", code, c.mentions, out, errs)
			}
		})
	}
	// --format json is what -o - means, so it is no contradiction: the engine is asked.
	if _, errs, code := ends(t, "run", "--no-trace", "--format", "json", "-o", "-", "image"); code != exitUnfit || !strings.Contains(errs, "no container engine") {
		t.Errorf("ends with %d:\n%s", code, errs)
	}
}

// TestOptionsAfterTheProfiles: nothing of diff is a workload's command.
func TestOptionsAfterTheProfiles(t *testing.T) {
	if _, errs, code := ends(t, "diff", "old.json", "new.json", "--format", "nosuch"); code != exitUnfit || !strings.Contains(errs, `"nosuch"`) {
		t.Errorf("ends with %d:\n%s", code, errs)
	}
}
