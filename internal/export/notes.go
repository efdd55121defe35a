package export

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/sentence"
)

// The sysctls by which an engine changes what a workload needs.
const (
	unprivilegedPortStart = "net.ipv4.ip_unprivileged_port_start"
	pingGroupRange        = "net.ipv4.ping_group_range"
)

// commonNotes are those that hold wherever the set is used.
func commonNotes(d *profile.Document, on advice.Platform) []string {
	var notes []string
	switch d.Verdict {
	case profile.Proven:
		notes = append(notes, "capprof: proven for "+imageName(d)+".")
	case profile.Confirmed:
		notes = append(notes, "capprof: confirmed for "+imageName(d)+"; whether each capability is needed was not proven.")
	default:
		notes = append(notes, fmt.Sprintf("WARNING: the profile of %s is %s: the set may lack something or hold too much.", imageName(d), d.Verdict))
		for _, reason := range d.Reasons {
			notes = append(notes, "WARNING: "+strings.TrimSuffix(reason, ".")+".")
		}
	}
	notes = append(notes, aboutNotes(d)...)
	notes = append(notes, relaxationNotes(d)...)
	notes = append(notes, keptNotes(d)...)
	notes = append(notes, dropAllNote(d)...)
	notes = append(notes, nonRootNote(d, on)...)
	return append(notes, betterNotes(d, on)...)
}

// relaxationNotes say what is left of --privileged.
func relaxationNotes(d *profile.Document) []string {
	if !d.Workload.Options.Bool("privileged") {
		return nil
	}
	if len(d.Relaxations) == 0 {
		return []string{"The set was found without --privileged, which also gives all devices and switches off seccomp and AppArmor; nothing of that is needed."}
	}
	notes := []string{"The set was found without --privileged; of what that allows in addition to capabilities, this is needed:"}
	for _, r := range d.ForRelaxations() {
		notes = append(notes, fmt.Sprintf("%s allows %s. The danger: %s.", r.Grant, r.Allows, r.Danger))
	}
	return notes
}

// keptNotes say what is left with more than it meant to have.
func keptNotes(d *profile.Document) []string {
	var notes []string
	for _, k := range d.KeptPrivileges {
		notes = append(notes, fmt.Sprintf("WARNING: a process goes on with more privileges than it means to have, for want of %s: %s.", sentence.Choice(k.AnyOf), sentence.Kept(k)))
	}
	return notes
}

func imageName(d *profile.Document) string {
	image := d.Workload.Image
	if image.Digest == "" || strings.Contains(image.Reference, "@") {
		return d.Workload.Name()
	}
	return image.Reference + " (" + image.Digest + ")"
}

// dropAllNote: who pastes --cap-drop ALL alone may wonder where a set comes from.
func dropAllNote(d *profile.Document) []string {
	if !d.Capabilities.Baseline.Empty() || d.Capabilities.Required.Empty() || len(d.Workload.Options.Values("cap-drop")) == 0 {
		return nil
	}
	return []string{"Today's --cap-drop ALL grants nothing; this set is of what was allowed during the search: " + d.Capabilities.Allowed.String() + "."}
}

// nonRootNote: execve(2) by a non-root user clears the effective set, and
// neither Docker nor Kubernetes raises ambient capabilities, so what is added
// ends in the bounding set alone (capabilities(7)). Podman raises it.
func nonRootNote(d *profile.Document, on advice.Platform) []string {
	name, _ := d.Workload.Options.User()
	switch user := !d.StartsAsRoot(); {
	case d.Capabilities.Required.Empty(), d.Plain():
		return nil
	case d.Environment.Ambient && on != advice.Podman:
		return []string{fmt.Sprintf("WARNING: the workload starts as a user other than root, and the set reached it because %s raises what is added in the ambient set. "+
			"Docker and Kubernetes do not: there none of it reaches the workload, which has to start as root, or be given what it needs as file capabilities (setcap).", d.Environment.Engine)}
	case !user || d.Environment.Ambient:
		return nil
	case on == advice.Podman:
		return []string{fmt.Sprintf("The workload starts as user %s. Podman raises added capabilities in its ambient set, so that it holds them from the start; where this profile was made (%s) they only reached "+
			"programs that have file capabilities or the setuid bit.", name, d.Environment.Engine)}
	}
	return []string{fmt.Sprintf("The workload starts as user %s. Docker and Kubernetes give added capabilities to root alone: "+
		"here they only reach programs that have file capabilities or the setuid bit, so no-new-privileges must stay off.", name)}
}

