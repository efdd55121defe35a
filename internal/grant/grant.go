// Package grant is what a container may be given beyond nothing: capabilities, and the
// docker run options that take the place of a part of --privileged (relaxations).
// Both are searched, proven and reported alike.
package grant

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

// Grant is one capability or one relaxation. It is comparable.
type Grant struct {
	// Capability counts unless Option is set.
	Capability capability.Cap
	// Option is a relaxation, such as --device /dev/fuse.
	Option workload.Setting
}

// Capability is the grant of a capability.
func Capability(c capability.Cap) Grant { return Grant{Capability: c} }

// Option is the grant of a relaxation.
func Option(o workload.Setting) Grant { return Grant{Option: o} }

// IsOption reports whether the grant is a relaxation.
func (g Grant) IsOption() bool { return g.Option.Name != "" }

// String is for people: "CHOWN" or "--device /dev/fuse".
func (g Grant) String() string {
	if g.IsOption() {
		return g.Option.String()
	}
	return g.Capability.Short()
}

// capabilityJSON is how a document holds a capability; a relaxation is held as its
// option is: {"option": "device", "value": "/dev/fuse"}.
type capabilityJSON struct {
	Capability capability.Cap `json:"capability"`
}

// MarshalJSON writes {"capability": "CAP_CHOWN"} or {"option": ..., "value": ...}.
func (g Grant) MarshalJSON() ([]byte, error) {
	if g.IsOption() {
		return json.Marshal(g.Option)
	}
	return json.Marshal(capabilityJSON{g.Capability})
}

// UnmarshalJSON reads what MarshalJSON writes, and refuses what is neither or both.
func (g *Grant) UnmarshalJSON(data []byte) error {
	var both struct {
		Capability *capability.Cap `json:"capability"`
		Option     string          `json:"option"`
		Value      *string         `json:"value"`
	}
	if err := json.Unmarshal(data, &both); err != nil {
		return err
	}
	switch {
	case both.Capability != nil && both.Option == "" && both.Value == nil:
		*g = Capability(*both.Capability)
	case both.Capability == nil && both.Option != "" && both.Value != nil:
		*g = Option(workload.Setting{Name: both.Option, Value: *both.Value})
	default:
		return errors.New("a grant is either a capability or an option with its value")
	}
	return nil
}

// Set is a set of grants. The zero value is empty.
type Set struct {
	Capabilities capability.Set
	// options are sorted and without repetition, and never changed in place.
	options []workload.Setting
}

// Of makes a set of capabilities and relaxations.
func Of(caps capability.Set, options ...workload.Setting) Set {
	sorted := slices.Clone(options)
	slices.SortFunc(sorted, compare)
	return Set{Capabilities: caps, options: slices.Compact(sorted)}
}

func compare(a, b workload.Setting) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
}

// Options are the relaxations, sorted by name and value; the caller must not change them.
func (s Set) Options() []workload.Setting { return s.options }

// Equal reports whether two sets hold the same.
func (s Set) Equal(o Set) bool {
	return s.Capabilities == o.Capabilities && slices.Equal(s.options, o.options)
}

// Empty reports whether the set holds nothing.
func (s Set) Empty() bool { return s.Capabilities.Empty() && len(s.options) == 0 }

// Len counts the grants.
func (s Set) Len() int { return s.Capabilities.Len() + len(s.options) }

// Has reports whether the grant is in the set.
func (s Set) Has(g Grant) bool {
	if g.IsOption() {
		return slices.Contains(s.options, g.Option)
	}
	return s.Capabilities.Has(g.Capability)
}

// With is the set and further grants.
func (s Set) With(grants ...Grant) Set {
	for _, g := range grants {
		if g.IsOption() {
			s = Of(s.Capabilities, append(slices.Clip(s.options), g.Option)...)
		} else {
			s.Capabilities = s.Capabilities.With(g.Capability)
		}
	}
	return s
}

// Without is the set without some grants.
func (s Set) Without(grants ...Grant) Set {
	for _, g := range grants {
		if g.IsOption() {
			s.options = slices.DeleteFunc(slices.Clone(s.options), func(o workload.Setting) bool { return o == g.Option })
		} else {
			s.Capabilities = s.Capabilities.Without(g.Capability)
		}
	}
	return s
}

// Union is what is in either.
func (s Set) Union(o Set) Set {
	return Of(s.Capabilities.Union(o.Capabilities), slices.Concat(s.options, o.options)...)
}

// Minus is what is in s and not in o.
func (s Set) Minus(o Set) Set {
	return Of(s.Capabilities.Minus(o.Capabilities), slices.DeleteFunc(slices.Clone(s.options), func(g workload.Setting) bool { return slices.Contains(o.options, g) })...)
}

// Contains reports whether every grant of o is in s.
func (s Set) Contains(o Set) bool { return o.Minus(s).Empty() }

// Grants lists the capabilities by danger, the least first, then the relaxations.
func (s Set) Grants() []Grant {
	var all []Grant
	for _, c := range s.Capabilities.ByDanger() {
		all = append(all, Capability(c))
	}
	for _, o := range s.options {
		all = append(all, Option(o))
	}
	return all
}

// String is for people: "CHOWN, SETGID, --device /dev/fuse".
func (s Set) String() string {
	names := s.Capabilities.ShortNames()
	for _, o := range s.options {
		names = append(names, o.String())
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
