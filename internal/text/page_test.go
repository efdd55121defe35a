package text_test

import (
	"testing"

	"github.com/capprof/capprof/internal/text"
)

const lorem = "lorem ipsum dolor sit amet consectetur adipiscing elit"

// fill writes one piece of each kind.
func fill(p *text.Page) string {
	p.Headline(text.Red, "failed", "no set of capabilities makes the image pass")
	p.Text("text that is too long for one line of forty")
	p.Title("a title that is too long for one line of forty")
	p.Heading("a heading that is too long for one line of forty")
	p.Paragraph(lorem)
	p.Items(lorem, "short")
	p.Row("日本", 6, lorem)
	p.Row("a label beyond its column", 6, lorem)
	p.Line("1  explore   no capability")
	p.Line("1  explore   no capability       exit 1     0.30 s")
	p.Verbatim("docker run --cap-drop ALL --cap-add CHOWN image")
	return p.String()
}

func TestPage(t *testing.T) {
	const want = `failed: no set of capabilities makes the
image pass
text that is too long for one line of
forty
a title that is too long for one line
  of forty

a heading that is too long for one
  line of forty
  lorem ipsum dolor sit amet consectetur
  adipiscing elit
  - lorem ipsum dolor sit amet
    consectetur adipiscing elit
  - short
  日本    lorem ipsum dolor sit amet
          consectetur adipiscing elit
  a label beyond its column
    lorem ipsum dolor sit amet
    consectetur adipiscing elit
  1  explore   no capability
  1 explore no capability exit 1 0.30 s
  docker run --cap-drop ALL --cap-add CHOWN image
`
	for _, width := range []int{40, 1} { // what is too small counts as 40
		if got := fill(text.NewPage(width, false)); got != want {
			t.Errorf("at %d:\n%s\nwant:\n%s", width, got, want)
		}
	}
}