// kubernetesNotes are about what Docker does to a container and Kubernetes may
// not do.
func kubernetesNotes(d *profile.Document) []string {
	notes := clusterNotes(d)
	required, sysctls := d.Capabilities.Required, d.Environment.Sysctls
	// A trace that led to an answer tells whether the workload depends on the sysctls.
	known := d.Portable != nil || d.Environment.Traced && d.Verdict != profile.Incomplete
	if !known && !required.Has(capability.NetBindService) && freesLowPorts(d.Environment) {
		notes = append(notes, d.Environment.Engine+" sets "+unprivilegedPortStart+"=0, so that ports below 1024 need no capability. "+
			"Where the cluster keeps 1024, a workload that listens below it needs NET_BIND_SERVICE, or that sysctl in the pod.")
	}
	if !known && !required.Has(capability.NetRaw) && freesPing(sysctls) {
		notes = append(notes, d.Environment.Engine+" sets "+pingGroupRange+", so that ping needs no capability. "+
			"Where the cluster does not, ping needs NET_RAW, or that sysctl in the pod.")
	}
	for _, r := range d.ForCapabilities() {
		for _, denial := range r.Denials {
			if denial.Mechanism == "seccomp" {
				notes = append(notes, fmt.Sprintf("%s is needed for %s because the seccomp profile in force (%s) refuses it otherwise. "+
					"Kubernetes runs without one unless seccompProfile is set.", r.Grant.String(), denial.Syscall, d.Environment.Seccomp))
				break
			}
		}
	}
	if names := slices.Sorted(maps.Keys(d.Workload.Options.Sysctls())); len(names) > 0 {
		notes = append(notes, "The profile was made with the sysctls "+strings.Join(names, ", ")+", which belong in the pod's own securityContext.")
	}
	return notes
}

// clusterNotes say what the set has to do with the sysctls that Docker sets and most
// clusters do not.
func clusterNotes(d *profile.Document) []string {
	p := d.Portable
	if p == nil {
		return nil
	}
	pod := "pods with " + podSysctls(d) + ", which Kubernetes counts among the safe sysctls"
	if !p.Verdict.Answers() {
		what := "no set that was allowed makes the workload pass"
		if p.Verdict != profile.Failed {
			what = "what the workload needs was not found out"
		}
		notes := []string{"WARNING: " + sentence.Where(p) + ", " + what + ". The set below is for " + pod + "."}
		for _, reason := range p.Reasons {
			notes = append(notes, "WARNING: "+strings.TrimSuffix(reason, ".")+".")
		}
		return notes
	}
	var notes []string
	for _, r := range p.ForCapabilities() {
		if d.Beyond().Has(r.Grant.Capability) {
			notes = append(notes, fmt.Sprintf("%s is needed %s: %s.", r.Grant.String(), sentence.Where(p), sentence.Why(d, r)))
		}
	}
	if beyond := d.Beyond(); !beyond.Empty() {
		notes = append(notes, fmt.Sprintf("%s can be left out in %s.", beyond, pod))
	}
	if p.Verdict == profile.Confirmed && d.Verdict == profile.Proven {
		notes = append(notes, "Whether each capability is needed there was not proven.")
	}
	return notes
}

// podSysctls is the part of a pod that sets the sysctls as Docker does, in YAML's
// flow style, which survives the wrapping of comments.
func podSysctls(d *profile.Document) string {
	own := d.OwnSysctls()
	var all []string
	for _, name := range slices.Sorted(maps.Keys(own)) {
		all = append(all, fmt.Sprintf("{name: %s, value: %q}", name, own[name]))
	}
	return "securityContext: {sysctls: [" + strings.Join(all, ", ") + "]}"
}

// engineNotes are for engines other than the one that the profile was made on.
func engineNotes(d *profile.Document, on advice.Platform) []string {
	here, since := d.Environment.Engine+" sets ", ""
	if strings.EqualFold(d.Environment.Engine, "Docker") {
		since = " since 20.10"
	}
	switch beyond := d.Beyond(); {
	case d.Portable == nil:
		return nil
	case !beyond.Empty():
		return []string{fmt.Sprintf("%s%s%s, with which this set is enough; %s, %s is needed too.", here, sentence.Settings(d.OwnSysctls()), since, sentence.Where(d.Portable), beyond)}
	case d.Portable.Verdict == profile.Failed:
		var settings []string
		for name, value := range maps.All(d.OwnSysctls()) {
			settings = append(settings, advice.Words(remedy.Remedy{Kind: remedy.Sysctl, Name: name, Value: value}, on))
		}
		slices.Sort(settings)
		return []string{fmt.Sprintf("%s%s%s, and the workload does not pass without: %s, %s.", here, sentence.Settings(d.OwnSysctls()), since, sentence.Where(d.Portable), strings.Join(settings, "; "))}
	}
	return nil
}

// freesLowPorts: an unknown value is taken for Docker's, since a needless hint
// is better than a missing one. Podman leaves it as it is.
func freesLowPorts(e profile.Environment) bool {
	start, err := strconv.Atoi(strings.TrimSpace(e.Sysctls[unprivilegedPortStart]))
	return err != nil && e.Engine != "Podman" || err == nil && start < 1024
}

// freesPing: the kernel's own default is "1 0", an empty range.
func freesPing(sysctls map[string]string) bool {
	bounds := strings.Fields(sysctls[pingGroupRange])
	if len(bounds) != 2 {
		return true
	}
	low, errLow := strconv.ParseUint(bounds[0], 10, 32)
	high, errHigh := strconv.ParseUint(bounds[1], 10, 32)
	return errLow != nil || errHigh != nil || low <= high
}
