package capability

import (
	"encoding/json"
	"fmt"
	"iter"
	"math/bits"
	"slices"
	"strings"
)

// Set is a capability set as the kernel keeps it: bit n stands for number n.
type Set uint64

// Of builds a set.
func Of(caps ...Cap) Set {
	var s Set
	for _, c := range caps {
		s |= 1 << c
	}
	return s
}

// ParseSet reads a list of names, separated by commas or given one by one. ALL
// stands for the whole table.
func ParseSet(names ...string) (Set, error) {
	var s Set
	for _, list := range names {
		for name := range strings.SplitSeq(list, ",") {
			switch trimmed := strings.TrimSpace(name); {
			case trimmed == "":
			case strings.EqualFold(strings.TrimPrefix(strings.ToUpper(trimmed), "CAP_"), "ALL"):
				s |= Known()
			default:
				c, err := Parse(trimmed)
				if err != nil {
					return 0, err
				}
				s = s.With(c)
			}
		}
	}
	return s, nil
}

// Has reports whether c is in the set.
func (s Set) Has(c Cap) bool { return s&(1<<c) != 0 }

// With returns the set and c.
func (s Set) With(c Cap) Set { return s | 1<<c }

// Without returns the set less c.
func (s Set) Without(c Cap) Set { return s &^ (1 << c) }

// Union returns what is in either.
func (s Set) Union(o Set) Set { return s | o }

// Minus returns what is in s and not in o.
func (s Set) Minus(o Set) Set { return s &^ o }

// Intersect returns what is in both.
func (s Set) Intersect(o Set) Set { return s & o }

// Contains reports whether every member of o is in s.
func (s Set) Contains(o Set) bool { return o&^s == 0 }

// Len counts the members.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// Empty reports whether the set has no member.
func (s Set) Empty() bool { return s == 0 }

// All yields the members in the order of their numbers.
func (s Set) All() iter.Seq[Cap] {
	return func(yield func(Cap) bool) {
		for rest := uint64(s); rest != 0; rest &= rest - 1 {
			if !yield(Cap(bits.TrailingZeros64(rest))) {
				return
			}
		}
	}
}

// Slice lists the members in the order of their numbers.
func (s Set) Slice() []Cap { return slices.Collect(s.All()) }

// Names lists the kernel's names, sorted; never nil, so that JSON has [].
func (s Set) Names() []string {
	names := make([]string, 0, s.Len())
	for c := range s.All() {
		names = append(names, c.String())
	}
	slices.Sort(names)
	return names
}

// ShortNames lists the names without CAP_, sorted.
func (s Set) ShortNames() []string {
	names := make([]string, 0, s.Len())
	for c := range s.All() {
		names = append(names, c.Short())
	}
	slices.Sort(names)
	return names
}

// String is for people: "CHOWN, SETUID", or "none".
func (s Set) String() string {
	if s.Empty() {
		return "none"
	}
	return strings.Join(s.ShortNames(), ", ")
}

// Counted says a number of capabilities in words: "no capability", "1 capability",
// "2 capabilities".
func Counted(n int) string {
	switch n {
	case 0:
		return "no capability"
	case 1:
		return "1 capability"
	default:
		return fmt.Sprintf("%d capabilities", n)
	}
}

// Mask is the form of /proc/PID/status: 16 hexadecimal digits.
func (s Set) Mask() string { return fmt.Sprintf("%016x", uint64(s)) }

// MarshalJSON writes the sorted array of kernel names.
func (s Set) MarshalJSON() ([]byte, error) { return json.Marshal(s.Names()) }

// UnmarshalJSON reads an array of names.
func (s *Set) UnmarshalJSON(data []byte) error {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("capability set: %w", err)
	}
	var set Set
	for _, name := range names {
		c, err := Parse(name)
		if err != nil {
			return err
		}
		set = set.With(c)
	}
	*s = set
	return nil
}
