package docker

import (
	"cmp"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/go-connections/nat"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// testImage is what the containers of these tests have from their image.
const testImage = `{"User":"app","ExposedPorts":{"80/tcp":{}},"Env":["PATH=/bin","FROM=image"],"Entrypoint":["/start","--fast"],"Cmd":["serve"],
	"Volumes":{"/data":{}},"WorkingDir":"/app","Labels":{"of":"image"},"StopSignal":"SIGQUIT",
	"Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":7000000000}}`

// made is a container as the engine keeps it, made from a workload of an image as dockerd
// does it (moby daemon/commit.go, merge, and daemon/create.go).
func made(t *testing.T, w workload.Spec, image string) original {
	t.Helper()
	body, err := createRequest(w, capability.Of(), noEnvironment, noFiles)
	if err != nil {
		t.Fatal(err)
	}
	config, host := &body.Config, &body.HostConfig
	config.StdinOnce = config.OpenStdin && !w.Options.Bool("detach")
	if policy := w.Options.Value("restart"); policy != "" {
		name, count, _ := strings.Cut(policy, ":")
		host.RestartPolicy.Name = container.RestartPolicyMode(name)
		host.RestartPolicy.MaximumRetryCount, _ = strconv.Atoi(count)
	}
	o := original{engine: about{info: system.Info{DefaultRuntime: "runc", CgroupVersion: "2", Name: "host"}}}
	if err := json.Unmarshal([]byte(image), &o.image); err != nil {
		t.Fatal(err)
	}
	host.CapAdd, host.CapDrop = w.Options.Values("cap-add"), w.Options.Values("cap-drop")
	host.Privileged = w.Options.Bool("privileged")
	o.InspectResponse = container.InspectResponse{
		ContainerJSONBase: &container.ContainerJSONBase{ID: strings.Repeat("ab", 32), Name: "/web", HostConfig: host, State: &container.State{}},
		Config:            config,
		NetworkSettings:   &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{}},
	}
	maps.Copy(o.NetworkSettings.Networks, body.NetworkingConfig.EndpointsConfig)
	merge(config, o.image)
	o.complete()
	if o.given, o.inherited, err = o.fields(); err != nil {
		t.Fatal(err)
	}
	return o
}

// merge fills in what the image gives.
func merge(config *container.Config, image dockerspec.DockerOCIImageConfig) {
	set := map[string]bool{}
	for _, entry := range config.Env {
		set[variable(entry)] = true
	}
	for _, entry := range image.Env {
		if !set[variable(entry)] {
			config.Env = append(config.Env, entry)
		}
	}
	config.Env = slices.DeleteFunc(config.Env, func(entry string) bool { return !strings.Contains(entry, "=") })
	if len(config.Entrypoint) == 0 {
		if len(config.Cmd) == 0 {
			config.Cmd = image.Cmd
		}
		if config.Entrypoint == nil {
			config.Entrypoint = image.Entrypoint
		}
	}
	if slices.Equal(config.Entrypoint, []string{""}) {
		config.Entrypoint = nil
	}
	if config.User == "" {
		config.User = image.User
	}
	if config.WorkingDir == "" {
		config.WorkingDir = image.WorkingDir
	}
	if config.StopSignal == "" {
		config.StopSignal = image.StopSignal
	}
	for port := range image.ExposedPorts {
		if config.ExposedPorts == nil {
			config.ExposedPorts = map[nat.Port]struct{}{}
		}
		config.ExposedPorts[nat.Port(port)] = struct{}{}
	}
	config.Volumes, config.Labels = mergeMaps(image.Volumes, config.Volumes), mergeMaps(image.Labels, config.Labels)
	if config.Healthcheck == nil {
		config.Healthcheck = image.Healthcheck
		return
	}
	if image.Healthcheck != nil {
		if len(config.Healthcheck.Test) == 0 {
			config.Healthcheck.Test = image.Healthcheck.Test
		}
		if config.Healthcheck.Interval == 0 {
			config.Healthcheck.Interval = image.Healthcheck.Interval
		}
	}
}

func variable(entry string) string { name, _, _ := strings.Cut(entry, "="); return name }

func mergeMaps[V any](under, over map[string]V) map[string]V {
	all := map[string]V{}
	maps.Copy(all, under)
	maps.Copy(all, over)
	return all
}

