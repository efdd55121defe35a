package docker

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/system"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/seccomp"
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
	docker, podman := dockers(about{}), podmans(about{}, libpodInfo{})
	for _, tc := range []struct {
		driver, version string
		rootless        bool
		of              dialect
		want            string
	}{
		{"cgroupfs", "2", false, docker, "abc"},
		{"systemd", "2", false, docker, "docker-abc.scope"},
		{"none", "1", true, docker, ""},
		{"cgroupfs", "2", false, podman, "libpod-abc"},
		{"systemd", "2", true, podman, "libpod-abc.scope"},
		{"cgroupfs", "1", true, podman, ""},
	} {
		a := about{info: system.Info{CgroupDriver: tc.driver, CgroupVersion: tc.version}, rootless: tc.rootless, dialect: tc.of}
		if got := a.cgroupName("abc"); got != tc.want {
			t.Errorf("%s on v%s, %s: %q, want %q", tc.driver, tc.version, tc.of.kind, got, tc.want)
		}
	}
}

// Podman answers Docker's API, and is not Docker: what it gives to containers it says in its
// own, and where it does not, its version tells.
func TestFactsOfPodman(t *testing.T) {
	profile := filepath.Join(t.TempDir(), "seccomp.json")
	if err := os.WriteFile(profile, []byte(`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["acct"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1, "excludes": {"caps": ["CAP_SYS_PACCT"]}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var kernel unix.Utsname
	if err := unix.Uname(&kernel); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		version, libpod string
		capabilities    capability.Set
		rootUID         uint32
		rootless, noDev bool
		runtime         string
	}{
		"4.3, as Debian has it": {
			"4.3.1", `{"host": {"ociRuntime": {"name": "crun", "version": "crun version 1.8.1\ncommit: f8a"}, "security": {"capabilities": "CAP_CHOWN,CAP_KILL", "seccompProfilePath": "` + profile + `"}},
				"store": {"graphOptions": {"overlay.mountopt": "nodev,metacopy=on"}}}`,
			capability.Of(capability.Chown, capability.Kill), 0, false, true, "1.8.1",
		},
		"rootless": {
			"5.4.2", `{"host": {"idMappings": {"uidmap": [{"container_id": 0, "host_id": 1000, "size": 1}, {"container_id": 1, "host_id": 100000, "size": 65536}]},
				"security": {"rootless": true, "capabilities": "CAP_CHOWN"}}}`,
			capability.Of(capability.Chown), 1000, true, true, "",
		},
		"5.4, silent": {"5.4.2", `{}`, capability.PodmanDefault, 0, false, false, ""},
		"4.4, silent": {"4.4.1", `{}`, capability.PodmanDefault.Without(capability.SysChroot), 0, false, false, ""},
		"4.3, silent": {"4.3.1", `{"store": {"graphOptions": {"overlay.mount_program": {"Executable": "/usr/bin/fuse-overlayfs"}}}}`, capability.DockerDefault, 0, false, true, ""},
	} {
		e := fakeEngine(t, map[string]http.HandlerFunc{
			"GET /v1.41/info": answers(`{"ID": "id", "DockerRootDir": "` + filepath.Dir(profile) + `", "KernelVersion": "` + unix.ByteSliceToString(kernel.Release[:]) + `",
				"CgroupDriver": "systemd", "Driver": "overlay", "DefaultRuntime": "crun", "SecurityOptions": ["name=seccomp,profile=default", "name=selinux"]}`),
			"GET /v1.41/version":      answers(`{"Version": "` + tc.version + `", "Arch": "amd64", "Components": [{"Name": "Podman Engine", "Version": "` + tc.version + `"}]}`),
			"GET /v4.0.0/libpod/info": answers(tc.libpod),
		})
		// The same machine, as for an engine that writes its ID there.
		if err := os.WriteFile(filepath.Join(filepath.Dir(profile), "engine-id"), []byte("id"), 0o600); err != nil {
			t.Fatal(err)
		}
		facts, err := e.Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if facts.Name != "Podman" || facts.Version != tc.version || facts.DefaultCapabilities != tc.capabilities || !facts.Ambient ||
			facts.RootUID != tc.rootUID || facts.Rootless != tc.rootless || facts.RootNoDev != tc.noDev || facts.RuntimeVersion != tc.runtime {
			t.Errorf("%s: %+v", name, facts)
		}
		known := strings.Contains(tc.libpod, profile)
		judged := facts.Seccomp.Filter.Judge(seccomp.Call{Arch: "amd64", Name: "acct"}, 0)
		if facts.Seccomp.Name != "default" || (facts.Seccomp.Filter != nil) != known || known && !slices.Equal(judged.AllowedWith, []capability.Cap{capability.SysPacct}) {
			t.Errorf("%s: seccomp profile %+v, which judges acct %+v", name, facts.Seccomp, judged)
		}
		if !maps.Equal(facts.Sysctls, map[string]string{pingGroupRange: "0 0"}) || !slices.Equal(facts.SecurityModules, []engine.SecurityModule{engine.SELinux}) {
			t.Errorf("%s: %+v", name, facts)
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
