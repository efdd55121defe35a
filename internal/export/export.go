// Package export turns a profile into what people paste: a Compose file, a command
// line of docker run or podman run, a Quadlet, a Kubernetes securityContext, an image's
// label. It reads nothing but
// the profile document.
package export

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/text"
)

// Exporter writes a profile in one format.
type Exporter interface {
	Export(w io.Writer, d *profile.Document) error
}

// ErrNoAnswer says that a profile holds no set that could be exported.
var ErrNoAnswer = errors.New("no set to export")

var exporters = map[string]Exporter{
	"compose": compose{},
	"docker":  docker{},
	"json":    document{},
	"k8s":     kubernetes{},
	"label":   label{},
	"podman":  podman{},
	"quadlet": quadlet{},
	"systemd": systemd{},
}

// Names lists the formats, sorted.
func Names() []string { return slices.Sorted(maps.Keys(exporters)) }

// Lookup finds the exporter of a format.
func Lookup(name string) (Exporter, error) {
	exporter, ok := exporters[name]
	if !ok {
		return nil, fmt.Errorf("unknown format %q (one of %s)", name, strings.Join(Names(), ", "))
	}
	return exporter, nil
}

// document writes the profile itself. It carries its verdict at its top, so a
// failed one is written too.
type document struct{}

func (document) Export(w io.Writer, d *profile.Document) error { return profile.Encode(w, d) }

// answer refuses a profile without a set: an empty cap_add pasted from a failed
// profile would look like "needs nothing".
func answer(d *profile.Document) error {
	if d.Verdict != profile.Failed {
		return nil
	}
	reason := "no allowed set makes the workload pass"
	if len(d.Reasons) > 0 {
		reason = text.Printable(d.Reasons[0])
	}
	return fmt.Errorf("%w: the verdict on %s is failed: %s", ErrNoAnswer, text.Printable(d.Workload.Name()), reason)
}

// write puts the notes before the body as comment lines; # starts a comment in
// YAML and in a shell.
func write(w io.Writer, notes []string, body string) error {
	var b strings.Builder
	for _, note := range notes {
		for _, line := range text.Wrap(text.Printable(note), commentWidth) {
			b.WriteString("# " + line + "\n")
		}
	}
	b.WriteString(body)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing the export: %w", err)
	}
	return nil
}

// commentWidth keeps comment lines within 80 columns.
const commentWidth = 77
