package export_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/export"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/workload"
)

// forPodman is a workload with options that podman run has, lacks and spells otherwise.
func forPodman() *profile.Document {
	d := profiletest.Proven()
	d.Workload.Image.Reference = "docker.io/library/nginx:1.27"
	d.Workload.Command = []string{"nginx", "-g", `daemon off; # 100% of $PATH "é"`, "two\nlines", ""}
	d.Workload.Options = workload.Options{}.
		Set("env", "A=1", "B=two words", "FROM_CALLER").Set("volume", "data:/v", "/with space:/s", "named.volume:/n").Set("mount", "src=other,dst=/o").Set("user", "0:5").
		Set("security-opt", "no-new-privileges", "systempaths=unconfined", "label=disable").
		Set("publish", "published=53,target=53,protocol=udp", "80:80").Set("network", "name=mine,alias=db,ip=10.0.0.2").
		Set("read-only", "true").Set("tty", "true").Set("link", "x:y").Set("health-cmd", "test -f /ok").
		Set("detach", "true").Set("rm", "true").Set("name", "web").Set("restart", "unless-stopped")
	return d
}

func TestPodmanRun(t *testing.T) {
	text := exported(t, "podman", forPodman())
	want := strings.Join([]string{
		"podman run", "--cap-drop ALL", "--cap-add CHOWN", "--cap-add SETGID",
		"--env A=1", "--env 'B=two words'", "--env FROM_CALLER", "--volume data:/v", "--volume '/with space:/s'", "--volume named.volume:/n", "--mount type=volume,src=other,dst=/o", "--user 0:5",
		"--network mine:alias=db,ip=10.0.0.2",
		"--security-opt no-new-privileges", "--security-opt unmask=ALL", "--security-opt label=disable", "--read-only", "--tty",
		"--publish 53:53/udp", "--publish 80:80", "--health-cmd 'test -f /ok'",
		"--detach", "--rm", "--name web", "--restart unless-stopped",
		`docker.io/library/nginx:1.27 nginx -g 'daemon off; # 100% of $PATH "é"' ` + "'two\nlines' ''",
	}, "\n  ")
	if got := strings.ReplaceAll(body(text), " \\\n", "\n"); got != want+"\n" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if said := comments(text); !strings.Contains(said, "podman run has no --link; there is: a network of both") {
		t.Error(said)
	}
}

func TestQuadlet(t *testing.T) {
	text := body(exported(t, "quadlet", forPodman()))
	for _, want := range []string{
		"[Container]\nImage=docker.io/library/nginx:1.27\nDropCapability=all\nAddCapability=CAP_CHOWN\nAddCapability=CAP_SETGID\n",
		"\nEnvironment=A=1\nEnvironment=\"B=two words\"\nPodmanArgs=--env=FROM_CALLER\n",
		"\nVolume=data:/v\nPodmanArgs=\"--volume=/with space:/s\"\nPodmanArgs=--volume=named.volume:/n\nMount=type=volume,src=other,dst=/o\n", "\nUser=0\nGroup=5\n", "\nNetwork=mine:alias=db,ip=10.0.0.2\n",
		"\nNoNewPrivileges=true\nPodmanArgs=--security-opt=unmask=ALL\nSecurityLabelDisable=true\nReadOnly=true\nPodmanArgs=--tty\n",
		"\nPublishPort=53:53/udp\nPublishPort=80:80\n", "\nPodmanArgs=\"--health-cmd=test -f /ok\"\n", "\nContainerName=web\n",
		"\nExec=nginx -g \"daemon off; # 100%% of $$PATH \\\"é\\\"\" \"two\\x0alines\" ${EMPTY}\n",
		"\n\n[Service]\nRestart=always\nEnvironment=EMPTY=\n\n[Install]\nWantedBy=default.target\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, none := range []string{"link", "--rm", "--detach"} {
		if strings.Contains(text, none) {
			t.Errorf("%q in\n%s", none, text)
		}
	}
	// What ends by itself is no service, unless it is to be started again.
	if text := body(exported(t, "quadlet", profiletest.Proven())); !strings.Contains(text, "[Service]\nType=oneshot\n") {
		t.Error(text)
	}
	if text := body(exported(t, "quadlet", profiletest.Service())); strings.Contains(text, "oneshot") {
		t.Error(text)
	}
}

func TestImageLabel(t *testing.T) {
	d := profiletest.Proven()
	if got, want := body(exported(t, "label", d)), "LABEL io.containers.capabilities=\"CAP_CHOWN,CAP_SETGID\"\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if said := comments(exported(t, "label", d)); strings.Contains(said, "WARNING") {
		t.Error(said)
	}
	d.Capabilities.Required = capability.Of(capability.Chown, capability.NetAdmin)
	if said := comments(exported(t, "label", d)); !strings.Contains(said, "WARNING: Podman does not grant NET_ADMIN by default, and ignores the label where it would not: run the image with --cap-add NET_ADMIN.") {
		t.Error(said)
	}
	if text := exported(t, "label", profiletest.Empty()); body(text) != "LABEL io.containers.capabilities=\"\"\n" || !strings.Contains(comments(text), "podman run --cap-drop ALL") {
		t.Error(text)
	}
}

// Podman keeps low ports to root: what was learned where they are open to all is not
// enough there, and what was learned on Podman is.
func TestTheSetOnPodman(t *testing.T) {
	d := profiletest.Portable()
	beyond := d.Beyond()
	if beyond.Empty() {
		t.Fatal("the portable set has nothing more")
	}
	for _, format := range []string{"podman", "quadlet", "label"} {
		text := exported(t, format, d)
		for _, name := range d.Portable.Capabilities.Required.ShortNames() {
			if !strings.Contains(body(text), name) {
				t.Errorf("%s lacks %s:\n%s", format, name, text)
			}
		}
		if said := comments(text); !strings.Contains(said, beyond.String()+" is needed on Podman") {
			t.Errorf("%s: %s", format, said)
		}
	}
	d.Environment.Sysctls = map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024", "net.ipv4.ping_group_range": "0\t0"}
	if text := body(exported(t, "podman", d)); strings.Contains(text, beyond.ShortNames()[0]) {
		t.Errorf("made on Podman, and yet:\n%s", text)
	}
	if said := comments(exported(t, "podman", profiletest.NotPortable())); !strings.Contains(said, "WARNING: with the sysctls that Podman has") {
		t.Error(said)
	}
}

// A set that reached a user in the ambient set reaches nobody where none is raised.
func TestAnAmbientSet(t *testing.T) {
	d := profiletest.Proven()
	d.Environment.Engine, d.Environment.Ambient = "Podman", true
	for _, format := range export.Names() {
		if format == "json" || format == "systemd" { // neither is for a container
			continue
		}
		warns := strings.Contains(comments(exported(t, format, d)), "WARNING: the workload starts as a user other than root, and the set reached it because Podman raises")
		if onPodman := slices.Contains([]string{"podman", "quadlet", "label"}, format); warns == onPodman {
			t.Errorf("%s warns: %v", format, warns)
		}
	}
}
