package export

import (
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
	if err := answer(d); err != nil {
		return err
	}
	var services, file mapping
	services.add(serviceName(d.Workload.Image.Reference), composeService(d))
	file.add("services", &services.node)
	if volumes := namedVolumes(d.WithoutPrivileged().Options.Volumes()); volumes != nil {
		file.add("volumes", volumes)
	}
	body, err := file.encode()
	if err != nil {
		return err
	}
	notes := append(commonNotes(d, advice.Compose), engineNotes(d, advice.Compose)...)
	if o := d.WithoutPrivileged().Options; o.Value("cgroupns") != "" || o.Security("systempaths") != "" {
		notes = append(notes, "The key cgroup and the option systempaths=unconfined are of Compose v2; docker-compose 1 knows neither.")
	}
	return write(w, notes, body)
}

func composeService(d *profile.Document) *yaml.Node {
	used := d.WithoutPrivileged()
	var service mapping
	service.addText("image", literal(used.Image.Reference))
	service.addList("command", literals(used.Command))
	for _, option := range used.Options.All() {
		switch value := option.ComposeOf(used.Options.Values(option.Name)).(type) {
		case bool:
			service.add(option.Compose, boolean(value))
		case string:
			service.add(option.Compose, scalar(literal(value)))
		case []string:
			service.addList(option.Compose, literals(value))
		case map[string]string:
			var pairs mapping
			for _, name := range slices.Sorted(maps.Keys(value)) {
				pairs.add(name, scalar(literal(value[name])))
			}
			service.add(option.Compose, &pairs.node)
		}
	}
	service.addList("cap_drop", []string{"ALL"})
	if !d.Capabilities.Required.Empty() {
		service.add("cap_add", capabilityList(d, &d.Answer, func(short string) string { return short }))
	}
	return &service.node
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
