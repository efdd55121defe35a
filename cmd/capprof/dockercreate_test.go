package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// differs are the fields of the create request in which capprof's containers differ from
// those of docker create: what they are granted, how long they stay, how they are watched, how often their health is checked.
var differs = []string{
	"HostConfig.CapAdd", "HostConfig.CapDrop", "HostConfig.Privileged", "HostConfig.RestartPolicy.Name", "HostConfig.AutoRemove",
	"HostConfig.ContainerIDFile", "Labels.dev.capprof", "AttachStd", "HostConfig.ConsoleSize", "Image", "Healthcheck.Interval",
}

// leaves are the values of a request that are not empty, by their path.
func leaves(value any, path string, into map[string]string) {
	switch value := value.(type) {
	case map[string]any:
		for name, of := range value {
			leaves(of, strings.TrimPrefix(path+"."+name, "."), into)
		}
		if len(value) == 0 && strings.Contains(path, "/") { // a port or a volume, as of a set
			into[path] = "{}"
		}
	case []any:
		for i, of := range value {
			if ordered := path == "Cmd" || path == "Entrypoint"; !ordered {
				// docker's client loses the order of many in a map.
				into[fmt.Sprintf("%s: %v", path, of)] = "in the list"
				continue
			}
			leaves(of, fmt.Sprintf("%s[%d]", path, i), into)
		}
	default:
		if text := fmt.Sprint(value); value != nil && text != "" && text != "0" && text != "false" {
			into[path] = text
		}
	}
}

// created is what a client asks the engine to create: the first request with a command
// that is not a question about capabilities.
func (e *fakeEngine) created() map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := map[string]string{}
	for _, body := range e.bodies {
		if fmt.Sprint(body["Config"]["Cmd"]) != "[/never-started]" {
			leaves(body["Config"], "", all)
			break
		}
	}
	maps.DeleteFunc(all, func(path, value string) bool {
		return slices.ContainsFunc(differs, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) ||
			path == "HostConfig.MemorySwappiness" && value == "-1"
	})
	return all
}

// TestTheSameRequestAsDockers: for the lines that people paste, and for options beside
// them, the engine gets what docker create sends it.
func TestTheSameRequestAsDockers(t *testing.T) {
	docker, err := exec.LookPath("docker")
	if err != nil {
		t.Skipf("docker is not installed: %v", err)
	}
	directory, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	lines := pasted(t)
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"mariadb.env": "MARIADB_PASSWORD=x\n# no\nHOME\n", "labels": "a=1\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, options := range []string{
		"-a stdin -a stdout", "-i", "-it", "--env-file mariadb.env -e A -e B=1", "--label-file labels -l b=2 -l a=3", "--mount type=volume,src=v,dst=/v,volume-nocopy,volume-opt=type=tmpfs",
		"--mount type=bind,src=./x,dst=/x,bind-propagation=shared", "-v ./x:/x:ro -v /anonymous -v named:/n", "--gpus 2 --device vendor.com/gpu=0", `--gpus "device=0,1",capabilities=utility`,
		"--device-write-bps /dev/sda:1mb --device-read-iops /dev/sda:3 --device-write-iops /dev/sdb:4 --blkio-weight-device /dev/sda:20", "-p 8000-8002:80-82 -p [::1]:90:90/sctp -p 1:1/udp --expose 5-6/udp",
		"--health-cmd x --health-start-period 1m", "--no-healthcheck", "--memory-swap -1 -m 1g --memory-swappiness 50 --oom-kill-disable --oom-score-adj -3", "--stop-signal 9 --stop-timeout 0",
		"--network mine --network-alias a --ip 10.0.0.2 --ip6 fd::2 --link-local-ip 169.254.0.1 --link x:y", "--network name=mine,alias=b,driver-opt=o=1", "--link x", "--dns-opt ndots:1 --dns fd::1",
		"--ipc shareable --uts host --pid container:x --userns host --cgroupns host --runtime crun", "--storage-opt size=1G --log-driver none --tmpfs /a:size=1 --tmpfs /b --read-only", "--init --group-add 1 --domainname d -h h -u 1:2 -w /w",
		"--cpu-period 1000 --cpu-quota 2000 --cpu-rt-period 3 --cpu-rt-runtime 4 -c 5 --cpuset-mems 0", "--security-opt seccomp=unconfined --security-opt systempaths=unconfined --sysctl net.ipv4.a=1", "--annotation a=b -P", "--volumes-from a --volumes-from b:ro --volume-driver local",
		"--entrypoint /x", "--entrypoint=", "--add-host a=[::1] --add-host b:host-gateway --pull never",
	} {
		lines = append(lines, append(append([]string{"run"}, strings.Fields(options)...), "image", "command"))
	}
	config := filepath.Join(directory, "no-configuration")
	t.Setenv("DOCKER_CONFIG", config)
	for _, line := range lines {
		// -d takes our standard input away, which docker create does not know.
		args := slices.DeleteFunc(slices.Clone(line[1:]), func(word string) bool { return word == "-d" || word == "--detach" || word == "--detach=true" })
		if slices.Contains(args, "-dit") || slices.Contains(args, "--sig-proxy=false") || slices.Contains(args, "--privileged") {
			continue // of docker run alone; a search for what replaces it
		}
		theirs, ours := &fakeEngine{}, &fakeEngine{}
		cmd := exec.Command(docker, append([]string{"create"}, args...)...)
		cmd.Env = append(os.Environ(), "DOCKER_HOST=tcp://"+theirs.serve(t))
		out, _ := cmd.CombinedOutput()
		want := theirs.created()
		if len(want) == 0 {
			t.Errorf("docker create %q asks for nothing: %s", args, out)
			continue
		}
		errs, _ := ours.asked(t, append([]string{"run", "--no-trace", "-q", "--volumes", "own", "--jobs", "1"}, args...)...)
		got := ours.created()
		for _, path := range slices.Sorted(maps.Keys(want)) {
			if got[path] != want[path] {
				t.Errorf("%q: %s is %q, and docker's %q %s", args, path, got[path], want[path], errs)
			}
		}
		for _, path := range slices.Sorted(maps.Keys(got)) {
			if want[path] == "" {
				t.Errorf("%q: %s is %q, and docker sends none", args, path, got[path])
			}
		}
	}
}
