package docker

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/testengine"
	"github.com/capprof/capprof/internal/workload"
)

func TestCommandAndEntrypoint(t *testing.T) {
	for _, tc := range []struct {
		name string
		w    workload.Spec
		want string
	}{
		{"the image's own", workload.Spec{}, "default\n"},
		{"another command", workload.Spec{Command: []string{"echo", "a  b", "*"}}, "a  b *\n"},
		{"another entrypoint drops the command", workload.Spec{Options: workload.Options{}.Set("entrypoint", "/workload")}, "no arguments\n"},
		{"both", workload.Spec{Command: []string{"echo", "x"}, Options: workload.Options{}.Set("entrypoint", "/workload")}, "x\n"},
		{"no entrypoint", workload.Spec{Command: []string{"/workload", "echo", "y"}, Options: workload.Options{}.Set("entrypoint", "")}, "y\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := output(t, tc.w); got != tc.want {
				t.Fatalf("printed %q, want %q", got, tc.want)
			}
		})
	}
}

func TestEnvironmentUserAndDirectory(t *testing.T) {
	t.Setenv("CAPPROF_TEST_OURS", "ours here")
	got := strings.Split(output(t, workload.Spec{Command: []string{"describe"}, Options: workload.Options{}.Set("env", "GIVEN=a=b", "EMPTY=", "CAPPROF_TEST_OURS", "FROM_IMAGE").Set("user", "someone").Set("workdir", "/made/here")}), "\n")
	for _, want := range []string{"cwd=/made/here", "uid=1234", "gid=2345", "env:GIVEN=a=b", "env:EMPTY=", "env:CAPPROF_TEST_OURS=ours here", "env:PATH=/"} {
		if !slices.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	// A bare name that is not set here takes the image's variable away.
	if slices.ContainsFunc(got, func(line string) bool { return strings.HasPrefix(line, "env:FROM_IMAGE") }) {
		t.Errorf("the image's variable is still there: %q", got)
	}
}

func TestCapabilitiesAreExactlyThoseGranted(t *testing.T) {
	for _, grant := range []capability.Set{capability.Of(), capability.Of(capability.NetRaw), capability.DockerDefault} {
		c := create(t, newEngine(t), workload.Spec{Command: []string{"line", "/proc/self/status", "CapEff"}}, grant)
		var stdout strings.Builder
		if _, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout}); err != nil {
			t.Fatal(err)
		}
		if want := "CapEff:\t" + grant.Mask() + "\n"; stdout.String() != want {
			t.Errorf("granted %s: %q, want %q", grant, stdout.String(), want)
		}
	}
}

func TestVolumes(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "seen"), []byte("from the host"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(dir))
	read := []string{"file", "/mnt/seen"}
	write := []string{"write", "/mnt/made", "x"}
	for name, spec := range map[string]string{"absolute": dir + ":/mnt", "relative": "./" + filepath.Base(dir) + ":/mnt", "read only": dir + ":/mnt:ro"} {
		if got := output(t, workload.Spec{Command: read, Options: workload.Options{}.Set("volume", spec)}); got != "from the host" {
			t.Errorf("%s: read %q", name, got)
		}
	}
	if got := runIt(t, workload.Spec{Command: write, Options: workload.Options{}.Set("volume", dir+":/mnt:ro")}, nil); got.exit.Code == 0 || !strings.Contains(got.stderr, "read-only") {
		t.Errorf("writing to a read-only bind: exit %d, %q, %v", got.exit.Code, got.stderr, got.err)
	}
	output(t, workload.Spec{Command: write, Options: workload.Options{}.Set("volume", dir+":/mnt")})
	if got, err := os.ReadFile(filepath.Join(dir, "made")); err != nil || string(got) != "x" {
		t.Errorf("the bind's file holds %q, %v", got, err)
	}

	e := newEngine(t)
	name := "capprof-docker-test-" + e.session
	t.Cleanup(func() {
		if err := e.api.VolumeRemove(noCancel(t), name, true); err != nil {
			t.Error(err)
		}
	})
	output(t, workload.Spec{Command: write, Options: workload.Options{}.Set("volume", name+":/mnt")})
	if got := output(t, workload.Spec{Command: []string{"file", "/mnt/made"}, Options: workload.Options{}.Set("volume", name+":/mnt")}); got != "x" {
		t.Errorf("the named volume holds %q", got)
	}
}

