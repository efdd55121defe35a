package docker

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

func TestArgv(t *testing.T) {
	for name, tc := range map[string]struct {
		image [2][]string // entrypoint and command
		w     workload.Spec
		want  []string
	}{
		"none":                             {[2][]string{nil, nil}, workload.Spec{}, nil},
		"the image's":                      {[2][]string{nil, {"x"}}, workload.Spec{}, []string{"x"}},
		"the image's entrypoint":           {[2][]string{{"x"}, {"y"}}, workload.Spec{}, []string{"x", "y"}},
		"given":                            {[2][]string{{"x"}, {"y"}}, workload.Spec{Command: []string{"z"}}, []string{"x", "z"}},
		"entrypoint given":                 {[2][]string{{"x"}, {"y"}}, workload.Spec{Options: workload.Options{}.Set("entrypoint", "z")}, []string{"z"}},
		"entrypoint cleared, no command":   {[2][]string{{"x"}, {"y"}}, workload.Spec{Options: workload.Options{}.Set("entrypoint", "")}, nil},
		"entrypoint cleared, with command": {[2][]string{{"x"}, nil}, workload.Spec{Options: workload.Options{}.Set("entrypoint", ""), Command: []string{"y"}}, []string{"y"}},
	} {
		if got := argv(tc.image[0], tc.image[1], tc.w); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// A path may hold a colon, the last option counts, and the file is read once.
func TestTheSeccompProfileThatIsMeant(t *testing.T) {
	e := fakeEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/info":    answers(`{"KernelVersion": "1.2.3", "SecurityOptions": ["name=seccomp,profile=default"]}`),
		"GET /v1.41/version": answers(`{"Version": "20.10.24"}`),
	})
	file := filepath.Join(t.TempDir(), "a:b.json")
	if err := os.WriteFile(file, []byte(`{"defaultAction":"SCMP_ACT_ALLOW"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		given  []string
		name   string
		filter bool
	}{
		{nil, "default", true},
		{[]string{"seccomp=unconfined"}, engine.Unconfined, false},
		{[]string{"seccomp=builtin"}, "default", true},
		{[]string{`seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`}, engine.Inline, true},
		{[]string{"seccomp=unconfined", "seccomp=" + file}, file, true},
		{[]string{"seccomp=unconfined", "seccomp:" + file}, file, true},
	} {
		s := &Subject{engine: e, spec: workload.Spec{Options: workload.Options{}.Set("security-opt", tc.given...)}, files: &engine.Files{}}
		got, err := s.seccomp(t.Context())
		if err != nil || got.Name != tc.name || (got.Filter != nil) != tc.filter {
			t.Errorf("%q: %+v, %v; want %s", tc.given, got, err, tc.name)
		}
	}
	kept := &engine.Files{}
	before, err := kept.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(`{}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if after, err := kept.Read(file); err != nil || string(after) != string(before) {
		t.Errorf("the file changed under a search: %q, %v", after, err)
	}
}
