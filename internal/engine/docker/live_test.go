package docker

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// fakeRun is a container that runs on a fake engine, with a health check.
func fakeRun(t *testing.T, routes map[string]http.HandlerFunc) *Container {
	t.Helper()
	all := prepared()
	all["GET /v1.41/containers/{id}/json"] = answers(`{"State": {"Running": true, "StartedAt": "2026-01-02T03:04:05Z", "Health": {"Status": "starting"}}}`)
	maps.Copy(all, routes)
	c := &Container{engine: fakeEngine(t, all), id: "0123456789abcdef", healthcheck: true}
	c.set(&running{Container: c})
	return c
}

// refuses answers with an error.
func refuses(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, body) }
}

// Where the containers do not run on this kernel, and the fake engine says that its
// kernel is another, the engine lists the processes and nobody sees the sockets.
func TestProcessesThatAreNotHere(t *testing.T) {
	docker := `{"Titles": ["PID", "EUID", "STAT", "COMMAND"], "Processes": [["1", "0", "Ss", "nginx"], ["7", "101", "S", "nginx"], ["9", "0", "Z", "curl <defunct>"], ["12", "0", "S", "a program"]]}`
	want := []scenario.Process{{Name: "nginx"}, {Name: "nginx", UID: 101}, {Name: "a program"}}
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   []scenario.Process
		err    error
	}{
		"docker":          {answers(docker), want, nil},
		"without a state": {answers(`{"Titles": ["UID", "PID", "CMD", "COMM"], "Processes": [["5", "1", "/bin/x -y", "x"]]}`), []scenario.Process{{Name: "x", UID: 5}}, nil},
		"other columns":   {answers(`{"Titles": ["USER", "PID"], "Processes": [["root", "1"]]}`), nil, engine.ErrUnseen},
		"a short row":     {answers(`{"Titles": ["PID", "EUID", "COMMAND"], "Processes": [["1"]]}`), nil, engine.ErrUnseen},
		"names of users":  {answers(`{"Titles": ["PID", "EUID", "COMMAND"], "Processes": [["1", "root", "x"]]}`), nil, engine.ErrUnseen},
		"it has ended":    {refuses(http.StatusConflict, `{"message": "Container 0123 is not running"}`), nil, engine.ErrNotRunning},
		"it is gone":      {refuses(http.StatusNotFound, `{"message": "No such container: 0123"}`), nil, engine.ErrNotRunning},
	} {
		c := fakeRun(t, map[string]http.HandlerFunc{"GET /v1.41/containers/{id}/top": tc.answer})
		if got, err := c.Processes(t.Context()); !slices.Equal(got, tc.want) || !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, %v; want %v, %v", name, got, err, tc.want, tc.err)
		}
		if got, err := c.Listening(t.Context()); !errors.Is(err, engine.ErrUnseen) || got != nil {
			t.Errorf("%s: sockets %v, %v", name, got, err)
		}
	}
}

// Engines spell the event of a change of health each in their way, and the state alike.
func TestHealthByEvents(t *testing.T) {
	docker, podman := `{"Type":"container","Action":"health_status: healthy"}`, `{"Type":"container","Action":"health_status","Actor":{"Attributes":{"health_status":"healthy"}}}`
	for name, tc := range map[string]struct {
		event, becomes string
		healthy        bool
		err            error
	}{
		"docker":      {docker, `{"State": {"Running": true, "Health": {"Status": "healthy"}}}`, true, nil},
		"podman":      {podman, `{"State": {"Running": true, "Health": {"Status": "healthy"}}}`, true, nil},
		"unhealthy":   {docker, `{"State": {"Running": true, "Health": {"Status": "unhealthy"}}}`, false, nil},
		"ended":       {`{"Type":"container","Action":"die"}`, `{"State": {"Running": false, "Health": {"Status": "unhealthy"}}}`, false, engine.ErrNotRunning},
		"engine gone": {"", "", false, engine.ErrEngineLost},
	} {
		state := make(chan string, 2)
		state <- `{"State": {"Running": true, "StartedAt": "2026-01-02T03:04:05Z", "Health": {"Status": "starting"}}}`
		c := fakeRun(t, map[string]http.HandlerFunc{
			"GET /v1.41/containers/{id}/json": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, <-state) },
			"GET /v1.41/events": func(w http.ResponseWriter, r *http.Request) {
				if since := r.URL.Query().Get("since"); since != "1767323045.000000000" {
					t.Errorf("%s: events since %q", name, since)
				}
				if tc.event == "" {
					return
				}
				state <- tc.becomes
				_, _ = io.WriteString(w, tc.event)
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			},
		})
		if healthy, err := c.Healthy(t.Context()); healthy != tc.healthy || !errors.Is(err, tc.err) {
			t.Errorf("%s: %v, %v; want %v, %v", name, healthy, err, tc.healthy, tc.err)
		}
	}
}

