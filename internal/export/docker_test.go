package export_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile/profiletest"
)

// argv lets a shell split the exported line and returns the words behind docker.
func argv(t *testing.T, text string) []string {
	t.Helper()
	out, err := exec.Command("bash", "-c", "docker() { printf '%s\\0' \"$@\"; }\n"+text).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, text)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func TestDockerLineIsOneCommand(t *testing.T) {
	d := worst()
	d.Workload.Options = d.Workload.Options.Set("env", d.Workload.Options.Values("env")[:3]...)
	want := []string{
		"run", "--cap-drop", "ALL", "--cap-add", "CHOWN", "--cap-add", "SETGID",
		"--env", "VAA=", "--env", "VBA= ", "--env", "VCA= lead and trail ",
		"--volume", "/src dir:/data:ro", "--volume", "named.volume:/state", "--volume", "/anonymous", "--volume", "named.volume:/state2",
		"--workdir", "/work $dir", "--user", "0:0", "--hostname", "worst", "--network", "none",
		"--sysctl", "net.ipv4.ip_unprivileged_port_start=1024", "--sysctl", "kernel.msgmax=65536",
		"--security-opt", "no-new-privileges", "--security-opt", "apparmor=unconfined",
		"--device", "/dev/null:/dev/mine:rw", "--tmpfs", "/run:rw,size=64k", "--tmpfs", "/tmp",
		"--entrypoint", "/bin/$sh", "--read-only", "--interactive", "--tty", "docker.io/library/nginx:1.27", "-c",
	}
	text := exported(t, "docker", d)
	if got := argv(t, text); !reflect.DeepEqual(got, append(want, hostile...)) {
		t.Errorf("the shell reads %q\n%s", got, text)
	}
	if text := exported(t, "docker", profiletest.Empty()); text != "# capprof: proven for my-api:latest.\ndocker run --cap-drop ALL my-api:latest npm test\n" {
		t.Errorf("a short command is not on one line:\n%s", text)
	}
}

// docker runs the client.
func docker(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	cmd := exec.Command("docker", args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker %s: %v: %s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

func TestDockerCreateTakesTheLine(t *testing.T) {
	if out, err := exec.Command("docker", "version").CombinedOutput(); err != nil {
		t.Skipf("no Docker engine: %s", out)
	}
	image := fmt.Sprintf("capprof-export-test:%d", os.Getpid())
	var empty bytes.Buffer
	if err := tar.NewWriter(&empty).Close(); err != nil {
		t.Fatal(err)
	}
	docker(t, empty.Bytes(), "import", "-", image)
	t.Cleanup(func() { docker(t, nil, "rmi", image) })

	d := worst()
	d.Workload.Image.Reference = image
	d.Workload.Options = d.Workload.Options.Set("volume", "/usr/share:/data:ro", "/anonymous").
		Set("security-opt", "no-new-privileges").Set("sysctl", "net.ipv4.ip_unprivileged_port_start=1024")
	out, err := exec.Command("bash", "-c", "docker() { shift; command docker create \"$@\"; }\n"+exported(t, "docker", d)).CombinedOutput()
	if err != nil {
		t.Fatalf("docker create refuses the line: %v: %s", err, out)
	}
	lines := strings.Fields(string(out))
	id := lines[len(lines)-1]
	t.Cleanup(func() { docker(t, nil, "rm", "--volumes", id) })

	var inspected []struct {
		Config struct {
			Env, Cmd, Entrypoint []string
			User, WorkingDir     string
			Hostname             string
			Tty, OpenStdin       bool
		}
		HostConfig struct {
			CapAdd, CapDrop, SecurityOpt, Binds []string
			Privileged, ReadonlyRootfs          bool
			NetworkMode                         string
			Tmpfs, Sysctls                      map[string]string
			Devices                             []struct{ PathOnHost, PathInContainer, CgroupPermissions string }
		}
	}
	if err := json.Unmarshal([]byte(docker(t, nil, "inspect", id)), &inspected); err != nil {
		t.Fatal(err)
	}
	config, host, o := inspected[0].Config, inspected[0].HostConfig, d.Workload.Options
	same := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the engine has %q, want %q", what, got, want)
		}
	}
	same("entrypoint", config.Entrypoint, o.Values("entrypoint"))
	same("command", config.Cmd, d.Workload.Command)
	same("user", config.User, o.Value("user"))
	same("host name", config.Hostname, o.Value("hostname"))
	same("working directory", config.WorkingDir, o.Value("workdir"))
	same("flags", []bool{config.Tty, config.OpenStdin, host.ReadonlyRootfs, host.Privileged}, []bool{true, true, true, false})
	same("network", host.NetworkMode, o.Value("network"))
	same("cap drop", host.CapDrop, []string{"ALL"})
	same("cap add", len(host.CapAdd), 2)
	same("security options", host.SecurityOpt, o.Values("security-opt"))
	same("binds", host.Binds, o.Values("volume")[:1])
	same("tmpfs", host.Tmpfs, map[string]string{"/run": "rw,size=64k", "/tmp": ""})
	same("sysctls", host.Sysctls, o.Sysctls())
	same("device", host.Devices[0].PathInContainer, "/dev/mine")
	for _, setting := range o.Values("env") {
		if strings.Contains(setting, "=") && !slices.Contains(config.Env, setting) {
			t.Errorf("the engine does not have %q", setting)
		}
	}
}
