package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/capprof/capprof/internal/drift"
	"github.com/capprof/capprof/internal/export"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/workload"
)

// fakeEngine answers as an engine would that has every image, grants everything and
// refuses every workload; bodies are the requests to create one.
type fakeEngine struct {
	mu     sync.Mutex
	bodies []map[string]map[string]any
}

func (e *fakeEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Api-Version", "1.43")
	w.Header().Set("Ostype", "linux")
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/containers/create"):
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		// The fields of the container's configuration are at the top.
		split := map[string]map[string]any{"Config": body}
		if host, ok := body["HostConfig"].(map[string]any); ok {
			split["HostConfig"] = host
		}
		e.mu.Lock()
		e.bodies = append(e.bodies, split)
		e.mu.Unlock()
		if fmt.Sprint(body["Cmd"]) == "[/never-started]" { // Grantable
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"Id":"1"}`)
			return
		}
		http.Error(w, `{"message":"that is all this engine does"}`, http.StatusBadRequest)
	case r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	case strings.HasSuffix(r.URL.Path, "/containers/json"):
		fmt.Fprint(w, `[]`)
	case strings.Contains(r.URL.Path, "/images/"):
		fmt.Fprint(w, `{"Id":"sha256:1","Config":{"Cmd":["true"]}}`)
	default:
		fmt.Fprint(w, `{"Version":"24.0.0","ApiVersion":"1.43"}`)
	}
}

// field looks a field up in the requests to create a workload: its last value.
func (e *fakeEngine) field(path string) any {
	e.mu.Lock()
	defer e.mu.Unlock()
	parent, name, _ := strings.Cut(path, ".")
	var last any
	for _, body := range e.bodies {
		if value := body[parent][name]; value != nil {
			last = value
		}
	}
	return last
}

// serve returns the address at which the engine answers until the test ends.
func (e *fakeEngine) serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// asked runs a command line against the fake engine.
func (e *fakeEngine) asked(t *testing.T, args ...string) (stderr string, code exitCode) {
	t.Helper()
	t.Setenv("DOCKER_HOST", "tcp://"+e.serve(t))
	var out, errs bytes.Buffer
	code = dispatch(t.Context(), args, stdio{in: strings.NewReader(""), out: &out, err: &errs})
	return errs.String(), code
}

// pageSize is an option as a later capprof may have it: its value changes on the way to
// the engine.
var pageSize = &workload.Option{
	Name: "page-size", Kind: workload.Text,
	Usage: "size of a page in `bytes`",
	Check: func(value string) error { _, err := kibibytes(value); return err },
	Fields: func(values []string, _ workload.Client) (workload.Fields, error) {
		size, err := kibibytes(values[0])
		return workload.Fields{"HostConfig.MemoryReservation": size}, err
	},
	Compose: "page_size",
}

func kibibytes(value string) (int64, error) {
	count, err := strconv.ParseInt(strings.TrimSuffix(value, "k"), 10, 32)
	if err != nil || !strings.HasSuffix(value, "k") {
		return 0, fmt.Errorf("not a number of kibibytes, such as 64k")
	}
	return count << 10, nil
}

// extended puts an option into the table for a test.
func extended(t *testing.T, o *workload.Option) {
	t.Helper()
	before := workload.Table
	workload.Table = append(slices.Clone(before), o)
	t.Cleanup(func() { workload.Table = before })
}

// TestAnOptionIsOneEntry: one entry of the table is all that a further option of docker
// run needs to be parsed, shown in the help, stored, run, exported and compared.
func TestAnOptionIsOneEntry(t *testing.T) {
	extended(t, pageSize)

	if out, _, _ := ends(t, "run", "--help"); !strings.Contains(out, "--page-size bytes") || !strings.Contains(out, "size of a page") {
		t.Errorf("the help lacks it:\n%s", out)
	}
	flags := newFlags(runHelp)
	given := addWorkloadFlags(flags.group(workloadGroup))
	if err := flags.parse([]string{"--page-size", "32k", "--page-size=64k", "image"}, "run", stdio{}); err != nil {
		t.Fatal(err)
	}
	d := profiletest.Proven()
	if d.Workload.Options = given.apply(d.Workload.Options); d.Workload.Options.Value("page-size") != "64k" {
		t.Errorf("parsed %+v", d.Workload.Options)
	}

	var stored bytes.Buffer
	if err := profile.Encode(&stored, d); err != nil || !strings.Contains(stored.String(), `"pageSize": "64k"`) {
		t.Errorf("stored %v:\n%s", err, stored.String())
	}
	read, err := profile.Decode(bytes.NewReader(stored.Bytes()))
	if err != nil || read.Workload.Options.Value("page-size") != "64k" {
		t.Fatalf("read back %v, %+v", err, read)
	}
	if _, err := profile.Decode(strings.NewReader(strings.ReplaceAll(stored.String(), "64k", "much"))); err == nil || !strings.Contains(err.Error(), `workload.options.pageSize: "much": not a number of kibibytes`) {
		t.Errorf("a wrong value is read: %v", err)
	}

	engine := &fakeEngine{}
	if errs, code := engine.asked(t, "run", "--no-trace", "--quiet", "--page-size", "64k", "image"); code != exitUnfit || engine.field("HostConfig.MemoryReservation") != 65536.0 {
		t.Errorf("the engine got %v (%d: %s)", engine.field("HostConfig.MemoryReservation"), code, errs)
	}

	for format, want := range map[string]string{"docker": "--page-size 64k", "compose": `page_size: "64k"`} {
		exporter, err := export.Lookup(format)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if err := exporter.Export(&b, read); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s lacks %s (%v):\n%s", format, want, err, b.String())
		}
	}

	want := []drift.ContextChange{{Name: "--page-size", Old: "", New: "64k"}}
	if got := drift.Compare(profiletest.Proven(), read).Context; !slices.Equal(got, want) {
		t.Errorf("compared: %+v", got)
	}
}

// TestARefusedOption: what docker run would refuse, or what cannot be had, is refused by
// name before anything is asked of the engine.
func TestARefusedOption(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-v", "a:b:c:d"}, `invalid argument "a:b:c:d" for "-v, --volume" flag: too many colons`},
		{[]string{"--device", "kvm"}, `"--device" flag: the path is not absolute`},
		{[]string{"--security-opt", "no-new-privileges=maybe"}, `"maybe" is neither true nor false`},
		{[]string{"--sysctl", "net.a"}, "not NAME=VALUE"},
		{[]string{"-e", "=x"}, "it has no name"},
		{[]string{"--cgroupns", "mine"}, "not one of host, private"},
		{[]string{"--tmpfs", "tmp"}, "not an absolute path"},
		{[]string{"--device-cgroup-rule", "c"}, "TYPE MAJOR:MINOR"},
		{[]string{"--tty=maybe"}, "neither true nor false"},
		{[]string{"-h"}, "option -h needs a value"},
		{[]string{"-e", "A=\xff"}, `"A=\xff" for "-e, --env" flag: it is not UTF-8`},
		{[]string{"image", "--", "a", "\xff"}, `argument 4, "\xff", is not UTF-8`},
		{[]string{"im\xffage"}, `argument 1, "im\xffage", is not UTF-8`},
	} {
		for _, command := range []string{"run", "check"} {
			args := append([]string{command}, c.args...)
			if command == "check" {
				args = slices.Insert(args, 1, "--baseline", savedProfile(t, profiletest.Proven()))
			}
			out, errs, code := ends(t, args...)
			if code != exitUnfit || out != "" || !strings.Contains(errs, c.want) {
				t.Errorf("%s %q ends with %d: %s", command, c.args, code, errs)
			}
		}
	}
}

func savedProfile(t *testing.T, d *profile.Document) string {
	t.Helper()
	path := t.TempDir() + "/profile.json"
	if err := profile.Save(t.Context(), path, d); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestGivenOptionsReplaceTheBaselines: check runs what the baseline says, but for the
// options that are given.
func TestGivenOptionsReplaceTheBaselines(t *testing.T) {
	d := profiletest.Proven()
	d.Workload.Options = workload.Options{}.Set("env", "A=1").Set("hostname", "old").Set("user", "1").Set("tty", "true").Set("read-only", "true").Set("cap-drop", "ALL").Set("privileged", "true")
	path := savedProfile(t, d)
	engine := &fakeEngine{}
	errs, _ := engine.asked(t, "check", "--baseline", path, "--no-trace", "--quiet", "-h", "new", "-u", "", "--tty=false", "-e", "B=2")
	if len(engine.bodies) == 0 {
		t.Fatal(errs)
	}
	for field, want := range map[string]string{
		"Config.Hostname": "new", "Config.User": "", "Config.Tty": "false", "Config.Env": "[B=2]", "HostConfig.ReadonlyRootfs": "true",
		"HostConfig.Privileged": "false", "HostConfig.CapDrop": "[ALL]",
	} {
		if got := fmt.Sprint(engine.field(field)); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	// Today's privileges are one thing: --cap-add alone takes the place of all three.
	flags := newFlags(checkHelp)
	given := addWorkloadFlags(flags.group(workloadGroup))
	if err := flags.parse([]string{"--cap-add", "SYS_TIME"}, "check", stdio{}); err != nil {
		t.Fatal(err)
	}
	o := given.apply(d.Workload.Options)
	if o.Bool("privileged") || o.Values("cap-drop") != nil || !slices.Equal(o.Values("cap-add"), []string{"SYS_TIME"}) || o.Value("hostname") != "old" {
		t.Errorf("%+v", o)
	}
}

// TestABaselineWithUnknownOptionsIsNotRun: an option that is left out would be another
// workload.
func TestABaselineWithUnknownOptionsIsNotRun(t *testing.T) {
	var newer workload.Options
	if err := json.Unmarshal([]byte(`{"pageSize":"64k"}`), &newer); err != nil {
		t.Fatal(err)
	}
	d := profiletest.Proven()
	d.Workload.Options = newer
	if _, err := workloadOf(d); codeOf(err) != exitError || !strings.Contains(err.Error(), "pageSize") || !strings.Contains(err.Error(), "update capprof") {
		t.Error(err)
	}
}
