package profile_test

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

func TestAPortableAnswerIsHeldAgainstItsRuns(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *profile.Document)
		want   string
	}{
		"no sysctl":            {func(d *profile.Document) { d.Portable.Sysctls = nil }, "portable.sysctls"},
		"unknown verdict":      {func(d *profile.Document) { d.Portable.Verdict = "fine" }, "portable.verdict"},
		"proof without sysctl": {func(d *profile.Document) { d.Portable.Required[0].ProvenBy = 6 }, "other options"},
		"no proof":             {func(d *profile.Document) { d.Portable.Required[0].ProvenBy = 0 }, "no run proves CAP_NET_BIND_SERVICE"},
		"proof that had it":    {func(d *profile.Document) { d.Portable.Required[0].ProvenBy = 9 }, "which had it"},
		"own proof with the sysctl": {func(d *profile.Document) {
			d.Runs[4].Options = d.Runs[9].Options
		}, "required: CAP_CHOWN is proven by run 5"},
		"own proof missing": {func(d *profile.Document) {
			d.Verdict, d.Reasons, d.Required[0].ProvenBy = profile.Confirmed, []string{"not tried"}, 0
		}, "no run proves CAP_CHOWN"},
		"unexplained":        {func(d *profile.Document) { d.Portable.Required = nil }, "neither portable.required nor required explains"},
		"explained for none": {func(d *profile.Document) { d.Portable.Capabilities = d.Capabilities.Required }, "not in portable.capabilities"},
		"passed with the engine's own": {func(d *profile.Document) {
			d.Runs[7].Options, d.Runs[8].Options = nil, nil
		}, "no run passed with"},
		"own set passed with the sysctl alone": {func(d *profile.Document) {
			d.Runs[2].Options, d.Runs[3].Options = d.Runs[9].Options, d.Runs[9].Options
		}, "the verdict is proven, yet no run passed with"},
		"not allowed":        {func(d *profile.Document) { d.Capabilities.Allowed = d.Capabilities.Required }, "was not allowed"},
		"lost":               {func(d *profile.Document) { d.Portable.Losses.Checks = 1 }, "losses counts some"},
		"beside no answer":   {func(d *profile.Document) { d.Verdict, d.Reasons = profile.Incomplete, []string{"lost"} }, "beside a verdict that is incomplete"},
		"evidence of no run": {func(d *profile.Document) { d.Portable.Required[0].Evidence[0].Run = 99 }, "run 99, which is not in runs"},
		"failed with a set":  {func(d *profile.Document) { d.Portable.Verdict = profile.Failed }, "gives a set"},
		"no reason":          {func(d *profile.Document) { d.Portable.Verdict = profile.Incomplete }, "portable.reasons gives none"},
	} {
		t.Run(name, func(t *testing.T) {
			d := profiletest.Portable()
			if err := profile.Validate(d); err != nil {
				t.Fatal(err)
			}
			c.change(d)
			if err := profile.Validate(d); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want words of %q", err, c.want)
			}
		})
	}
}

func TestBeyond(t *testing.T) {
	d := profiletest.Portable()
	if got := d.Beyond(); got != capability.Of(capability.NetBindService) || !d.Spared().Empty() {
		t.Errorf("beyond %s, spared %s", got, d.Spared())
	}
	for _, d := range []*profile.Document{profiletest.NotPortable(), profiletest.Proven()} {
		if !d.Beyond().Empty() || !d.Spared().Empty() {
			t.Errorf("beyond %s, spared %s", d.Beyond(), d.Spared())
		}
	}
}
