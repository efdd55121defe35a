package text

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes a string that came out of a workload safe to show on one
// line. File names, arguments and thread names may hold anything but NUL: an
// escape sequence would repaint the reader's terminal, a newline or a
// right-to-left override would forge a line of the report. Such runes become
// Go escapes (\x1b, \n, \u202e) and broken UTF-8 becomes \xff; the rest stays.
func Printable(s string) string {
	if !strings.ContainsFunc(s, isUnsafe) && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x`)
			b.WriteString(strconv.FormatUint(uint64(s[0]), 16))
		case isUnsafe(r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// isUnsafe holds for what moves the cursor or reorders text: control (Cc) and
// format (Cf) characters, line and paragraph separators, private use.
func isUnsafe(r rune) bool { return !unicode.IsPrint(r) }
