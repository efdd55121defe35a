package export

import (
	"path"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// relaxInKubernetes adds the options, the user's own and the relaxations, that a
// securityContext has a field for, and says of the others what there is instead.
func relaxInKubernetes(context *mapping, d *profile.Document) []string {
	var notes, labels []string
	typed := func(key string, pairs ...string) {
		var field mapping
		for i := 0; i < len(pairs); i += 2 {
			field.addText(pairs[i], pairs[i+1])
		}
		context.add(key, &field.node)
	}
	for _, o := range slices.Concat(ownInKubernetes(d.Workload.Options), d.Relaxations) {
		switch o.Name {
		case "security-opt":
			option, err := workload.ParseSecurityOption(o.Value)
			switch {
			case err != nil: // is in no profile
			case option.Name == "seccomp" && option.Value == unconfined:
				typed("seccompProfile", "type", "Unconfined")
			case option.Name == "seccomp" && option.Value != "builtin":
				// The file has to be where the kubelet looks for it.
				typed("seccompProfile", "type", "Localhost", "localhostProfile", path.Base(option.Value))
				notes = append(notes, "localhostProfile: put "+option.Value+" into the kubelet's directory of seccomp profiles on each node.")
			case option.Name == "apparmor" && option.Value == unconfined:
				typed("appArmorProfile", "type", "Unconfined")
			case option.Name == "apparmor":
				typed("appArmorProfile", "type", "Localhost", "localhostProfile", option.Value)
				notes = append(notes, "localhostProfile: the AppArmor profile "+option.Value+" has to be loaded on each node.")
			case option.Name == "label":
				labels = append(labels, option.Value)
			case option.Name == "systempaths":
				context.addText("procMount", "Unmasked")
				notes = append(notes, "procMount: Unmasked unmasks /proc, not /sys; newer clusters take it only with hostUsers: false in the pod.")
			}
		case "volume":
			// One that cannot be read is in no profile.
			if v, err := workload.ParseVolume(o.Value); err == nil {
				notes = append(notes, o.String()+": a hostPath volume of "+v.Source+", mounted at "+v.Target+".")
			}
		case "device":
			notes = append(notes, o.String()+": Kubernetes has no such option. A device plugin can offer the device; "+
				"without one, only privileged: true gives it.")
		default:
			notes = append(notes, o.String()+": Kubernetes has no such option; only privileged: true gives it.")
		}
	}
	return append(notes, labelInKubernetes(labels, typed)...)
}

const unconfined = "unconfined"

// ownInKubernetes are the user's own options that have a field or deserve a word, the
// last of each security option. What is a pod's is said elsewhere, and no-new-privileges
// is allowPrivilegeEscalation.
func ownInKubernetes(o workload.Options) []workload.Setting {
	var all []workload.Setting
	last := map[string]int{}
	for _, s := range o.Permits() {
		switch s.Name {
		case "security-opt":
			option, err := workload.ParseSecurityOption(s.Value)
			if err != nil || option.Name == "no-new-privileges" {
				continue
			}
			if at, twice := last[option.Name]; twice && option.Name != "label" {
				all[at] = s
				continue
			}
			last[option.Name] = len(all)
		case "device", "device-cgroup-rule", "cgroupns":
		default:
			continue
		}
		all = append(all, s)
	}
	return all
}

// labelInKubernetes are the parts of an SELinux context.
func labelInKubernetes(labels []string, typed func(key string, pairs ...string)) []string {
	var notes, pairs []string
	for _, label := range labels {
		part, value, _ := strings.Cut(label, ":")
		switch {
		case label == "disable":
			pairs = []string{"type", "spc_t"}
		case value != "" && slices.Contains([]string{"user", "role", "type", "level"}, part) && !slices.Contains(pairs, part):
			pairs = append(pairs, part, value)
		default:
			notes = append(notes, "--security-opt label="+label+": it has no place in seLinuxOptions.")
		}
	}
	if len(pairs) > 0 {
		typed("seLinuxOptions", pairs...)
	}
	return notes
}
