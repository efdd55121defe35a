package sentence_test

import (
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/workload"
)

func TestTrying(t *testing.T) {
	chown, device := grant.Capability(capability.Chown), grant.Option(workload.Setting{Name: "device", Value: "/dev/x"})
	for want, run := range map[string]profile.Run{
		"trying without capabilities":                {Purpose: profile.PurposeExplore},
		"trying with CHOWN, KILL":                    {Purpose: profile.PurposeSearch, Capabilities: capability.Of(capability.Chown, capability.Kill)},
		"trying with 14 capabilities":                {Purpose: profile.PurposeSearch, Capabilities: capability.DockerDefault},
		"trying with CHOWN --sysctl a=1":             {Purpose: profile.PurposeExplore, Capabilities: capability.Of(capability.Chown), Options: []workload.Setting{{Name: "sysctl", Value: "a=1"}}},
		"trying with everything allowed":             {Purpose: profile.PurposeReference, Capabilities: capability.DockerDefault},
		"confirming with CHOWN":                      {Purpose: profile.PurposeConfirm, Capabilities: capability.Of(capability.Chown)},
		"checking whether CHOWN is needed":           {Purpose: profile.PurposeRemove, Without: &chown},
		"checking whether --device /dev/x is needed": {Purpose: profile.PurposeRemove, Without: &device},
	} {
		if got := sentence.Trying(run); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
