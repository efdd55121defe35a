package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/workload"
)

// original is a container as the API tells it, whose image is one of fakeEngine's.
const original = `{"Id":"%s","Name":"/web","Image":"sha256:1","State":{"Running":%v},
	"Config":{"Image":"image","Cmd":["serve"],"Env":["A=1","B=2"],"Labels":{"other":"tool"}},
	"HostConfig":{"NetworkMode":"back","Binds":["data:/data","/srv:/srv"],"CapAdd":["NET_ADMIN"],"CapDrop":["CHOWN"],"ReadonlyRootfs":true},
	"NetworkSettings":{"Networks":{"back":{}}},"Mounts":[{"Type":"bind","Source":"/srv","Destination":"/srv","RW":true}]}`

// withContainer puts that container in front of an engine, and its calls on it on record.
func withContainer(t *testing.T, e *fakeEngine, running bool, args ...string) (stderr string, code exitCode, touched []string) {
	t.Helper()
	id := strings.Repeat("ab", 32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, path, _ := strings.Cut(r.URL.Path, "/containers/")
		switch {
		case path == "web/json" || path == id+"/json":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, original, id, running)
		case path == "json":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `[{"Names":["/web"]}]`)
		case strings.HasSuffix(path, "/json"):
			http.Error(w, `{"message":"No such container"}`, http.StatusNotFound)
		case strings.HasPrefix(path, "web/") || strings.HasPrefix(path, id):
			touched = append(touched, r.Method+" "+path)
		default:
			e.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("DOCKER_HOST", "tcp://"+server.Listener.Addr().String())
	var out, errs bytes.Buffer
	code = dispatch(t.Context(), args, stdio{in: strings.NewReader(""), out: &out, err: &errs})
	return errs.String(), code, touched
}

// TestLike: the engine gets the container's image, command and options, with what was
// given over them, and the container is not touched.
func TestLike(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want map[string]string
	}{
		"as it is": {nil, map[string]string{
			"Config.Cmd": `["serve"]`, "Config.Env": `["A=1","B=2"]`, "HostConfig.Binds": `["data:/data","/srv:/srv"]`, "HostConfig.NetworkMode": `"back"`,
			"HostConfig.ReadonlyRootfs": `true`, "Config.Labels": "",
		}},
		"options go over it": {[]string{"--env", "B=3", "--volume", "/other:/srv", "--network", "none", "--read-only=false", "--hostname", "me"}, map[string]string{
			"Config.Env": `["A=1","B=3"]`, "HostConfig.Binds": `["data:/data","/other:/srv"]`, "HostConfig.NetworkMode": `"none"`, "HostConfig.ReadonlyRootfs": `false`, "Config.Hostname": `"me"`,
		}},
		"another command":        {[]string{"--", "try", "it"}, map[string]string{"Config.Cmd": `["try","it"]`}},
		"another image":          {[]string{"image:2"}, map[string]string{"Config.Cmd": `["serve"]`, "HostConfig.NetworkMode": `"back"`}},
		"both":                   {[]string{"image:2", "--", "try"}, map[string]string{"Config.Cmd": `["try"]`}},
		"another entrypoint":     {[]string{"--entrypoint", "sh"}, map[string]string{"Config.Cmd": "", "Config.Entrypoint": `["sh"]`}},
		"entrypoint and command": {[]string{"--entrypoint", "sh", "--", "-c", "x"}, map[string]string{"Config.Cmd": `["-c","x"]`, "Config.Entrypoint": `["sh"]`}},
	} {
		t.Run(name, func(t *testing.T) {
			e := &fakeEngine{}
			errs, code, touched := withContainer(t, e, false, append([]string{"run", "--no-trace", "--like", "web"}, c.args...)...)
			if code != exitUnfit || len(touched) > 0 {
				t.Fatalf("code %d, container touched by %q: %s", code, touched, errs)
			}
			for field, want := range c.want {
				got := ""
				if value := e.field(field); value != nil {
					text, err := json.Marshal(value)
					if err != nil {
						t.Fatal(err)
					}
					got = string(text)
				}
				if field == "Config.Labels" {
					if strings.Contains(got, "other") {
						t.Errorf("labels %s", got)
					}
				} else if got != want && (got != "null" || want != "") {
					t.Errorf("%s is %s, want %s\n%s", field, got, want, errs)
				}
			}
		})
	}
}

func TestLikeWhatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no name":             {[]string{"run", "--like", ""}, "--like is empty"},
		"no such container":   {[]string{"run", "--like", "wbe"}, `no such container: "wbe" (is it web?)`},
		"it writes":           {[]string{"run", "--like", "web"}, "can write to the host's /srv"},
		"fresh does not help": {[]string{"run", "--like", "web", "--volumes", "fresh"}, "--volumes copy"},
		"a bad option":        {[]string{"run", "--like", "web", "--device", "kvm"}, "--device"},
		"in a check":          {[]string{"check", "--baseline", "testdata/none.json", "--like", "web"}, "baseline"},
	} {
		if errs, code, _ := withContainer(t, &fakeEngine{}, true, c.args...); code == exitOK || !strings.Contains(errs, c.want) {
			t.Errorf("%s: code %d: %s", name, code, errs)
		}
	}
	for _, policy := range []string{"copy", "own"} {
		if errs, _, _ := withContainer(t, &fakeEngine{}, true, "run", "--like", "web", "--volumes", policy); strings.Contains(errs, "can write") {
			t.Errorf("%s: %s", policy, errs)
		}
	}
	// What is mounted over it, it does not write to.
	if errs, _, _ := withContainer(t, &fakeEngine{}, true, "run", "--like", "web", "--volume", "/other:/srv"); strings.Contains(errs, "can write") {
		t.Error(errs)
	}
}

func TestOptionsOverOthers(t *testing.T) {
	under := workload.Options{}.Set("cap-add", "NET_ADMIN").Set("privileged", "true").Set("tmpfs", "/a:size=1m", "/b").
		Set("volume", "old:/c", "/d").Set("network", "a", "b").Set("user", "1").Set("env", "A=1")
	given := workload.Options{}.Set("cap-drop", "ALL").Set("volume", "new:/c", "/a").Set("network", "c").Set("env", "A=2")
	want := workload.Options{}.Set("cap-drop", "ALL").Set("tmpfs", "/b").Set("volume", "/d", "new:/c", "/a").Set("network", "c").Set("user", "1").Set("env", "A=2")
	got := over(under, given, nil)
	for _, option := range workload.Table {
		if !slices.Equal(got.Values(option.Name), want.Values(option.Name)) {
			t.Errorf("--%s %q, want %q", option.Name, got.Values(option.Name), want.Values(option.Name))
		}
	}
	if got := over(under, workload.Options{}, nil); !reflect.DeepEqual(got, under) {
		t.Errorf("nothing over it: %+v", got)
	}
}
