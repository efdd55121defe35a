package drift

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/text"
)

// contextChanges lists in what else the profiles differ, in the order of the
// document, the environment's variables last.
func contextChanges(old, new *profile.Document) []ContextChange {
	changes := []ContextChange{}
	before, now := contextOf(old), contextOf(new)
	for i := range before {
		if before[i].value != now[i].value {
			changes = append(changes, ContextChange{
				Name: before[i].name, Old: text.Printable(before[i].value), New: text.Printable(now[i].value),
			})
		}
	}
	if old, new := old.Workload.Env, new.Workload.Env; !slices.Equal(old, new) {
		changes = append(changes, ContextChange{
			Name: "environment variables", Old: text.Printable(variables(minus(old, new))), New: text.Printable(variables(minus(new, old))),
		})
	}
	return changes
}

// variables names the variables of settings, without their values: those may be
// secrets, and a comparison ends up in logs and comments.
func variables(settings []string) string {
	var all []string
	for _, setting := range settings {
		name, _, _ := strings.Cut(setting, "=")
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

type fact struct{ name, value string }

// contextOf spells out what the answer may depend on. The capprof version and
// the runs are left out: they say how it was found, not for what.
func contextOf(d *profile.Document) []fact {
	w, e := d.Workload, d.Environment
	return []fact{
		{"verdict", string(d.Verdict)},
		{"portable answer", portableWords(d)},
		{"allowed capabilities", d.Capabilities.Allowed.String()},
		{"image", w.Image.Reference},
		{"image ID", w.Image.ID},
		{"image digest", w.Image.Digest},
		{"command", words(w.Command)},
		{"entrypoint", words(w.Entrypoint)},
		{"volumes", words(w.Volumes)},
		{"working directory", w.WorkingDir},
		{"user", w.User},
		{"network", w.Network},
		{"sysctls", settings(w.Sysctls)},
		{"security options", words(w.SecurityOpt)},
		{"devices", words(w.Devices)},
		{"device cgroup rules", words(w.DeviceCgroupRules)},
		{"cgroup namespace", w.CgroupNS},
		{"tmpfs", words(w.Tmpfs)},
		{"read-only", fmt.Sprint(w.ReadOnly)},
		{"interactive", fmt.Sprint(w.Interactive)},
		{"tty", fmt.Sprint(w.TTY)},
		{"expected exit code", fmt.Sprint(w.ExpectExit)},
		{"engine", strings.TrimSpace(e.Engine + " " + e.EngineVersion)},
		{"runtime", strings.TrimSpace(e.Runtime + " " + e.RuntimeVersion)},
		{"storage driver", e.StorageDriver},
		{"cgroup version", e.CgroupVersion},
		{"kernel", e.Kernel},
		{"architecture", e.Architecture},
		{"hook", e.Hook},
		{"traced", fmt.Sprint(e.Traced)},
		{"seccomp profile", e.Seccomp},
		{"container's sysctls", settings(e.Sysctls)},
	}
}

// words quotes a list, so that ["a b"] and ["a", "b"] differ.
func words(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return fmt.Sprintf("%q", list)
}

func settings(m map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, name+"="+m[name])
	}
	return strings.Join(all, " ")
}
