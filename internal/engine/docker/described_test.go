package docker

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// dockerMakes makes a container by the docker command, as people do, and returns its name.
// It is removed when the test ends.
func dockerMakes(t *testing.T, e *Engine, args ...string) string {
	t.Helper()
	name := "capprof-docker-test-" + e.session + "-" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	if output, err := suite(t).Output(t.Context(), append([]string{"create", "--name", name}, args...)...); err != nil {
		t.Fatalf("docker create %q: %v: %s", args, err, output)
	}
	t.Cleanup(func() {
		if output, err := suite(t).Output(context.WithoutCancel(t.Context()), "rm", "--force", "--volumes", name); err != nil {
			t.Errorf("docker rm: %v: %s", err, output)
		}
	})
	return name
}

// lines are options of docker run that go together in one container, in the form in which
// they are read.
var lines = map[string]workload.Options{
	"nothing": {},
	"a web server": workload.Options{}.Set("publish", "127.0.0.1::80", "127.0.0.1:0:81/udp").Set("expose", "90").Set("env", "A=1", "FROM_IMAGE=no").
		Set("volume", "/tmp:/mnt:ro", "/anonymous").Set("restart", "unless-stopped").Set("ulimit", "nofile=100:200").Set("memory", "64m").
		Set("read-only", "true").Set("tmpfs", "/run:size=1m").Set("cap-drop", "ALL").Set("cap-add", "CHOWN").Set("security-opt", "no-new-privileges").
		Set("health-cmd", "true").Set("health-interval", "9s").Set("stop-signal", "SIGINT").Set("stop-timeout", "3").Set("user", "1:1").Set("workdir", "/made"),
	"a machine": workload.Options{}.Set("privileged", "true").Set("pid", "host").Set("ipc", "host").Set("uts", "host").Set("network", "host").
		Set("init", "true").Set("interactive", "true").Set("tty", "true").Set("device", "/dev/null:/dev/other:r").Set("shm-size", "1m"),
	"names": workload.Options{}.Set("hostname", "me").Set("domainname", "example.org").Set("add-host", "db:10.0.0.1").Set("dns", "10.0.0.2").
		Set("dns-search", "example.org").Set("dns-option", "ndots:2").Set("group-add", "7").Set("sysctl", "net.ipv4.ip_unprivileged_port_start=99").
		Set("security-opt", `seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`, "systempaths=unconfined").Set("no-healthcheck", "true"),
	"limits": workload.Options{}.Set("cpus", "0.5").Set("cpu-shares", "512").Set("pids-limit", "50").Set("oom-score-adj", "7").Set("memory", "64m").Set("memory-swap", "65m").
		Set("cpuset-cpus", "0").Set("device-cgroup-rule", "c 1:3 r"),
	"mounts":        workload.Options{}.Set("mount", "type=bind,source=/tmp,target=/m,readonly", "type=tmpfs,target=/t,tmpfs-size=1048576", "type=volume,target=/v"),
	"no entrypoint": workload.Options{}.Set("entrypoint", ""),
	"no network":    workload.Options{}.Set("network", "none"),
}

// TestContainersOfDocker makes containers from lines of docker run and reads the same
// options from them.
func TestContainersOfDocker(t *testing.T) {
	e := newEngine(t)
	for name, options := range lines {
		t.Run(name, func(t *testing.T) {
			w := workload.Spec{Image: suite(t).image, Command: []string{"/workload", "echo", "x"}, Options: options}
			var args []string
			for _, option := range options.All() {
				for _, value := range options.Values(option.Name) {
					if option.Name == "security-opt" && strings.HasPrefix(value, "seccomp={") {
						path := filepath.Join(t.TempDir(), "seccomp.json")
						if err := os.WriteFile(path, []byte(strings.TrimPrefix(value, "seccomp=")), 0o600); err != nil {
							t.Fatal(err)
						}
						value = "seccomp=" + path
					}
					if args = append(args, "--"+option.Name); option.Kind != workload.Flag {
						args = append(args, value)
					}
				}
			}
			made := dockerMakes(t, e, append(append(args, w.Image), w.Command...)...)
			got, err := e.Describe(t.Context(), made)
			if err != nil {
				t.Fatal(err)
			}
			// Any port is any port.
			want := options
			if options.Values("publish") != nil {
				want = want.Set("publish", "127.0.0.1::80", "127.0.0.1::81/udp")
			}
			// docker create brings the variables into an order of its own, another each time.
			if variables := got.Workload.Options.Values("env"); variables != nil {
				got.Workload.Options = got.Workload.Options.Set("env", slices.Sorted(slices.Values(variables))...)
				want = want.Set("env", slices.Sorted(slices.Values(want.Values("env")))...)
			}
			if got.Workload.Image != w.Image || !slices.Equal(got.Workload.Command, w.Command) || !reflect.DeepEqual(got.Workload.Options, want) {
				t.Errorf("read %+v\nwant %+v", got.Workload, workload.Spec{Image: w.Image, Command: w.Command, Options: want})
			}
			if got.Name != made || len(got.ID) != 64 {
				t.Errorf("read of %s %s", got.Name, got.ID)
			}
		})
	}
}

