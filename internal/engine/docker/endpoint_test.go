package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/docker/docker/api/types/system"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/workload"
)

// settingsOf makes an environment of its own, with an empty configuration.
func settingsOf(t *testing.T, variables map[string]string) environment {
	t.Helper()
	dir := t.TempDir()
	return func(name string) (string, bool) {
		if value, ok := variables[name]; ok {
			return value, true
		}
		if name == "DOCKER_CONFIG" {
			return dir, true
		}
		return "", false
	}
}

func TestWhichEngine(t *testing.T) {
	for _, tc := range []struct {
		name, host string
		variables  map[string]string
		want, bad  string
	}{
		{name: "default", want: "unix:///var/run/docker.sock"},
		{name: "environment", variables: map[string]string{"DOCKER_HOST": "unix:///x.sock"}, want: "unix:///x.sock"},
		{name: "flag before environment", host: "tcp://h:1", variables: map[string]string{"DOCKER_HOST": "unix:///x.sock"}, want: "tcp://h:1"},
		{name: "environment before context", variables: map[string]string{"DOCKER_HOST": "tcp://h:1", "DOCKER_CONTEXT": "nonsense"}, want: "tcp://h:1"},
		{name: "default port", host: "tcp://h", want: "tcp://h:2375"},
		{name: "default port of TLS", host: "tcp://h", variables: map[string]string{"DOCKER_TLS_VERIFY": "1"}, want: "tcp://h:2376"},
		{name: "no scheme", host: "h:7", want: "tcp://h:7"},
		{name: "ssh without its user", host: "ssh://somebody:secret@h", want: "ssh://h"},
		{name: "unknown scheme", host: "gopher://h", bad: "unknown scheme"},
		{name: "no path", host: "unix://", bad: "no socket path"},
		{name: "no host", host: "tcp://:7", bad: "no host name"},
		{name: "unknown context", variables: map[string]string{"DOCKER_CONTEXT": "nonsense"}, bad: "nonsense"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			at, err := resolveEndpoint(tc.host, settingsOf(t, tc.variables))
			if tc.bad != "" {
				if err == nil || !strings.Contains(err.Error(), tc.bad) {
					t.Fatalf("address %s, error %v; want %q", at, err, tc.bad)
				}
				if _, err := connect(tc.host, settingsOf(t, tc.variables)); !errors.Is(err, engine.ErrNoEngine) {
					t.Fatalf("New: %v", err)
				}
				return
			}
			if err != nil || at.String() != tc.want {
				t.Fatalf("address %s, %v; want %s", at, err, tc.want)
			}
		})
	}
}

// The docker command itself makes the context that is read here.
func TestCurrentContext(t *testing.T) {
	dir := t.TempDir()
	for _, args := range [][]string{
		{"context", "create", "elsewhere", "--docker", "host=tcp://elsewhere:7"},
		{"context", "use", "elsewhere"},
	} {
		cmd := exec.Command("docker", args...)
		cmd.Env = append(os.Environ(), "DOCKER_CONFIG="+dir, "DOCKER_HOST=", "DOCKER_CONTEXT=")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("docker %v: %v: %s", args, err, out)
		}
	}
	for name, variables := range map[string]map[string]string{
		"used":  {"DOCKER_CONFIG": dir},
		"named": {"DOCKER_CONFIG": dir, "DOCKER_CONTEXT": "elsewhere"},
	} {
		if at, err := resolveEndpoint("", settingsOf(t, variables)); err != nil || at.host != "tcp://elsewhere:7" {
			t.Errorf("%s: %v, %v", name, at, err)
		}
	}
	at, err := resolveEndpoint("", settingsOf(t, map[string]string{"DOCKER_CONFIG": dir, "DOCKER_CONTEXT": "default"}))
	if err != nil || at.host != "unix:///var/run/docker.sock" {
		t.Errorf("the default context: %v, %v", at, err)
	}
}