func TestAnonymousVolumesGoWithTheContainer(t *testing.T) {
	e := newEngine(t)
	c := create(t, e, workload.Spec{Command: []string{"write", "/anonymous/made", "x"}, Options: workload.Options{}.Set("volume", "/anonymous")}, capability.Of())
	if exit, err := engine.Run(t.Context(), c, engine.Stdio{}); err != nil || exit.Code != 0 {
		t.Fatalf("exit %d, %v", exit.Code, err)
	}
	state, err := e.api.ContainerInspect(t.Context(), c.ID())
	if err != nil {
		t.Fatal(err)
	}
	// One of ours and one of the image's own VOLUME.
	if len(state.Mounts) != 2 {
		t.Fatalf("mounts %+v", state.Mounts)
	}
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := e.api.VolumeList(t.Context(), volume.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range left.Volumes {
		if v.Name == state.Mounts[0].Name || v.Name == state.Mounts[1].Name {
			t.Errorf("volume %s is left behind", v.Name)
		}
	}
}

func TestTmpfsReadOnlyDevicesAndSysctls(t *testing.T) {
	mounts := output(t, workload.Spec{Command: []string{"file", "/proc/self/mounts"}, Options: workload.Options{}.Set("tmpfs", "/scratch:size=64k,noexec", "/plain").Set("read-only", "true")})
	for _, want := range []string{"tmpfs /scratch tmpfs rw,nosuid,nodev,noexec,relatime,size=64k", "tmpfs /plain tmpfs rw,"} {
		if !strings.Contains(mounts, want) {
			t.Errorf("no %q in:\n%s", want, mounts)
		}
	}
	if got := runIt(t, workload.Spec{Command: []string{"write", "/made", "x"}, Options: workload.Options{}.Set("read-only", "true")}, nil); got.exit.Code == 0 || !strings.Contains(got.stderr, "read-only file system") {
		t.Errorf("writing to a read-only root: exit %d, %q", got.exit.Code, got.stderr)
	}
	if got := output(t, workload.Spec{Command: []string{"file", "/proc/sys/net/ipv4/ip_unprivileged_port_start"}, Options: workload.Options{}.Set("sysctl", "net.ipv4.ip_unprivileged_port_start=777")}); got != "777\n" {
		t.Errorf("the sysctl reads %q", got)
	}
}

// A device number that no driver has: what the control group lets through ends
// in ENXIO, what it stops in EPERM.
func TestDevicePermissions(t *testing.T) {
	if os.Geteuid() != 0 {
		testengine.Skip(t, testengine.NotRoot, "making a device node needs root")
	}
	node := filepath.Join(t.TempDir(), "node")
	const experimentalMajor = 240 // Documentation/admin-guide/devices.txt
	if err := unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(experimentalMajor, 5))); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ device, mode, path, want string }{
		{node + ":/dev/other:r", "r", "/dev/other", "no such device or address"},
		{node + ":/dev/other:r", "w", "/dev/other", "operation not permitted"},
		{node + ":/dev/other", "w", "/dev/other", "no such device or address"},
	} {
		got := runIt(t, workload.Spec{Command: []string{"open", tc.mode, tc.path}, Options: workload.Options{}.Set("device", tc.device)}, nil)
		if got.err != nil || !strings.Contains(got.stderr, tc.want) {
			t.Errorf("--device %s, opened for %s: %q, %v; want %q", tc.device, tc.mode, got.stderr, got.err, tc.want)
		}
	}
}

