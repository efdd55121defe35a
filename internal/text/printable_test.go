package text_test

import (
	"testing"

	"github.com/capprof/capprof/internal/text"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"/etc/résumé 日本 😀":      "/etc/résumé 日本 😀",
		"\x1b[2Jcleared":        `\x1b[2Jcleared`,
		"two\nlines\r\ttab":     `two\nlines\r\ttab`,
		"abc\u202egpj.exe":      `abc\u202egpj.exe`,
		"zero\u200bwidth\ufeff": `zero\u200bwidth\ufeff`,
		"broken\xff\xc3(":       `broken\xff\xc3(`,
		"del\x7f c1\u009b31m":   `del\x7f c1\u009b31m`,
		`a\b"c'`:                `a\b"c'`,
	} {
		if got := text.Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}
