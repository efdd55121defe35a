package export_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/workload"
)

// TestWhatReplacesPrivilegedIsWritten: each format has the options, or says what
// there is instead.
func TestWhatReplacesPrivilegedIsWritten(t *testing.T) {
	d := profiletest.WithoutPrivileged()
	for i, option := range []workload.Setting{
		{Name: "cgroupns", Value: "host"},
		{Name: "device-cgroup-rule", Value: "c 10:229 rwm"},
		{Name: "security-opt", Value: "label=disable"},
		{Name: "security-opt", Value: "apparmor=unconfined"},
		{Name: "security-opt", Value: "seccomp=unconfined"},
		{Name: "security-opt", Value: "systempaths=unconfined"},
	} {
		without := grant.Option(option)
		d.Relaxations = append(d.Relaxations, option)
		d.Requirements = append(d.Requirements, profile.Requirement{Grant: without, FoundBy: profile.FoundByRemoval, ProvenBy: 10 + i})
		d.Runs = append(d.Runs, profile.Run{
			Number: 10 + i, Purpose: profile.PurposeRemove, Capabilities: d.Capabilities.Required, Outcome: profile.OutcomeFailed, Without: &without,
		})
	}
	for i, run := range d.Runs[1:] {
		d.Runs[i+1].Options = slices.DeleteFunc(slices.Clone(d.Relaxations), func(o workload.Setting) bool {
			return run.Without != nil && *run.Without == grant.Option(o)
		})
	}
	for format, want := range map[string][]string{
		"docker": {
			"--device /dev/fuse", "--volume /sys/kernel/mm/ksm:/sys/kernel/mm/ksm", "--cgroupns host", "--device-cgroup-rule 'c 10:229 rwm'",
			"--security-opt seccomp=unconfined", "found without --privileged", "The danger: what the device lets root do",
		},
		"compose": {"devices:", "- /dev/fuse", "device_cgroup_rules:", "security_opt:", `- "seccomp=unconfined"`, "cgroup: host", "docker-compose 1 does not know: cgroup, security_opt: systempaths=unconfined"},
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
