package profile

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/workload"
)

func TestWhatARunProves(t *testing.T) {
	var (
		device  = workload.Setting{Name: "device", Value: "/dev/fuse"}
		volume  = workload.Setting{Name: "volume", Value: "/sys:/sys"}
		port    = workload.Setting{Name: "sysctl", Value: "net.ipv4.ip_unprivileged_port_start=1024"}
		chown   = grant.Capability(capability.Chown)
		both    = grant.Of(capability.Of(capability.Chown, capability.SetUID), device)
		own     = conditions{grants: both}
		portOwn = conditions{grants: both, sysctls: []workload.Setting{port}, own: grant.Of(capability.Of(capability.Chown), device)}
		portCap = conditions{grants: both, sysctls: []workload.Setting{port}, own: both}
	)
	of := func(options []workload.Setting, caps ...capability.Cap) Run {
		return Run{Number: 7, Capabilities: capability.Of(caps...), Options: options, Outcome: OutcomeFailed}
	}
	options := func(all ...workload.Setting) []workload.Setting { return all }
	ended := func(r Run, o Outcome) Run {
		r.Outcome = o
		return r
	}
	for name, c := range map[string]struct {
		run   Run
		under conditions
		grant grant.Grant
		// exactly and version1 are words of the refusals, "" where the run proves.
		exactly, version1 string
	}{
		"the rest":                   {of(options(device), capability.SetUID), own, chown, "", ""},
		"the rest hangs":             {ended(of(options(device), capability.SetUID), OutcomeStuck), own, chown, "", ""},
		"the rest times out":         {ended(of(options(device), capability.SetUID), OutcomeTimeout), own, chown, "", ""},
		"the rest passes":            {ended(of(options(device), capability.SetUID), OutcomePassed), own, chown, "outcome is passed", "outcome is passed"},
		"the rest is refused":        {ended(of(options(device), capability.SetUID), OutcomeRefused), own, chown, "outcome is refused", "outcome is refused"},
		"an outcome of a later day":  {ended(of(options(device), capability.SetUID), "unheard"), own, chown, "outcome is unheard", "outcome is unheard"},
		"all of it":                  {of(options(device), capability.Chown, capability.SetUID), own, chown, "which had it", "which had it"},
		"a capability fewer":         {of(options(device)), own, chown, "lacked SETUID too", "lacked SETUID too"},
		"a relaxation fewer":         {of(nil, capability.SetUID), own, chown, "lacked --device /dev/fuse too", "lacked --device /dev/fuse too"},
		"a capability more":          {of(options(device), capability.SetUID, capability.Kill), own, chown, "had KILL more", ""},
		"a relaxation more":          {of(options(device, volume), capability.SetUID), own, chown, "had --volume /sys:/sys more", ""},
		"a sysctl more":              {of(options(device, port), capability.SetUID), own, chown, "had --sysctl", "had --sysctl"},
		"a relaxation's":             {of(nil, capability.Chown, capability.SetUID), own, grant.Option(device), "", ""},
		"a relaxation's, with more":  {of(options(volume), capability.Chown, capability.SetUID), own, grant.Option(device), "had --volume", ""},
		"portable":                   {of(options(port, device), capability.SetUID), portCap, chown, "", ""},
		"portable, of the own":       {of(options(device)), portOwn, chown, "lacked SETUID", ""},
		"portable, without a sysctl": {of(options(device), capability.SetUID), portCap, chown, "lacked --sysctl", ""},
	} {
		for rule, want := range map[proofRule]string{exactly: c.exactly, version1: c.version1} {
			err := rule.proves(c.run, c.under, c.grant)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, rule %d: %v, want %q", name, rule, err, want)
			}
		}
	}
}