// complete fills in what the engine gives.
func (o *original) complete() {
	host := o.HostConfig
	host.Runtime, host.IpcMode = cmp.Or(host.Runtime, "runc"), cmp.Or(host.IpcMode, "private")
	host.CgroupnsMode = cmp.Or(host.CgroupnsMode, "private")
	if host.ShmSize == 0 {
		host.ShmSize = 64 << 20
	}
	if host.Memory > 0 && host.MemorySwap == 0 {
		host.MemorySwap = 2 * host.Memory
	}
	if host.Privileged || host.PidMode.IsHost() || host.IpcMode.IsHost() {
		host.SecurityOpt = append(host.SecurityOpt, "label=disable")
	} else if host.MaskedPaths == nil {
		host.MaskedPaths, host.ReadonlyPaths = []string{"/proc/kcore"}, []string{"/proc/sys"}
	}
	if o.Config.Hostname == "" {
		o.Config.Hostname = o.ID[:12]
		if host.NetworkMode.IsHost() {
			o.Config.Hostname = "host"
		}
	}
	if !host.NetworkMode.IsContainer() {
		name := string(host.NetworkMode)
		if name == "default" {
			name = "bridge"
		}
		if o.NetworkSettings.Networks[name] != nil {
			return
		}
		o.NetworkSettings.Networks[name] = &network.EndpointSettings{Aliases: []string{o.ID[:12]}}
	}
}

func described(o original) engine.Description {
	var d engine.Description
	describe(o, &d)
	return d
}

// TestWhatWasGivenIsRead makes containers with one option each, alone and on top of what
// the image has, and finds that option, and no other one.
func TestWhatWasGivenIsRead(t *testing.T) {
	for _, image := range []string{`{}`, testImage} {
		for name, values := range samples {
			w := workload.Spec{Image: "x", Command: []string{"run", "it"}, Options: workload.Options{}.Set(name, values...)}
			d := described(made(t, w, image))
			if !slices.Equal(d.Workload.Command, w.Command) || !reflect.DeepEqual(d.Workload.Options, w.Options) {
				t.Errorf("--%s %q became %+v, command %q", name, values, d.Workload.Options, d.Workload.Command)
			}
			if len(d.Notes) > 0 && !slices.Contains([]string{"network"}, name) {
				t.Errorf("--%s: %q", name, d.Notes)
			}
		}
		if d := described(made(t, workload.Spec{}, image)); !reflect.DeepEqual(d, engine.Description{}) {
			t.Errorf("nothing was given, and this was read: %+v", d)
		}
	}
}

// TestEveryOptionIsRead: an option without a sample, or a reason, would silently be
// missing from what --like makes.
func TestEveryOptionIsRead(t *testing.T) {
	for _, option := range workload.Table {
		_, sampled := samples[option.Name]
		excused := leftOut[option.Name] != "" || option.NoEffect != "" || option.Refused != "" || option.Plain
		if !sampled && !excused || sampled && leftOut[option.Name] != "" {
			t.Errorf("--%s needs either a sample or a reason why it is not read from an existing container", option.Name)
		}
	}
	for _, table := range []map[string]string{fieldsOf, leftOut} {
		for name := range table {
			if workload.Find(name) == nil {
				t.Errorf("docker run has no option --%s", name)
			}
		}
	}
	for name := range readers {
		if workload.Find(name) == nil {
			t.Errorf("docker run has no option --%s", name)
		}
	}
}

// TestStandardInputThatStaysOpen: docker run -d -i, and stdin_open in Compose.
func TestStandardInputThatStaysOpen(t *testing.T) {
	w := workload.Spec{Options: workload.Options{}.Set("interactive", "true").Set("detach", "true")}
	if d := described(made(t, w, `{}`)); !reflect.DeepEqual(d.Workload.Options, w.Options) {
		t.Errorf("%+v", d.Workload.Options)
	}
}

