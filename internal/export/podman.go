package export

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// podman writes a podman run command line.
type podman struct{}

func (podman) Export(w io.Writer, d *profile.Document) error {
	if err := errors.Join(answer(d), contained(d)); err != nil {
		return err
	}
	on := podmanAnswer(d)
	groups := [][]string{{"podman", "run"}, {"--cap-drop", "ALL"}}
	for _, name := range on.Capabilities.Required.ShortNames() {
		groups = append(groups, []string{"--cap-add", name})
	}
	used := used(d)
	for _, s := range podmanSettings(used.Options) {
		if s.flag {
			groups = append(groups, []string{"--" + s.name})
			continue
		}
		groups = append(groups, []string{"--" + s.name, s.value})
	}
	groups = append(groups, append([]string{used.Image.Reference}, used.Command...))
	return write(w, podmanRunNotes(d), commandLine(groups))
}

// podmanAnswer is the answer that holds on Podman, which leaves low ports to root: the
// profile's own where it was made so, and else the one for the kernel's defaults.
func podmanAnswer(d *profile.Document) *profile.Answer {
	if d.Portable != nil && d.Portable.Verdict.Answers() && !asOnPodman(d.Environment.Sysctls) {
		return &d.Portable.Answer
	}
	return &d.Answer
}

// asOnPodman reports whether a container had no more from its sysctls than Podman's has:
// no port below 1024, and ping for group 0 alone (containers/common pkg/config,
// default_sysctls). What is not known may be more.
func asOnPodman(sysctls map[string]string) bool {
	start, err := strconv.Atoi(strings.TrimSpace(sysctls[unprivilegedPortStart]))
	ping := strings.Join(strings.Fields(sysctls[pingGroupRange]), " ")
	return err == nil && start >= 1024 && (ping == "0 0" || ping == "1 0")
}

// setting is an option of podman run.
type setting struct {
	name, value string
	flag        bool
}

// podmanLacks are the options of docker run that podman run does not have, and what there
// is instead; "" for nothing.
var podmanLacks = map[string]string{
	"domainname":     "--hostname HOST.DOMAIN",
	"gpus":           "--device nvidia.com/gpu=all, with the container device interface",
	"link":           "a network of both, where each is known by its name",
	"link-local-ip":  "",
	"runtime":        "podman --runtime NAME run",
	"storage-opt":    "podman --storage-opt run",
	"volume-driver":  "podman volume create --driver",
	"use-api-socket": "",
	"isolation":      "",
	"kernel-memory":  "",
}

// podmanSettings are the options with which podman run does what docker run does with
// these.
func podmanSettings(o workload.Options) []setting {
	var all []setting
	for _, option := range o.All() {
		if _, lacks := podmanLacks[option.Name]; option.Baseline || lacks {
			continue
		}
		if option.Kind == workload.Flag {
			all = append(all, setting{name: option.Name, flag: true})
			continue
		}
		for _, value := range o.Values(option.Name) {
			all = append(all, setting{name: option.Name, value: podmanValue(option.Name, value)})
		}
	}
	return all
}

// podmanValue is a value as podman run takes it.
func podmanValue(option, value string) string {
	switch option {
	case "security-opt":
		return workload.Setting{Name: option, Value: value}.ForPodman().Value
	case "mount":
		// Podman wants the type to be said.
		if !slices.ContainsFunc(strings.Split(value, ","), func(field string) bool { return strings.HasPrefix(field, "type=") }) {
			return "type=volume," + value
		}
	case "publish":
		// One that cannot be read is in no profile.
		if short, err := workload.ShortPort(value); err == nil {
			return short
		}
	case "network":
		n, err := workload.ParseNetwork(value)
		if err != nil || !strings.Contains(value, "=") {
			return value
		}
		var options []string
		for _, alias := range n.Aliases {
			options = append(options, "alias="+alias)
		}
		for key, address := range map[string]string{"ip=": n.IPv4, "ip6=": n.IPv6, "mac=": n.MAC} {
			if address != "" {
				options = append(options, key+address)
			}
		}
		slices.Sort(options)
		return strings.TrimSuffix(n.Name+":"+strings.Join(options, ","), ":")
	}
	return value
}

// podmanNotes are those of an export of a set for Podman.
func podmanNotes(d *profile.Document) []string {
	on := podmanAnswer(d)
	notes := slices.Concat(commonNotes(d, advice.Podman), phaseNotes(d))
	switch beyond := d.Beyond(); {
	case on != &d.Answer && !beyond.Empty():
		notes = append(notes, fmt.Sprintf("%s is needed on Podman, which leaves ports below 1024 and ping to root, and was not where this profile was made (%s).", beyond, d.Environment.Engine))
	case on == &d.Answer && d.Portable != nil && !d.Portable.Verdict.Answers() && !asOnPodman(d.Environment.Sysctls):
		notes = append(notes, "WARNING: with the sysctls that Podman has, what the workload needs is not known. Profile it there: capprof run --engine podman.")
	case on == &d.Answer && d.Portable == nil && !d.Environment.Traced && !asOnPodman(d.Environment.Sysctls):
		notes = append(notes, "This profile was made where ports below 1024 or ping need no capability, and without a trace. On Podman they may need NET_BIND_SERVICE or NET_RAW.")
	}
	return notes
}

// podmanRunNotes are those of an export that has the workload's options too.
func podmanRunNotes(d *profile.Document) []string {
	notes := append(podmanNotes(d), seccompNotes(d)...)
	for _, option := range used(d).Options.All() {
		if instead, lacks := podmanLacks[option.Name]; lacks {
			note := fmt.Sprintf("Left out, since podman run has no --%s", option.Name)
			if instead != "" {
				note += "; there is: " + instead
			}
			notes = append(notes, note+".")
		}
	}
	return notes
}

// label writes the instruction of a Containerfile that says what an image needs, which
// Podman obeys.
type label struct{}

// capabilitiesLabel is that of containers/common pkg/capabilities, ContainerImageLabels.
const capabilitiesLabel = "io.containers.capabilities"

func (label) Export(w io.Writer, d *profile.Document) error {
	if err := errors.Join(answer(d), contained(d)); err != nil {
		return err
	}
	needed := podmanAnswer(d).Capabilities.Required
	notes := append(podmanNotes(d), "Podman gives a container of an image with this label no other capabilities, as long as it would be granted all of them anyway; Docker and Kubernetes do not look at it.")
	if beyond := needed.Minus(capability.PodmanDefault); !beyond.Empty() {
		notes = append(notes, fmt.Sprintf("WARNING: Podman does not grant %s by default, and ignores the label where it would not: run the image with %s.", beyond, capAdds(beyond)))
	}
	if needed.Empty() {
		notes = append(notes, "An empty list takes all capabilities away in recent versions of Podman, and is ignored before: podman run --cap-drop ALL does it everywhere.")
	}
	return write(w, notes, fmt.Sprintf("LABEL %s=%q\n", capabilitiesLabel, strings.Join(needed.Names(), ",")))
}

// capAdds are the options that add capabilities.
func capAdds(set capability.Set) string {
	var all []string
	for _, name := range set.ShortNames() {
		all = append(all, "--cap-add "+name)
	}
	return strings.Join(all, " ")
}
