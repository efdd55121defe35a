package drift_test

import (
	"errors"
	"flag"
	"reflect"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/drift"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/scenario"
)

var update = flag.Bool("update", false, "write the golden files")

// with is the proven sample with another set, each capability of it needed for
// one operation.
func with(caps ...capability.Cap) *profile.Document {
	d := profiletest.Proven()
	d.Capabilities.Required = capability.Of(caps...)
	d.Requirements = nil
	for _, c := range caps {
		denial := profiletest.Denial(strings.ToLower(c.Short()), c)
		denial.Syscall = "call_" + denial.ID
		d.Requirements = append(d.Requirements, profile.Requirement{
			Grant: grant.Capability(c), FoundBy: profile.FoundByTrace, ProvenBy: 5, Denials: []profile.Denial{denial},
		})
	}
	return d
}

func names(changes []drift.Change) []string {
	all := []string{}
	for _, change := range changes {
		all = append(all, change.Grant.Capability.String())
	}
	return all
}

func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		old, new       *profile.Document
		outcome        drift.Outcome
		added, removed []string
	}{
		"the same":             {profiletest.Proven(), profiletest.Proven(), drift.None, []string{}, []string{}},
		"nothing and nothing":  {profiletest.Empty(), profiletest.Empty(), drift.None, []string{}, []string{}},
		"proven and confirmed": {profiletest.Proven(), profiletest.Sample(profile.Confirmed), drift.None, []string{}, []string{}},
		"a number without a name": {
			with(capability.Kill, 42), with(capability.Kill, 41), drift.Drift, []string{"CAP_41"}, []string{"CAP_42"},
		},
		"added": {
			with(capability.Kill), with(capability.Kill, capability.SysTime, capability.Chown), drift.Drift,
			[]string{"CAP_CHOWN", "CAP_SYS_TIME"},
			[]string{},
		},
		"removed":     {with(capability.Kill), with(), drift.Drift, []string{}, []string{"CAP_KILL"}},
		"exchanged":   {with(capability.Kill), with(capability.Chown), drift.Drift, []string{"CAP_CHOWN"}, []string{"CAP_KILL"}},
		"of tomorrow": {with(), with(capability.Cap(41)), drift.Drift, []string{"CAP_41"}, []string{}},
		// A failed profile has no set, which must read neither as "nothing added"
		// nor as "all removed".
		"old failed":      {profiletest.FailedBlocked(), profiletest.Empty(), drift.Unfit, []string{}, []string{}},
		"new failed":      {profiletest.Empty(), profiletest.FailedOther(), drift.Unfit, []string{}, []string{}},
		"old incomplete":  {profiletest.Sample(profile.Incomplete), profiletest.Proven(), drift.Unfit, []string{}, []string{}},
		"new incomplete":  {profiletest.Proven(), profiletest.Sample(profile.Incomplete), drift.Unfit, []string{}, []string{}},
		"both incomplete": {profiletest.Sample(profile.Incomplete), profiletest.Sample(profile.Incomplete), drift.Unfit, []string{}, []string{}},
		"no verdict":      {profiletest.Proven(), &profile.Document{}, drift.Unfit, []string{}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			r := drift.Compare(c.old, c.new)
			if r.Outcome != c.outcome || r.Drift() != (c.outcome == drift.Drift) {
				t.Errorf("outcome %s, Drift() %v; want %s", r.Outcome, r.Drift(), c.outcome)
			}
			if !reflect.DeepEqual(names(r.Added), c.added) || !reflect.DeepEqual(names(r.Removed), c.removed) {
				t.Errorf("added %v, removed %v; want %v, %v", names(r.Added), names(r.Removed), c.added, c.removed)
			}
			if err := r.Err(); errors.Is(err, drift.ErrUnfit) != (c.outcome == drift.Unfit) {
				t.Errorf("Err() = %v", err)
			}
		})
	}
}

