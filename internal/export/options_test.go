package export_test

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/workload"
)

// everyOption has each option of docker run that docker-compose 1 has a key for.
func everyOption() workload.Options {
	var o workload.Options
	for _, s := range [][2]string{
		{"env-file", "some.env"},
		{"env", "A=1"},
		{"volume", "data:/v"},
		{"mount", "type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave"},
		{"mount", "src=other,dst=/o,volume-nocopy"},
		{"mount", "type=tmpfs,dst=/t,tmpfs-size=1m"},
		{"volumes-from", "db:ro"},
		{"group-add", "44"},
		{"domainname", "d"},
		{"init", "true"},
		{"pid", "host"},
		{"ipc", "shareable"},
		{"userns", "host"},
		{"runtime", "runc"},
		{"storage-opt", "size=1G"},
		{"platform", "linux/amd64"},
		{"publish", "8080:80"},
		{"publish", "published=53,target=53,protocol=udp"},
		{"expose", "90"},
		{"network", "mine"},
		{"network-alias", "db"},
		{"ip", "10.0.0.2"},
		{"mac-address", "92:d0:c6:0a:29:33"},
		{"link", "x:y"},
		{"add-host", "h=1.2.3.4"},
		{"dns", "1.1.1.1"},
		{"dns-search", "x.org"},
		{"dns-option", "ndots:2"},
		{"ulimit", "nofile=10:20"},
		{"ulimit", "memlock=-1"},
		{"shm-size", "64m"},
		{"memory", "1g"},
		{"memory-reservation", "512m"},
		{"memory-swap", "-1"},
		{"memory-swappiness", "50"},
		{"oom-kill-disable", "true"},
		{"oom-score-adj", "-5"},
		{"pids-limit", "100"},
		{"cpus", "1.5"},
		{"cpu-shares", "512"},
		{"cpu-period", "1000"},
		{"cpu-quota", "2000"},
		{"cpu-rt-period", "1000"},
		{"cpu-rt-runtime", "900"},
		{"cpuset-cpus", "0-1"},
		{"blkio-weight", "300"},
		{"blkio-weight-device", "/dev/sda:20"},
		{"device-read-bps", "/dev/sda:1mb"},
		{"device-write-iops", "/dev/sda:3"},
		{"cgroup-parent", "/p"},
		{"stop-signal", "QUIT"},
		{"stop-timeout", "30"},
		{"health-cmd", "test -f /ok"},
		{"health-interval", "10s"},
		{"health-timeout", "1s"},
		{"health-start-period", "1m"},
		{"health-retries", "3"},
		{"label", "a=$b"},
		{"log-driver", "json-file"},
		{"log-opt", "max-size=10m"},
		{"name", "web"},
		{"restart", "unless-stopped"},
		{"detach", "true"},
	} {
		o = o.With(workload.Setting{Name: s[0], Value: s[1]})
	}
	return o
}

// TestEveryOptionInCompose: docker-compose reads each key, and as it was meant.
func TestEveryOptionInCompose(t *testing.T) {
	d := profiletest.Proven()
	d.Workload.Options = everyOption()
	// A file of variables must exist where docker-compose runs: there is none.
	d.Workload.Options = d.Workload.Options.Set("env-file")
	text := exported(t, "compose", d)
	composeReads(t, text)
	var file struct {
		Services map[string]map[string]any
		Networks map[string]map[string]any
		Volumes  map[string]map[string]any
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	for _, service := range file.Services {
		for _, option := range d.Workload.Options.All() {
			top, _, _ := strings.Cut(option.Compose, ".")
			if top == "network_mode" {
				top = "networks"
			}
			if _, there := service[top]; option.Compose != "" && !there {
				t.Errorf("--%s: no key %s", option.Name, top)
			}
		}
		if service["restart"] != "unless-stopped" || service["container_name"] != "web" || service["stop_grace_period"] != "30s" {
			t.Errorf("%v", service)
		}
	}
	if file.Networks["mine"]["external"] != true || len(file.Volumes) != 2 {
		t.Errorf("networks %v, volumes %v", file.Networks, file.Volumes)
	}
}

// TestWhatComposeLacks: what is left out, and what only Compose v2 reads, is said.
func TestWhatComposeLacks(t *testing.T) {
	d := profiletest.Proven()
	d.Workload.Options = workload.Options{}.Set("publish-all", "true").Set("cpuset-mems", "0").Set("gpus", "all").Set("uts", "host").Set("rm", "true").Set("annotation", "a=b").Set("env-file", "x.env")
	text := exported(t, "compose", d)
	said := comments(text)
	for _, want := range []string{
		"docker-compose 1 does not know: uts, gpus, annotations. Compose v2 does.",
		"Not in this file, since Compose has no key for it: --publish-all, --cpuset-mems.",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "--rm") || !strings.Contains(text, "gpus: all") || !strings.Contains(text, "- x.env") {
		t.Error(text)
	}
	d.Workload.Options = everyOption()
	if said := comments(exported(t, "compose", d)); strings.Contains(said, "Compose has no key") || strings.Contains(said, "docker-compose 1") {
		t.Error(said)
	}
	if text := exported(t, "docker", d); !strings.Contains(text, "--detach") || !strings.Contains(text, "--restart unless-stopped") || !strings.Contains(text, "--publish 8080:80") {
		t.Error(text)
	}
}

// TestDroppedEverything: a set of what was not granted before says where it comes from.
func TestDroppedEverything(t *testing.T) {
	d := profiletest.Proven()
	d.Capabilities.Baseline = 0
	d.Workload.Options = workload.Options{}.Set("cap-drop", "ALL")
	for _, format := range []string{"compose", "docker", "k8s"} {
		if said := comments(exported(t, format, d)); !strings.Contains(said, "Today's --cap-drop ALL grants nothing; this set is of what was allowed during the search: ") {
			t.Errorf("%s: %s", format, said)
		}
		if said := comments(exported(t, format, profiletest.Proven())); strings.Contains(said, "--cap-drop ALL grants") {
			t.Errorf("%s: %s", format, said)
		}
	}
}
