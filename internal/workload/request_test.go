package workload

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

var client = Client{
	LookupEnv: func(name string) (string, bool) {
		value, set := map[string]string{"OURS": "here", "BROKEN": "\xff", "A=B": "trap"}[name]
		return value, set
	},
	ReadFile: func(path string) ([]byte, error) {
		switch path {
		case "/p/a:b.json":
			return []byte("{ \"x\": 1\n}"), nil
		case "/no.json":
			return []byte("x"), nil
		}
		return nil, fs.ErrNotExist
	},
	Abs: func(path string) (string, error) {
		if strings.HasPrefix(path, "..") {
			return "", errors.New("no such place")
		}
		return "/here" + strings.TrimPrefix(path, "."), nil
	},
}

// TestRequest: each option reaches its field of the engine's API, and today's privileges
// none.
func TestRequest(t *testing.T) {
	for _, c := range []struct {
		option string
		values []string
		want   string // JSON within the request, or the error
	}{
		{"env", []string{"A=B", "OURS", "UNSET", "X="}, `{"Config":{"Env":["A=B","OURS=here","UNSET","X="]}}`},
		{"env", []string{"BROKEN"}, `--env: the value of our variable BROKEN is not UTF-8`},
		{"volume", []string{"/a:/b:ro", "./x:/y", "name:/n:nocopy", "/anonymous"}, `{"Config":{"Volumes":{"/anonymous":{}}},"HostConfig":{"Binds":["/a:/b:ro","/here/x:/y","name:/n:nocopy"]}}`},
		{"volume", []string{"..:/z"}, "--volume: \"..:/z\": no such place"},
		{"volume", []string{"a:b:c:d"}, "--volume \"a:b:c:d\": too many colons"},
		{"workdir", []string{"/w"}, `{"Config":{"WorkingDir":"/w"}}`},
		{"user", []string{"1:2"}, `{"Config":{"User":"1:2"}}`},
		{"hostname", []string{"box"}, `{"Config":{"Hostname":"box"}}`},
		{"network", []string{"none"}, `{"HostConfig":{"NetworkMode":"none"}}`},
		{"sysctl", []string{"a=1", "a=x=y"}, `{"HostConfig":{"Sysctls":{"a":"x=y"}}}`},
		{"security-opt", []string{"seccomp=/p/a:b.json", "label:disable"}, `{"HostConfig":{"SecurityOpt":["seccomp={\"x\":1}","label:disable"]}}`},
		{"security-opt", []string{"seccomp=builtin", "systempaths=unconfined"}, `{"HostConfig":{"SecurityOpt":["seccomp=builtin"],"MaskedPaths":[],"ReadonlyPaths":[]}}`},
		{"security-opt", []string{`seccomp={ "x": 1 }`}, `{"HostConfig":{"SecurityOpt":["seccomp={\"x\":1}"]}}`},
		{"security-opt", []string{`seccomp={"x"`}, "--security-opt: inline seccomp profile: unexpected end of JSON input"},
		{"security-opt", []string{"seccomp=/p/a"}, "--security-opt: reading the seccomp profile: file does not exist"},
		{"security-opt", []string{"seccomp=/no.json"}, "--security-opt: seccomp profile /no.json:"},
		{"device", []string{"/dev/a:r", "vendor.com/gpu=0", "vendor.com/gpu=all"}, `{"HostConfig":{"Devices":[{"PathOnHost":"/dev/a","PathInContainer":"/dev/a","CgroupPermissions":"r"}],"DeviceRequests":[{"Driver":"cdi","DeviceIDs":["vendor.com/gpu=0","vendor.com/gpu=all"]}]}}`},
		{"device-cgroup-rule", []string{"c 10:229 rwm"}, `{"HostConfig":{"DeviceCgroupRules":["c 10:229 rwm"]}}`},
		{"cgroupns", []string{"host"}, `{"HostConfig":{"CgroupnsMode":"host"}}`},
		{"tmpfs", []string{"/run:exec,size=1m", "/tmp"}, `{"HostConfig":{"Tmpfs":{"/run":"exec,size=1m","/tmp":""}}}`},
		{"entrypoint", []string{""}, `{"Config":{"Entrypoint":[""]}}`},
		{"read-only", []string{"true"}, `{"HostConfig":{"ReadonlyRootfs":true}}`},
		{"interactive", []string{"true"}, `{"Config":{"AttachStdin":true,"OpenStdin":true,"StdinOnce":true}}`},
		{"tty", []string{"true"}, `{"Config":{"Tty":true}}`},
		{"cap-add", []string{"ALL"}, `{}`},
		{"cap-drop", []string{"ALL"}, `{}`},
		{"privileged", []string{"true"}, `{}`},
	} {
		t.Run(c.option, func(t *testing.T) {
			request, err := Spec{Image: "i", Command: []string{"c"}, Options: Options{}.Set(c.option, c.values...)}.Request(client)
			if err != nil {
				if !strings.HasPrefix(err.Error(), c.want) {
					t.Fatalf("%v, want %s", err, c.want)
				}
				return
			}
			want := map[string]any{"Config": map[string]any{}}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
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
		})
	}
}

