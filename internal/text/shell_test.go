package text

import (
	"os/exec"
	"strings"
	"testing"
	"unicode"
)

func TestShellWord(t *testing.T) {
	for word, want := range map[string]string{
		"plain/word:1": "plain/word:1", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'", "é": "'é'",
		"two\nlines\tand": "'two\nlines\tand'",
		"\x1b[2Jx":        `$'\033[2Jx'`,
		"\x1b1":           `$'\0331'`,
		"a\u202eb":        `$'a\342\200\256b'`,
		"\rit's\\\n":      `$'\015it\'s\\\n'`,
		"\xff":            `$'\377'`,
	} {
		if got := ShellWord(word); got != want {
			t.Errorf("%q: %s, want %s", word, got, want)
		}
	}
}

// FuzzShellWord: a shell reads back what was quoted, and a reader sees all of it.
func FuzzShellWord(f *testing.F) {
	for _, word := range []string{"", "a b", "\x1b[0m1", "\u202e'\\", "\xff9", "\n", "-e", "\u0085"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		if strings.Contains(word, "\x00") || len(word) > 1<<16 {
			return // no argument of a program
		}
		quoted := ShellWord(word)
		if strings.ContainsFunc(quoted, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }) {
			t.Fatalf("%q hides something", quoted)
		}
		got, err := exec.Command("bash", "-c", "printf %s "+quoted).Output()
		if err != nil || string(got) != word {
			t.Fatalf("%q became %q, %v", word, got, err)
		}
	})
}
