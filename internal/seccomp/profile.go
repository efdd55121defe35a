// Package seccomp answers what an engine's seccomp profile does with a system
// call under a set of capabilities, and which capability would let it pass. It is
// the only importer of github.com/moby/profiles/seccomp.
package seccomp

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"syscall"

	profiles "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/capprof/capprof/internal/capability"
)

// Call is a system call as the kernel saw it.
type Call struct {
	// Arch is the calling convention, with the names of GOARCH.
	Arch string
	// Name is the call's name in section 2 of the manual.
	Name string
	// Args are its six argument registers.
	Args [6]uint64
}

// Verdict is what a profile does with a call.
type Verdict struct {
	// Refused says that the profile refuses the call under the granted set.
	Refused bool
	// Errno is what a refused call returns, 0 where the profile ends the process
	// instead.
	Errno syscall.Errno
	// AllowedWith are the capabilities of which each, added alone, makes the profile
	// let the call pass; the least dangerous first, and empty when none does.
	AllowedWith []capability.Cap
	// Fallback says that the refusal looks like a kernel without the call
	// (ENOSYS), which programs are meant to work around: clone3(2), after which
	// the C library uses clone(2). It is no need by itself.
	Fallback bool
}

// Profile is a seccomp profile. It is safe for concurrent use; a nil Profile lets
// everything pass.
type Profile struct {
	expand func(granted capability.Set) (*specs.LinuxSeccomp, error)
	// depends holds the calls whose fate depends on capabilities, named the
	// capabilities that a rule of the profile names.
	depends map[string]bool
	named   []capability.Cap
	// amended are what this engine's version does otherwise than the newest;
	// older, for an engine of unknown version, what some earlier one did. Both
	// are empty for a profile of the user's.
	amended, older map[string][]capability.Cap

	// A filter has hundreds of rules, and most of them are the same under all
	// sets: those are kept once, the others by set.
	fixed filter
	mu    sync.Mutex
	bySet map[capability.Set]filter
}

// Default is the profile that Docker's engine of this version applies when
// nothing is said; "" stands for the newest that is known.
func Default(engineVersion string) *Profile {
	g, err := build(*profiles.DefaultProfile(), func(granted capability.Set) (*specs.LinuxSeccomp, error) {
		return profiles.GetDefaultProfile(specFor(granted))
	})
	if err != nil {
		// The profile is data of the library, whose only error is a kernel
		// release that it cannot read. What remains known is the history.
		g = &Profile{}
	}
	g.amended, g.older = amendments(engineVersion)
	return g
}

// Parse reads a profile as given to --security-opt seccomp=FILE: Docker's form,
// with includes and excludes.
func Parse(profile []byte) (*Profile, error) {
	var source profiles.Seccomp
	if err := json.Unmarshal(profile, &source); err != nil {
		return nil, fmt.Errorf("reading the seccomp profile: %w", err)
	}
	body := string(profile)
	return build(source, func(granted capability.Set) (*specs.LinuxSeccomp, error) {
		return profiles.LoadProfile(body, specFor(granted))
	})
}

// specFor is as much of a container's configuration as the expansion of a
// profile looks at.
func specFor(granted capability.Set) *specs.Spec {
	return &specs.Spec{Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: granted.Names()}}}
}

func build(source profiles.Seccomp, expand func(capability.Set) (*specs.LinuxSeccomp, error)) (*Profile, error) {
	g := &Profile{expand: expand, depends: map[string]bool{}, bySet: map[capability.Set]filter{}}
	var named capability.Set
	for i, rule := range source.Syscalls {
		if rule == nil {
			return nil, fmt.Errorf("reading the seccomp profile: rule %d is null", i)
		}
		var conditions []string
		for _, f := range []*profiles.Filter{rule.Includes, rule.Excludes} {
			if f != nil {
				conditions = append(conditions, f.Caps...)
			}
		}
		if len(conditions) == 0 {
			continue
		}
		for _, name := range conditions {
			c, err := capability.Parse(name)
			if err != nil {
				return nil, fmt.Errorf("reading the seccomp profile: %w", err)
			}
			named = named.With(c)
		}
		g.depends[rule.Name] = true //nolint:staticcheck // engines still take a rule with a single name
		for _, name := range rule.Names {
			g.depends[name] = true
		}
	}
	g.named = named.ByDanger()

	// Expanding without and with everything named shows every rule once, so that
	// an unfit one is reported here and not in the middle of a run.
	for _, granted := range []capability.Set{named, 0} {
		expanded, err := expand(granted)
		if err != nil {
			return nil, fmt.Errorf("reading the seccomp profile: %w", err)
		}
		g.fixed, err = newFilter(expanded, func(name string) bool { return !g.depends[name] })
		if err != nil {
			return nil, fmt.Errorf("reading the seccomp profile: %w", err)
		}
	}
	return g, nil
}

// Judge says what the profile does with a call that the kernel saw refused,
// when the container was granted a set. A verdict that is not Refused means
// that this profile does not explain the refusal.
func (g *Profile) Judge(call Call, granted capability.Set) Verdict {
	if g == nil {
		return Verdict{}
	}
	if opens, ok := g.amended[call.Name]; ok {
		return gated(opens, granted)
	}
	action := g.action(call, granted)
	if action.allowed {
		// With the version known, the likelier reason is a filter that the program
		// itself installed, which no capability opens.
		if opens, ok := g.older[call.Name]; ok {
			return gated(opens, granted)
		}
		return Verdict{}
	}
	v := Verdict{Refused: true, Errno: action.errno, Fallback: action.errno == syscall.ENOSYS}
	if g.depends[call.Name] {
		for _, c := range g.named {
			if !granted.Has(c) && g.action(call, granted.With(c)).allowed {
				v.AllowedWith = append(v.AllowedWith, c)
			}
		}
	}
	return v
}

// gated is the verdict of a rule that knows capabilities and no arguments.
func gated(opens []capability.Cap, granted capability.Set) Verdict {
	if !granted.Intersect(capability.Of(opens...)).Empty() {
		return Verdict{}
	}
	return Verdict{Refused: true, Errno: syscall.EPERM, AllowedWith: slices.Clone(opens)}
}

func (g *Profile) action(call Call, granted capability.Set) action {
	if !g.depends[call.Name] {
		return g.fixed.action(call)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	f, ok := g.bySet[granted]
	if !ok {
		expanded, err := g.expand(granted)
		if err == nil {
			f, err = newFilter(expanded, func(name string) bool { return g.depends[name] })
		}
		if err != nil {
			// build has expanded all rules already, so this is out of reach; a filter
			// that decides nothing claims nothing.
			f = filter{}
		}
		g.bySet[granted] = f
	}
	return f.action(call)
}