func TestCommandLinesOfContainers(t *testing.T) {
	const own = `{"Entrypoint":["/start","--fast"],"Cmd":["serve"]}`
	for _, c := range []struct {
		image, config string
		entrypoint    []string
		leading, want []string
	}{
		{own, `{"Entrypoint":["/start","--fast"],"Cmd":["serve"]}`, nil, nil, nil},
		{own, `{"Entrypoint":["/start","--fast"],"Cmd":["other"]}`, nil, nil, []string{"other"}},
		{own, `{"Entrypoint":["/start","--fast"]}`, []string{"/start"}, []string{"--fast"}, []string{"--fast"}},
		{own, `{"Entrypoint":["/else"]}`, []string{"/else"}, nil, nil},
		{own, `{"Entrypoint":["/else","-a"],"Cmd":["b"]}`, []string{"/else"}, []string{"-a"}, []string{"-a", "b"}},
		{own, `{"Cmd":["/bin/x","y"]}`, []string{""}, nil, []string{"/bin/x", "y"}},
		{`{"Cmd":["serve"]}`, `{"Cmd":["serve"]}`, nil, nil, nil},
		{`{"Cmd":["serve"]}`, `{"Cmd":["x"]}`, nil, nil, []string{"x"}},
		{`{"Entrypoint":["/start"]}`, `{"Entrypoint":["/start"]}`, nil, nil, nil},
		{`{}`, `{"Entrypoint":["/start"],"Cmd":["x"]}`, []string{"/start"}, nil, []string{"x"}},
	} {
		o := made(t, workload.Spec{}, c.image)
		o.Config = &container.Config{}
		if err := json.Unmarshal([]byte(c.config), o.Config); err != nil {
			t.Fatal(err)
		}
		d := described(o)
		if !slices.Equal(d.Workload.Options.Values("entrypoint"), c.entrypoint) || !slices.Equal(d.Leading, c.leading) || !slices.Equal(d.Workload.Command, c.want) {
			t.Errorf("%s of %s: entrypoint %q, leading %q, command %q", c.config, c.image, d.Workload.Options.Values("entrypoint"), d.Leading, d.Workload.Command)
		}
		if got := d.Like("", []string{"new"}).Command; !slices.Equal(got, append(slices.Clone(c.leading), "new")) {
			t.Errorf("another command: %q", got)
		}
	}
	if got := (engine.Description{Workload: workload.Spec{Image: "a", Command: []string{"b"}}}).Like("c", nil); got.Image != "c" || !slices.Equal(got.Command, []string{"b"}) {
		t.Errorf("another image: %+v", got)
	}
}

// TestVariablesOfTheImage: one that was taken away is named, one that is the image's is not.
func TestVariablesOfTheImage(t *testing.T) {
	got := variablesBeyond([]string{"PATH=/bin", "A=1"}, []string{"PATH=/bin", "GONE=1"})
	if !slices.Equal(got, []string{"A=1", "GONE"}) {
		t.Errorf("%q", got)
	}
}

func TestNetworksOfContainers(t *testing.T) {
	type at = map[string]*network.EndpointSettings
	id := strings.Repeat("c", 64)
	for _, c := range []struct {
		mode string
		at   at
		want []string
	}{
		{"default", at{"bridge": {}}, nil},
		{"bridge", at{"bridge": {}}, nil},
		{"host", at{"host": {}}, []string{"host"}},
		{"none", at{"none": {}}, []string{"none"}},
		{"container:" + id, nil, []string{"container:vpn"}},
		{"container:gone", nil, []string{"container:gone"}},
		{"back", at{"a": {}, "back": {}, "z": {}}, []string{"back", "a", "z"}},
		{"default", at{"bridge": {}, "a": {}}, []string{"a"}},
		{"default", at{"a": {}}, []string{"a"}},                                   // docker network disconnect, connect
		{id, at{"a": {NetworkID: "x"}, "z": {NetworkID: id}}, []string{"z", "a"}}, // by ID, as the API may
		{"default", nil, []string{"none"}},
	} {
		o := made(t, workload.Spec{}, `{}`)
		o.HostConfig.NetworkMode, o.NetworkSettings.Networks = container.NetworkMode(c.mode), c.at
		o.names = map[string]string{id: "vpn"}
		if got := readNetworks(o); !slices.Equal(got, c.want) {
			t.Errorf("%s with %v: %q, want %q", c.mode, slices.Sorted(maps.Keys(c.at)), got, c.want)
		}
	}
}

