package drift

import (
	"fmt"
	"io"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
)

// writeText is for terminals and logs: one line a change, +CAP_X and -CAP_Y
// with the reason, the rest below. The sentences in a result are printable
// already.
func writeText(w io.Writer, r Result, _ Options) error {
	var b strings.Builder
	switch r.Outcome {
	case Unfit:
		b.WriteString("cannot compare:\n")
		for _, reason := range r.Unfit {
			b.WriteString("  " + reason + "\n")
		}
	case None:
		fmt.Fprintf(&b, "no drift: %s needs %s, as before\n", r.New.Image, capability.Counted(r.New.Required.Len()))
	default:
		width := 0
		for _, change := range append(r.Added[:len(r.Added):len(r.Added)], r.Removed...) {
			if !change.Grant.IsOption() {
				width = max(width, len(name(change.Grant)))
			}
		}
		for _, change := range r.Added {
			fmt.Fprintf(&b, "+%-*s  %s\n", width, label(change.Grant), change.Why)
		}
		for _, change := range r.Removed {
			fmt.Fprintf(&b, "-%-*s  was: %s\n", width, label(change.Grant), change.Why)
		}
		if r.NotPortable != "" {
			b.WriteString(r.NotPortable + "\n")
		}
	}
	if len(r.Evidence) > 0 {
		b.WriteString("\nstill needed, by a different operation (not drift):\n")
		for _, change := range r.Evidence {
			b.WriteString("  " + name(change.Grant) + "\n")
			for _, operation := range change.Appeared {
				b.WriteString("    now  " + operation + "\n")
			}
			for _, operation := range change.Gone {
				b.WriteString("    was  " + operation + "\n")
			}
		}
	}
	if len(r.Phases) > 0 {
		b.WriteString("\nstill needed, by other parts of a run (not drift):\n")
		for _, change := range r.Phases {
			fmt.Fprintf(&b, "  %s: %s -> %s\n", name(change.Grant), change.Old, change.New)
		}
	}
	if len(r.Context) > 0 {
		b.WriteString("\nalso different:\n")
		for _, change := range r.Context {
			fmt.Fprintf(&b, "  %s: %s -> %s\n", change.Name, orNone(change.Old), orNone(change.New))
		}
	}
	return write(w, b.String())
}

// label keeps an option's dashes off the sign before it.
func label(g grant.Grant) string {
	if g.IsOption() {
		return " " + name(g)
	}
	return name(g)
}
