package report

import (
	"strings"
	"unicode/utf8"

	"github.com/capprof/capprof/internal/profile"
)

// ANSI SGR sequences (ECMA-48).
const (
	bold   = "\x1b[1m"
	red    = "\x1b[1;31m"
	green  = "\x1b[1;32m"
	yellow = "\x1b[1;33m"
	cyan   = "\x1b[36m"
	reset  = "\x1b[0m"
)

const (
	defaultWidth = 80
	// minWidth keeps a narrow or misreported terminal from one word a line.
	minWidth = 40
	indent   = "  "
	// widestLabel bounds the column of labels; a longer label has a line of its
	// own.
	widestLabel = 20
)

// page collects wrapped lines. text/tabwriter aligns columns but knows neither
// wrapping nor colours that take no room.
type page struct {
	strings.Builder
	color bool
	width int
}

func newPage(options Options) *page {
	width := options.Width
	if width == 0 {
		width = defaultWidth
	}
	return &page{color: options.Color, width: max(width, minWidth)}
}

func (p *page) paint(style, text string) string {
	if !p.color {
		return text
	}
	return style + text + reset
}

func (p *page) headline(style string, verdict profile.Verdict, text string) {
	for i, line := range profile.Wrap(string(verdict)+": "+text, p.width) {
		if rest, ok := strings.CutPrefix(line, string(verdict)); ok && i == 0 {
			line = p.paint(style, string(verdict)) + rest
		}
		p.WriteString(line + "\n")
	}
}

func (p *page) heading(text string) {
	p.WriteString("\n")
	for _, line := range profile.Wrap(text, p.width) {
		p.WriteString(p.paint(bold, line) + "\n")
	}
}

// item writes text behind a dash.
func (p *page) item(text string) {
	lines := profile.Wrap(text, p.width-len(indent)-2)
	p.WriteString(indent + "- " + strings.Join(lines, "\n"+indent+"  ") + "\n")
}

// row writes a label in a column of the given width and text that hangs behind
// it; below it where the label or the terminal leaves too little room.
func (p *page) row(label string, width int, text string) {
	hang := len(indent) + width + len(indent)
	length := utf8.RuneCountInString(label)
	p.WriteString(indent + p.paint(cyan, label))
	if length > width || p.width-hang < minWidth/2 {
		hang = 2 * len(indent)
		p.WriteString("\n" + strings.Repeat(" ", hang))
	} else {
		p.WriteString(strings.Repeat(" ", hang-len(indent)-length))
	}
	lines := profile.Wrap(text, p.width-hang)
	p.WriteString(strings.Join(lines, "\n"+strings.Repeat(" ", hang)) + "\n")
}

func (p *page) paragraph(text string) {
	for _, line := range profile.Wrap(text, p.width-len(indent)) {
		p.WriteString(indent + line + "\n")
	}
}

// verbatim writes a line that is meant to be copied, however long it is.
func (p *page) verbatim(text string) { p.WriteString(indent + text + "\n") }
