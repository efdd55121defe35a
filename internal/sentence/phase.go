package sentence

import (
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/text"
)

// stepWords say when a step is; one of a later version goes by its name.
var stepWords = map[scenario.Step]string{
	scenario.Start:    "at start",
	scenario.Ready:    "while idle",
	scenario.Exercise: "when used",
	scenario.Exec:     "during --exec",
	scenario.Stop:     "at stop",
}

func step(s scenario.Step) string {
	if words := stepWords[s]; words != "" {
		return words
	}
	return "at " + string(s)
}

// Phases say which parts of a run asked for something, given the boots of a run: "only
// at stop", "at start, first boot only", "at start and at stop"; "" for none. They are printable.
func Phases(d *profile.Document, phases []scenario.Phase) string {
	var (
		steps []scenario.Step
		boots = map[scenario.Step][]scenario.Boot{}
	)
	for _, p := range phases {
		if boots[p.Step] == nil {
			steps = append(steps, p.Step)
		}
		boots[p.Step] = append(boots[p.Step], p.Boot)
	}
	order := scenario.Steps()
	slices.SortStableFunc(steps, func(a, b scenario.Step) int { return slices.Index(order, a) - slices.Index(order, b) })
	// Steps of the same boots are told together.
	var which []string
	when := map[string][]string{}
	for _, s := range steps {
		w := bootsOf(d, boots[s])
		if when[w] == nil {
			which = append(which, w)
		}
		when[w] = append(when[w], step(s))
	}
	var all []string
	for _, w := range which {
		words := and(when[w])
		if w != "" {
			words += ", " + w
		}
		all = append(all, words)
	}
	words := strings.Join(all, "; ")
	if len(steps) == 1 && which[0] == "" {
		words = "only " + words
	}
	return text.Printable(words)
}

// bootsOf says which of a run's boots some are; "" for all of them.
func bootsOf(d *profile.Document, some []scenario.Boot) string {
	var have, lack []scenario.Boot
	for _, boot := range scenario.Boots() {
		switch {
		case slices.Contains(some, boot):
			have = append(have, boot)
		case d.Scenario == nil || slices.Contains(d.Scenario.Boots, boot):
			lack = append(lack, boot)
		}
	}
	switch {
	case len(lack) == 0:
		return ""
	case len(have) == 1:
		return string(have[0]) + " only"
	case lack[0] == scenario.FirstBoot:
		return "from the " + string(have[0]) + " on"
	case len(lack) == 1:
		return "not in the " + string(lack[0])
	}
	// Boots of a later version.
	return ""
}

// AskedBy says that nothing of the image asks for what a requirement explains: "asked
// by your own wrapper (the shell that is process 1)"; "" where its programs do, or where
// the trace did not show it.
func AskedBy(r profile.Requirement) string {
	words := map[profile.Asker]string{
		profile.AskerWrapper: "asked by your own wrapper (the shell that is process 1)",
		profile.AskerExec:    "asked by your --exec command",
	}
	said := ""
	for _, d := range r.Denials {
		by := words[d.Asker]
		if by == "" || said != "" && said != by {
			return ""
		}
		said = by
	}
	return said
}

// When says where in a run something was first seen, or failed: "at the start of the
// first boot", "when used in the restart"; "" for a batch job. It is printable.
func When(p *scenario.Phase) string {
	if p == nil || p.IsZero() {
		return ""
	}
	words, at := strings.CutPrefix(step(p.Step), "at ")
	if at {
		return text.Printable("at the " + words + " of the " + string(p.Boot))
	}
	return text.Printable(words + " in the " + string(p.Boot))
}

// and joins words: "a, b and c".
func and(all []string) string {
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " and " + all[last]
}
