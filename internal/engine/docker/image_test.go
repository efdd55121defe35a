package docker

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// fakeEngine answers the API on a Unix socket of the test's own, where what a
// real engine would need is a registry.
func fakeEngine(t *testing.T, routes map[string]http.HandlerFunc) *Engine {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "d.sock")
	listen, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/_ping", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	for pattern, handler := range routes {
		mux.HandleFunc(pattern, handler)
	}
	server := &httptest.Server{Listener: listen, Config: &http.Server{Handler: mux}}
	server.Start()
	t.Cleanup(server.Close)
	return engineAt(t, "unix://"+socket)
}

// answers is a handler that always says the same.
func answers(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func TestPullOfAMissingImage(t *testing.T) {
	const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	pulled := false
	e := fakeEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/images/{name...}": func(w http.ResponseWriter, _ *http.Request) {
			if !pulled {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusNotFound)
				_, _ = io.WriteString(w, `{"message": "No such image: team/app:latest"}`)
				return
			}
			_, _ = io.WriteString(w, `{"Id": "sha256:1", "RepoDigests": ["other/app@`+digest+`", "team/app@`+digest+`"],
				"Config": {"Entrypoint": null, "Cmd": ["/app"]}}`)
		},
		"GET /v1.41/info":    answers(`{"KernelVersion": "1.2.3"}`),
		"GET /v1.41/version": answers(`{"Version": "28.0.0"}`),
		"POST /v1.41/images/create": func(w http.ResponseWriter, r *http.Request) {
			if got := r.URL.Query().Get("fromImage") + ":" + r.URL.Query().Get("tag"); got != "docker.io/team/app:latest" && got != "team/app:latest" {
				t.Errorf("pulls %q", got)
			}
			pulled = true
			_, _ = io.WriteString(w, `{"status":"Pulling from team/app","id":"latest"}
{"status":"Pulling fs layer","id":"a"}
{"status":"Pulling fs layer","id":"b"}
{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"a"}
{"status":"Pull complete","id":"b"}
{"status":"Pull complete","id":"a"}
{"status":"Digest: `+digest+`"}
{"status":"Status: Downloaded newer image for team/app:latest"}
`)
		},
	})
	var progress strings.Builder
	got, err := e.Prepare(t.Context(), workload.Spec{Image: "team/app"}, &progress)
	if err != nil {
		t.Fatal(err)
	}
	if want := "pulling team/app:latest\npulled 1 of 2 layers\npulled 2 of 2 layers\npulled team/app:latest (" + digest + ")\n"; progress.String() != want {
		t.Errorf("progress %q, want %q", progress.String(), want)
	}
	if got := got.Identity(); got.Digest != "team/app@"+digest || got.ID != "sha256:1" || got.Reference != "team/app" || !slices.Equal(got.Argv, []string{"/app"}) {
		t.Errorf("identity %+v", got)
	}
}

func TestAPullThatFailsMidway(t *testing.T) {
	_, err := followPull(strings.NewReader(`{"status":"Pulling fs layer","id":"a"}`+"\n"+`{"errorDetail":{"message":"toomanyrequests"},"error":"toomanyrequests"}`), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "toomanyrequests") {
		t.Errorf("the registry's error became %v", err)
	}
	if _, err := followPull(strings.NewReader(`{"status":"Pulling`), io.Discard); err == nil {
		t.Error("a torn stream passed for a pull")
	}
}

func TestImagesThatAreNotToBeHad(t *testing.T) {
	e := newEngine(t)
	for _, name := range []string{
		"127.0.0.1:1/no/such:image",
		"UPPER CASE",
		"",
		"0000000000000000000000000000000000000000000000000000000000000000",
	} {
		if _, err := e.Prepare(t.Context(), workload.Spec{Image: name}, io.Discard); !errors.Is(err, engine.ErrNoImage) {
			t.Errorf("%q: %v, want no such image", name, err)
		}
	}
	subject := &Subject{engine: e, spec: workload.Spec{Image: "capprof-no-such-image"}, files: &engine.Files{}}
	if _, err := subject.Create(t.Context(), engine.Conditions{}); !errors.Is(err, engine.ErrNoImage) {
		t.Errorf("creating: %v, want no such image", err)
	}
}
