package drift

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
)

// contextChanges lists in what else the profiles differ, in the order of the
// document, the options of docker run last.
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
	return append(changes, optionChanges(old.Workload.Options, new.Workload.Options)...)
}

// optionChanges lists the options of docker run that differ, in the order of their table.
func optionChanges(old, new workload.Options) []ContextChange {
	var changes []ContextChange
	for _, option := range workload.Table {
		before, now := inOrder(option, old), inOrder(option, new)
		if slices.Equal(before, now) {
			continue
		}
		if option.Secret {
			before, now = minus(before, now), minus(now, before)
		}
		changes = append(changes, ContextChange{
			Name: "--" + option.Name, Old: text.Printable(shown(option, before)), New: text.Printable(shown(option, now)),
		})
	}
	return changes
}

// inOrder are the values of an option, sorted where their order means nothing.
func inOrder(option *workload.Option, from workload.Options) []string {
	values := from.Values(option.Name)
	if option.Key != nil {
		slices.Sort(values)
	}
	return values
}

// keys are values without what may be a secret: a comparison ends up in logs and
// comments.
func keys(option *workload.Option, values []string) []string {
	var all []string
	for _, value := range values {
		all = append(all, option.KeyOf(value))
	}
	return all
}

func shown(option *workload.Option, values []string) string {
	switch {
	case option.Secret:
		return strings.Join(keys(option, values), ", ")
	case option.Kind == workload.Text && len(values) > 0 && values[0] != "":
		return values[0]
	case option.Kind == workload.Flag:
		return strconv.FormatBool(len(values) > 0)
	default:
		return words(values)
	}
}

type fact struct{ name, value string }

// contextOf spells out what the answer may depend on. The capprof version and
// the runs are left out: they say how it was found, not for what.
func contextOf(d *profile.Document) []fact {
	w, e := d.Workload, d.Environment
	portable, sysctls := portableWords(d)
	facts := []fact{
		{"verdict", string(d.Verdict)},
		{"portable answer", portable},
		{"sysctls of the portable answer", sysctls},
		{"allowed capabilities", d.Capabilities.Allowed.String()},
		{"image", w.Image.Reference},
		{"image ID", w.Image.ID},
		{"image digest", w.Image.Digest},
		{"command", words(w.Command)},
		{"data of a run", string(w.Data)},
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
		{"confinement", confinement(e.Confinement)},
		{"container's sysctls", settings(e.Sysctls)},
	}
	return append(facts, serviceFacts(d.Scenario)...)
}

// confinement names what security modules hold the container under.
func confinement(held []profile.Confinement) string {
	var all []string
	for _, c := range held {
		words := c.Module + " " + c.Label
		if c.Permissive {
			words += " (permissive)"
		}
		all = append(all, words)
	}
	return strings.Join(all, ", ")
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
