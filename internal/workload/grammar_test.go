package workload

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestVolumes(t *testing.T) {
	for value, want := range map[string]Volume{
		"/a:/b:ro,z":    {Source: "/a", Target: "/b", Options: []string{"ro", "z"}},
		"./x:/y":        {Source: "./x", Target: "/y"},
		"..:/z":         {Source: "..", Target: "/z"},
		"name:/n":       {Source: "name", Target: "/n"},
		"/anonymous":    {Target: "/anonymous"},
		"/sys:/hostsys": {Source: "/sys", Target: "/hostsys"},
	} {
		if got, err := ParseVolume(value); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", value, got, err)
		}
	}
	for bad, want := range map[string]string{
		"": "empty section", ":/x": "empty section", "x:": "empty section", "/a::ro": "empty section", "/a:/b:ro:z": "too many colons",
		"name:n": "not an absolute path", "name": "not an absolute path", "a/b:/x": "neither a path", "~/a:/x": "neither a path",
	} {
		if got, err := ParseVolume(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v, want %q", bad, got, err, want)
		}
	}
	o := Options{}.Set("volume", "/sys:/hostsys", "/a:/mnt/b/").Set("tmpfs", "/t")
	for target, want := range map[string]bool{"/sys": false, "/hostsys": true, "/mnt/b": true, "/a": false, "/t": true, "/t/": true} {
		if o.Mounts(target) != want {
			t.Errorf("%s: a mount point is %v", target, !want)
		}
	}
}

