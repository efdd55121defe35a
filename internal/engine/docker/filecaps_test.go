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
