package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/workload"
)

// own are the options of docker run that mean something else to capprof, or the same by
// itself.
var own = []string{"help", "quiet"}

// reference are the lines of the list of docker run's options, cut into words.
func reference(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile("testdata/docker-run-options.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			all = append(all, strings.Fields(line))
		}
	}
	if len(all) < 100 {
		t.Fatalf("the list has %d options", len(all))
	}
	return all
}

// optionOf finds an option by any of its long names.
func optionOf(name string) *workload.Option {
	i := slices.IndexFunc(workload.Table, func(o *workload.Option) bool { return o.Name == name || slices.Contains(o.Aliases, name) })
	if i < 0 {
		return nil
	}
	return workload.Table[i]
}

// TestEveryOptionOfDockerRun: each is taken with docker's letter and kind, and has an
// effect, has none, or is refused, with the reason. What capprof takes beyond them is
// podman's.
func TestEveryOptionOfDockerRun(t *testing.T) {
	var known []string
	for _, line := range reference(t) {
		name, short, isFlag := line[0], strings.TrimPrefix(line[1], "-"), line[2] == "flag"
		known = append(known, name)
		if slices.Contains(own, name) {
			continue
		}
		o := optionOf(name)
		if o == nil {
			t.Errorf("--%s is not in the table", name)
			continue
		}
		if o.Podman || o.Short != short || (o.Kind == workload.Flag) != isFlag {
			t.Errorf("--%s: -%s of kind %v (podman's: %v), want -%s, a flag: %v", name, o.Short, o.Kind, o.Podman, short, isFlag)
		}
		flags := newFlags(runHelp)
		given := addWorkloadFlags(flags.group(workloadGroup))
		args := []string{"--" + name, "1", "image"}
		if isFlag {
			args = slices.Delete(args, 1, 2)
		}
		err := flags.parse(args, "run", stdio{})
		switch {
		case o.Refused != "":
			if err == nil || err.Error() != "--"+o.Name+" cannot be had: "+o.Refused {
				t.Errorf("--%s is refused with %v", name, err)
			}
		case err != nil && !strings.Contains(err.Error(), "--"+name+`" flag: `):
			t.Errorf("--%s: %v", name, err)
		case err == nil && !given.apply(workload.Options{}).Bool(o.Name):
			t.Errorf("--%s is taken and lost", name)
		}
	}
	for _, o := range workload.Table {
		if slices.Contains(known, o.Name) == (o.Podman || o.Plain) {
			t.Errorf("--%s: docker run has it: %v, podman run alone: %v, plain processes alone: %v", o.Name, !o.Podman && !o.Plain, o.Podman, o.Plain)
		}
	}
}

// TestTheListIsDockers compares the list with the docker that is installed, which may be
// older, and does not show what it hides.
func TestTheListIsDockers(t *testing.T) {
	out, err := exec.Command("docker", "run", "--help").Output()
	if err != nil {
		t.Skipf("docker is not installed: %v", err)
	}
	list := reference(t)
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && len(fields[0]) == 3 && strings.HasSuffix(fields[0], ",") {
			fields = fields[1:]
		}
		if len(fields) == 0 || !strings.HasPrefix(fields[0], "--") {
			continue
		}
		name := strings.TrimPrefix(fields[0], "--")
		if !slices.ContainsFunc(list, func(o []string) bool { return o[0] == name }) {
			t.Errorf("docker run has --%s, and the list does not", name)
		}
	}
}

// pasted are the lines of testdata, cut into words by a shell.
func pasted(t *testing.T) [][]string {
	t.Helper()
	script := `docker() { printf '%s\0' "$@"; printf '\n\0'; }; . testdata/docker-run-lines.sh`
	cmd := exec.Command("bash", "-c", script)
	cmd.Env = append(os.Environ(), "GITLAB_HOME=/srv/gitlab")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]string
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\n\x00"), "\n\x00") {
		all = append(all, strings.Split(strings.TrimSuffix(line, "\x00"), "\x00"))
	}
	return all
}

