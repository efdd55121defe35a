// Package explain says what a capability allows, how dangerous it is, and why a
// workload needs it. It also says who grants it by default, how far it reaches in
// a container and what would do instead.
//
// The facts are tables in this package. They hold for Docker's default
// isolation, in which a container has namespaces of its own except for the user
// namespace; what a user namespace changes is told next to them.
package explain

import (
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
)

// Explanation is the answer.
type Explanation struct {
	Kind Kind `json:"kind"`
	// Mask is set for a mask, Profile for a profile.
	Mask    *Mask    `json:"mask,omitempty"`
	Profile *Profile `json:"profile,omitempty"`
	// Capabilities are those asked about, a mask's members by number, a profile's
	// by name: what it requires, and what was denied in it.
	Capabilities []Capability `json:"capabilities"`

	// alone says that one capability of a profile was asked about.
	alone bool
}

// Capability explains one capability.
type Capability struct {
	Name   string         `json:"name"`
	Number capability.Cap `json:"-"`
	// Value is Number, which by itself is written as its name.
	Value int    `json:"number"`
	Mask  string `json:"mask"`
	// Known is false for a number that is not in the table.
	Known bool `json:"known"`
	// Since is the Linux version that brought it, "" when that is not known.
	Since string `json:"since"`
	// Summary completes "lets the container ...".
	Summary string   `json:"summary"`
	Allows  []string `json:"allows"`
	Danger  Danger   `json:"danger"`
	// UserNamespace is what is left of it with userns-remap or a rootless engine.
	UserNamespace UserNamespace `json:"userNamespace"`
	// Syscalls are those that Docker's default seccomp profile lets through only
	// with this capability, or another that lists them too.
	Syscalls    []string      `json:"seccompAllows"`
	GrantedBy   []Grant       `json:"grantedBy"`
	PodSecurity []PodSecurity `json:"podSecurity"`
	Safer       []string      `json:"safer"`
	See         []string      `json:"see"`
	// Workload is what a profile says of it, nil without one.
	Workload *Workload `json:"workload,omitempty"`
}

// Danger is how dangerous a capability is, and why.
type Danger struct {
	Level Level `json:"level"`
	Scope Scope `json:"scope"`
	// Rank is its place in the order by which capprof prefers capabilities, from
	// 1, the least dangerous, to Of; 0 for a number without a name.
	Rank   int    `json:"rank"`
	Of     int    `json:"of"`
	Reason string `json:"reason"`
}

// UserNamespace is the effect in a user namespace other than the host's.
type UserNamespace struct {
	Effect Effect `json:"effect"`
	Note   string `json:"note"`
}

// Mask explains a set.
type Mask struct {
	Mask string `json:"mask"`
	// Unknown are the members that the table has no name for.
	Unknown capability.Set `json:"unknown"`
	// Equals names the engines whose default set it is.
	Equals []string `json:"equals"`
	// Beyond and Lacks hold it against Docker's default set.
	Beyond capability.Set `json:"beyondDockerDefault"`
	Lacks  capability.Set `json:"lacksOfDockerDefault"`
}

// OfCapability explains one capability.
func OfCapability(c capability.Cap) Explanation {
	return Explanation{Kind: KindCapability, Capabilities: []Capability{describe(c)}}
}

// OfMask explains a set.
func OfMask(set capability.Set) Explanation {
	m := &Mask{
		Mask:    set.Mask(),
		Unknown: set.Minus(capability.Known()),
		Equals:  []string{},
		Beyond:  set.Minus(capability.DockerDefault),
		Lacks:   capability.DockerDefault.Minus(set),
	}
	for _, g := range grantors {
		if g.set == set {
			m.Equals = append(m.Equals, g.engine+" ("+g.versions+")")
		}
	}
	e := Explanation{Kind: KindMask, Mask: m, Capabilities: []Capability{}}
	for c := range set.All() {
		e.Capabilities = append(e.Capabilities, describe(c))
	}
	return e
}

// OfProfile explains what a profile says: of the capabilities that it requires,
// and of those without which something was denied.
func OfProfile(d *profile.Document) Explanation {
	return inDocument(d, mentioned(d))
}

// OfProfileCapability explains what a profile says of one capability.
func OfProfileCapability(d *profile.Document, c capability.Cap) Explanation {
	e := inDocument(d, []capability.Cap{c})
	e.alone = true
	return e
}

func inDocument(d *profile.Document, caps []capability.Cap) Explanation {
	e := Explanation{Kind: KindProfile, Profile: profileOf(d), Capabilities: []Capability{}}
	for _, c := range caps {
		described := describe(c)
		described.Workload = workload(d, c)
		e.Capabilities = append(e.Capabilities, described)
	}
	return e
}

func describe(c capability.Cap) Capability {
	f, known := factOf(c)
	rank := 0
	if known {
		rank = capability.Danger(c) + 1
	}
	return Capability{
		Name: c.String(), Number: c, Value: int(c), Mask: capability.Of(c).Mask(),
		Known: known, Since: f.since, Summary: f.summary, Allows: list(f.allows),
		Danger:        Danger{Level: f.level, Scope: f.scope, Rank: rank, Of: capability.Known().Len(), Reason: f.reason},
		UserNamespace: UserNamespace{Effect: f.userns, Note: f.usernsNote},
		Syscalls:      list(f.syscalls),
		GrantedBy:     grants(c),
		PodSecurity:   podSecurity(c),
		Safer:         list(f.safer),
		See:           list(f.see),
	}
}

// list copies, so that a caller cannot change the tables; never nil, so that
// JSON has [].
func list(items []string) []string { return append([]string{}, items...) }

// mentioned lists, by name, the capabilities that a profile has something to say
// about.
func mentioned(d *profile.Document) []capability.Cap {
	set := d.Capabilities.Required.Union(d.Capabilities.Tolerated).Union(d.Capabilities.BeyondAllowed).Union(d.Beyond()).Union(d.ExecNeeds)
	for _, denial := range slices.Concat(d.KeptPrivileges, d.Tolerated, d.Blocked) {
		set = set.Union(capability.Of(denial.AnyOf...))
	}
	return slices.SortedFunc(set.All(), byName)
}
