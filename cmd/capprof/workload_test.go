package main

import (
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/capability"
)

// The rules are those of moby's TweakCapabilities (daemon/pkg/oci/caps/utils.go).
func TestBaselineIsWhatTheEngineGrants(t *testing.T) {
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
			got, err := baseline(c.add, c.drop, c.privileged)
			if err != nil || got != c.want {
				t.Fatalf("%s, %v; want %s", got, err, c.want)
			}
		})
	}
	if _, err := baseline([]string{"NOPE"}, nil, false); codeOf(err) != exitUnfit {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestSplitWorkload(t *testing.T) {
	for _, c := range []struct {
		name    string
		args    []string
		image   string
		command []string
	}{
		{"nothing", nil, "", nil},
		{"image", []string{"img"}, "img", nil},
		{"flags of the workload", []string{"img", "npm", "test", "--coverage"}, "img", []string{"npm", "test", "--coverage"}},
		{"dashes", []string{"img", "--", "npm", "test"}, "img", []string{"npm", "test"}},
		{"only one pair is dropped", []string{"img", "--", "--", "x"}, "img", []string{"--", "x"}},
		{"dashes of the workload", []string{"img", "sh", "--", "x"}, "img", []string{"sh", "--", "x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			image, command, err := splitWorkload(c.args)
			if err != nil || image != c.image || !slices.Equal(command, c.command) {
				t.Fatalf("%q, %q, %v; want %q, %q", image, command, err, c.image, c.command)
			}
		})
	}
}
