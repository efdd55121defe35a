package export

import (
	"io"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/capprof/capprof/internal/profile"
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
	if volumes := namedVolumes(d.Narrowed().Volumes); volumes != nil {
		file.add("volumes", volumes)
	}
	body, err := file.encode()
	if err != nil {
		return err
	}
	notes := append(commonNotes(d), engineNotes(d)...)
	if w := d.Narrowed(); w.CgroupNS != "" || slices.Contains(w.SecurityOpt, "systempaths=unconfined") {
		notes = append(notes, "The key cgroup and the option systempaths=unconfined are of Compose v2; docker-compose 1 knows neither.")
	}
	return write(w, notes, body)
}

func composeService(d *profile.Document) *yaml.Node {
	workload := d.Narrowed()
	var service mapping
	service.addText("image", literal(workload.Image.Reference))
	service.addList("entrypoint", literals(workload.Entrypoint))
	service.addList("command", literals(workload.Command))
	service.addText("user", literal(workload.User))
	service.addText("working_dir", literal(workload.WorkingDir))
	service.addList("environment", literals(lastOfEach(workload.Env)))
	service.addList("volumes", literals(distinct(workload.Volumes)))
	service.addList("tmpfs", literals(distinct(workload.Tmpfs)))
	service.addList("devices", literals(distinct(workload.Devices)))
	service.addList("device_cgroup_rules", literals(distinct(workload.DeviceCgroupRules)))
	service.addText("cgroup", literal(workload.CgroupNS))
	// Without a network, Compose makes one for the project, a bridge like
	// Docker's own.
	if workload.Network != "default" {
		service.addText("network_mode", literal(workload.Network))
	}
	if len(workload.Sysctls) > 0 {
		var sysctls mapping
		for _, name := range slices.Sorted(maps.Keys(workload.Sysctls)) {
			sysctls.add(name, scalar(literal(workload.Sysctls[name])))
		}
		service.add("sysctls", &sysctls.node)
	}
	service.addList("security_opt", literals(distinct(workload.SecurityOpt)))
	for _, flag := range []struct {
		key string
		on  bool
	}{{"read_only", workload.ReadOnly}, {"stdin_open", workload.Interactive}, {"tty", workload.TTY}} {
		if flag.on {
			service.add(flag.key, boolean(true))
		}
	}
	service.addList("cap_drop", []string{"ALL"})
	service.addList("cap_add", d.Capabilities.Required.ShortNames())
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

// distinct drops repetitions, which docker run takes and the Compose schema
// (uniqueItems) refuses.
func distinct(values []string) []string {
	var kept []string
	for _, value := range values {
		if !slices.Contains(kept, value) {
			kept = append(kept, value)
		}
	}
	return kept
}

// lastOfEach keeps the last setting of each variable, the one that counts.
func lastOfEach(env []string) []string {
	var kept []string
	seen := map[string]bool{}
	for _, setting := range slices.Backward(env) {
		name, _, _ := strings.Cut(setting, "=")
		if !seen[name] {
			seen[name] = true
			kept = append(kept, setting)
		}
	}
	slices.Reverse(kept)
	return kept
}

var (
	notInServiceName = regexp.MustCompile(`[^a-zA-Z0-9_.-]+`)
	volumeName       = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]+$`) // moby volume/names
)

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
func namedVolumes(volumes []string) *yaml.Node {
	var declared mapping
	seen := map[string]bool{}
	for _, volume := range volumes {
		source, _, mounted := strings.Cut(volume, ":")
		if !mounted || seen[source] || !volumeName.MatchString(source) {
			continue
		}
		seen[source] = true
		var declaration mapping
		declaration.addText("name", source)
		declared.add(source, &declaration.node)
	}
	if len(seen) == 0 {
		return nil
	}
	return &declared.node
}
