package profile_test

import (
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

func TestAPortableAnswerIsHeldAgainstItsRuns(t *testing.T) {
	contradictions(t, profiletest.Portable, map[string]struct {
		change func(d *profile.Document)
		want   string
	}{
		"no sysctl":                 {func(d *profile.Document) { d.Portable.Sysctls = nil }, "portable.sysctls"},
		"a sysctl of no container":  {func(d *profile.Document) { delete(d.Environment.Sysctls, "net.ipv4.ip_unprivileged_port_start") }, "environment.sysctls has not"},
		"unknown verdict":           {func(d *profile.Document) { d.Portable.Verdict = "fine" }, "portable.verdict"},
		"no proof":                  {func(d *profile.Document) { d.Portable.Requirements[1].ProvenBy = 0 }, "portable.verdict is proven, yet no run proves NET_BIND_SERVICE"},
		"proof that had it":         {func(d *profile.Document) { d.Portable.Requirements[1].ProvenBy = 9 }, "which had it"},
		"proof that lacked more":    {func(d *profile.Document) { d.Portable.Requirements[1].ProvenBy = 1 }, "which lacked CHOWN, SETGID"},
		"own proof with the sysctl": {func(d *profile.Document) { d.Runs[4].Options = d.Runs[9].Options }, "requirements: CHOWN is proven by run 5, which had --sysctl"},
		"unexplained":               {func(d *profile.Document) { d.Portable.Requirements = d.Portable.Requirements[:1] }, "portable.requirements explain CHOWN, while the answer is"},
		"explained for none":        {func(d *profile.Document) { d.Portable.Capabilities.Required = d.Capabilities.Required }, "portable.requirements explain"},
		"passed with the engine's own": {func(d *profile.Document) {
			d.Runs[7].Options, d.Runs[8].Options = nil, nil
		}, "portable.verdict is proven, yet no run passed with"},
		"own set passed with the sysctl alone": {func(d *profile.Document) {
			d.Runs[2].Options, d.Runs[3].Options = d.Runs[9].Options, d.Runs[9].Options
		}, "verdict is proven, yet no run passed with CHOWN, SETGID"},
		"not allowed": {func(d *profile.Document) {
			d.Capabilities.Allowed = d.Capabilities.Required
			d.Portable.Capabilities.Allowed = d.Capabilities.Required
		}, "portable.verdict is proven, yet NET_BIND_SERVICE was not allowed"},
		"another baseline":   {func(d *profile.Document) { d.Portable.Capabilities.Baseline = 0 }, "are not those of capabilities"},
		"lost":               {func(d *profile.Document) { d.Portable.Losses.Checks = 1 }, "losses counts some"},
		"next to no answer":  {func(d *profile.Document) { d.Verdict, d.Reasons = profile.Incomplete, []string{"lost"} }, "next to a verdict that is incomplete"},
		"evidence of no run": {func(d *profile.Document) { d.Portable.Requirements[1].Denials[0].Run = 99 }, "run 99, which is not in runs"},
		"failed with a set":  {func(d *profile.Document) { d.Portable.Verdict = profile.Failed }, "portable.verdict is failed, yet an answer is given"},
		"no reason":          {func(d *profile.Document) { d.Portable.Verdict = profile.Incomplete }, "portable.reasons gives none"},
	})
}

func TestBeyond(t *testing.T) {
	d := profiletest.Portable()
	if got := d.Beyond(); got != capability.Of(capability.NetBindService) || !d.Spared().Empty() || d.PortableRun() != 9 {
		t.Errorf("beyond %s, spared %s, run %d", got, d.Spared(), d.PortableRun())
	}
	for _, d := range []*profile.Document{profiletest.NotPortable(), profiletest.Proven()} {
		if !d.Beyond().Empty() || !d.Spared().Empty() || d.PortableRun() != 0 {
			t.Errorf("beyond %s, spared %s, run %d", d.Beyond(), d.Spared(), d.PortableRun())
		}
	}
}
