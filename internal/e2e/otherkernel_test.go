package e2e

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/testengine"
)

// onAnotherKernel puts a proxy before an engine that makes it tell of another
// kernel, as one on another machine or in a virtual machine does, and returns its
// address.
func onAnotherKernel(t *testing.T, e *testengine.Engine) string {
	t.Helper()
	info, err := e.Output(t.Context(), "info", "--format", "{{.KernelVersion}}")
	if err != nil {
		t.Fatal(err)
	}
	kernel := []byte(strings.TrimSpace(info))
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "engine"})
	proxy.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", strings.TrimPrefix(e.Host, "unix://"))
	}}
	proxy.ModifyResponse = func(r *http.Response) error {
		if !strings.HasSuffix(r.Request.URL.Path, "/info") {
			return nil
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		body = bytes.ReplaceAll(body, kernel, []byte("4.4.0-other"))
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return "tcp://" + strings.TrimPrefix(server.URL, "http://")
}

// TestEngineOnAnotherKernel: what runs on another kernel cannot be traced, capprof
// says so before anything starts, and what it says to do works.
func TestEngineOnAnotherKernel(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	image := imageOf(t, scratch)
	env := []string{"DOCKER_HOST=" + onAnotherKernel(t, e)}
	refused := invocation{engine: e, env: env, args: append([]string{"run", image, "--"}, privop("chown")...)}.run(t)
	refused.expect(t, exitUnfit)
	refused.mentions(t, "kernel", "--no-trace")
	if refused.stdout != "" || strings.Contains(refused.stderr, "run 1") {
		t.Errorf("it ran all the same:\n%s%s", refused.stdout, refused.stderr)
	}
	doctor := invocation{engine: e, env: env, args: []string{"doctor"}}.run(t)
	doctor.expect(t, exitUnfit)
	if !strings.Contains(doctor.stdout, "--no-trace") {
		t.Errorf("doctor names no way out:\n%s", doctor.stdout)
	}
}

// TestNoTypeInformation hides the kernel's BTF from capprof, in a mount namespace
// of its own.
func TestNoTypeInformation(t *testing.T) {
	keepsEngineClean(t)
	e := engineOf(t)
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		t.Fatal(err)
	}
	hidden := []string{unshare, "--mount", "sh", "-c", `mount -t tmpfs none /sys/kernel/btf && exec "$@"`, "sh"}
	args := append([]string{"run", imageOf(t, scratch), "--"}, privop("chown")...)
	refused := invocation{engine: e, prefix: hidden, args: args}.run(t)
	refused.expect(t, exitUnfit)
	refused.mentions(t, "BTF", "CONFIG_DEBUG_INFO_BTF", "--no-trace")

	args = append([]string{"run", "--no-trace", imageOf(t, scratch), "--"}, privop("chown")...)
	invocation{engine: e, prefix: hidden, args: args}.run(t).expect(t, exitProven)
}

// TestInterruptWhilePulling: a registry that never answers does not hold capprof.
func TestInterruptWhilePulling(t *testing.T) {
	// The engine of the suite may be in a network namespace of its own.
	e, err := testengine.System(t.Context())
	if err != nil {
		testengine.SkipOrFail(t, err)
	}
	registry, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	asked := make(chan net.Conn, 16)
	go func() {
		for {
			conn, err := registry.Accept()
			if err != nil {
				close(asked)
				return
			}
			asked <- conn
		}
	}()
	running := invocation{engine: e, args: []string{"run", registry.Addr().String() + "/nobody/home:1", "--", "true"}}.start(t)
	conn, ok := <-asked
	if !ok {
		t.Fatal("the engine never asked the registry")
	}
	defer conn.Close()
	if err := unix.Kill(running.cmd.Process.Pid, unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	running.wait(t).expect(t, exitInterrupted)
}
