package explain

import (
	"strings"
	"unicode/utf8"

	"github.com/capprof/capprof/internal/profile"
)

const (
	defaultWidth = 80
	// minWidth keeps a narrow or misreported terminal from one word a line.
	minWidth = 40
	indent   = "  "
)

// page collects wrapped lines.
type page struct {
	strings.Builder
	width int
}

func newPage(width int) *page {
	if width == 0 {
		width = defaultWidth
	}
	return &page{width: max(width, minWidth)}
}

// title writes an unindented paragraph, hanging where it is wrapped.
func (p *page) title(text string) {
	lines := profile.Wrap(text, p.width-len(indent))
	p.WriteString(strings.Join(lines, "\n"+indent) + "\n")
}

func (p *page) heading(text string) {
	p.WriteString("\n")
	p.title(text)
}

func (p *page) paragraph(text string) {
	for _, line := range profile.Wrap(text, p.width-len(indent)) {
		p.WriteString(indent + line + "\n")
	}
}

func (p *page) items(texts []string) {
	for _, text := range texts {
		p.item(text)
	}
}

// item writes text behind a dash.
func (p *page) item(text string) {
	lines := profile.Wrap(text, p.width-len(indent)-2)
	p.WriteString(indent + "- " + strings.Join(lines, "\n"+indent+"  ") + "\n")
}

// row writes a label in a column of the given width and text that hangs behind
// it.
func (p *page) row(label string, width int, text string) {
	hang := len(indent) + width + len(indent)
	pad := max(1, hang-len(indent)-utf8.RuneCountInString(label))
	lines := profile.Wrap(text, max(p.width-hang, minWidth/2))
	p.WriteString(indent + label + strings.Repeat(" ", pad) + strings.Join(lines, "\n"+strings.Repeat(" ", hang)) + "\n")
}
