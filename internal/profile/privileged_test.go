package profile_test

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/workload"
)

// contradictions changes a valid document in one way each, and looks for the words of
// the refusal.
func contradictions(t *testing.T, sample func() *profile.Document, cases map[string]struct {
	change func(d *profile.Document)
	want   string
},
) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := sample()
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

func TestRelaxationsAreHeldAgainstTheirRuns(t *testing.T) {
	contradictions(t, profiletest.WithoutPrivileged, map[string]struct {
		change func(d *profile.Document)
		want   string
	}{
		"no value":            {func(d *profile.Document) { d.Relaxations[0].Value = "" }, "relaxations[0]: an option needs"},
		"unknown option":      {func(d *profile.Document) { d.Relaxations[0].Name = "no\x1bsuch" }, `relaxations[0]: unknown option "no\x1bsuch"`},
		"impossible value":    {func(d *profile.Document) { d.Relaxations[0].Value = "fuse" }, `relaxations[0]: --device "fuse": the path is not absolute`},
		"run's own option":    {func(d *profile.Document) { add(&d.Runs[3], "colour", "red") }, `run 4: unknown option "colour"`},
		"no name":             {func(d *profile.Document) { d.Relaxations[1].Name = "" }, "relaxations[1]: an option needs"},
		"twice":               {func(d *profile.Document) { d.Relaxations[1] = d.Relaxations[0] }, "is there twice"},
		"explained twice":     {func(d *profile.Document) { d.Requirements[2] = d.Requirements[1] }, "explained twice"},
		"not explained":       {func(d *profile.Document) { d.Requirements = d.Requirements[:2] }, "requirements explain SYS_ADMIN, --device /dev/fuse, while the answer is"},
		"found by nobody":     {func(d *profile.Document) { d.Requirements[1].FoundBy = "luck" }, "found by"},
		"no failures":         {func(d *profile.Document) { d.Requirements[1].Failures = nil }, "without denials or failures"},
		"no proof":            {func(d *profile.Document) { d.Requirements[1].ProvenBy = 0 }, "no run proves --device /dev/fuse"},
		"no such run":         {func(d *profile.Document) { d.Requirements[1].ProvenBy = 99 }, "not in runs"},
		"proof that had it":   {func(d *profile.Document) { d.Requirements[1].ProvenBy = 5 }, "which had it"},
		"proof lacked more":   {func(d *profile.Document) { d.Runs[3].Options = nil }, "which lacked --volume"},
		"proof that passed":   {func(d *profile.Document) { d.Runs[3].Outcome = profile.OutcomePassed }, "whose outcome is passed"},
		"capability's proof":  {func(d *profile.Document) { d.Runs[5].Options = nil }, "SYS_ADMIN is proven by run 6, which lacked --device"},
		"passed with less":    {func(d *profile.Document) { d.Runs[2].Options = nil }, "no run passed"},
		"passed with more":    {func(d *profile.Document) { add(&d.Runs[2], "device", "/dev") }, "no run passed"},
		"without what it had": {func(d *profile.Document) { add(&d.Runs[3], "device", "/dev/fuse") }, "run 4: it is said to be without --device /dev/fuse"},
		"option of no value":  {func(d *profile.Document) { add(&d.Runs[3], "device", "") }, "run 4: an option has no name or no value"},
		"failure of no run":   {func(d *profile.Document) { d.Requirements[1].Failures[0].Run = 99 }, "run 99"},
		"given on failure": {func(d *profile.Document) {
			d.Verdict, d.Reasons, d.Requirements, d.Capabilities.Required = profile.Failed, []string{"it fails"}, d.Requirements[1:], 0
			d.Requirements[0].ProvenBy, d.Requirements[1].ProvenBy = 0, 0
		}, "verdict is failed, yet an answer is given: --device /dev/fuse"},
	})
}

func add(r *profile.Run, name, value string) {
	r.Options = append(r.Options[:len(r.Options):len(r.Options)], workload.Setting{Name: name, Value: value})
}

func TestWithoutPrivileged(t *testing.T) {
	d := profiletest.WithoutPrivileged()
	d.Workload.Options = d.Workload.Options.Set("device", "/dev/kvm")
	d.Relaxations = append(d.Relaxations, workload.Setting{Name: "cgroupns", Value: "host"}, workload.Setting{Name: "security-opt", Value: "seccomp=unconfined"},
		workload.Setting{Name: "device-cgroup-rule", Value: "c 10:229 rwm"})
	o := d.WithoutPrivileged().Options
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
}

func TestRequirementsAreFoundByTheirGrant(t *testing.T) {
	d := profiletest.WithoutPrivileged()
	for _, g := range d.Grants().Grants() {
		if r, ok := d.Requirement(g); !ok || r.Grant != g {
			t.Errorf("%s: %+v, %t", g, r, ok)
		}
	}
	if r, ok := d.Requirement(grant.Option(workload.Setting{Name: "device", Value: "/dev/kvm"})); ok {
		t.Errorf("%+v", r)
	}
}
