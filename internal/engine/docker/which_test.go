package docker

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/engine"
)

func TestWhichEngineIsTaken(t *testing.T) {
	const docker, podman, user = "/var/run/docker.sock", "/run/podman/podman.sock", "/run/user/1000/podman/podman.sock"
	for name, tc := range map[string]struct {
		kind      Kind
		variables map[string]string
		uid       int
		listens   []string
		linked    bool
		installed []string
		want, bad string
		beside    Kind
	}{
		"Docker alone":                {listens: []string{docker}, want: docker},
		"Podman alone":                {listens: []string{podman}, want: podman},
		"both":                        {listens: []string{docker, podman}, want: docker, beside: Podman},
		"one under both names":        {listens: []string{docker, podman}, linked: true, want: podman},
		"both, Podman wanted":         {kind: Podman, listens: []string{docker, podman}, want: podman},
		"both, Docker wanted":         {kind: Docker, listens: []string{docker, podman}, want: docker},
		"Podman alone, Docker wanted": {kind: Docker, listens: []string{podman}, want: docker},
		"neither":                     {want: docker},
		"neither, Podman installed":   {installed: []string{"podman"}, want: podman},
		"neither, both installed":     {installed: []string{"podman", "dockerd"}, want: docker},
		"neither, Podman wanted":      {kind: Podman, want: podman},
		"a user's":                    {uid: 1000, listens: []string{user, podman}, want: user},
		"a user without one":          {uid: 1000, listens: []string{podman}, want: podman},
		"a user's, elsewhere":         {uid: 1000, variables: map[string]string{"XDG_RUNTIME_DIR": "/x"}, listens: []string{"/x/podman/podman.sock"}, want: "/x/podman/podman.sock"},
		"a user's, that does not run": {kind: Podman, uid: 1000, want: user},
		"root does not look at users": {listens: []string{user}, want: docker},
		"CONTAINER_HOST":              {variables: map[string]string{"CONTAINER_HOST": "unix:///c"}, listens: []string{docker}, want: "/c"},
		"DOCKER_HOST before it":       {variables: map[string]string{"CONTAINER_HOST": "unix:///c", "DOCKER_HOST": "unix:///d"}, want: "/d"},
		"it before DOCKER_HOST":       {kind: Podman, variables: map[string]string{"CONTAINER_HOST": "unix:///c", "DOCKER_HOST": "unix:///d"}, want: "/c"},
		"DOCKER_HOST for Podman":      {kind: Podman, variables: map[string]string{"DOCKER_HOST": "unix:///d"}, want: "/d"},
		"Docker never looks there":    {kind: Docker, variables: map[string]string{"CONTAINER_HOST": "unix:///c"}, want: docker},
		"DOCKER_CONTEXT before it":    {variables: map[string]string{"CONTAINER_HOST": "unix:///c", "DOCKER_CONTEXT": "nonsense"}, bad: "nonsense"},
		"ssh":                         {variables: map[string]string{"CONTAINER_HOST": "ssh://root@h/run/podman/podman.sock"}, bad: "forward its socket"},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := which(tc.kind, surroundings{
				settingsOf(t, tc.variables), tc.uid,
				func(socket string) bool { return slices.Contains(tc.listens, socket) },
				func(string, string) bool { return tc.linked },
				func(program string) bool { return slices.Contains(tc.installed, program) },
			})
			if tc.bad != "" {
				if err == nil || !strings.Contains(err.Error(), tc.bad) {
					t.Fatalf("%s, %v; want %q", at, err, tc.bad)
				}
				return
			}
			if err != nil || at.socket() != tc.want || at.beside != tc.beside {
				t.Errorf("%s beside %q, %v; want %s beside %q", at, at.beside, err, tc.want, tc.beside)
			}
		})
	}
}

func TestHowToStartIt(t *testing.T) {
	for host, want := range map[string]string{
		"unix:///var/run/docker.sock":              "systemctl start docker",
		"tcp://h:1":                                "systemctl start docker",
		"unix:///run/podman/podman.sock":           "systemctl start podman.socket",
		"unix:///run/user/1000/podman/podman.sock": "systemctl --user start podman.socket",
		"unix:///home/somebody/podman/podman.sock": "systemctl --user start podman.socket",
	} {
		if got := (endpoint{host: host}).remedy(); !strings.Contains(got, "("+want+")") {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

// An engine of another kind than the one that was asked for is an error, whatever its
// socket is called.
func TestAnEngineOfTheOtherKind(t *testing.T) {
	for kind, version := range map[Kind]string{
		Podman: `{"Version": "28.0.0", "Components": [{"Name": "Engine"}]}`,
		Docker: `{"Version": "5.4.2", "Components": [{"Name": "Podman Engine"}]}`,
	} {
		e := fakeEngine(t, map[string]http.HandlerFunc{
			"GET /v1.41/info": answers(`{"KernelVersion": "1.2.3"}`), "GET /v1.41/version": answers(version), "GET /v4.0.0/libpod/info": answers(`{}`),
		})
		e.wanted = kind
		_, err := e.Facts(t.Context())
		if err == nil || !strings.Contains(err.Error(), "--engine "+string(kind)+" was asked for") {
			t.Errorf("%s wanted: %v", kind, err)
		}
		var facts engine.Facts
		if e.wanted = Any; err != nil {
			facts, err = e.Facts(t.Context())
		}
		if err != nil || facts.Name == kind.Name() {
			t.Errorf("%s, %v", facts.Name, err)
		}
	}
}
