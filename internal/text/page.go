package text

import "strings"

// Style is an ANSI SGR sequence (ECMA-48).
type Style string

// The styles.
const (
	Bold   Style = "\x1b[1m"
	Red    Style = "\x1b[1;31m"
	Green  Style = "\x1b[1;32m"
	Yellow Style = "\x1b[1;33m"
	Cyan   Style = "\x1b[36m"

	reset = "\x1b[0m"
)

// DefaultWidth is where lines are wrapped when no terminal says otherwise.
const DefaultWidth = 80

const (
	// minWidth keeps a small or misreported terminal from one word a line.
	minWidth = 40
	indent   = "  "
)

// Page collects wrapped lines. text/tabwriter aligns columns but knows neither
// wrapping nor colours, which take no room.
type Page struct {
	strings.Builder
	color bool
	width int
}

// NewPage makes an empty page for a terminal of width columns, or of DefaultWidth
// when width is 0.
func NewPage(width int, color bool) *Page {
	if width == 0 {
		width = DefaultWidth
	}
	return &Page{color: color, width: max(width, minWidth)}
}

func (p *Page) paint(style Style, s string) string {
	if !p.color {
		return s
	}
	return string(style) + s + reset
}

// Headline writes "label: s" from the left edge, with the label painted.
func (p *Page) Headline(style Style, label, s string) {
	for i, line := range Wrap(label+": "+s, p.width) {
		if rest, ok := strings.CutPrefix(line, label); ok && i == 0 {
			line = p.paint(style, label) + rest
		}
		p.WriteString(line + "\n")
	}
}

// Text writes a paragraph from the left edge.
func (p *Page) Text(s string) { p.WriteString(strings.Join(Wrap(s, p.width), "\n") + "\n") }

// Title writes a paragraph from the left edge; its later lines are indented.
func (p *Page) Title(s string) {
	p.WriteString(strings.Join(Wrap(s, p.width-len(indent)), "\n"+indent) + "\n")
}

// Heading begins a section.
func (p *Page) Heading(s string) {
	p.WriteString("\n")
	for i, line := range Wrap(s, p.width-len(indent)) {
		if i > 0 {
			p.WriteString(indent)
		}
		p.WriteString(p.paint(Bold, line) + "\n")
	}
}

// Paragraph writes indented text.
func (p *Page) Paragraph(s string) {
	for _, line := range Wrap(s, p.width-len(indent)) {
		p.WriteString(indent + line + "\n")
	}
}

// Items writes each text after a dash.
func (p *Page) Items(all ...string) {
	for _, s := range all {
		lines := Wrap(s, p.width-len(indent)-2)
		p.WriteString(indent + "- " + strings.Join(lines, "\n"+indent+"  ") + "\n")
	}
}

// Row writes a label in a column of the given width, and text next to it. The text
// goes below the label where the label or the terminal leaves too little room.
func (p *Page) Row(label string, width int, s string) {
	hang := len(indent) + width + len(indent)
	used := Columns(label)
	p.WriteString(indent + p.paint(Cyan, label))
	if used > width || p.width-hang < minWidth/2 {
		hang = 2 * len(indent)
		p.WriteString("\n" + strings.Repeat(" ", hang))
	} else {
		p.WriteString(strings.Repeat(" ", hang-len(indent)-used))
	}
	p.WriteString(strings.Join(Wrap(s, p.width-hang), "\n"+strings.Repeat(" ", hang)) + "\n")
}

// Line writes columns of a table that somebody else has aligned, or wraps them as
// text where they do not fit.
func (p *Page) Line(s string) {
	if len(indent)+Columns(s) > p.width {
		p.Paragraph(s)
		return
	}
	p.Verbatim(s)
}

// Verbatim writes an indented line that is meant to be copied, however long it is.
func (p *Page) Verbatim(s string) { p.WriteString(indent + s + "\n") }
