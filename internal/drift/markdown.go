package drift

import (
	"fmt"
	"io"
	"strings"

	"github.com/capprof/capprof/internal/capability"
)

// writeMarkdown is for comments on pull requests (GitHub Flavored Markdown).
func writeMarkdown(w io.Writer, r Result, _ Options) error {
	var b strings.Builder
	switch r.Outcome {
	case Unfit:
		b.WriteString("### capprof: cannot compare\n\n")
		for _, reason := range r.Unfit {
			b.WriteString("- " + code(reason) + "\n")
		}
	case None:
		fmt.Fprintf(&b, "### capprof: no drift\n\n%s needs %s, as before.\n", code(r.New.Image), capability.Counted(r.New.Required.Len()))
	default:
		fmt.Fprintf(&b, "### capprof: capability drift\n\n%s: %s before, %s now.\n\n", code(r.New.Image),
			capability.Counted(r.Old.Required.Len()), capability.Counted(r.New.Required.Len()))
		if r.NotPortable != "" {
			b.WriteString(code(r.NotPortable) + "\n\n")
		}
		if len(r.Added)+len(r.Removed) > 0 {
			b.WriteString("| | capability or option | why |\n|---|---|---|\n")
		}
		for _, change := range r.Added {
			fmt.Fprintf(&b, "| + | %s | %s |\n", code(name(change.Grant)), code(change.Why))
		}
		for _, change := range r.Removed {
			fmt.Fprintf(&b, "| - | %s | was: %s |\n", code(name(change.Grant)), code(change.Why))
		}
	}
	if len(r.Evidence) > 0 {
		b.WriteString("\nStill needed, by a different operation (not drift):\n\n| capability or option | | operation |\n|---|---|---|\n")
		for _, change := range r.Evidence {
			for _, operation := range change.Appeared {
				fmt.Fprintf(&b, "| %s | now | %s |\n", code(name(change.Grant)), code(operation))
			}
			for _, operation := range change.Gone {
				fmt.Fprintf(&b, "| %s | was | %s |\n", code(name(change.Grant)), code(operation))
			}
		}
	}
	if len(r.Phases) > 0 {
		b.WriteString("\nStill needed, by other parts of a run (not drift):\n\n| capability or option | before | now |\n|---|---|---|\n")
		for _, change := range r.Phases {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", code(name(change.Grant)), code(change.Old), code(change.New))
		}
	}
	if len(r.Context) > 0 {
		b.WriteString("\nAlso different:\n\n| what | before | now |\n|---|---|---|\n")
		for _, change := range r.Context {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", change.Name, code(orNone(change.Old)), code(orNone(change.New)))
		}
	}
	return write(w, b.String())
}

// code shows a string of the workload as it is: no formatting, no HTML, no
// @mentions, and no way out of its table cell. A code span does all that but
// for backticks, which end it, and pipes and backslashes, which a table reads
// before the span; such a string becomes an HTML element whose text is all
// character references, which no Markdown rule looks into.
func code(s string) string {
	// A code span of blanks alone is not one, and a leading and a trailing blank
	// would be stripped.
	if s != "" && s == strings.TrimSpace(s) && !strings.ContainsAny(s, "`|\\") {
		return "`" + s + "`"
	}
	var b strings.Builder
	b.WriteString("<code>")
	for _, r := range s {
		switch {
		case r == ' ', r == '/', r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r > 0x7f:
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	b.WriteString("</code>")
	return b.String()
}