func TestNetworks(t *testing.T) {
	if got := output(t, workload.Spec{Command: []string{"file", "/proc/net/dev"}, Options: workload.Options{}.Set("network", "none")}); strings.Contains(got, "eth0") || !strings.Contains(got, "lo:") {
		t.Errorf("--network none shows:\n%s", got)
	}
	e := newEngine(t)
	name := "capprof-docker-test-" + e.session
	made, err := e.api.NetworkCreate(t.Context(), name, network.CreateOptions{Internal: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.api.NetworkRemove(noCancel(t), made.ID); err != nil {
			t.Error(err)
		}
	})
	c := create(t, e, workload.Spec{Command: []string{"file", "/proc/net/dev"}, Options: workload.Options{}.Set("network", name)}, capability.Of())
	var stdout strings.Builder
	if exit, err := engine.Run(t.Context(), c, engine.Stdio{Stdout: &stdout}); err != nil || exit.Code != 0 || !strings.Contains(stdout.String(), "eth0:") {
		t.Errorf("--network %s: exit %d, %v:\n%s", name, exit.Code, err, stdout.String())
	}
	if err := c.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSecurityOptions(t *testing.T) {
	status := func(word string, options ...string) string {
		t.Helper()
		return output(t, workload.Spec{Command: []string{"line", "/proc/self/status", word}, Options: workload.Options{}.Set("security-opt", options...)})
	}
	if got := status("NoNewPrivs"); got != "NoNewPrivs:\t0\n" {
		t.Errorf("without options: %q", got)
	}
	for _, option := range []string{"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"} {
		if got := status("NoNewPrivs", option); got != "NoNewPrivs:\t1\n" {
			t.Errorf("%s: %q", option, got)
		}
	}
	if got := status("Seccomp:"); got != "Seccomp:\t2\n" {
		t.Errorf("seccomp is %q by default", got)
	}
	if got := status("Seccomp:", "seccomp=unconfined"); got != "Seccomp:\t0\n" {
		t.Errorf("unconfined: %q", got)
	}
	profile := filepath.Join(t.TempDir(), "profile.json")
	// Everything is allowed but sysinfo(2), which answers ENOTTY.
	if err := os.WriteFile(profile, []byte("{\n \"defaultAction\": \"SCMP_ACT_ALLOW\",\n \"syscalls\": [{\"names\": [\"sysinfo\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 25}]\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := runIt(t, workload.Spec{Command: []string{"sysinfo"}, Options: workload.Options{}.Set("security-opt", "seccomp="+profile)}, nil)
	if got.exit.Code == 0 || !strings.Contains(got.stderr, "inappropriate ioctl") {
		t.Errorf("under a profile of our own: exit %d, %q, %v", got.exit.Code, got.stderr, got.err)
	}
	masked := " /proc/sys proc ro"
	mounts := []string{"file", "/proc/self/mounts"}
	if got := output(t, workload.Spec{Command: mounts}); !strings.Contains(got, masked) {
		t.Error("/proc/sys is writable by default")
	}
	if got := output(t, workload.Spec{Command: mounts, Options: workload.Options{}.Set("security-opt", "systempaths=unconfined")}); strings.Contains(got, masked) {
		t.Error("systempaths=unconfined leaves /proc/sys read-only")
	}
}

func TestFactsAreThisMachines(t *testing.T) {
	e := newEngine(t)
	info, err := e.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !info.SameKernel || info.WhyRemote != "" {
		t.Errorf("a local engine is taken for a remote one: %s", info.WhyRemote)
	}
	release := strings.TrimSpace(readFile(t, "/proc/sys/kernel/osrelease"))
	if info.KernelRelease != release || info.Name != "Docker" || info.Version == "" || info.StorageDriver != suite(t).Driver ||
		info.Seccomp.Name != "default" || info.Seccomp.Filter == nil || info.DefaultCapabilities != capability.DockerDefault || info.Runtime != "runc" || info.RuntimeVersion == "" || info.CgroupDriver == "" || info.Endpoint != suite(t).Host {
		t.Errorf("info %+v", info)
	}
	subject, err := e.Prepare(t.Context(), workload.Spec{Image: suite(t).image}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if got := subject.Identity(); got.ID != suite(t).image || got.Digest != "" || !slices.Equal(got.Argv, []string{"/workload", "echo", "default"}) || got.Seccomp.Name != "default" {
		t.Errorf("identity %+v", got)
	}
}
