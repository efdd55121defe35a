package profile

import (
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
)

// Workload is what was run.
type Workload struct {
	Image Image `json:"image"`
	// Command replaces the image's command; empty for the image's own.
	Command []string `json:"command"`
	// Options are those of docker run. cap-add, cap-drop and privileged are today's
	// flags, which set the baseline.
	Options workload.Options `json:"options"`
	// Data says what each run found in the volumes and the host's directories that the
	// options name; "" where they name none, or where it is not known: then it was the
	// user's own.
	Data workload.DataPolicy `json:"data,omitempty"`
	// ExpectExit is the exit code that counts as success.
	ExpectExit int `json:"expectExit"`
}

// Image identifies what was run.
type Image struct {
	Reference string `json:"reference"`
	ID        string `json:"id"`
	// Digest is empty for an image that only exists locally.
	Digest string `json:"digest,omitempty"`
}

// Plain reports whether what was run were plain processes, without an image and a container.
func (d *Document) Plain() bool { return d.Environment.Engine == workload.PlainEngine }

// StartsAsRoot reports whether the command is started as root, as far as the options tell.
func (d *Document) StartsAsRoot() bool {
	name, _ := d.Workload.Options.User()
	uid, err := strconv.Atoi(name)
	return name == "" || name == "root" || err == nil && uid == 0
}

// Name says what was run: the image, and where there is none the unit or the command. It is
// as the user wrote it, in the words of a shell.
func (w Workload) Name() string {
	switch {
	case w.Image.Reference != "":
		return w.Image.Reference
	case w.Options.Value("unit") != "":
		return w.Options.Value("unit")
	}
	words := append(w.Options.Values("entrypoint"), w.Command...)
	for i, word := range words {
		words[i] = text.ShellWord(word)
	}
	return strings.Join(words, " ")
}

// WithoutPrivileged is the workload as the answer runs it: with the relaxations, and
// without --privileged.
func (d *Document) WithoutPrivileged() Workload {
	w := d.Workload
	w.Options = w.Options.With(d.Relaxations...).Set("privileged")
	return w
}
