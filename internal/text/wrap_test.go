package text_test

import (
	"slices"
	"testing"

	"github.com/capprof/capprof/internal/text"
)

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		name, in string
		width    int
		want     []string
	}{
		{"nothing", "", 10, []string{""}},
		{"fits", "one two", 7, []string{"one two"}},
		{"breaks at a space", "one two", 6, []string{"one", "two"}},
		{"runs of spaces are one", "one   two\n three", 20, []string{"one two three"}},
		{"a long word stays whole", "see /usr/lib/x86_64-linux-gnu/libc.so now", 10, []string{"see", "/usr/lib/x86_64-linux-gnu/libc.so", "now"}},
		{"wide characters take two columns", "日本 日本", 8, []string{"日本", "日本"}},
		{"combining marks take none", "e\u0301te\u0301 e\u0301te\u0301", 7, []string{"e\u0301te\u0301 e\u0301te\u0301"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := text.Wrap(c.in, c.width); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestFit(t *testing.T) {
	for _, c := range []struct {
		in      string
		columns int
		want    string
	}{
		{"abc", 3, "abc"},
		{"abc", 2, "ab"},
		{"日本", 3, "日"},
		{"e\u0301x", 1, "e\u0301"},
		{"x", 0, ""},
	} {
		if got := text.Fit(c.in, c.columns); got != c.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.in, c.columns, got, c.want)
		}
	}
}
