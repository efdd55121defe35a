package docker

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
)

// podmanRoutes are those of a Podman that says no more than who it is.
func podmanRoutes(more map[string]http.HandlerFunc) map[string]http.HandlerFunc {
	routes := map[string]http.HandlerFunc{
		"GET /v1.41/info":         answers(`{"KernelVersion": "1.2.3", "SystemTime": "2026-01-02T03:04:06Z"}`),
		"GET /v1.41/version":      answers(`{"Version": "5.4.2", "Components": [{"Name": "Podman Engine"}]}`),
		"GET /v4.0.0/libpod/info": answers(`{"host": {"security": {"capabilities": "CAP_CHOWN,CAP_KILL"}}}`),
	}
	maps.Copy(routes, more)
	return routes
}

// Podman leaves out what it does not hold, and says no word of it.
func TestCapabilitiesThatPodmanLeavesOut(t *testing.T) {
	for name, tc := range map[string]struct {
		bounding string
		grant    capability.Set
		refused  capability.Set
		bad      bool
	}{
		"all of them":  {`["CAP_CHOWN", "CAP_KILL"]`, capability.Of(capability.Chown, capability.Kill), 0, false},
		"none":         {`null`, 0, 0, false},
		"one left out": {`["CAP_CHOWN"]`, capability.Of(capability.Chown, capability.SysResource), capability.Of(capability.SysResource), false},
		"one too many": {`["CAP_CHOWN", "CAP_KILL"]`, capability.Of(capability.Chown), 0, true},
	} {
		e := fakeEngine(t, podmanRoutes(map[string]http.HandlerFunc{
			"GET /v4.0.0/libpod/containers/{id}/json": answers(`{"BoundingCaps": ` + tc.bounding + `}`),
		}))
		err := libpod{e}.checkGrant(t.Context(), "0123456789abcdef", tc.grant)
		no, _ := errors.AsType[*engine.RefusedError](err)
		switch {
		case tc.bad != errors.Is(err, engine.ErrBadWorkload):
			t.Errorf("%s: %v", name, err)
		case (no == nil) != tc.refused.Empty(), no != nil && no.Refused != tc.refused, !tc.bad && no == nil && err != nil:
			t.Errorf("%s: %v, want that %s is refused", name, err, tc.refused)
		}
	}
}

