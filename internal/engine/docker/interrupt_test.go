package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// behindProxy is an Engine whose requests pass by before they reach the suite's
// engine, so that a test can act at an exact moment.
func behindProxy(t *testing.T, passing func(*http.Request)) *Engine {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "d.sock")
	listen, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "docker"})
	proxy.FlushInterval = -1
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", strings.TrimPrefix(suite(t).Host, "unix://"))
	}}
	server := &httptest.Server{Listener: listen, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		passing(r)
		proxy.ServeHTTP(w, r)
	})}}
	server.Start()
	t.Cleanup(server.Close)
	return engineAt(t, "unix://"+socket)
}

func TestInterruptedWhileCreating(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := behindProxy(t, func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/containers/create") {
			cancel()
		}
	})
	if _, err := tryCreate(ctx, e, workload.Spec{Image: suite(t).image}, capability.Of()); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the context's", err)
	}
	left, err := e.api.ContainerList(t.Context(), container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", sessionLabel+"="+e.session))})
	if err != nil || len(left) != 0 {
		t.Fatalf("left behind: %+v, %v", left, err)
	}
}

func TestInterruptedWhileStarting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := behindProxy(t, func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/start") {
			cancel()
		}
	})
	c := create(t, e, workload.Spec{Command: []string{"hang"}}, capability.Of())
	if _, err := engine.Run(ctx, c, engine.Stdio{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the context's", err)
	}
	state, err := e.api.ContainerInspect(t.Context(), c.ID())
	if err != nil || state.State.Status != container.StateExited || state.State.ExitCode != 137 {
		t.Fatalf("the container is %+v, %v; want it killed", state.State, err)
	}
}

func TestRunsSideBySide(t *testing.T) {
	e := newEngine(t)
	var all sync.WaitGroup
	for i := range 4 {
		c := create(t, e, workload.Spec{Command: []string{"cat"}, Options: workload.Options{}.Set("interactive", "true")}, capability.Of())
		all.Go(func() {
			var stdout strings.Builder
			want := strings.Repeat(fmt.Sprintf("run %d\n", i), 1000)
			exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdin: strings.NewReader(want), Stdout: &stdout})
			if err != nil || exit.Code != 0 || stdout.String() != want {
				t.Errorf("run %d: %d bytes, exit %d, %v", i, stdout.Len(), exit.Code, err)
			}
		})
	}
	all.Wait()
}
