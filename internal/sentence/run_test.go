package sentence_test

import (
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
)

func TestTrying(t *testing.T) {
	chown := capability.Chown
	for want, run := range map[string]profile.Run{
		"trying without capabilities":                {Purpose: profile.PurposeExplore},
		"trying with CHOWN, KILL":                    {Purpose: profile.PurposeSearch, Set: capability.Of(capability.Chown, capability.Kill)},
		"trying with 14 capabilities":                {Purpose: profile.PurposeSearch, Set: capability.DockerDefault},
		"trying with CHOWN --sysctl a=1":             {Purpose: profile.PurposeExplore, Set: capability.Of(chown), Options: []string{"--sysctl a=1"}},
		"trying with everything allowed":             {Purpose: profile.PurposeReference, Set: capability.DockerDefault},
		"confirming with CHOWN":                      {Purpose: profile.PurposeConfirm, Set: capability.Of(chown)},
		"checking whether CHOWN is needed":           {Purpose: profile.PurposeRemove, Without: &chown},
		"checking whether --device /dev/x is needed": {Purpose: profile.PurposeRemove, Closed: "--device /dev/x"},
	} {
		if got := sentence.Trying(run); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
