package main

import (
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/runner"
	"github.com/capprof/capprof/internal/workload"
)

// What is granted today and what may be comes from the engine's own default, which is
// not Docker's for Podman. --cap-drop ALL alone is no limit, unless --allow says one.
func TestPrivileges(t *testing.T) {
	podman, admin := capability.PodmanDefault, capability.Of(capability.SysAdmin)
	all := func(o workload.Options) workload.Options { return o.Set("cap-drop", "ALL") }
	for name, c := range map[string]struct {
		options           workload.Options
		allow             capability.Set
		baseline, allowed capability.Set
	}{
		"nothing said":                {workload.Options{}, 0, podman, podman},
		"more allowed":                {workload.Options{}, admin, podman, podman.Union(admin)},
		"all dropped":                 {all(workload.Options{}), 0, 0, podman},
		"all dropped and one allowed": {all(workload.Options{}), admin, 0, admin},
		"all dropped and one added":   {all(workload.Options{}.Set("cap-add", "SYS_ADMIN")), 0, admin, admin},
		"privileged":                  {workload.Options{}.Set("privileged", "true"), 0, capability.Known(), capability.Known()},
	} {
		opts := runner.Options{Workload: workload.Spec{Options: c.options}, Allowed: c.allow}
		if err := setPrivileges(&opts, podman); err != nil || opts.Baseline != c.baseline || opts.Allowed != c.allowed {
			t.Errorf("%s: %s today, %s allowed, %v; want %s and %s", name, opts.Baseline, opts.Allowed, err, c.baseline, c.allowed)
		}
	}
}