func TestNoEngineThere(t *testing.T) {
	for _, host := range []string{"unix:///no/such/docker.sock", "tcp://127.0.0.1:1"} {
		e := engineAt(t, host)
		_, facts := e.Facts(t.Context())
		_, prepare := e.Prepare(t.Context(), workload.Spec{Image: "x"}, io.Discard)
		subject := &Subject{engine: e, identity: engine.Identity{ID: "x"}, files: &engine.Files{}}
		_, create := subject.Create(t.Context(), engine.Conditions{})
		_, leftovers := e.RemoveLeftovers(t.Context())
		_, grantable := subject.Grantable(t.Context(), 1)
		for call, err := range map[string]error{"facts": facts, "prepare": prepare, "create": create, "leftovers": leftovers, "grantable": grantable} {
			if !errors.Is(err, engine.ErrNoEngine) || !strings.Contains(fmt.Sprint(err), host) {
				t.Errorf("%s at %s: %v", call, host, err)
			}
		}
	}
}

// asNobodyEnv makes this test binary ask the engine it names, for a test that
// needs a process of another user.
const asNobodyEnv = "CAPPROF_TEST_DOCKER_AS_NOBODY"

func infoAsNobody(host string) int {
	e, err := connect(host, os.LookupEnv)
	if err == nil {
		_, err = e.Facts(context.Background())
	}
	fmt.Fprint(os.Stdout, err)
	if errors.Is(err, engine.ErrNoEngine) {
		return 0
	}
	return 1
}

func TestNoPermissionOnTheSocket(t *testing.T) {
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "becoming another user needs root")
	}
	dir := t.TempDir()
	// The test's directories are root's alone, up to the system's own.
	for up := dir; up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(dir, "d.sock")
	listen, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listen.Close()
	if err := os.Chmod(socket, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Dir = "/"
	cmd.Env = []string{asNobodyEnv + "=unix://" + socket, "HOME=/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "docker") || !strings.Contains(string(out), "no permission to use unix://"+socket) {
		t.Fatalf("%v: %s", err, out)
	}
}

func TestRemoteEngines(t *testing.T) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		t.Fatal(err)
	}
	release := unix.ByteSliceToString(name.Release[:])
	listen, err := net.Listen("unix", filepath.Join(t.TempDir(), "d.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer listen.Close()
	forwarded := "unix://" + listen.Addr().String()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "engine-id"), []byte("the-id\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, host string
		info       system.Info
		why        string
	}{
		{"another kernel", suite(t).Host, system.Info{KernelVersion: "1.2.3"}, "runs on kernel 1.2.3"},
		{"another system", suite(t).Host, system.Info{OSType: "windows"}, "windows containers"},
		{"virtual machines", suite(t).Host, system.Info{KernelVersion: release, DefaultRuntime: "kata-runtime"}, "kernel of its own"},
		{"a forwarded socket", forwarded, system.Info{KernelVersion: release}, "may forward it"},
		{"no socket", "unix:///no/such.sock", system.Info{KernelVersion: release}, "nothing shows who listens"},
		{"over the network", "tcp://127.0.0.1:2375", system.Info{KernelVersion: release}, "over the network"},
		{"over the network with its identity here", "tcp://127.0.0.1:2375", system.Info{KernelVersion: release, ID: "the-id", DockerRootDir: root}, ""},
		{"another identity here", "tcp://127.0.0.1:2375", system.Info{KernelVersion: release, ID: "other", DockerRootDir: root}, "over the network"},
		{"the suite's engine", suite(t).Host, system.Info{KernelVersion: release}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			why := whyRemote(endpoint{host: tc.host}, tc.info)
			if tc.why == "" && why != "" || !strings.Contains(why, tc.why) {
				t.Fatalf("reason %q, want %q", why, tc.why)
			}
		})
	}
}

func TestAnErrorOfTheEngineKeepsItsText(t *testing.T) {
	e := fakeEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/info": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"message": "the disk is full"}`)
		},
	})
	_, err := e.Facts(t.Context())
	if err == nil || errors.Is(err, engine.ErrNoEngine) || !strings.Contains(err.Error(), "the disk is full") {
		t.Fatalf("error %v", err)
	}
}
