package docker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// shortPatience keeps the tests short. Their engine answers at once or never.
var shortPatience = patience{first: 20 * time.Millisecond, look: 200 * time.Millisecond, work: 200 * time.Millisecond, beat: time.Hour}

// complaints are what an engine that does not answer made capprof say.
type complaints struct {
	mu  sync.Mutex
	all []string
}

func (c *complaints) add(message string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, message)
}

func (c *complaints) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.all, "\n")
}

// silentEngine answers some requests, and takes the others without ever answering.
func silentEngine(t *testing.T, answered map[string]http.HandlerFunc) (*Engine, *complaints) {
	t.Helper()
	over := make(chan struct{})
	routes := map[string]http.HandlerFunc{"/": func(http.ResponseWriter, *http.Request) { <-over }}
	for route, handler := range answered {
		routes[route] = handler
	}
	e := fakeEngine(t, routes)
	t.Cleanup(func() { close(over) })
	said := &complaints{}
	e.patience, e.waiting = shortPatience, said.add
	return e, said
}

// prepared are the answers up to the creation of a container.
func prepared() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /v1.41/info":               answers(`{"KernelVersion": "1.2.3", "SecurityOptions": ["name=seccomp,profile=default"]}`),
		"GET /v1.41/version":            answers(`{"Version": "28.0.0"}`),
		"GET /v1.41/images/{name...}":   answers(`{"Id": "sha256:1", "Config": {"Cmd": ["/app"]}}`),
		"POST /v1.41/containers/create": answers(`{"Id": "0123456789abcdef"}`),
	}
}

// created are those up to the start of one: streams are attached, and the engine waits
// for an end that does not come.
func created() map[string]http.HandlerFunc {
	routes := prepared()
	routes["POST /v1.41/containers/{id}/attach"] = func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}
	}
	routes["POST /v1.41/containers/{id}/wait"] = func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	return routes
}

// isSilent checks the error of a request that was taken and not answered, and that it
// was said while it lasted.
func isSilent(t *testing.T, doing string, err error, said *complaints) {
	t.Helper()
	if !errors.Is(err, engine.ErrSilent) || !strings.Contains(err.Error(), "has not answered for 200ms") {
		t.Errorf("%s: %v", doing, err)
	}
	for _, words := range []string{"has not answered for 20ms", "has not answered for 40ms", "has not answered for 80ms"} {
		if !strings.Contains(said.text(), words) {
			t.Errorf("%s: %q is not said: %s", doing, words, said.text())
		}
	}
}

func TestAnEngineThatDoesNotAnswer(t *testing.T) {
	t.Run("anything", func(t *testing.T) {
		e, said := silentEngine(t, nil)
		_, err := e.Facts(t.Context())
		isSilent(t, "facts", err, said)
		_, err = e.RemoveLeftovers(t.Context())
		isSilent(t, "leftovers", err, said)
	})
	t.Run("a create", func(t *testing.T) {
		routes := prepared()
		delete(routes, "POST /v1.41/containers/create")
		e, said := silentEngine(t, routes)
		_, err := tryCreate(t.Context(), e, workload.Spec{Image: "x"}, 0)
		isSilent(t, "create", err, said)
	})
	t.Run("a start", func(t *testing.T) {
		e, said := silentEngine(t, created())
		c, err := tryCreate(t.Context(), e, workload.Spec{Image: "x"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		isSilent(t, "start", c.Start(t.Context(), engine.Stdio{}), said)
	})
	t.Run("the order to kill", func(t *testing.T) {
		routes := created()
		routes["POST /v1.41/containers/{id}/start"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
		e, said := silentEngine(t, routes)
		c, err := tryCreate(t.Context(), e, workload.Spec{Image: "x"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Remove(noCancel(t)) })
		timeout := errors.New("the workload's time is over")
		ctx, stop := context.WithTimeoutCause(t.Context(), 10*time.Millisecond, timeout)
		defer stop()
		var out bytes.Buffer
		_, err = engine.Run(ctx, c, engine.Stdio{Stdout: &out})
		isSilent(t, "kill", err, said)
		if errors.Is(err, timeout) {
			t.Errorf("an engine that does not answer was taken for the workload's timeout: %v", err)
		}
	})
}

// While a workload runs there is no request to answer but the wait for its end, which an
// engine that hangs never tells.
func TestAnEngineThatHangsDuringARun(t *testing.T) {
	routes := created()
	routes["POST /v1.41/containers/{id}/start"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	var asked atomic.Int32
	over := make(chan struct{})
	routes["GET /v1.41/version"] = func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) > 2 {
			<-over
		}
		_, _ = io.WriteString(w, `{"Version": "28.0.0"}`)
	}
	e, said := silentEngine(t, routes)
	t.Cleanup(func() { close(over) })
	e.patience.beat = 10 * time.Millisecond
	c, err := tryCreate(t.Context(), e, workload.Spec{Image: "x"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Remove(noCancel(t)) })
	_, err = engine.Run(t.Context(), c, engine.Stdio{})
	isSilent(t, "run", err, said)
}

// An engine that takes connections and does not even read holds up the requests for
// which the client library ignores the context: attach and exec.
func TestAnEngineThatDoesNotRead(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "d.sock")
	listen, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listen.Close()
	e := engineAt(t, "unix://"+socket)
	said := &complaints{}
	e.patience, e.waiting = shortPatience, said.add
	c := &Container{engine: e, id: "0123456789abcdef"}
	isSilent(t, "attach", c.Start(t.Context(), engine.Stdio{}), said)
	_, err = c.Exec(t.Context(), engine.Command{Argv: []string{"true"}})
	isSilent(t, "exec", err, said)
}

func TestAnInterruptedRequestIsGivenUp(t *testing.T) {
	e, _ := silentEngine(t, nil)
	e.patience = usualPatience
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := e.Facts(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}
