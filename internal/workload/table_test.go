package workload

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// given are options out of NAME, VALUE, NAME, VALUE.
func given(settings ...string) Options {
	var o Options
	for i := 0; i < len(settings); i += 2 {
		o = o.With(Setting{settings[i], settings[i+1]})
	}
	return o
}

// withFiles is the client with two further files.
func withFiles() Client {
	c := client
	c.ReadFile = func(path string) ([]byte, error) {
		switch path {
		case "a.env":
			return []byte("# a comment\nA=file\nOURS\nUNSET\n\nB='quoted' # no comment\n"), nil
		case "bad.env":
			return []byte("A B=1\n"), nil
		case "labels":
			return []byte("a=1\nb\n"), nil
		}
		return nil, fs.ErrNotExist
	}
	return c
}

// TestRequests: each option reaches its field of the engine's API, alone and with others.
func TestRequests(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string // JSON, or the error
	}{
		{given("env-file", "a.env", "env", "A=option"), `{"Config":{"Env":["A=file","OURS=here","B='quoted' # no comment","A=option"]}}`},
		{given("env-file", "none"), "--env-file: file does not exist"},
		{given("env-file", "bad.env"), "--env-file: bad.env: variable 'A B' contains whitespaces"},
		{given("mount", "type=bind,src=/a,dst=/b,readonly,bind-propagation=rslave"), `{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/a","Target":"/b","ReadOnly":true,"BindOptions":{"Propagation":"rslave"}}]}}`},
		{given("mount", "type=tmpfs,target=/t,tmpfs-size=1m"), `{"HostConfig":{"Mounts":[{"Type":"tmpfs","Target":"/t","TmpfsOptions":{"SizeBytes":1048576}}]}}`},
		{given("volumes-from", "db:ro", "volume-driver", "local"), `{"HostConfig":{"VolumesFrom":["db:ro"],"VolumeDriver":"local"}}`},
		{given("group-add", "audio", "group-add", "44", "domainname", "d"), `{"Config":{"Domainname":"d"},"HostConfig":{"GroupAdd":["audio","44"]}}`},
		{given("pid", "host", "ipc", "container:db", "uts", "host", "userns", "host"), `{"HostConfig":{"PidMode":"host","IpcMode":"container:db","UTSMode":"host","UsernsMode":"host"}}`},
		{given("pid", "private"), `--pid "private": not one of host, container:NAME`},
		{given("init", "true", "runtime", "crun", "isolation", "default"), `{"HostConfig":{"Init":true,"Runtime":"crun","Isolation":"default"}}`},
		{given("gpus", "all", "device", "vendor.com/gpu=0"), `{"HostConfig":{"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["vendor.com/gpu=0"]},{"Driver":"","Count":-1,"DeviceIDs":null,"Capabilities":[["gpu"]],"Options":{}}]}}`},
		{given("annotation", "a=b=c", "storage-opt", "size=1G"), `{"HostConfig":{"Annotations":{"a":"b=c"},"StorageOpt":{"size":"1G"}}}`},
		{given("platform", "linux/arm64", "pull", "never"), `{}`},
		{given("publish", "8080:80", "publish", "127.0.0.1::53/udp", "expose", "90-91", "expose", "80"), `{"Config":{"ExposedPorts":{"80/tcp":{},"53/udp":{},"90/tcp":{},"91/tcp":{}}},"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}],"53/udp":[{"HostIp":"127.0.0.1","HostPort":""}]}}}`},
		{given("publish", "published=8080,target=80", "publish-all", "true"), `{"Config":{"ExposedPorts":{"80/tcp":{}}},"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},"PublishAllPorts":true}}`},
		{given("publish", "8080=80"), `--publish "8080=80": "8080=80" is none of`},
		{given("add-host", "a=::1", "dns", "1.1.1.1", "dns-search", "x.org", "dns-option", "ndots:2"), `{"HostConfig":{"ExtraHosts":["a:::1"],"Dns":["1.1.1.1"],"DnsSearch":["x.org"],"DnsOptions":["ndots:2"]}}`},
		{given("network", "mine", "network-alias", "db", "ip", "10.0.0.2", "ip6", "fd::2", "link-local-ip", "169.254.1.1", "link", "other:o"), `{"HostConfig":{"NetworkMode":"mine","Links":["other:o"]},"NetworkingConfig":{"EndpointsConfig":{"mine":{"Aliases":["db"],"Links":["other:o"],"IPAMConfig":{"IPv4Address":"10.0.0.2","IPv6Address":"fd::2","LinkLocalIPs":["169.254.1.1"]}}}}}`},
		{given("network", "name=a,alias=x,gw-priority=3", "network", "b"), `{"HostConfig":{"NetworkMode":"a"},"NetworkingConfig":{"EndpointsConfig":{"a":{"Aliases":["x"],"GwPriority":3},"b":{}}}}`},
		{given("mac-address", "92:d0:c6:0a:29:33"), `{"Config":{"MacAddress":"92:d0:c6:0a:29:33"},"NetworkingConfig":{"EndpointsConfig":{"default":{"MacAddress":"92:d0:c6:0a:29:33"}}}}`},
		{given("link", "other"), `{"HostConfig":{"Links":["other"]}}`},
		{given("network-alias", "db"), "--network-alias: the network default takes no names"},
		{given("network", "a", "network", "name=a,alias=x"), "--network a is given twice"},
		{given("network", "a", "network", "host"), "--network: one of Docker's own networks"},
		{given("ulimit", "nofile=10:20", "ulimit", "memlock=-1", "ulimit", "nofile=5"), `{"HostConfig":{"Ulimits":[{"Name":"memlock","Hard":-1,"Soft":-1},{"Name":"nofile","Hard":5,"Soft":5}]}}`},
		{given("shm-size", "64m", "memory", "1g", "memory-reservation", "512", "memory-swap", "-1", "memory-swappiness", "0"), `{"HostConfig":{"ShmSize":67108864,"Memory":1073741824,"MemoryReservation":512,"MemorySwap":-1,"MemorySwappiness":0}}`},
		{given("memory-swappiness", "-1"), `{}`},
		{given("oom-kill-disable", "true", "oom-score-adj", "-500", "pids-limit", "-1"), `{"HostConfig":{"OomKillDisable":true,"OomScoreAdj":-500,"PidsLimit":-1}}`},
		{given("cpus", "1.5", "cpu-shares", "0x10", "cpu-period", "1", "cpu-quota", "2", "cpu-rt-period", "3", "cpu-rt-runtime", "4", "cpuset-cpus", "0-1", "cpuset-mems", "0"), `{"HostConfig":{"NanoCpus":1500000000,"CpuShares":16,"CpuPeriod":1,"CpuQuota":2,"CpuRealtimePeriod":3,"CpuRealtimeRuntime":4,"CpusetCpus":"0-1","CpusetMems":"0"}}`},
		{given("blkio-weight", "300", "blkio-weight-device", "/dev/a:10", "device-read-bps", "/dev/a:1k", "device-write-iops", "/dev/a:2", "cgroup-parent", "/p"), `{"HostConfig":{"BlkioWeight":300,"BlkioWeightDevice":[{"Path":"/dev/a","Weight":10}],"BlkioDeviceReadBps":[{"Path":"/dev/a","Rate":1024}],"BlkioDeviceWriteIOps":[{"Path":"/dev/a","Rate":2}],"CgroupParent":"/p"}}`},
		{given("blkio-weight", "5"), `--blkio-weight "5": not from 10 to 1000`},
		{given("stop-signal", "SIGRTMIN+3", "stop-timeout", "0"), `{"Config":{"StopSignal":"SIGRTMIN+3","StopTimeout":0}}`},
		{given("health-cmd", "true", "health-interval", "1m30s", "health-timeout", "5s", "health-start-period", "2s", "health-start-interval", "1s", "health-retries", "3"), `{"Config":{"Healthcheck":{"Test":["CMD-SHELL","true"],"Interval":90000000000,"Timeout":5000000000,"StartPeriod":2000000000,"StartInterval":1000000000,"Retries":3}}}`},
		{given("no-healthcheck", "true"), `{"Config":{"Healthcheck":{"Test":["NONE"]}}}`},
		{given("no-healthcheck", "true", "health-retries", "3"), "--no-healthcheck and --health-retries exclude each other"},
		{given("health-interval", "-1s"), `--health-interval "-1s": a negative time`},
		{given("label-file", "labels", "label", "b=2", "label", "c"), `{"Config":{"Labels":{"a":"1","b":"2","c":""}}}`},
		{given("log-driver", "syslog", "log-opt", "tag=x"), `{"HostConfig":{"LogConfig":{"Type":"syslog","Config":{"tag":"x"}}}}`},
		{given("interactive", "true", "detach", "true", "tty", "true"), `{"Config":{"OpenStdin":true,"Tty":true}}`},
		{given("detach", "true", "rm", "true", "name", "x", "restart", "on-failure:3", "attach", "STDOUT"), `{}`},
		{given("restart", "on-failure:x"), `--restart "on-failure:x":`},
		{given("use-api-socket", "true"), "--use-api-socket"},
	} {
		request, err := Spec{Image: "i", Command: []string{"c"}, Options: c.o}.Request(withFiles())
		if err != nil {
			if !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			continue
		}
		want := map[string]any{}
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Errorf("%+v: no error, want %s", c.o, c.want)
			continue
		}
		if want["Config"] == nil {
			want["Config"] = map[string]any{}
		}
		config := want["Config"].(map[string]any)
		config["Image"], config["Cmd"] = "i", []any{"c"}
		got, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		if wanted, err := json.Marshal(want); err != nil || !jsonEqual(t, got, wanted) {
			t.Errorf("%s\nwant %s", got, wanted)
		}
	}
}

