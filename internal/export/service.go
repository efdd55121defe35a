package export

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
)

// aboutNotes say what the set was found for.
func aboutNotes(d *profile.Document) []string {
	var notes []string
	for _, note := range sentence.About(d) {
		notes = append(notes, strings.ToUpper(note[:1])+note[1:]+".")
	}
	return notes
}

// asked says, by the short name of each capability of an answer, which parts of a
// service's run ask for it; a batch job has none.
func asked(d *profile.Document, a *profile.Answer) map[string]string {
	all := map[string]string{}
	for _, r := range a.ForCapabilities() {
		words := sentence.Phases(d, r.Phases)
		if by := sentence.AskedBy(r); words != "" && by != "" {
			words += "; " + by
		}
		if words != "" {
			all[r.Grant.Capability.Short()] = words
		}
	}
	return all
}

// phaseNotes say the same in sentences, where a comment has no place next to each.
func phaseNotes(d *profile.Document) []string {
	var notes []string
	when := asked(d, &d.Answer)
	for _, name := range d.Capabilities.Required.ShortNames() {
		if words := when[name]; words != "" {
			notes = append(notes, name+" is asked for "+words+".")
		}
	}
	return notes
}

// capabilityList are the capabilities of an answer as spell writes their short names,
// each with a comment that says which parts of a service's run ask for it.
func capabilityList(d *profile.Document, a *profile.Answer, spell func(short string) string) *yaml.Node {
	when := asked(d, a)
	node := list(nil)
	for _, name := range a.Capabilities.Required.ShortNames() {
		item := scalar(spell(name))
		item.LineComment = when[name]
		node.Content = append(node.Content, item)
	}
	return node
}
