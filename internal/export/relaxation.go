package export

import (
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// relaxInKubernetes adds the relaxations that a securityContext has a field for, and
// says of the others what there is instead.
func relaxInKubernetes(context *mapping, d *profile.Document) []string {
	var notes []string
	typed := func(key, kind string) {
		var field mapping
		field.addText("type", kind)
		context.add(key, &field.node)
	}
	for _, o := range d.Relaxations {
		name, value := o.Name, o.Value
		switch {
		case value == "seccomp=unconfined":
			typed("seccompProfile", "Unconfined")
		case value == "apparmor=unconfined":
			typed("appArmorProfile", "Unconfined")
		case value == "label=disable":
			typed("seLinuxOptions", "spc_t")
		case value == "systempaths=unconfined":
			context.addText("procMount", "Unmasked")
			notes = append(notes, "procMount: Unmasked unmasks /proc, not /sys; newer clusters take it only with hostUsers: false in the pod.")
		case name == "volume":
			// One that cannot be read is in no profile.
			if v, err := workload.ParseVolume(value); err == nil {
				notes = append(notes, o.String()+": a hostPath volume of "+v.Source+", mounted at "+v.Target+".")
			}
		case name == "device":
			notes = append(notes, o.String()+": Kubernetes has no such option. A device plugin can offer the device; "+
				"without one, only privileged: true gives it.")
		default:
			notes = append(notes, o.String()+": Kubernetes has no such option; only privileged: true gives it.")
		}
	}
	return notes
}
