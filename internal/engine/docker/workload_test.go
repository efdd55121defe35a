package docker

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

func noEnvironment(string) (string, bool) { return "", false }

func noFiles(string) (string, error) { return "", fs.ErrNotExist }

func TestDeviceSpecifications(t *testing.T) {
	for spec, want := range map[string]container.DeviceMapping{
		"/dev/a":           {PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "rwm"},
		"/dev/a:r":         {PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "r"},
		"/dev/a:/dev/b":    {PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "rwm"},
		"/dev/a:/dev/b:mw": {PathOnHost: "/dev/a", PathInContainer: "/dev/b", CgroupPermissions: "mw"},
	} {
		mappings, requests, err := devices([]string{spec})
		if err != nil || len(requests) != 0 || !slices.Equal(mappings, []container.DeviceMapping{want}) {
			t.Errorf("%s: %+v, %v, %v", spec, mappings, requests, err)
		}
	}
	for _, bad := range []string{"", "a", "/dev/a:b", "/dev/a:/dev/b:rr", "/dev/a:/dev/b:x", "/dev/a:/b:r:w", ":/dev/b"} {
		if mappings, _, err := devices([]string{bad}); err == nil {
			t.Errorf("%q passed as %+v", bad, mappings)
		}
	}
	mappings, requests, err := devices([]string{"vendor.com/gpu=0", "vendor.com/gpu=all"})
	if err != nil || mappings != nil || len(requests) != 1 || requests[0].Driver != "cdi" || !slices.Equal(requests[0].DeviceIDs, []string{"vendor.com/gpu=0", "vendor.com/gpu=all"}) {
		t.Errorf("CDI: %+v, %+v, %v", mappings, requests, err)
	}
}

func TestVolumeSpecifications(t *testing.T) {
	t.Chdir("/usr")
	binds, anonymous, err := volumes([]string{"/a:/b:ro,z", "./x:/y", "..:/z", "name:/n:nocopy", "/anonymous"})
	if want := []string{"/a:/b:ro,z", "/usr/x:/y", "/:/z", "name:/n:nocopy"}; err != nil || !slices.Equal(binds, want) {
		t.Errorf("binds %q, %v; want %q", binds, err, want)
	}
	if _, ok := anonymous["/anonymous"]; !ok || len(anonymous) != 1 {
		t.Errorf("anonymous %v", anonymous)
	}
	for _, bad := range []string{"", ":/x", "x:", "a:b:c:d"} {
		if _, _, err := volumes([]string{bad}); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestNothingIsEverPrivileged(t *testing.T) {
	config, host, err := settings(workload.Spec{Image: "x"}, capability.Known(), noEnvironment, noFiles)
	if err != nil || host.Privileged || !slices.Equal(host.CapDrop, []string{"ALL"}) || len(host.CapAdd) != capability.Known().Len() {
		t.Errorf("%+v, %v", host, err)
	}
	if config.OpenStdin || config.AttachStdin || config.StdinOnce || !config.AttachStdout || !config.AttachStderr {
		t.Errorf("streams of a workload that reads nothing: %+v", config)
	}
}

func FuzzOptions(f *testing.F) {
	f.Add("/a:/b", "/dev/a:r", "A=b", "/x:size=1", "seccomp=unconfined")
	f.Add("", "", "", "", "")
	f.Fuzz(func(t *testing.T, volume, device, variable, mount, security string) {
		w := workload.Spec{Volumes: []string{volume}, Devices: []string{device}, Env: []string{variable}, Tmpfs: []string{mount}, SecurityOpt: []string{security}}
		_, host, err := settings(w, capability.Of(), noEnvironment, noFiles)
		if err == nil && (host.Privileged || len(host.CapAdd) != 0 || !slices.Equal(host.CapDrop, []string{"ALL"})) {
			t.Fatalf("%+v", host)
		}
	})
}