// TestOptionsOfOneField: lists add up in the order of the table, other values exclude
// each other.
func TestOptionsOfOneField(t *testing.T) {
	before := Table
	t.Cleanup(func() { Table = before })
	Table = append(slices.Clone(before),
		&Option{Name: "more-rules", Kind: List, Field: "HostConfig.DeviceCgroupRules"},
		&Option{Name: "start-period", Kind: Text, Field: "Config.Healthcheck.StartPeriod"},
		&Option{Name: "nickname", Kind: Text, Field: "Config.Hostname"},
		&Option{Name: "detach", Kind: Flag, Fields: func([]string, Client) (Fields, error) { return nil, nil }})
	o := Options{}.Set("more-rules", "b").Set("device-cgroup-rule", "a *:* rwm").Set("start-period", "1s").Set("detach", "true")
	request, err := Spec{Options: o}.Request(client)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(request)
	if want := `{"Config":{"Cmd":null,"Healthcheck":{"StartPeriod":"1s"},"Image":""},"HostConfig":{"DeviceCgroupRules":["a *:* rwm","b"]}}`; err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	if _, err := (Spec{Options: o.Set("hostname", "a").Set("nickname", "b")}).Request(client); err == nil || !strings.Contains(err.Error(), "--nickname: another option sets Config.Hostname too") {
		t.Error(err)
	}
}

func jsonEqual(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	canonicalX, errX := json.Marshal(x)
	canonicalY, errY := json.Marshal(y)
	if err := errors.Join(errX, errY); err != nil {
		t.Fatal(err)
	}
	return string(canonicalX) == string(canonicalY)
}

// TestCompose: each option has its key, and what Compose spells otherwise is.
func TestCompose(t *testing.T) {
	for _, c := range []struct {
		option string
		values []string
		key    string
		want   any
	}{
		{"network", []string{"default"}, "network_mode", nil},
		{"network", []string{"none"}, "network_mode", "none"},
		{"sysctl", []string{"a=1"}, "sysctls", map[string]string{"a": "1"}},
		{"entrypoint", []string{"x"}, "entrypoint", []string{"x"}},
		{"env", []string{"A=1"}, "environment", []string{"A=1"}},
		{"tty", []string{"true"}, "tty", true},
		{"user", nil, "user", nil},
		{"privileged", []string{"true"}, "", nil},
	} {
		o := Find(c.option)
		got, err := json.Marshal(o.ComposeOf(c.values))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := json.Marshal(c.want); err != nil || o.Compose != c.key || string(got) != string(want) {
			t.Errorf("--%s %q: %s: %s, want %s: %s", c.option, c.values, o.Compose, got, c.key, want)
		}
	}
}

func TestV1ComesForward(t *testing.T) {
	command, got := V1{
		Command: []string{"c"}, Entrypoint: []string{"a", "b"}, Env: []string{"A=1"}, Volumes: []string{"/a:/b"}, WorkingDir: "/w", User: "u",
		Network: "none", Sysctls: map[string]string{"y": "2", "x": "1"}, SecurityOpt: []string{"no-new-privileges"}, Devices: []string{"/dev/kvm"},
		Tmpfs: []string{"/t"}, ReadOnly: true, Interactive: true, TTY: true, CgroupNS: "host", DeviceCgroupRules: []string{"a *:* rwm"},
		CapAdd: []string{"KILL"}, CapDrop: []string{"ALL"}, Privileged: true,
	}.Forward()
	if strings.Join(command, " ") != "b c" || got.Value("entrypoint") != "a" || got.Value("user") != "u" || len(got.All()) != 18 {
		t.Errorf("%q, %+v", command, got)
	}
	if want := "x=1 y=2"; strings.Join(got.Values("sysctl"), " ") != want {
		t.Error(got.Values("sysctl"))
	}
	if command, got := (V1{}).Forward(); command != nil || len(got.All()) != 0 {
		t.Errorf("nothing became %q, %+v", command, got)
	}
}