// TestPastedLines: what people paste is taken as it is, becomes a request to the engine,
// and is exported to the same words.
func TestPastedLines(t *testing.T) {
	lines := pasted(t)
	if len(lines) < 20 {
		t.Fatalf("%d lines", len(lines))
	}
	client := workload.Client{
		LookupEnv: os.LookupEnv, Abs: filepath.Abs,
		ReadFile: func(path string) ([]byte, error) {
			if path == "./mariadb.env" {
				return []byte("MARIADB_PASSWORD=x\n"), nil
			}
			return nil, fs.ErrNotExist
		},
	}
	for _, line := range lines {
		flags := newFlags(runHelp)
		given := addWorkloadFlags(flags.group(workloadGroup))
		if err := flags.parse(line[1:], "run", stdio{}); err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		image, command, err := splitWorkload(flags.Args())
		if err != nil || image == "" {
			t.Errorf("%q: %v", line, err)
			continue
		}
		spec := workload.Spec{Image: image, Command: command, Options: given.apply(workload.Options{})}
		if _, err := spec.Request(client); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		flags.Visit(func(flag *pflag.Flag) {
			o := optionOf(flag.Name)
			if off := flag.Name == "sig-proxy" || flag.Name == "oom-kill-disable"; spec.Options.Bool(o.Name) == off {
				t.Errorf("%q: --%s is given: %v", line, o.Name, !off)
			}
		})
	}
}

// TestWithoutEffect: they are named once, in one line, and with -q not at all.
func TestWithoutEffect(t *testing.T) {
	line := []string{"run", "--no-trace", "-d", "--name", "web", "--restart=always", "--rm=false", "image"}
	engine := &fakeEngine{}
	said, _ := engine.asked(t, line...)
	if want := "without effect on a profile: --detach, --name, --restart\n"; strings.Count(said, want) != 1 || strings.Count(said, "without effect") != 1 {
		t.Errorf("said %q, want %q", said, want)
	}
	if said, _ := engine.asked(t, slices.Insert(line, 1, "-q")...); strings.Contains(said, "without effect") {
		t.Errorf("with -q it says %q", said)
	}
	if got := engine.field("HostConfig.RestartPolicy"); got != nil && got.(map[string]any)["Name"] != "" {
		t.Errorf("the engine got the policy %v", got)
	}
}

// TestRefused: by name and reason, before any engine is asked.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--pod", "new:web"}, "--pod cannot be had: the containers of a pod share namespaces"},
		{[]string{"--use-api-socket"}, "--use-api-socket cannot be had: docker's client would hand your credentials to the workload"},
		{[]string{"--userns", "keep-id"}, `"keep-id" for "--userns" flag: not host, which is all there is`},
		{[]string{"--cpu-count=2"}, "--cpu-count cannot be had: it is for containers of Windows"},
		{[]string{"-p", "80:http"}, `for "-p, --publish" flag: `},
		{[]string{"--mount", "type=bind,src=/a"}, "target is required"},
		{[]string{"--stop-signal", "SIGNONE"}, "--stop-signal"},
		{[]string{"-m", "much"}, "not a number of bytes"},
	} {
		out, errs, code := ends(t, append(append([]string{"run"}, c.args...), "image")...)
		if code != exitUnfit || out != "" || !strings.Contains(errs, c.want) {
			t.Errorf("%q ends with %d: %s", c.args, code, errs)
		}
	}
}

// TestBooleansThatAreOff: --detach=false is none.
func TestBooleansThatAreOff(t *testing.T) {
	flags := newFlags(runHelp)
	given := addWorkloadFlags(flags.group(workloadGroup))
	if err := flags.parse([]string{"--detach=false", "--net", "none", "--init=0", "image"}, "run", stdio{}); err != nil {
		t.Fatal(err)
	}
	o := given.apply(workload.Options{}.Set("init", "true").Set("network", "host"))
	if o.Bool("detach") || o.Bool("init") || workload.NetworkMode(o) != "none" {
		t.Errorf("%+v", o)
	}
}
