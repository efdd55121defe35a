package explain

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/text"
)

// Options are what the formats need besides the explanation.
type Options struct {
	// Width is where lines are wrapped, 80 when it is 0.
	Width int
}

// Format writes an explanation.
type Format func(w io.Writer, e Explanation, options Options) error

var formats = map[string]Format{"json": writeJSON, "text": writeText}

// Formats lists the names, sorted.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// Lookup finds a format by its name.
func Lookup(name string) (Format, error) {
	format, ok := formats[name]
	if !ok {
		return nil, fmt.Errorf("unknown format %q (one of %s)", name, strings.Join(Formats(), ", "))
	}
	return format, nil
}

func writeJSON(w io.Writer, e Explanation, _ Options) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(e); err != nil {
		return fmt.Errorf("writing the explanation: %w", err)
	}
	return nil
}

func writeText(w io.Writer, e Explanation, options Options) error {
	p := text.NewPage(options.Width, false)
	switch {
	case e.alone:
		whole(p, e.Capabilities[0], e.Profile)
	case e.Profile != nil:
		ofProfile(p, e)
	case e.Mask != nil:
		ofMask(p, e)
	default:
		for _, c := range e.Capabilities {
			whole(p, c, nil)
		}
	}
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("writing the explanation: %w", err)
	}
	return nil
}
