package export

import (
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
)

// docker writes a docker run command line that any POSIX shell takes (bash where
// control characters are escaped).
type docker struct{}

func (docker) Export(w io.Writer, d *profile.Document) error {
	if err := errors.Join(answer(d), contained(d)); err != nil {
		return err
	}
	notes := slices.Concat(commonNotes(d, advice.Docker), phaseNotes(d), engineNotes(d, advice.Docker), seccompNotes(d))
	return write(w, notes, commandLine(dockerRun(d)))
}

// dockerRun is the command in groups that stay on one line: an option and its
// value, the image and its command.
func dockerRun(d *profile.Document) [][]string {
	groups := [][]string{{"docker", "run"}, {"--cap-drop", "ALL"}}
	for _, name := range d.Capabilities.Required.ShortNames() {
		groups = append(groups, []string{"--cap-add", name})
	}
	used := used(d)
	for _, option := range used.Options.All() {
		switch {
		case option.Baseline: // The set takes the place of today's.
		case option.Kind == workload.Flag:
			groups = append(groups, []string{"--" + option.Name})
		default:
			for _, value := range used.Options.Values(option.Name) {
				groups = append(groups, []string{"--" + option.Name, value})
			}
		}
	}
	return append(groups, append([]string{used.Image.Reference}, used.Command...))
}

// commandLine quotes the words, on one line when it is short and on continued
// lines otherwise.
func commandLine(groups [][]string) string {
	lines := make([]string, len(groups))
	for i, group := range groups {
		words := make([]string, len(group))
		for j, word := range group {
			words[j] = text.ShellWord(word)
		}
		lines[i] = strings.Join(words, " ")
	}
	if short := strings.Join(lines, " "); len(short) <= 80 {
		return short + "\n"
	}
	return strings.Join(lines, " \\\n  ") + "\n"
}
