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
type Option struct {
	// Name is docker's long name, Short its letter, and Aliases are its other long names.
	Name, Short string
	Aliases     []string
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
	// OrText says that one value alone of a List stands in a profile as a string: the
	// option could be given once when profiles began to hold it.
	OrText bool
	// NoEffect says why the option means nothing to a profile: no container gets it, and
	// only exports show it. "" for one with effect.
	NoEffect string
	// Refused says why the option cannot be had, and what to say instead. Podman marks one
	// of podman run's, which docker run does not have.
	Refused string
	Podman  bool
	// Plain says that only plain processes have the option; see RefusedPlain.
	Plain bool
	// Since is the version of the engine's API that the option came with, where an older
	// engine would leave it out without a word; "" where it would not.
	Since string
	// Baseline says that the option is about today's privileges. The search starts from
	// them, and no container gets it.
	Baseline bool
	// Field is where the value goes in the body of the engine's create request, such as
	// HostConfig.ReadonlyRootfs. Fields is for a value that changes on the way.
	Field  string
	Fields func(values []string, c Client) (Fields, error)
	// Compose is the key of a Compose service, such as healthcheck.interval; "" when there
	// is none. ComposeV2 says that docker-compose 1 does not know it. ComposeValue is for a
	// value that changes on the way: a bool, an int64, a string, a list or a map of these,
	// nil for none.
	Compose      string
	ComposeV2    bool
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

// Refusal is why an option cannot be had.
type Refusal struct{ Option, Why string }

// Error is a sentence with the option's name.
func (r *Refusal) Error() string { return "--" + r.Option + " cannot be had: " + r.Why }

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

// ComposeOf is what stands behind the key Compose; see ComposeValue.
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