// TestAContainerLikeAnother: what is read makes a container that has it, and reading that
// one gives the same again.
func TestAContainerLikeAnother(t *testing.T) {
	e := newEngine(t)
	for name, options := range lines {
		if name == "a machine" {
			continue // capprof gives nothing privileged
		}
		t.Run(name, func(t *testing.T) {
			// No container gets today's capabilities, nor what has no effect.
			options := options.Set("cap-add").Set("cap-drop").Set("restart")
			if options.Values("publish") != nil {
				options = options.Set("publish", "127.0.0.1::80", "127.0.0.1::81/udp")
			}
			w := workload.Spec{Image: suite(t).image, Command: []string{"/workload", "echo", "x"}, Options: options}
			got, err := e.Describe(t.Context(), create(t, e, w, capability.Of()).ID())
			if err != nil {
				t.Fatal(err)
			}
			if got := got.Workload.Options.Set("cap-drop"); !reflect.DeepEqual(got, options) {
				t.Errorf("read %+v\nwant %+v", got, options)
			}
		})
	}
}

func TestSeveralNetworks(t *testing.T) {
	e := newEngine(t)
	var names []string
	for _, name := range []string{"b", "a"} {
		name = "capprof-docker-test-" + e.session + "-" + name
		names = append(names, name)
		if output, err := suite(t).Output(t.Context(), "network", "create", name); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		t.Cleanup(func() {
			if output, err := suite(t).Output(context.WithoutCancel(t.Context()), "network", "rm", name); err != nil {
				t.Errorf("%v: %s", err, output)
			}
		})
	}
	w := workload.Spec{Command: []string{"hang"}, Options: workload.Options{}.Set("network", names...)}
	first := create(t, e, w, capability.Of())
	got, err := e.Describe(t.Context(), first.ID())
	if err != nil || !slices.Equal(got.Workload.Options.Values("network"), names) {
		t.Errorf("networks %q, %v; want %q", got.Workload.Options.Values("network"), err, names)
	}
	name := got.Name
	second := create(t, e, workload.Spec{Command: []string{"hang"}, Options: workload.Options{}.Set("network", "container:"+first.ID())}, capability.Of())
	if got, err := e.Describe(t.Context(), second.ID()); err != nil || got.Workload.Options.Value("network") != "container:"+name {
		t.Errorf("network %q, %v", got.Workload.Options.Value("network"), err)
	}
}

// TestANetworkThatIsRefused: no container is left behind.
func TestANetworkThatIsRefused(t *testing.T) {
	removed := false
	e := fakeEngine(t, map[string]http.HandlerFunc{
		"GET /v1.41/info":               answers(`{"KernelVersion": "1.2.3"}`),
		"GET /v1.41/version":            answers(`{"Version": "20.10.24"}`),
		"POST /v1.41/containers/create": answers(`{"Id": "abc"}`),
		"POST /v1.41/networks/further/connect": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, `{"message":"not attachable"}`, http.StatusForbidden)
		},
		"DELETE /v1.41/containers/abc": func(w http.ResponseWriter, _ *http.Request) { removed = true; w.WriteHeader(http.StatusNoContent) },
	})
	s := &Subject{engine: e, spec: workload.Spec{Options: workload.Options{}.Set("network", "first", "further")}, files: &engine.Files{}}
	if _, err := s.Create(t.Context(), engine.Conditions{}); !errors.Is(err, engine.ErrBadWorkload) || !strings.Contains(err.Error(), "not attachable") || !removed {
		t.Errorf("error %v, removed %v", err, removed)
	}
}

// TestAnImageThatHasMovedOn: the container keeps the one that it was made of, whatever its
// name means now, and it is said.
func TestAnImageThatHasMovedOn(t *testing.T) {
	e := newEngine(t)
	m := suite(t)
	name := "capprof-docker-test:" + e.session + "-moving"
	tag := func(image string) {
		if output, err := m.Output(t.Context(), "tag", image, name); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	tag(m.image)
	t.Cleanup(func() {
		if output, err := m.Output(context.WithoutCancel(t.Context()), "rmi", name); err != nil {
			t.Errorf("%v: %s", err, output)
		}
	})
	made := dockerMakes(t, e, name)
	if got, err := e.Describe(t.Context(), made); err != nil || got.Workload.Image != name || len(got.Notes) > 0 {
		t.Errorf("before: %+v, %v", got, err)
	}
	tag(m.other)
	got, err := e.Describe(t.Context(), made)
	if err != nil || got.Workload.Image != m.image || len(got.Notes) != 1 || !strings.Contains(got.Notes[0], "another image by now") {
		t.Errorf("after: %+v, %v", got, err)
	}
}

func TestNoSuchContainer(t *testing.T) {
	e := newEngine(t)
	made := dockerMakes(t, e, suite(t).image)
	_, err := e.Describe(t.Context(), made+"x")
	if !errors.Is(err, engine.ErrNoContainer) || !strings.Contains(err.Error(), "is it "+made) {
		t.Errorf("a name that is nearly right: %v", err)
	}
	if _, err := e.Describe(t.Context(), "capprof-0123456789"); !errors.Is(err, engine.ErrNoContainer) || strings.Contains(err.Error(), "is it") {
		t.Errorf("a name that nothing has: %v", err)
	}
}
