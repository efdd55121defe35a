package drift

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Options are what the formats need in addition to the result.
type Options struct {
	// OldPath and NewPath are the profiles' files; NewPath is "" or "-" for one
	// that was not written to a file. SARIF points at them.
	OldPath, NewPath string
	// Version is capprof's own.
	Version string
}

// Format writes a result. Whatever the outcome, the output is complete: a
// comparison that could not be made says so in every format.
type Format func(w io.Writer, r Result, options Options) error

var formats = map[string]Format{
	"json":     writeJSON,
	"markdown": writeMarkdown,
	"sarif":    writeSARIF,
	"text":     writeText,
}

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

func writeJSON(w io.Writer, r Result, _ Options) error { return encode(w, r) }

func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("writing the comparison: %w", err)
	}
	return nil
}

func write(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fmt.Errorf("writing the comparison: %w", err)
	}
	return nil
}

// orNone shows a value that is not there.
func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
