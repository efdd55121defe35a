package text

import (
	"unicode"

	"golang.org/x/text/width"
)

// Columns is how many columns of a terminal s takes.
func Columns(s string) int {
	used := 0
	for _, r := range s {
		used += columnsOf(r)
	}
	return used
}

// Fit cuts s to what a terminal shows in so many columns. A status line that wraps
// could not be erased.
func Fit(s string, columns int) string {
	used := 0
	for i, r := range s {
		used += columnsOf(r)
		if used > columns {
			return s[:i]
		}
	}
	return s
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
