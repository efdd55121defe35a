package docker

import (
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

func TestFileCapabilities(t *testing.T) {
	e := newEngine(t)
	netRaw := capability.Of(capability.NetRaw)
	c := create(t, e, workload.Spec{Command: []string{"exit", "0"}, Options: workload.Options{}.Set("workdir", "/seed")}, capability.Of())
	look := func(when string) {
		t.Helper()
		for path, want := range map[string]capability.Set{
			"/with-capabilities":     netRaw,
			"/link":                  netRaw,
			"/seed/absolute-link":    netRaw,
			"absolute-link":          netRaw,
			"../with-capabilities":   netRaw,
			"/workload":              0,
			"/etc":                   0,
			"/dangling":              0,
			"/circle":                0,
			"/no/such/file":          0,
			"/workload/below-a-file": 0,
		} {
			if got, err := c.FileCapabilities(t.Context(), path); err != nil || got != want {
				t.Errorf("%s, %s: %s, %v; want %s", path, when, got, err, want)
			}
		}
	}
	look("before the run")
	if _, err := engine.Run(t.Context(), c, engine.Stdio{}); err != nil {
		t.Fatal(err)
	}
	look("after the run")
}

func TestPermittedSet(t *testing.T) {
	const full = "\xff\xff\xff\xff"
	for name, tc := range map[string]struct {
		attribute string
		want      capability.Set
		bad       bool
	}{
		"revision 1":        {"\x00\x00\x00\x01\x00\x20\x00\x00" + full, capability.Of(capability.NetRaw), false},
		"revision 2":        {netRawAttribute, capability.Of(capability.NetRaw), false},
		"its upper half":    {"\x01\x00\x00\x02\x01\x00\x00\x00" + full + "\x80\x00\x00\x00" + full, capability.Of(capability.Chown, capability.BPF), false},
		"revision 3":        {"\x01\x00\x00\x03\x01\x00\x00\x00" + full + "\x00\x00\x00\x00" + full + "\xe8\x03\x00\x00", capability.Of(capability.Chown), false},
		"unknown revision":  {"\x01\x00\x00\x04" + full + full + full + full, 0, true},
		"torn":              {netRawAttribute[:19], 0, true},
		"nothing":           {"", 0, true},
		"revision 2 with 3": {netRawAttribute + full, 0, true},
	} {
		got, err := permittedSet([]byte(tc.attribute))
		if got != tc.want || (err != nil) != tc.bad {
			t.Errorf("%s: %s, %v; want %s", name, got, err, tc.want)
		}
	}
}

func FuzzPermittedSet(f *testing.F) {
	f.Add([]byte(netRawAttribute))
	f.Add([]byte{0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, attribute []byte) {
		if set, err := permittedSet(attribute); err != nil && !set.Empty() {
			t.Fatalf("%x: %s with %v", attribute, set, err)
		}
	})
}
