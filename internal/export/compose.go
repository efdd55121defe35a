package export

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// compose writes a Compose file with one service. It has no version key, which
// docker-compose from 1.27 and Compose v2 both read as the Compose
// Specification.
type compose struct{}

func (compose) Export(w io.Writer, d *profile.Document) error {
	if err := errors.Join(answer(d), contained(d)); err != nil {
		return err
	}
	var services, file mapping
	services.add(serviceName(d.Workload.Image.Reference), composeService(d))
	file.add("services", &services.node)
	if volumes := namedVolumes(used(d).Options.Volumes()); volumes != nil {
		file.add("volumes", volumes)
	}
	if networks := externalNetworks(workload.Compose(used(d).Options).Networks); networks != nil {
		file.add("networks", networks)
	}
	body, err := file.encode()
	if err != nil {
		return err
	}
	notes := append(commonNotes(d, advice.Compose), append(engineNotes(d, advice.Compose), seccompNotes(d)...)...)
	return write(w, append(notes, composeNotes(used(d).Options)...), body)
}

func composeService(d *profile.Document) *yaml.Node {
	used := used(d)
	var service mapping
	service.addText("image", literal(used.Image.Reference))
	service.addList("command", literals(used.Command))
	for _, key := range workload.Compose(used.Options).Keys {
		service.add(key.Name, node(key.Value))
	}
	service.addList("cap_drop", []string{"ALL"})
	if !d.Capabilities.Required.Empty() {
		service.add("cap_add", capabilityList(d, &d.Answer, func(short string) string { return short }))
	}
	return &service.node
}

// composeNotes are about the options of docker run that a Compose file cannot hold, or
// not every Compose reads.
func composeNotes(o workload.Options) []string {
	var notes, keys, lacking []string
	service := workload.Compose(o)
	for _, option := range service.OfV2 {
		keys = append(keys, option.Compose)
	}
	if o.Security("systempaths") != "" {
		keys = append(keys, "security_opt: systempaths=unconfined")
	}
	if keys != nil {
		notes = append(notes, "docker-compose 1 does not know: "+strings.Join(keys, ", ")+". Compose v2 does.")
	}
	for _, option := range service.Lacking {
		lacking = append(lacking, "--"+option.Name)
	}
	if lacking != nil {
		notes = append(notes, "Not in this file, since Compose has no key for it: "+strings.Join(lacking, ", ")+".")
	}
	return notes
}

// node is a value of a Compose service in YAML, where Compose replaces no $NAME.
func node(value any) *yaml.Node {
	switch value := value.(type) {
	case bool:
		return boolean(value)
	case int64:
		return integer(value)
	case []string:
		return list(literals(value))
	case []any:
		sequence := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, element := range value {
			sequence.Content = append(sequence.Content, node(element))
		}
		return sequence
	case map[string]string:
		return pairsOf(value)
	case map[string]any:
		return pairsOf(value)
	default:
		return scalar(literal(fmt.Sprint(value)))
	}
}

// pairsOf is a mapping, sorted by its keys.
func pairsOf[T any](values map[string]T) *yaml.Node {
	pairs := mapping{yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs.add(name, node(values[name]))
	}
	return &pairs.node
}

// externalNetworks declares networks that exist already, by the very names that docker
// run uses.
func externalNetworks(names []string) *yaml.Node {
	if names == nil {
		return nil
	}
	declared := map[string]any{}
	for _, name := range names {
		declared[name] = map[string]any{"name": name, "external": true}
	}
	return node(declared)
}

// literal keeps Compose from replacing $NAME in a value.
func literal(s string) string { return strings.ReplaceAll(s, "$", "$$") }

func literals(values []string) []string {
	escaped := make([]string, len(values))
	for i, value := range values {
		escaped[i] = literal(value)
	}
	return escaped
}

var notInServiceName = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)

// serviceName is the last part of the image's name: registry:5000/team/api:1.2
// makes "api".
func serviceName(reference string) string {
	reference, _, _ = strings.Cut(reference, "@")
	name, _, _ := strings.Cut(path.Base(reference), ":")
	name = strings.Trim(notInServiceName.ReplaceAllString(name, "-"), "-.")
	if name == "" {
		return "app"
	}
	return name
}

// namedVolumes declares the volumes that are mounted by name, which Compose asks
// for, and gives them the very names that docker run uses; Compose would put the
// project's name in front.
func namedVolumes(volumes []workload.Volume) *yaml.Node {
	var declared mapping
	seen := map[string]bool{}
	for _, volume := range volumes {
		if !volume.Named() || seen[volume.Source] {
			continue
		}
		seen[volume.Source] = true
		var declaration mapping
		declaration.addText("name", volume.Source)
		declared.add(volume.Source, &declaration.node)
	}
	if len(seen) == 0 {
		return nil
	}
	return &declared.node
}
