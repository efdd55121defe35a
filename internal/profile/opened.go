package profile

import (
	"strings"

	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
)

// Narrowed is the workload as the answer runs it: with the openings, and without
// --privileged.
func (d *Document) Narrowed() Workload {
	w := d.Workload
	for _, o := range d.Openings {
		name, value, _ := strings.Cut(strings.TrimPrefix(o.Option, "--"), " ")
		w.Options = w.Options.With(workload.Setting{Name: name, Value: value})
	}
	w.Options = w.Options.Set("privileged")
	return w
}

// Shell is the option as a POSIX shell takes it.
func (o Opening) Shell() string {
	name, value, _ := strings.Cut(o.Option, " ")
	return name + " " + text.ShellWord(value)
}

// openingOptions are the options of the openings, as runs list theirs; nil for none.
func (d *Document) openingOptions() []string {
	var options []string
	for _, o := range d.Openings {
		options = append(options, o.Option)
	}
	return options
}
