package export_test

import (
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
)

// TestWhatReplacesPrivilegedIsWritten: each format has the options, or says what
// there is instead.
func TestWhatReplacesPrivilegedIsWritten(t *testing.T) {
	d := profiletest.Narrowed()
	for i, option := range []string{
		"--cgroupns host", "--device-cgroup-rule c 10:229 rwm", "--security-opt label=disable", "--security-opt apparmor=unconfined",
		"--security-opt seccomp=unconfined", "--security-opt systempaths=unconfined",
	} {
		run := profile.Run{Number: 10 + i, Purpose: profile.PurposeRemove, Set: d.Capabilities.Required, Outcome: profile.OutcomeFailed, Closed: option}
		for _, o := range d.Openings {
			run.Options = append(run.Options, o.Option)
		}
		d.Openings = append(d.Openings, profile.Opening{Option: option, FoundBy: profile.FoundByRemoval, ProvenBy: run.Number})
		d.Runs = append(d.Runs, run)
	}
	for i, run := range d.Runs {
		if run.Number == 1 {
			continue
		}
		d.Runs[i].Options = nil
		for _, o := range d.Openings {
			if o.Option != run.Closed {
				d.Runs[i].Options = append(d.Runs[i].Options, o.Option)
			}
		}
	}
	for format, want := range map[string][]string{
		"docker": {
			"--device /dev/fuse", "--volume /sys/kernel/mm/ksm:/sys/kernel/mm/ksm", "--cgroupns host", "--device-cgroup-rule 'c 10:229 rwm'",
			"--security-opt seccomp=unconfined", "found without --privileged", "The danger: what the device lets root do",
		},
		"compose": {"devices:", "- /dev/fuse", "device_cgroup_rules:", "security_opt:", `- "seccomp=unconfined"`, "cgroup: host", "docker-compose 1 knows neither"},
		"k8s": {
			"seccompProfile:", "appArmorProfile:", "type: Unconfined", "type: spc_t", "procMount: Unmasked", "hostPath volume of /sys/kernel/mm/ksm",
			"device plugin", "--cgroupns host: Kubernetes has no such option",
		},
	} {
		text := exported(t, format, d)
		flat := strings.Join(strings.Fields(strings.ReplaceAll(text, "\n#", " ")), " ")
		for _, part := range want {
			if !strings.Contains(flat, part) {
				t.Errorf("%s has no %q:\n%s", format, part, text)
			}
		}
		if format != "k8s" && strings.Contains(strings.ReplaceAll(flat, "without --privileged", ""), "--privileged") {
			t.Errorf("%s still says --privileged:\n%s", format, text)
		}
	}
}
