package workload

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestTheTableIsWellFormed: what an entry leaves out must be left out on purpose.
func TestTheTableIsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range Table {
		for _, name := range append([]string{o.Name, o.Short, o.JSONName()}, o.Aliases...) {
			if name != "" && name != o.Name && seen[name] || name == o.Name && seen["--"+name] {
				t.Errorf("%s: a second %s", o.Name, name)
			}
			seen[name] = true
		}
		seen["--"+o.Name] = true
		if o.Usage == "" || (o.Kind == Flag) == strings.Contains(o.Usage, "`") {
			t.Errorf("%s: the usage %q does not fit its kind", o.Name, o.Usage)
		}
		reaches := o.Field != "" || o.Fields != nil
		if apart := o.Baseline || o.NoEffect != "" || o.Refused != ""; apart == reaches || o.Field != "" && o.Fields != nil {
			t.Errorf("%s has both a field and fields, or neither, or reaches a container and must not", o.Name)
		}
		if o.Baseline && o.Compose != "" || o.Podman && o.NoEffect == "" && o.Refused == "" || o.NoEffect != "" && o.Refused != "" {
			t.Errorf("%s is of two kinds", o.Name)
		}
		if o.Kind != List && (o.Key != nil || o.Secret || o.OrText) || o.Kind != Text && o.KeepsEmpty || o.Compose == "" && (o.ComposeV2 || o.ComposeValue != nil) {
			t.Errorf("%s: what is said of it is of another kind", o.Name)
		}
	}
	if got := Find("device-cgroup-rule").JSONName(); got != "deviceCgroupRule" {
		t.Error(got)
	}
	if Find("no-such-option") != nil {
		t.Error("an option out of nothing")
	}
}

func TestWhatWasGivenCounts(t *testing.T) {
	before := Options{}.Set("device", "/dev/null").Set("cgroupns", "private").Set("sysctl", "a=1")
	first := before.With(Setting{"device", "/dev/fuse"}, Setting{"sysctl", "a=2"}, Setting{"cgroupns", "host"})
	second := before.With(Setting{"device", "/dev/kvm"}, Setting{"volume", "/sys:/sys"}, Setting{"sysctl", "b=x=y"}, Setting{"tty", "true"})
	none := first.Set("device").Set("cgroupns", "").Set("sysctl").Set("tty", "false")
	for _, c := range []struct {
		o      Options
		option string
		want   []string
	}{
		{before, "device", []string{"/dev/null"}},
		{before, "cgroupns", []string{"private"}},
		{before, "sysctl", []string{"a=1"}},
		{before, "volume", nil},
		{first, "device", []string{"/dev/null", "/dev/fuse"}},
		{first, "cgroupns", []string{"host"}},
		{first, "sysctl", []string{"a=2"}},
		{second, "device", []string{"/dev/null", "/dev/kvm"}},
		{second, "sysctl", []string{"a=1", "b=x=y"}},
		{second, "tty", []string{"true"}},
		{second.With(Setting{"tty", "0"}), "tty", nil},
		{Options{}.Set("env", "A=1", "B", "A=2", "B=3", "A"), "env", []string{"B=3", "A"}},
		{Options{}.Set("volume", "/a:/b", "/c", "/a:/b"), "volume", []string{"/c", "/a:/b"}},
		{Options{}.Set("tmpfs", "/t:exec", "/t"), "tmpfs", []string{"/t"}},
		{Options{}.Set("user", "1", "2"), "user", []string{"2"}},
		{Options{}.Set("entrypoint", ""), "entrypoint", []string{""}},
		{Options{}.Set("user", "1", ""), "user", nil},
	} {
		if got := c.o.Values(c.option); !slices.Equal(got, c.want) {
			t.Errorf("--%s of %+v: %q, want %q", c.option, c.o, got, c.want)
		}
	}
	if !reflect.DeepEqual(none, Options{}) {
		t.Errorf("all was taken away, and this is left: %+v", none)
	}
	if got := first.Sysctls(); len(got) != 1 || got["a"] != "2" {
		t.Error(got)
	}
	if !second.Bool("tty") || second.Bool("read-only") || second.Value("user") != "" || second.Value("cgroupns") != "private" {
		t.Errorf("%+v", second)
	}
	if len(second.All()) != 5 || second.All()[0].Name != "volume" {
		t.Errorf("%d options", len(second.All()))
	}
}

