package progress

import (
	"unicode"

	"golang.org/x/text/width"
)

// fit cuts a text to what a terminal shows in so many columns. A status line that
// wraps could not be erased.
func fit(text string, columns int) string {
	used := 0
	for i, r := range text {
		used += columnsOf(r)
		if used > columns {
			return text[:i]
		}
	}
	return text
}

// columnsOf is how many columns a character takes (Unicode Standard Annex #11).
func columnsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}