func TestComparePortableSets(t *testing.T) {
	equal := func() *profile.Document {
		d := profiletest.Portable()
		d.Portable.Capabilities.Required, d.Portable.Requirements = d.Capabilities.Required, d.Requirements
		return d
	}
	incomplete := func() *profile.Document {
		d := profiletest.NotPortable()
		d.Portable.Verdict, d.Portable.Reasons = profile.Incomplete, []string{"the run limit was reached"}
		return d
	}
	withoutCHOWN := profiletest.Portable()
	withoutCHOWN.Capabilities.Required = withoutCHOWN.Capabilities.Required.Without(capability.Chown)
	withoutCHOWN.Portable.Capabilities.Required = withoutCHOWN.Portable.Capabilities.Required.Without(capability.Chown)
	bind := []string{"CAP_NET_BIND_SERVICE"}
	for name, c := range map[string]struct {
		old, new       *profile.Document
		outcome        drift.Outcome
		added, removed []string
		says           string
	}{
		"the same":                      {profiletest.Portable(), profiletest.Portable(), drift.None, []string{}, []string{}, "no drift"},
		"appeared":                      {profiletest.Proven(), profiletest.Portable(), drift.Drift, bind, []string{}, "+CAP_NET_BIND_SERVICE  on Kubernetes and plain hosts (net.ipv4.ip_unprivileged_port_start=1024): /usr/sbin/nginx: bind(0.0.0.0:80)"},
		"gone":                          {profiletest.Portable(), profiletest.Proven(), drift.Drift, []string{}, bind, "-CAP_NET_BIND_SERVICE  was: on Kubernetes"},
		"equal and not asked for":       {equal(), profiletest.Proven(), drift.None, []string{}, []string{}, "portable answer: proven CHOWN, SETGID -> none"},
		"from equal to more":            {equal(), profiletest.Portable(), drift.Drift, bind, []string{}, ""},
		"told once":                     {profiletest.Portable(), withoutCHOWN, drift.Drift, []string{}, []string{"CAP_CHOWN"}, ""},
		"no set any more":               {profiletest.Portable(), profiletest.NotPortable(), drift.Drift, []string{}, []string{}, "it no longer passes on Kubernetes"},
		"depends, without a set":        {profiletest.Proven(), profiletest.NotPortable(), drift.Drift, []string{}, []string{}, "it no longer passes on Kubernetes"},
		"a set at last":                 {profiletest.NotPortable(), profiletest.Portable(), drift.None, []string{}, []string{}, "portable answer: failed -> proven CHOWN, NET_BIND_SERVICE, SETGID"},
		"neither has one":               {profiletest.NotPortable(), profiletest.NotPortable(), drift.None, []string{}, []string{}, ""},
		"new not known":                 {profiletest.Portable(), incomplete(), drift.Unfit, []string{}, []string{}, "the new profile does not know what is needed on Kubernetes"},
		"old not known":                 {incomplete(), profiletest.Proven(), drift.Unfit, []string{}, []string{}, "the old profile does not know"},
		"neither known":                 {incomplete(), incomplete(), drift.None, []string{}, []string{}, ""},
		"not known beside a failed one": {profiletest.FailedOther(), incomplete(), drift.Unfit, []string{}, []string{}, "the old profile is failed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := drift.Compare(c.old, c.new)
			if r.Outcome != c.outcome || !reflect.DeepEqual(names(r.Added), c.added) || !reflect.DeepEqual(names(r.Removed), c.removed) {
				t.Errorf("%s, added %v, removed %v; want %s, %v, %v", r.Outcome, names(r.Added), names(r.Removed), c.outcome, c.added, c.removed)
			}
			for _, format := range drift.Formats() {
				write, err := drift.Lookup(format)
				if err != nil {
					t.Fatal(err)
				}
				var b strings.Builder
				if err := write(&b, r, drift.Options{OldPath: "old.json"}); err != nil {
					t.Fatal(err)
				}
				if format == "text" && !strings.Contains(b.String(), c.says) {
					t.Errorf("no %q in:\n%s", c.says, b.String())
				}
				if format != "text" && c.outcome == drift.Drift && !strings.Contains(b.String(), "it no longer passes") && !strings.Contains(b.String(), "CAP_") {
					t.Errorf("%s does not say what drifted:\n%s", format, b.String())
				}
			}
		})
	}
}

func TestUnfitSaysWhichAndWhy(t *testing.T) {
	err := drift.Compare(profiletest.FailedBlocked(), profiletest.Sample(profile.Incomplete)).Err()
	for _, want := range []string{"the old profile is failed (it needs SYS_TIME", "the new profile is incomplete (the tracer lost 12 operations)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Err() = %v, want %q", err, want)
		}
	}
}