func TestSettingsOutOfAProfile(t *testing.T) {
	o := Options{}.Set("tty", "true").With(Setting{"no-such", "1g"}, Setting{"user", "1"})
	if !slices.Equal(o.Unknown(), []string{"no-such"}) || o.Value("user") != "1" || !o.Bool("tty") {
		t.Errorf("%+v", o)
	}
	for s, want := range map[Setting]string{
		{"device", "/dev/kvm"}:           "",
		{"tty", "true"}:                  "",
		{"no-such", "1g"}:                `unknown option "no-such"`,
		{"device", "kvm"}:                `--device "kvm": the path is not absolute`,
		{"security-opt", "seccomp=\xff"}: "UTF-8",
		{"", ""}:                         "unknown option",
	} {
		if err := s.Validate(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", s, err, want)
		}
	}
}

func TestOptionsInAProfile(t *testing.T) {
	o := Options{}.Set("env", "A=<b>&").Set("read-only", "true").Set("user", "1", "2").Set("device-cgroup-rule", "c 10:229 rwm").Set("privileged", "true").Set("entrypoint", "")
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"env":["A=<b>&"],"readOnly":true,"user":"2","deviceCgroupRule":["c 10:229 rwm"],"privileged":true,"entrypoint":""}`), &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s", data)
	}
	var back Options
	if err := json.Unmarshal(data, &back); err != nil || !reflect.DeepEqual(back, o.Set("user", "2")) {
		t.Errorf("%+v, %v", back, err)
	}
	for text, want := range map[string]string{
		`null`:                        "not an object",
		`[]`:                          "not an object",
		`{"user":7}`:                  "user: a string belongs here",
		`{"user":null}`:               "user: a string belongs here",
		`{"readOnly":"true"}`:         "readOnly: true or false belongs here",
		`{"env":"A=b"}`:               "env: an array of strings belongs here",
		`{"env":[null]}`:              "env: an array of strings belongs here",
		`{"env":null}`:                "env: an array of strings belongs here",
		`{"env":["=b"]}`:              `env: "=b": it has no name`,
		`{"device":["/dev/a:b:c"]}`:   "device:",
		`{"cgroupns":"mine"}`:         "not one of host, private",
		`{"securityOpt":["seccomp"]}`: "securityOpt:",
	} {
		var o Options
		if err := json.Unmarshal([]byte(text), &o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	var newer Options
	if err := json.Unmarshal([]byte(`{"tty":true,"no-such":1,"read-only":true}`), &newer); err != nil || !newer.Bool("tty") || !slices.Equal(newer.Unknown(), []string{"no-such", "read-only"}) {
		t.Errorf("%+v, %v", newer, err)
	}
}

func FuzzOptionsInAProfile(f *testing.F) {
	f.Add([]byte(`{"env":["A=b"],"tty":true,"user":"x","entrypoint":"","securityOpt":["no-new-privileges:0"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var o, again Options
		if json.Unmarshal(data, &o) != nil {
			return
		}
		if err := o.Validate(); err != nil {
			t.Fatalf("read and not valid: %v", err)
		}
		text, err := json.Marshal(o)
		if err != nil || json.Unmarshal(text, &again) != nil {
			t.Fatalf("%s, %v", text, err)
		}
		if o.unknown = nil; !reflect.DeepEqual(o, again) {
			t.Fatalf("%+v became %+v", o, again)
		}
	})
}

func TestOnlyUTF8IsTaken(t *testing.T) {
	for _, o := range Table {
		if err := o.Validate("/a\xff:/b"); err == nil || o.Refused == "" && o.Kind != Flag && !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("--%s: %v", o.Name, err)
		}
	}
	if err := (Options{}).Set("env", "A=\xff").Validate(); err == nil || !utf8.ValidString(err.Error()) || !strings.Contains(err.Error(), `--env "A=\xff"`) {
		t.Error(err)
	}
}