func TestChecksHealth(t *testing.T) {
	check := func(test ...string) *dockerspec.HealthcheckConfig { return &dockerspec.HealthcheckConfig{Test: test} }
	for _, tc := range []struct {
		own, image *dockerspec.HealthcheckConfig
		want       bool
	}{
		{nil, nil, false},
		{nil, check("CMD", "/check"), true},
		{nil, check("CMD-SHELL", "true"), true},
		{nil, check("NONE"), false},
		{check("NONE"), check("CMD", "/check"), false},
		{check("CMD-SHELL", "true"), check("NONE"), true},
		{check(), check("CMD", "/check"), true}, // --health-interval alone
		{check(), nil, false},
	} {
		if got := checksHealth(tc.own, tc.image); got != tc.want {
			t.Errorf("%+v over %+v: %v", tc.own, tc.image, got)
		}
	}
}

func TestReach(t *testing.T) {
	settings := &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{
		"a": {GlobalIPv6Address: "fd00::2"}, "b": {IPAddress: "172.20.0.2"}, "c": {IPAddress: "172.21.0.2"}, "d": nil,
	}}
	settings.Ports = nat.PortMap{
		"80/tcp":   {{HostIP: "0.0.0.0", HostPort: "49153"}, {HostIP: "::", HostPort: "49154"}},
		"443/tcp":  {{HostIP: "::", HostPort: "8443"}},
		"53/udp":   {{HostIP: "192.0.2.1", HostPort: "53"}},
		"54/udp":   {{HostIP: "::1", HostPort: "54"}},
		"81/tcp":   {{HostPort: "8081"}},
		"9000/tcp": nil,
	}
	want := map[string]string{
		"80/tcp": "127.0.0.1:49153", "443/tcp": "127.0.0.1:8443", "53/udp": "192.0.2.1:53", "54/udp": "[::1]:54", "81/tcp": "127.0.0.1:8081",
	}
	if got := published(settings, loopback); !maps.Equal(got, want) {
		t.Errorf("published %v, want %v", got, want)
	}
	if got := address(settings); got != "172.20.0.2" {
		t.Errorf("address %q", got)
	}
	if got := address(&container.NetworkSettings{Networks: map[string]*network.EndpointSettings{"a": settings.Networks["a"]}}); got != "fd00::2" {
		t.Errorf("address %q of a network without IPv4", got)
	}
	if len(published(nil, loopback)) != 0 || address(nil) != "" {
		t.Error("nothing is known, and something is said")
	}
	for host, want := range map[string]string{
		"unix:///run/docker.sock": loopback, "tcp://192.0.2.7:2376": "192.0.2.7", "ssh://me@builder": "builder", "tcp://[2001:db8::1]:2375": "2001:db8::1",
	} {
		if got := (endpoint{host: host}).machine(); got != want {
			t.Errorf("%s is on %q, want %q", host, got, want)
		}
	}
}

// An engine elsewhere has no addresses that are reached from here, but its own.
func TestReachOfAnEngineElsewhere(t *testing.T) {
	state := map[string]any{
		"State":      map[string]any{"Running": true},
		"HostConfig": map[string]any{"NetworkMode": "default"},
		"NetworkSettings": map[string]any{
			"Networks": map[string]any{"bridge": map[string]any{"IPAddress": "172.17.0.2"}},
			"Ports":    map[string]any{"80/tcp": []any{map[string]any{"HostIp": "0.0.0.0", "HostPort": "8080"}}},
		},
	}
	body, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	c := fakeRun(t, map[string]http.HandlerFunc{"GET /v1.41/containers/{id}/json": answers(string(body))})
	reach, err := c.Reach(t.Context())
	if err != nil || reach.Address != "" || reach.Published["80/tcp"] != "127.0.0.1:8080" {
		t.Errorf("%+v, %v", reach, err)
	}
	c = fakeRun(t, map[string]http.HandlerFunc{"GET /v1.41/containers/{id}/json": answers(strings.Replace(string(body), `"default"`, `"host"`, 1))})
	if reach, err := c.Reach(t.Context()); err != nil || reach.Address != loopback {
		t.Errorf("in the machine's network: %+v, %v", reach, err)
	}
}