func TestRefusalsOfPodman(t *testing.T) {
	grant := capability.Of(63, capability.BPF)
	for message, want := range map[string]capability.Set{
		`container create: "CAP_63": unknown capability`:   capability.Of(63),
		`container create: unknown capability "CAP_BPF"`:   capability.Of(capability.BPF),
		`container create: "CAP_KILL": unknown capability`: 0,
		`invalid reference format`:                         0,
	} {
		if got := refusedCapabilities(message, grant); got != want {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
}

// The events of Podman do not name a signal, and it leaves none of podman stop.
func TestWhoEndedAContainerOfPodmans(t *testing.T) {
	const one = `{"Type": "container", "Action": "kill"}` + "\n"
	for name, tc := range map[string]struct {
		events, own string
		sent        map[syscall.Signal]int
		code        int
		ours, other bool
	}{
		"nobody":              {"", `{}`, nil, 3, false, false},
		"capprof":             {one, `{}`, map[syscall.Signal]int{syscall.SIGTERM: 1}, 0, true, false},
		"itself, after USR1":  {one, `{}`, map[syscall.Signal]int{syscall.SIGUSR1: 1}, 0, false, false},
		"podman kill":         {one, `{}`, nil, 137, false, true},
		"podman kill as well": {one + one, `{}`, map[syscall.Signal]int{syscall.SIGUSR1: 1}, 137, false, true},
		"podman stop":         {"", `{"State": {"StoppedByUser": true}}`, nil, 143, false, true},
	} {
		c := fakeRun(t, podmanRoutes(map[string]http.HandlerFunc{
			"GET /events": func(w http.ResponseWriter, r *http.Request) {
				if q := r.URL.Query(); q.Get("stream") != "false" || q.Has("until") || !strings.Contains(q.Get("filters"), `"kill"`) {
					t.Errorf("asks for %s", r.URL)
				}
				answers(tc.events)(w, r)
			},
			"GET /v4.0.0/libpod/containers/{id}/json": answers(tc.own),
		}))
		c.sent = tc.sent
		state := container.InspectResponse{ContainerJSONBase: &container.ContainerJSONBase{State: &container.State{
			StartedAt: "2026-01-02T03:04:05Z", FinishedAt: "2026-01-02T03:04:06Z",
		}}}
		ours, err := c.began().endedBy(t.Context(), state, tc.code)
		others, _ := errors.AsType[*engine.EndedByOthersError](err)
		if ours != tc.ours || (others != nil) != tc.other || others == nil && err != nil {
			t.Errorf("%s: ours %v, %v", name, ours, err)
		}
	}
}

// Where no timer makes a health check, Podman is asked to; where one does, it is not.
func TestHealthChecksOfPodman(t *testing.T) {
	for name, timers := range map[string]bool{"with timers": true, "without": false} {
		asked, looked := 0, 0
		c := fakeRun(t, podmanRoutes(map[string]http.HandlerFunc{
			"GET /v1.41/containers/{id}/json": func(w http.ResponseWriter, r *http.Request) {
				looked++
				health := `"Status": "starting"`
				if timers {
					health += `, "Log": [{"Start": "` + time.Unix(int64(looked), 0).UTC().Format(time.RFC3339) + `"}]`
				}
				if asked > 1 || looked > 9 {
					health = `"Status": "healthy"`
				}
				answers(`{"Config": {"Healthcheck": {"Interval": 1000000}}, "State": {"Running": true, "Health": {`+health+`}}}`)(w, r)
			},
			"GET /v4.0.0/libpod/containers/{id}/healthcheck": func(w http.ResponseWriter, r *http.Request) {
				asked++
				answers(`{"Status": "starting"}`)(w, r)
			},
		}))
		if healthy, err := c.Healthy(t.Context()); err != nil || !healthy || (asked == 0) != timers {
			t.Errorf("%s: %v, %v, asked %d times, looked %d times", name, healthy, err, asked, looked)
		}
	}
}

// What Podman writes into every container is none of the user's.
func TestDescriptionsOfPodmansContainers(t *testing.T) {
	pids, timeout := int64(2048), 10
	o := &original{engine: about{dialect: dialect{kind: Podman, capabilities: capability.Of(capability.Chown, capability.Kill)}}}
	o.InspectResponse = container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{ID: "0123456789abcdef", HostConfig: &container.HostConfig{
			ShmSize: 65536000, ReadonlyRootfs: true,
			Binds:     []string{"/a:/b:ro,rprivate,rbind", "/c:/d:rw,rprivate,rbind", "/e:/f"},
			Tmpfs:     map[string]string{"/run": "rw,rprivate,nosuid,nodev,tmpcopyup", "/mine": "rw,rprivate,nosuid,nodev,tmpcopyup,size=1m"},
			Resources: container.Resources{PidsLimit: &pids, Ulimits: []*container.Ulimit{{Name: "RLIMIT_NOFILE", Soft: 1, Hard: 1}, {Name: "RLIMIT_CORE", Soft: 7, Hard: 7}}},
		}},
		Config: &container.Config{StopSignal: "15", StopTimeout: &timeout, WorkingDir: "/"},
	}
	e := fakeEngine(t, podmanRoutes(map[string]http.HandlerFunc{
		"GET /v4.0.0/libpod/containers/{id}/json": answers(`{"BoundingCaps": ["CAP_CHOWN", "CAP_SYS_TIME"], "EffectiveCaps": ["CAP_CHOWN"]}`),
	}))
	if err := (libpod{e}).withoutPodmans(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	host, config := o.HostConfig, o.Config
	if host.PidsLimit != nil || host.ShmSize != usualShmSize || config.StopTimeout != nil || config.StopSignal != "" || config.WorkingDir != "" {
		t.Errorf("left: %+v, %+v", host, config)
	}
	if want := []string{"/a:/b:ro", "/c:/d", "/e:/f"}; !slices.Equal(host.Binds, want) {
		t.Errorf("binds %q, want %q", host.Binds, want)
	}
	if want := map[string]string{"/mine": "size=1m"}; !maps.Equal(host.Tmpfs, want) {
		t.Errorf("tmpfs %q, want %q", host.Tmpfs, want)
	}
	if len(host.Ulimits) != 1 || host.Ulimits[0].Name != "core" {
		t.Errorf("limits %v", host.Ulimits)
	}
	if !slices.Equal(host.CapAdd, []string{"CHOWN", "SYS_TIME"}) || !slices.Equal(host.CapDrop, []string{"KILL"}) {
		t.Errorf("adds %q, drops %q", host.CapAdd, host.CapDrop)
	}
}
