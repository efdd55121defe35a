package export_test

import (
	"bytes"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/workload"
)

// composeFile is what docker-compose config prints.
type composeFile struct {
	Services map[string]struct {
		Image       string             `yaml:"image"`
		Entrypoint  []string           `yaml:"entrypoint"`
		Command     []string           `yaml:"command"`
		User        string             `yaml:"user"`
		WorkingDir  string             `yaml:"working_dir"`
		Environment map[string]*string `yaml:"environment"`
		Volumes     []string           `yaml:"volumes"`
		Tmpfs       []string           `yaml:"tmpfs"`
		Devices     []string           `yaml:"devices"`
		NetworkMode string             `yaml:"network_mode"`
		Hostname    string             `yaml:"hostname"`
		Sysctls     map[string]string  `yaml:"sysctls"`
		SecurityOpt []string           `yaml:"security_opt"`
		ReadOnly    bool               `yaml:"read_only"`
		StdinOpen   bool               `yaml:"stdin_open"`
		TTY         bool               `yaml:"tty"`
		CapDrop     []string           `yaml:"cap_drop"`
		CapAdd      []string           `yaml:"cap_add"`
	} `yaml:"services"`
	Volumes map[string]struct {
		Name string `yaml:"name"`
	} `yaml:"volumes"`
}

// composeConfig lets the real docker-compose read a file and returns what it
// understood.
func composeConfig(t *testing.T, text string) composeFile {
	t.Helper()
	var file composeFile
	if out := composeReads(t, text); yaml.Unmarshal(out, &file) != nil {
		t.Fatalf("another form:\n%s", out)
	}
	return file
}

// composeReads is what docker-compose config prints.
func composeReads(t *testing.T, text string) []byte {
	t.Helper()
	if _, err := exec.LookPath("docker-compose"); err != nil {
		t.Skipf("docker-compose is not installed: %v", err)
	}
	cmd := exec.Command("docker-compose", "-f", "-", "config")
	cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(text)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker-compose refuses it: %v\n%s\n%s", err, stderr.Bytes(), text)
	}
	if stderr.Len() > 0 {
		t.Errorf("docker-compose warns: %s", stderr.Bytes())
	}
	return out
}

// unescaped undoes the $$ that docker-compose config prints again.
func unescaped(values []string) []string {
	plain := make([]string, len(values))
	for i, value := range values {
		plain[i] = strings.ReplaceAll(value, "$$", "$")
	}
	return plain
}

func TestComposeMeansTheSame(t *testing.T) {
	d := worst()
	// docker-compose config prints this one so that it reads back as a space,
	// though what it was given is right ("\N", a next-line character).
	isNextLine := func(s string) bool { return strings.Contains(s, "\u0085") }
	d.Workload.Command = slices.DeleteFunc(slices.Clone(d.Workload.Command), isNextLine)
	d.Workload.Options = d.Workload.Options.Set("env", slices.DeleteFunc(d.Workload.Options.Values("env"), isNextLine)...)
	w, o := d.Workload, d.Workload.Options
	file := composeConfig(t, exported(t, "compose", d))
	service, ok := file.Services["nginx"]
	if !ok || len(file.Services) != 1 {
		t.Fatalf("services: %v", file.Services)
	}
	same := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: docker-compose reads %q, want %q", what, got, want)
		}
	}
	same("image", service.Image, w.Image.Reference)
	same("entrypoint", unescaped(service.Entrypoint), o.Values("entrypoint"))
	same("command", unescaped(service.Command), w.Command)
	same("user", service.User, o.Value("user"))
	same("working_dir", unescaped([]string{service.WorkingDir}), []string{o.Value("workdir")})
	same("hostname", service.Hostname, "worst")
	same("network_mode", service.NetworkMode, o.Value("network"))
	same("volumes", service.Volumes, []string{"/src dir:/data:ro", "named.volume:/state:rw", "/anonymous", "named.volume:/state2:rw"})
	same("tmpfs", service.Tmpfs, o.Values("tmpfs"))
	same("devices", service.Devices, o.Values("device"))
	same("sysctls", service.Sysctls, o.Sysctls())
	same("security_opt", service.SecurityOpt, o.Values("security-opt"))
	same("flags", []bool{service.ReadOnly, service.StdinOpen, service.TTY}, []bool{true, true, true})
	same("cap_drop", service.CapDrop, []string{"ALL"})
	same("cap_add", service.CapAdd, []string{"CHOWN", "SETGID"})
	same("number of variables", len(service.Environment), len(o.Values("env")))
	for _, setting := range o.Values("env") {
		name, want, given := strings.Cut(setting, "=")
		got := service.Environment[name]
		if (got != nil) != given {
			t.Errorf("%s: given %v, read %v", name, given, got)
		} else if given {
			same(name, unescaped([]string{*got}), []string{want})
		}
	}
	if len(file.Volumes) != 1 || file.Volumes["named.volume"].Name != "named.volume" {
		t.Errorf("volumes: %v", file.Volumes)
	}
}

func TestComposeTakesEveryVerdictAndLeavesDefaultsOut(t *testing.T) {
	for _, verdict := range []profile.Verdict{profile.Proven, profile.Confirmed, profile.Incomplete} {
		composeConfig(t, exported(t, "compose", profiletest.Sample(verdict)))
	}
	text := exported(t, "compose", profiletest.Empty())
	want := "# capprof: proven for my-api:latest.\nservices:\n  my-api:\n    image: my-api:latest\n    command:\n      - npm\n      - test\n    cap_drop:\n      - ALL\n"
	if text != want {
		t.Errorf("got:\n%swant:\n%s", text, want)
	}
	composeConfig(t, text)
}

func TestComposeNamesAndRepetitions(t *testing.T) {
	for reference, want := range map[string]string{
		"nginx": "nginx", "registry:5000/team/api:1.2": "api", "a/b@sha256:00": "b", "yes": "yes", "123": "123", "1e3:latest": "1e3", "x/___": "___", "@": "app", "Ünï": "n",
	} {
		d := profiletest.Proven()
		d.Workload.Image.Reference = reference
		d.Workload.Options = workload.Options{}.Set("env", "A=1", "B", "A=2", "B=3").Set("volume", "/a:/b", "/a:/b").Set("entrypoint", "")
		file := composeConfig(t, exported(t, "compose", d))
		service, ok := file.Services[want]
		if !ok {
			t.Errorf("%s: services are %v, want %s", reference, file.Services, want)
			continue
		}
		if len(service.Volumes) != 1 || *service.Environment["A"] != "2" || *service.Environment["B"] != "3" || !reflect.DeepEqual(service.Entrypoint, []string{""}) {
			t.Errorf("%s: %+v", reference, service)
		}
	}
}
