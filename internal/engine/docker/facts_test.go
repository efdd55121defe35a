package docker

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
)

func TestSecurityOptionsOfAnEngine(t *testing.T) {
	for option, want := range map[string]string{
		"name=seccomp,profile=default":           "default",
		"name=seccomp,profile=builtin":           "default",
		"name=seccomp,profile=unconfined":        "",
		"name=seccomp,profile=/etc/profile.json": "/etc/profile.json",
		"seccomp":                                "default",
		"name=apparmor":                          "",
	} {
		if got := parseSecurityOptions([]string{"name=cgroupns", option}).seccompProfile(); got != want {
			t.Errorf("%s: %q, want %q", option, got, want)
		}
	}
	modules := parseSecurityOptions([]string{"name=selinux", "name=seccomp,profile=default", "name=apparmor", "name=rootless"}).modules()
	if want := []engine.SecurityModule{engine.AppArmor, engine.SELinux}; !slices.Equal(modules, want) {
		t.Errorf("modules %v, want %v", modules, want)
	}
}

func TestCgroupNames(t *testing.T) {
	podman := types.Version{Components: []types.ComponentVersion{{Name: "Podman Engine"}}}
	for _, tc := range []struct {
		driver  string
		version types.Version
		want    string
	}{
		{"cgroupfs", types.Version{}, "abc"},
		{"systemd", types.Version{}, "docker-abc.scope"},
		{"none", types.Version{}, ""},
		{"cgroupfs", podman, "libpod-abc"},
		{"systemd", podman, "libpod-abc.scope"},
	} {
		if got := cgroupName(about{info: system.Info{CgroupDriver: tc.driver}, version: tc.version}, "abc"); got != tc.want {
			t.Errorf("%s, %+v: %q, want %q", tc.driver, tc.version, got, tc.want)
		}
	}
}

// Podman answers Docker's API, and is not Docker: neither Docker's default set nor
// dockerd's history of its seccomp profile is its.
func TestFactsOfPodman(t *testing.T) {
	for version, want := range map[string]capability.Set{
		"5.4.2": capability.Of(capability.Chown, capability.DACOverride, capability.FOwner, capability.FSetID, capability.Kill,
			capability.NetBindService, capability.SetFCap, capability.SetGID, capability.SetPCap, capability.SetUID, capability.SysChroot),
		"4.9.3": capability.PodmanDefault,
		"4.4.1": capability.PodmanDefault.Without(capability.SysChroot),
		"4.3.1": capability.DockerDefault,
	} {
		e := fakeEngine(t, map[string]http.HandlerFunc{
			"GET /v1.41/info": answers(`{"KernelVersion": "1.2.3", "CgroupDriver": "systemd", "Driver": "overlay", "DefaultRuntime": "crun",
				"SecurityOptions": ["name=seccomp,profile=default", "name=rootless", "name=selinux"]}`),
			"GET /v1.41/version": answers(`{"Version": "` + version + `", "Arch": "amd64", "Components": [{"Name": "Podman Engine", "Version": "` + version + `"}]}`),
		})
		facts, err := e.Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if facts.Name != "Podman" || facts.Version != version || facts.DefaultCapabilities != want {
			t.Errorf("%s %s grants %s, want %s", facts.Name, facts.Version, facts.DefaultCapabilities, want)
		}
		if facts.Seccomp.Name != "default" || facts.Seccomp.Filter != nil {
			t.Errorf("Podman %s is given a seccomp profile of Docker's: %+v", version, facts.Seccomp)
		}
		if !maps.Equal(facts.Sysctls, map[string]string{pingGroupRange: "0 0"}) || !slices.Equal(facts.SecurityModules, []engine.SecurityModule{engine.SELinux}) {
			t.Errorf("Podman %s: %+v", version, facts)
		}
	}
}

func TestSysctlsOfDocker(t *testing.T) {
	both := map[string]string{unprivilegedPortStart: "0", pingGroupRange: "0 2147483647"}
	for name, tc := range map[string]struct {
		version string
		userns  bool
		want    map[string]string
	}{
		"before 20.10":        {"19.03.15", false, nil},
		"20.10":               {"20.10.24+dfsg1", false, both},
		"a build of a branch": {"dev", false, both},
		"with remapped users": {"28.0.0", true, map[string]string{unprivilegedPortStart: "0"}},
	} {
		if got := dockerSysctls(tc.version, tc.userns); !maps.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}