func TestTmpfs(t *testing.T) {
	got := Options{}.Set("tmpfs", "/tmp", "/run:exec,size=1m").Tmpfs()
	if want := []Volume{{Target: "/tmp"}, {Target: "/run", Options: []string{"exec", "size=1m"}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if !got[1].Has("exec") || got[0].Has("exec") {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "tmp", ":exec"} {
		if _, err := ParseTmpfs(bad); err == nil {
			t.Errorf("%q passed", bad)
		}
	}
}

func TestDevices(t *testing.T) {
	for value, want := range map[string]Device{
		"/dev/a":           {Host: "/dev/a", Container: "/dev/a", Permissions: "rwm"},
		"/dev/a:r":         {Host: "/dev/a", Container: "/dev/a", Permissions: "r"},
		"/dev/a:/dev/b":    {Host: "/dev/a", Container: "/dev/b", Permissions: "rwm"},
		"/dev/a:/dev/b:mw": {Host: "/dev/a", Container: "/dev/b", Permissions: "mw"},
		"vendor.com/gpu=0": {CDI: "vendor.com/gpu=0"},
	} {
		if got, err := ParseDevice(value); err != nil || got != want {
			t.Errorf("%s: %+v, %v", value, got, err)
		}
	}
	for _, bad := range []string{"", "a", "/dev/a:b", "/dev/a:/dev/b:rr", "/dev/a:/dev/b:x", "/dev/a:/b:r:w", ":/dev/b"} {
		if got, err := ParseDevice(bad); err == nil {
			t.Errorf("%q passed as %+v", bad, got)
		}
	}
	rule := Find("device-cgroup-rule")
	for value, ok := range map[string]bool{"c 10:229 rwm": true, "a *:* rwm": true, "b 8:* r": true, "c 10 rwm": false, "x 1:1 r": false, "": false} {
		if err := rule.Validate(value); (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
	}
}

// The rules are docker/cli's (parseSecurityOpts) and moby's (parseSecurityOpt).
func TestSecurityOptions(t *testing.T) {
	for value, want := range map[string]SecurityOption{
		"seccomp=/tmp/a:b.json":    {"seccomp", "/tmp/a:b.json"},
		"seccomp:unconfined":       {"seccomp", "unconfined"},
		"seccomp=/a=b.json":        {"seccomp", "/a=b.json"},
		"label=type:spc_t":         {"label", "type:spc_t"},
		"label:disable":            {"label", "disable"},
		"apparmor=unconfined":      {"apparmor", "unconfined"},
		"no-new-privileges":        {"no-new-privileges", "true"},
		"no-new-privileges=0":      {"no-new-privileges", "0"},
		"no-new-privileges:false":  {"no-new-privileges", "false"},
		"systempaths=unconfined":   {"systempaths", "unconfined"},
		"mask=/proc/kcore:/x":      {"mask", "/proc/kcore:/x"},
		"no-new-privileges:T":      {"no-new-privileges", "T"},
		"writable-cgroups=true":    {"writable-cgroups", "true"},
		"proc-opts=hidepid=2:more": {"proc-opts", "hidepid=2:more"},
	} {
		if got, err := ParseSecurityOption(value); err != nil || got != want {
			t.Errorf("%s: %+v, %v", value, got, err)
		}
	}
	for _, bad := range []string{"", "seccomp", "seccomp=", "label:", "=x", "no-new-privileges=", "no-new-privileges=maybe"} {
		if got, err := ParseSecurityOption(bad); err == nil {
			t.Errorf("%q passed as %+v", bad, got)
		}
	}
}

// TestNoNewPrivileges: the same value means the same everywhere, and the last one counts.
func TestNoNewPrivileges(t *testing.T) {
	const name = "no-new-privileges"
	for _, c := range []struct {
		given []string
		on    bool
	}{
		{nil, false},
		{[]string{name}, true},
		{[]string{name + "=0"}, false},
		{[]string{name + ":0"}, false},
		{[]string{name + "=f"}, false},
		{[]string{name + ":true"}, true},
		{[]string{name + "=1"}, true},
		{[]string{name, name + "=false"}, false},
		{[]string{name + "=false", "label=disable", name}, true},
		{[]string{"seccomp=" + name}, false},
	} {
		if got := (Options{}).Set("security-opt", c.given...).NoNewPrivileges(); got != c.on {
			t.Errorf("%q: %v", c.given, got)
		}
	}
	o := Options{}.Set("security-opt", "seccomp=unconfined", "seccomp=/a:b.json")
	if o.Seccomp() != "/a:b.json" || o.Security("apparmor") != "" {
		t.Errorf("%q, %q", o.Seccomp(), o.Security("apparmor"))
	}
}

func TestShared(t *testing.T) {
	volumes := []string{"data:/v", "/srv/x:/x", "/ro:/y:ro", "other:/z:ro,z", "/anonymous", "./here:/h"}
	for _, c := range []struct {
		policy DataPolicy
		option string
		values []string
		want   []string
	}{
		{OwnData, "volume", volumes, []string{"the volume data", "the host's /srv/x", "the host's ./here"}},
		{FreshData, "volume", volumes, []string{"the host's /srv/x", "the host's ./here"}},
		{"", "volume", volumes, []string{"the host's /srv/x", "the host's ./here"}},
		{CopiedData, "volume", volumes, nil},
		{OwnData, "tmpfs", []string{"/tmp"}, nil},
		{FreshData, "network", []string{"host"}, []string{"the ports of --network host"}},
		{CopiedData, "network", []string{"container:db"}, []string{"the ports of --network container:db"}},
		{OwnData, "network", []string{"none"}, nil},
		{OwnData, "network", []string{"mine"}, nil},
	} {
		if got := Shared(Options{}.Set(c.option, c.values...), c.policy); !slices.Equal(got, c.want) {
			t.Errorf("%s, --%s %q: %q, want %q", c.policy, c.option, c.values, got, c.want)
		}
	}
}

func TestDataPolicies(t *testing.T) {
	for _, p := range DataPolicies() {
		if got, err := ParseDataPolicy(string(p)); got != p || err != nil {
			t.Errorf("%s: %q, %v", p, got, err)
		}
	}
	for _, bad := range []string{"", "Fresh", "new"} {
		if got, err := ParseDataPolicy(bad); err == nil {
			t.Errorf("%q passed as %q", bad, got)
		}
	}
}

func TestUser(t *testing.T) {
	for value, want := range map[string][2]string{"": {}, "1000": {"1000", ""}, "a:b": {"a", "b"}, ":5": {"", "5"}} {
		if user, group := (Options{}).Set("user", value).User(); user != want[0] || group != want[1] {
			t.Errorf("%q: %q, %q", value, user, group)
		}
	}
}
