package engine_test

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// options are those that say which capabilities a container has today.
func options(add, drop []string, privileged bool) workload.Options {
	o := workload.Options{}.Set("cap-add", add...).Set("cap-drop", drop...)
	if privileged {
		o = o.Set("privileged", "true")
	}
	return o
}

// The rules are those of moby's TweakCapabilities (daemon/pkg/oci/caps/utils.go).
func TestGranted(t *testing.T) {
	def, all := capability.DockerDefault, capability.Known()
	for _, c := range []struct {
		name       string
		add, drop  []string
		privileged bool
		want       capability.Set
	}{
		{name: "nothing said", want: def},
		{name: "added", add: []string{"NET_ADMIN"}, want: def.With(capability.NetAdmin)},
		{name: "dropped", drop: []string{"cap_kill", "CHOWN"}, want: def.Without(capability.Kill).Without(capability.Chown)},
		{name: "both, added last", add: []string{"KILL"}, drop: []string{"KILL"}, want: def},
		{name: "all dropped", drop: []string{"ALL"}, want: 0},
		{name: "all dropped, one added", add: []string{"SYS_TIME"}, drop: []string{"all"}, want: capability.Of(capability.SysTime)},
		{name: "all added", add: []string{"ALL"}, want: all},
		{name: "all added but one", add: []string{"ALL"}, drop: []string{"SYS_ADMIN"}, want: all.Without(capability.SysAdmin)},
		{name: "privileged ignores both", add: []string{"KILL"}, drop: []string{"ALL"}, privileged: true, want: all},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := engine.Granted(def, options(c.add, c.drop, c.privileged))
			if err != nil || got != c.want {
				t.Fatalf("%s, %v; want %s", got, err, c.want)
			}
		})
	}
	for option, f := range map[string]workload.Options{
		"--cap-add":  options([]string{"NOPE"}, nil, false),
		"--cap-drop": options(nil, []string{"NOPE"}, true),
	} {
		if _, err := engine.Granted(def, f); err == nil || !strings.Contains(err.Error(), option) {
			t.Errorf("an unknown name in %s: %v", option, err)
		}
	}
}

// A pasted --cap-drop ALL says what the container has today, and not what it may be
// given to find out what it needs.
func TestGrantable(t *testing.T) {
	def := capability.Of(capability.Chown, capability.SysChroot)
	for name, c := range map[string]struct {
		options workload.Options
		want    capability.Set
	}{
		"nothing said":              {options(nil, nil, false), def},
		"all dropped alone":         {options(nil, []string{"ALL"}, false), def},
		"in a list":                 {options(nil, []string{"CHOWN,cap_all"}, false), def},
		"all dropped and one added": {options([]string{"KILL"}, []string{"ALL"}, false), capability.Of(capability.Kill)},
		"one dropped":               {options(nil, []string{"CHOWN"}, false), capability.Of(capability.SysChroot)},
		"privileged":                {options(nil, []string{"ALL"}, true), capability.Known()},
	} {
		if got, err := engine.Grantable(def, c.options); err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
}