func TestOtherEvidenceIsNoDrift(t *testing.T) {
	changed := profiletest.Proven()
	changed.Requirements[0].Denials[0].Object = "/var/log/nginx"
	// Another run, another count of the same thing: no difference.
	changed.Requirements[1].Denials[0].Run = 1
	r := drift.Compare(profiletest.Proven(), changed)
	want := []drift.EvidenceChange{{
		Grant:    grant.Capability(capability.Chown),
		Gone:     []string{"/usr/sbin/nginx: chown(/var/cache/nginx) = EPERM"},
		Appeared: []string{"/usr/sbin/nginx: chown(/var/log/nginx) = EPERM"},
	}}
	if r.Drift() || !reflect.DeepEqual(r.Evidence, want) {
		t.Errorf("drift %v, evidence %+v", r.Drift(), r.Evidence)
	}
	untraced := profiletest.Proven()
	for i := range untraced.Requirements {
		untraced.Requirements[i].FoundBy, untraced.Requirements[i].Denials = profile.FoundByRemoval, nil
	}
	if r := drift.Compare(profiletest.Proven(), untraced); r.Drift() || len(r.Evidence) != 0 {
		t.Errorf("a profile without explanations is told to have other ones: %+v", r.Evidence)
	}
}

// TestPhases: what needs a grant at another time needs it as before, and who asked for
// it makes no other operation.
func TestPhases(t *testing.T) {
	old, now := profiletest.Service(), profiletest.Service()
	now.Scenario.Boots = append(now.Scenario.Boots, scenario.Restart)
	now.Requirements[0].Denials[0].Asker = profile.AskerWrapper
	r := drift.Compare(old, now)
	if r.Outcome != drift.None || len(r.Phases)+len(r.Evidence) != 0 {
		t.Errorf("one more restart: %+v", r)
	}
	now.Requirements[0].Phases = now.Requirements[1].Phases
	r = drift.Compare(old, now)
	want := []drift.PhaseChange{{Grant: grant.Capability(capability.Chown), Old: "at start, first boot only", New: "only at start"}}
	if r.Outcome != drift.None || !reflect.DeepEqual(r.Phases, want) {
		t.Errorf("%s, %+v, want %+v", r.Outcome, r.Phases, want)
	}
	// A batch job has no phases to compare.
	if r := drift.Compare(profiletest.Proven(), old); r.Outcome != drift.None || len(r.Phases) != 0 {
		t.Errorf("%s, %+v", r.Outcome, r.Phases)
	}
}

func TestContext(t *testing.T) {
	changed := profiletest.Proven()
	changed.Environment.Kernel, changed.Environment.EngineVersion = "6.19.0", "29.0.0"
	changed.Workload.Image.Digest = "nginx@sha256:11"
	changed.Workload.Command = []string{"nginx", "-g", "daemon off;"}
	changed.Environment.Sysctls = map[string]string{"net.ipv4.ip_unprivileged_port_start": "1024"}
	changed.Environment.Confinement = []profile.Confinement{{Module: "apparmor", Label: "docker-default"}, {Module: "selinux", Label: "container_t", Permissive: true}}
	changed.Meta.TotalMS, changed.Meta.CapprofVersion = 1, "9"
	got := drift.Compare(profiletest.Proven(), changed).Context
	want := []drift.ContextChange{
		{Name: "image digest", Old: "", New: "nginx@sha256:11"},
		{Name: "command", Old: "", New: `["nginx" "-g" "daemon off;"]`},
		{Name: "engine", Old: "docker 28.5.2", New: "docker 29.0.0"},
		{Name: "kernel", Old: "6.18.0", New: "6.19.0"},
		{Name: "confinement", Old: "", New: "apparmor docker-default, selinux container_t (permissive)"},
		{Name: "container's sysctls", Old: `net.ipv4.ip_unprivileged_port_start=0 net.ipv4.ping_group_range=0\t2147483647`, New: "net.ipv4.ip_unprivileged_port_start=1024"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestValuesOfVariablesStayInTheProfile(t *testing.T) {
	old, new := profiletest.Proven(), profiletest.Proven()
	old.Workload.Options = old.Workload.Options.Set("env", "SAME=1", "TOKEN=first-secret", "GONE=2")
	new.Workload.Options = new.Workload.Options.Set("env", "TOKEN=second-secret", "FROM_CALLER", "SAME=1")
	got := drift.Compare(old, new).Context
	want := []drift.ContextChange{{Name: "--env", Old: "GONE, TOKEN", New: "FROM_CALLER, TOKEN"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
