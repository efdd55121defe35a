package workload

import (
	"strings"
	"unicode"
)

// Kind is how often an option is given, and with what.
type Kind int

// The kinds.
const (
	// Flag has no value: it is given or not.
	Flag Kind = iota
	// Text has one value: the last one counts.
	Text
	// List may be given again and again.
	List
)

// Option is one option of docker run, and all that capprof knows of it: its flag, its
// place in a profile, in the engine's API and in Compose, and how it is compared. An
// entry of Table is all that a new one needs.
//
// Two kinds are entries as well: an option that is taken without effect has Fields that
// give none, and one that cannot be had has a Check that says why.
type Option struct {
	// Name is docker's long name, Short its letter.
	Name, Short string
	// Usage says what the option does, with the name of its value in backquotes.
	Usage string
	Kind  Kind
	// Check says what is wrong with a value; nil takes any.
	Check func(value string) error
	// Key is that part of a List's value that may be given once: the last value of a
	// key counts, as for docker run. nil is for the whole value.
	Key func(value string) string
	// KeepsEmpty says that an empty Text is something else than none at all.
	KeepsEmpty bool
	// Secret says that what is behind the key stays out of comparisons, which end up in
	// logs.
	Secret bool
	// Baseline says that the option is about today's privileges. The search starts from
	// them, and no container gets it.
	Baseline bool
	// Field is where the value goes in the body of the engine's create request, such as
	// HostConfig.ReadonlyRootfs. Fields is for a value that changes on the way.
	Field  string
	Fields func(values []string, c Client) (Fields, error)
	// Compose is the key of a Compose service; "" when there is none. ComposeValue is for
	// a value that changes on the way: a string, a list, a map of strings, nil for none.
	Compose      string
	ComposeValue func(values []string) any
}

// Find looks an option up by its long name, nil when there is none.
func Find(name string) *Option {
	for _, o := range Table {
		if o.Name == name {
			return o
		}
	}
	return nil
}

// JSONName is the long name as a field of a profile: device-cgroup-rule is
// deviceCgroupRule.
func (o *Option) JSONName() string {
	first, rest, _ := strings.Cut(o.Name, "-")
	var b strings.Builder
	b.WriteString(first)
	for rest != "" {
		var word string
		word, rest, _ = strings.Cut(rest, "-")
		for i, r := range word {
			if i == 0 {
				r = unicode.ToUpper(r)
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

// KeyOf is the part of a value that may be given once.
func (o *Option) KeyOf(value string) string {
	if o.Key == nil {
		return value
	}
	return o.Key(value)
}

func (o *Option) check(value string) error {
	if o.Check == nil {
		return nil
	}
	return o.Check(value)
}

// value is what values mean as JSON.
func (o *Option) value(values []string) any {
	switch o.Kind {
	case Flag:
		return true
	case Text:
		return values[0]
	default:
		return values
	}
}

// ComposeOf is what stands behind the key Compose: true, a string, a list or a map of
// strings, nil for nothing.
func (o *Option) ComposeOf(values []string) any {
	switch {
	case o.Compose == "" || len(values) == 0:
		return nil
	case o.ComposeValue != nil:
		return o.ComposeValue(values)
	default:
		return o.value(values)
	}
}