// TestNetworkInAProfile: one network is a string, as it always was; several are a list.
func TestNetworkInAProfile(t *testing.T) {
	for text, want := range map[string]Options{
		`{"network":"none"}`:    given("network", "none"),
		`{"network":["a","b"]}`: given("network", "a", "network", "b"),
	} {
		data, err := json.Marshal(want)
		if err != nil || strings.TrimSpace(string(data)) != text {
			t.Errorf("%s, %v, want %s", data, err, text)
		}
		var got Options
		if err := json.Unmarshal([]byte(text), &got); err != nil || NetworkMode(got) != NetworkMode(want) || len(Networks(got)) != len(Networks(want)) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	var none Options
	if err := json.Unmarshal([]byte(`{"network":[]}`), &none); err != nil || NetworkMode(none) != "" {
		t.Errorf("%+v, %v", none, err)
	}
	if !given("network", "name=host").SharesNetwork() || given("network", "name=mine,alias=host").SharesNetwork() {
		t.Error("the long form is read otherwise than the short one")
	}
}

func TestMountsAreVolumes(t *testing.T) {
	o := given("mount", "src=data,dst=/v", "mount", "type=bind,src=/a,dst=/b,ro", "mount", "type=tmpfs,dst=/t", "volume", "x1:/x")
	if got := o.Volumes(); len(got) != 3 || !got[1].Named() || got[1].Target != "/v" || !got[2].ReadOnly() || got[2].Named() {
		t.Errorf("%+v", got)
	}
	if got := o.Tmpfs(); len(got) != 1 || got[0].Target != "/t" || !o.Mounts("/b") || o.Mounts("/a") {
		t.Errorf("%+v", got)
	}
	for o, want := range map[string]Options{
		"the volume data":                             given("mount", "src=data,dst=/v"),
		"the host's /a":                               given("mount", "type=bind,src=/a,dst=/b"),
		"the volumes of db":                           given("volumes-from", "db"),
		"the memory of --ipc host":                    given("ipc", "host"),
		"the ports of --network container:db":         given("network", "container:db"),
		"the address 10.0.0.2":                        given("network", "mine", "ip", "10.0.0.2"),
		"the name db in the network mine":             given("network", "name=mine,alias=db"),
		"":                                            given("publish", "80:80", "ipc", "private", "volumes-from", "db:ro", "mount", "type=bind,src=/a,dst=/b,readonly"),
		"the address 92:d0:c6:0a:29:33":               given("mac-address", "92:d0:c6:0a:29:33"),
		"the volume data|the ports of --network host": given("mount", "src=data,dst=/v", "network", "host"),
	} {
		if got := strings.Join(Shared(want, OwnData), "|"); got != o {
			t.Errorf("%q, want %q", got, o)
		}
	}
}

func TestSignals(t *testing.T) {
	for value, want := range map[string]syscall.Signal{"QUIT": syscall.SIGQUIT, "SIGTERM": syscall.SIGTERM, "9": 9, "sigint": syscall.SIGINT, "SIGRTMIN+3": 37, "RTMAX": 64} {
		if got, err := ParseSignal(value); err != nil || got != want {
			t.Errorf("%s: %d, %v", value, got, err)
		}
	}
	for _, bad := range []string{"0", "99", "SIGNONE", "-1"} {
		if got, err := ParseSignal(bad); err == nil {
			t.Errorf("%s passed as %d", bad, got)
		}
	}
}

func TestARefusalHasAName(t *testing.T) {
	err := Find("pod").Validate("x")
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Option != "pod" || !strings.HasPrefix(err.Error(), "--pod cannot be had: ") {
		t.Error(err)
	}
	var o Options
	if err := json.Unmarshal([]byte(`{"pod":"x"}`), &o); err == nil {
		t.Error("a profile holds an option that cannot be had")
	}
}

// FuzzGrammars: what is taken becomes a request, or an error with the option's name.
func FuzzGrammars(f *testing.F) {
	for _, o := range Table {
		f.Add(o.Name, "1")
	}
	f.Add("mount", "type=bind,src=/a,dst=/b")
	f.Add("network", "name=a,alias=b")
	f.Add("publish", "127.0.0.1:80-81:80-81/udp")
	f.Fuzz(func(t *testing.T, name, value string) {
		option := Find(name)
		if option == nil || option.Validate(value) != nil {
			return
		}
		o := Options{}.Set(name, value)
		if _, err := (Spec{Options: o}).Request(withFiles()); err != nil && !strings.HasPrefix(err.Error(), "--") {
			t.Fatalf("--%s %q: %v", name, value, err)
		}
		Compose(o)
		Shared(o, OwnData)
	})
}
