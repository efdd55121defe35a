package profile_test

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

func TestOpeningsAreHeldAgainstTheirRuns(t *testing.T) {
	for name, c := range map[string]struct {
		change func(d *profile.Document)
		want   string
	}{
		"no option":           {func(d *profile.Document) { d.Openings[0].Option = "seccomp" }, "no option with a value"},
		"twice":               {func(d *profile.Document) { d.Openings[1] = d.Openings[0] }, "explained twice"},
		"found by nobody":     {func(d *profile.Document) { d.Openings[0].FoundBy = "luck" }, "found by"},
		"no evidence":         {func(d *profile.Document) { d.Openings[0].Evidence = nil }, "without evidence"},
		"no proof":            {func(d *profile.Document) { d.Openings[0].ProvenBy = 0 }, "no run proves --device /dev/fuse"},
		"no such run":         {func(d *profile.Document) { d.Openings[0].ProvenBy = 99 }, "not in runs"},
		"proof that had it":   {func(d *profile.Document) { d.Openings[0].ProvenBy = 5 }, "which had it"},
		"proof lacked more":   {func(d *profile.Document) { d.Runs[3].Options = nil }, "lacked more of the answer"},
		"proof that passed":   {func(d *profile.Document) { d.Runs[3].Outcome = profile.OutcomePassed }, "whose outcome is passed"},
		"capability's proof":  {func(d *profile.Document) { d.Runs[5].Options = nil }, "made with other options"},
		"passed with less":    {func(d *profile.Document) { d.Runs[2].Options = nil }, "no run passed"},
		"passed with more":    {func(d *profile.Document) { d.Runs[2].Options = append(d.Runs[2].Options[:2:2], "--device /dev") }, "no run passed"},
		"evidence of no run":  {func(d *profile.Document) { d.Openings[0].Evidence[0].Run = 99 }, "run 99"},
		"openings of failure": {func(d *profile.Document) { fail(d) }, "openings gives some"},
	} {
		t.Run(name, func(t *testing.T) {
			d := profiletest.Narrowed()
			if err := profile.Validate(d); err != nil {
				t.Fatal(err)
			}
			c.change(d)
			if err := profile.Validate(d); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func fail(d *profile.Document) {
	d.Verdict, d.Reasons, d.Required, d.Capabilities.Required = profile.Failed, []string{"it fails"}, nil, 0
}

func TestNarrowed(t *testing.T) {
	d := profiletest.Narrowed()
	d.Workload.Options = d.Workload.Options.Set("device", "/dev/kvm")
	d.Openings = append(d.Openings, profile.Opening{Option: "--cgroupns host"}, profile.Opening{Option: "--security-opt seccomp=unconfined"},
		profile.Opening{Option: "--device-cgroup-rule c 10:229 rwm"})
	o := d.Narrowed().Options
	for name, want := range map[string]string{
		"device": "/dev/kvm /dev/fuse", "volume": "/sys/kernel/mm/ksm:/sys/kernel/mm/ksm", "cgroupns": "host", "privileged": "",
		"security-opt": "seccomp=unconfined", "device-cgroup-rule": "c 10:229 rwm",
	} {
		if got := strings.Join(o.Values(name), " "); got != want {
			t.Errorf("--%s %s, want %s", name, got, want)
		}
	}
	if len(d.Workload.Options.Values("device")) != 1 || !d.Workload.Options.Bool("privileged") {
		t.Errorf("the document changed: %+v", d.Workload)
	}
	if got := d.Openings[4].Shell(); got != "--device-cgroup-rule 'c 10:229 rwm'" {
		t.Error(got)
	}
}