// TestWhatOthersWouldTakeForTheOriginal: names and addresses stay with it, and it is said.
func TestWhatOthersWouldTakeForTheOriginal(t *testing.T) {
	o := made(t, workload.Spec{}, `{}`)
	o.HostConfig.NetworkMode = "back"
	o.NetworkSettings.Networks = map[string]*network.EndpointSettings{"back": {
		Aliases: []string{o.ID[:12], "db"}, IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: "10.0.0.9"}, Links: []string{"cache:redis"},
	}}
	o.given["Config"]["MacAddress"] = "02:42:00:00:00:09"
	d := described(o)
	if got := d.Workload.Options.Values("network"); !slices.Equal(got, []string{"back"}) {
		t.Errorf("networks %q", got)
	}
	if len(d.Notes) != 1 || !strings.Contains(d.Notes[0], "(02:42:00:00:00:09, 10.0.0.9, db)") {
		t.Errorf("%q", d.Notes)
	}
}

func TestVolumesOfContainers(t *testing.T) {
	hash := strings.Repeat("0f", 32)
	o := made(t, workload.Spec{}, testImage)
	o.HostConfig.Binds = []string{"pg:/pg:rw", "/h:/h:ro,z", hash + ":/kept:rw", hash + ":/data:rw"}
	// docker-compose 1 lists all targets here.
	o.Config.Volumes = map[string]struct{}{"/data": {}, "/pg": {}, "/h": {}, "/kept": {}, "/more": {}, "/m": {}}
	o.HostConfig.Mounts = []mount.Mount{{Type: mount.TypeVolume, Target: "/m"}}
	o.Mounts = []container.MountPoint{
		{Type: mount.TypeVolume, Name: "pg", Destination: "/pg", RW: true},
		{Type: mount.TypeVolume, Name: hash, Destination: "/kept", RW: true},
		{Type: mount.TypeBind, Source: t.TempDir(), Destination: "/w", RW: true},
		{Type: mount.TypeBind, Source: "/srv", Destination: "/h"},
		{Type: mount.TypeBind, Source: "/var/run/docker.sock", Destination: "/s", RW: true},
		{Type: mount.TypeBind, Source: "/etc/hosts", Destination: "/hosts", RW: true},
	}
	d := described(o)
	if got := d.Workload.Options.Values("volume"); !slices.Equal(got, []string{"pg:/pg", "/h:/h:ro,z", "/kept", "/more"}) {
		t.Errorf("volumes %q", got)
	}
	if want := []workload.Setting{{Name: "volume", Value: hash + ":/kept"}}; !slices.Equal(d.Anonymous, want) {
		t.Errorf("anonymous %q", d.Anonymous)
	}
	if d.Writes != nil {
		t.Errorf("it does not run and writes to %q", d.Writes)
	}
	o.State.Running, o.here = true, true
	if got := described(o).Writes; !slices.Equal(got, []string{o.Mounts[2].Source}) {
		t.Errorf("it writes to %q", got)
	}
}

// TestWhatTheEngineAddsIsNotGiven: label=disable goes with what shares the host's
// namespaces, and swap with memory.
func TestWhatTheEngineAddsIsNotGiven(t *testing.T) {
	o := made(t, workload.Spec{Options: workload.Options{}.Set("security-opt", "label=disable")}, `{}`)
	if got := readSecurityOptions(o); !slices.Equal(got, []string{"label=disable"}) {
		t.Errorf("%q", got)
	}
	o.HostConfig.PidMode = "host"
	if got := readSecurityOptions(o); len(got) > 0 {
		t.Errorf("%q", got)
	}
	o.HostConfig.Memory, o.HostConfig.MemorySwap = 1<<20, 2<<20
	if got := readSwap(o); got != nil {
		t.Errorf("%q", got)
	}
	o.HostConfig.NetworkMode = "host"
	for name, want := range map[string][]string{"host": nil, "other": {"other"}, o.ID[:12]: nil} {
		if got := o.ownName(name); !slices.Equal(got, want) {
			t.Errorf("host name %q: %q", name, got)
		}
	}
}

func TestNamesAlike(t *testing.T) {
	known := []string{"shop-web-1", "shop-db-1", "redis", "a", "Portainer", "apply", "web_app_1"}
	for asked, want := range map[string][]string{
		"web": {"web_app_1", "shop-web-1"}, "rediss": {"redis"}, "rdis": {"redis"}, "shop": {"shop-db-1", "shop-web-1"},
		"portainer": {"Portainer"}, "db": {"shop-db-1"}, "app": {"web_app_1", "apply"}, "x": nil, "nothing": nil,
	} {
		if got := namesAlike(asked, known); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", asked, got, want)
		}
	}
}
