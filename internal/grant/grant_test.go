package grant

import (
	"encoding/json"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

var (
	fuse = workload.Setting{Name: "device", Value: "/dev/fuse"}
	host = workload.Setting{Name: "cgroupns", Value: "host"}
)

func TestSet(t *testing.T) {
	a := Of(capability.Of(capability.Chown), fuse, host, fuse)
	for name, c := range map[string]struct {
		got  Set
		want Set
	}{
		"order and repetition": {a, Of(capability.Of(capability.Chown), host, fuse)},
		"with":                 {Of(0).With(Option(fuse), Capability(capability.Chown), Option(host)), a},
		"without":              {a.Without(Option(fuse), Capability(capability.Kill)), Of(capability.Of(capability.Chown), host)},
		"union":                {Of(capability.Of(capability.Chown), fuse).Union(Of(0, host)), a},
		"minus":                {a.Minus(Of(capability.Of(capability.Chown), host)), Of(0, fuse)},
		"nothing left":         {a.Minus(a), Set{}},
	} {
		if !c.got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", name, c.got.Grants(), c.want.Grants())
		}
	}
	if a.Len() != 3 || a.Empty() || !a.Has(Option(host)) || a.Has(Capability(capability.Kill)) || !a.Contains(Of(0, host)) || Of(0, host).Contains(a) {
		t.Errorf("%v is miscounted", a.Grants())
	}
}

func TestGrantJSON(t *testing.T) {
	for text, want := range map[string]Grant{
		`{"capability":"CAP_CHOWN"}`:                 Capability(capability.Chown),
		`{"capability":"CAP_41"}`:                    Capability(41),
		`{"option":"device","value":"/dev/fuse"}`:    Option(fuse),
		`{"option":"device-cgroup-rule","value":""}`: Option(workload.Setting{Name: "device-cgroup-rule"}),
	} {
		var g Grant
		if err := json.Unmarshal([]byte(text), &g); err != nil || g != want {
			t.Errorf("%s: %v, %v", text, g, err)
		}
		if back, err := json.Marshal(g); err != nil || string(back) != text {
			t.Errorf("%s: written as %s, %v", text, back, err)
		}
	}
	for _, text := range []string{`{}`, `{"option":"device"}`, `{"capability":"CAP_CHOWN","option":"device","value":"x"}`, `{"capability":"CHOWNN"}`, `[]`} {
		if err := json.Unmarshal([]byte(text), new(Grant)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}
