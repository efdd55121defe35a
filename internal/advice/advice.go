// Package advice says remedies in the words and options of a platform.
package advice

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/text"
)

// Platform is what the workload is to run on.
type Platform string

// The platforms. Host is a machine without containers.
const (
	Docker     Platform = "docker"
	Podman     Platform = "podman"
	Compose    Platform = "compose"
	Kubernetes Platform = "kubernetes"
	Host       Platform = "host"
)

// Platforms are all.
var Platforms = []Platform{Docker, Podman, Compose, Kubernetes, Host}

// wording is how a kind of remedy is said. A placeholder {name|default} stands for
// an argument, {name!|default} for one as a word of the shell; what is in brackets is
// said only if its arguments are there. {paths} names several paths in one sentence.
type wording struct {
	// any holds where a platform has no wording of its own; Podman's are docker's as long
	// as it has none.
	any                                       string
	docker, podman, compose, kubernetes, host string
}

func (w wording) on(p Platform) string {
	own := map[Platform]string{Docker: w.docker, Podman: cmp.Or(w.podman, w.docker), Compose: w.compose, Kubernetes: w.kubernetes, Host: w.host}[p]
	if own == "" {
		return w.any
	}
	return own
}

// Words says one remedy. They are printable, whatever a workload called its files.
// A kind of a newer version is said by its name.
func Words(r remedy.Remedy, on Platform) string { return words(r, on, []string{r.Path}) }

func words(r remedy.Remedy, on Platform, paths []string) string {
	if r.Kind == remedy.Text {
		return text.Printable(r.Text)
	}
	w := wordingOf(r).on(on)
	if w == "" {
		w = string(r.Kind)
	}
	return text.Printable(fill(w, r, paths))
}

// wordingOf is that of a remedy's kind, or of its kind and the argument that changes
// what is to be done.
func wordingOf(r remedy.Remedy) wording {
	own, varies := variants[r.Kind]
	if !varies {
		return wordings[r.Kind]
	}
	by := r.Mount
	if by == "" {
		by = r.Name
	}
	if w, ok := own[by]; ok {
		return w
	}
	return own[""]
}

var (
	optional    = regexp.MustCompile(`\[[^\]]*\]`)
	placeholder = regexp.MustCompile(`\{([a-z]+)(!?)(?:\|([^}]*))?\}`)
)

// fill puts a remedy's arguments into a wording. What an argument holds is not
// looked at again.
func fill(template string, r remedy.Remedy, paths []string) string {
	template = optional.ReplaceAllStringFunc(template, func(part string) string {
		for _, p := range placeholder.FindAllStringSubmatch(part, -1) {
			if argument(r, p[1], paths) == "" && p[3] == "" {
				return ""
			}
		}
		return part[1 : len(part)-1]
	})
	return placeholder.ReplaceAllStringFunc(template, func(part string) string {
		p := placeholder.FindStringSubmatch(part)
		given := argument(r, p[1], paths)
		switch {
		case given == "":
			return p[3]
		case p[2] != "":
			return text.ShellWord(given)
		}
		return given
	})
}

func argument(r remedy.Remedy, name string, paths []string) string {
	switch name {
	case "path":
		return r.Path
	case "paths":
		return list(paths)
	case "mount":
		return r.Mount
	case "who":
		if r.User != "" {
			return "user " + r.User
		}
		return ""
	case "user":
		return r.User
	case "capabilities":
		if r.Capabilities.Empty() {
			return ""
		}
		return strings.ToLower(strings.Join(r.Capabilities.Names(), ","))
	case "held":
		return strings.Join(r.Capabilities.Names(), ", ")
	case "name":
		return r.Name
	case "value":
		return r.Value
	case "device":
		return r.Device
	default:
		return r.Call
	}
}

// list names a few of many.
func list(paths []string) string {
	const few = 3
	shown := strings.Join(paths[:min(len(paths), few)], ", ")
	if n := len(paths) - few; n > 0 {
		shown += fmt.Sprintf(" and %d more", n)
	}
	return shown
}

// Sentence says remedies of which one is enough, the better first; "" for none.
func Sentence(remedies []remedy.Remedy, on Platform) string {
	return group{remedies: remedies}.sentence(on)
}

// Sentences says the remedies of several refusals, alike ones together, and counts
// the refusals for which none is known. All refusals have to be met for a
// capability to become needless.
func Sentences(refusals [][]remedy.Remedy, on Platform) (all []string, without int) {
	var groups []*group
	for _, remedies := range refusals {
		if len(remedies) == 0 {
			without++
			continue
		}
		i := slices.IndexFunc(groups, func(g *group) bool { return g.takes(remedies, on) })
		if i < 0 {
			groups = append(groups, &group{remedies: remedies})
			i = len(groups) - 1
		}
		groups[i].add(remedies)
	}
	for _, g := range groups {
		if sentence := g.sentence(on); sentence != "" && !slices.Contains(all, sentence) {
			all = append(all, sentence)
		}
	}
	return all, without
}

// group are the remedies of refusals that differ in the paths alone.
type group struct {
	remedies []remedy.Remedy
	// paths are those of all refusals, by the index of the remedy.
	paths [][]string
}

// takes reports whether remedies are the group's with other paths, which one
// sentence can name.
func (g *group) takes(remedies []remedy.Remedy, on Platform) bool {
	return slices.EqualFunc(g.remedies, remedies, func(a, b remedy.Remedy) bool {
		if a == b {
			return true
		}
		one := strings.Contains(strings.ReplaceAll(wordingOf(a).on(on), "!", ""), "{path|")
		a.Path, b.Path = "", ""
		return !one && a == b
	})
}

func (g *group) add(remedies []remedy.Remedy) {
	if g.paths == nil {
		g.paths = make([][]string, len(remedies))
	}
	for i, r := range remedies {
		if r.Path != "" && !slices.Contains(g.paths[i], r.Path) {
			g.paths[i] = append(g.paths[i], r.Path)
		}
	}
}

func (g group) sentence(on Platform) string {
	var all []string
	for i, r := range g.remedies {
		paths := []string{r.Path}
		if g.paths != nil {
			paths = g.paths[i]
		}
		if said := words(r, on, paths); said != "" && !slices.Contains(all, said) {
			all = append(all, said)
		}
	}
	return strings.Join(all, "; or ")
}
