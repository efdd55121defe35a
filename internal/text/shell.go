package text

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ShellWord makes one word of s in a shell. Nothing is special between single quotes but
// the single quote itself. What repaints a terminal or reorders text, which would hide
// from a reader what is pasted, is escaped between dollar-single-quotes (POSIX.1-2024
// XCU 2.2.4; bash, zsh, ksh, BusyBox); lines and tabs stay what they are.
func ShellWord(s string) string {
	switch {
	case s != "" && !strings.ContainsFunc(s, isSpecial):
		return s
	case strings.ContainsFunc(s, misleads) || !utf8.ValidString(s):
		return dollarQuoted(s)
	default:
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
}

func isSpecial(r rune) bool {
	return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:=@,+-", r)
}

func misleads(r rune) bool { return r != '\n' && r != '\t' && isUnsafe(r) }

// dollarQuoted escapes bytes in octal: three digits end an escape whatever follows, as
// \x does not in every shell.
func dollarQuoted(s string) string {
	var b strings.Builder
	b.WriteString("$'")
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '\\' || r == '\'':
			b.WriteString(`\` + s[:1])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == utf8.RuneError && size == 1, isUnsafe(r):
			for _, c := range []byte(s[:size]) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String() + "'"
}
