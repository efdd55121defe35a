package systemd

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
)

// split takes a line apart into words as systemd does (systemd.syntax(7), Quoting):
// quotes of both kinds around words or parts of them, and C's escapes.
func split(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	in, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\':
			text, n, err := unescape(line[i+1:])
			if err != nil {
				return nil, err
			}
			word.WriteString(text)
			in, i = true, i+n
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			in, quote = true, c
		case quote == 0 && strings.IndexByte(" \t\n\r", c) >= 0:
			if in {
				words = append(words, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a %c is not closed", quote)
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}

// escapes are those of one letter.
var escapes = map[byte]string{
	'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '\\': `\`, '"': `"`, '\'': "'", 's': " ",
}

// unescape reads what is behind a backslash, and says how long that is.
func unescape(text string) (string, int, error) {
	if text == "" {
		return "", 0, errors.New(`nothing is behind a \`)
	}
	if plain, ok := escapes[text[0]]; ok {
		return plain, 1, nil
	}
	digits, base, from := 0, 0, 1
	switch {
	case text[0] == 'x':
		digits, base = 2, 16
	case text[0] == 'u':
		digits, base = 4, 16
	case text[0] == 'U':
		digits, base = 8, 16
	case text[0] >= '0' && text[0] <= '7':
		digits, base, from = 3, 8, 0
	default:
		// systemd keeps what it does not know as it is.
		return `\` + text[:1], 1, nil
	}
	if len(text) < from+digits {
		return "", 0, fmt.Errorf(`\%s is too short`, text)
	}
	n, err := parse(text[from:from+digits], base)
	if err != nil {
		return "", 0, fmt.Errorf(`\%s is no character`, text[:from+digits])
	}
	if text[0] == 'u' || text[0] == 'U' {
		return string(rune(n)), from + digits, nil
	}
	return string([]byte{byte(n)}), from + digits, nil
}

// specifiersOf are those of systemd.unit(5) that can be told of a unit by its name and of
// the machine.
func specifiersOf(name string) map[byte]string {
	full := strings.TrimSuffix(name, ".service")
	prefix, instance, _ := strings.Cut(full, "@")
	s := map[byte]string{
		'%': "%", 'n': name, 'N': full, 'p': prefix, 'P': unit.UnitNameUnescape(prefix), 'i': instance, 'I': unit.UnitNameUnescape(instance),
		't': "/run", 'S': "/var/lib", 'C': "/var/cache", 'L': "/var/log", 'E': "/etc", 'T': "/tmp", 'V': "/var/tmp",
		'u': "root", 'U': "0", 'g': "root", 'G': "0", 'h': "/root", 's': "/bin/sh",
	}
	path := prefix
	if instance != "" {
		path = instance
	}
	s['f'] = unit.UnitNamePathUnescape(path)
	if host, err := os.Hostname(); err == nil {
		s['H'] = host
		s['l'], _, _ = strings.Cut(host, ".")
	}
	for letter, file := range map[byte]string{'m': "/etc/machine-id", 'b': "/proc/sys/kernel/random/boot_id", 'v': "/proc/sys/kernel/osrelease"} {
		if text, err := os.ReadFile(file); err == nil {
			s[letter] = strings.TrimSpace(string(text))
		}
	}
	return s
}

// specified replaces the specifiers in a text.
func (r *reader) specified(text string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '%' {
			b.WriteByte(text[i])
			continue
		}
		i++
		if i == len(text) {
			return "", errors.New("nothing is behind a %")
		}
		value, known := r.specifiers[text[i]]
		if !known {
			return "", fmt.Errorf("%%%c is known to systemd alone", text[i])
		}
		b.WriteString(value)
	}
	return b.String(), nil
}

// Expand replaces the variables in a command as systemd does: $NAME as a word of its own
// becomes as many words as its value has, ${NAME} anywhere becomes its value, and $$ is a $.
// The name of the program stays as it is.
func Expand(argv []string, lookup func(name string) string) []string {
	out := []string{}
	for i, word := range argv {
		name, whole := strings.CutPrefix(word, "$")
		if whole && i > 0 && isName(name) {
			out = append(out, strings.Fields(lookup(name))...)
			continue
		}
		out = append(out, expandWord(word, i > 0, lookup))
	}
	return out
}

func expandWord(word string, variables bool, lookup func(name string) string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		rest := word[i:]
		if strings.HasPrefix(rest, "$$") {
			b.WriteByte('$')
			i++
			continue
		}
		if name, _, closed := strings.Cut(strings.TrimPrefix(rest, "${"), "}"); variables && strings.HasPrefix(rest, "${") && closed && isName(name) {
			b.WriteString(lookup(name))
			i += len(name) + 2
			continue
		}
		b.WriteByte(word[i])
	}
	return b.String()
}

// isName reports whether a text is the name of an environment variable.
func isName(text string) bool {
	for i, c := range text {
		if c != '_' && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != ""
}
