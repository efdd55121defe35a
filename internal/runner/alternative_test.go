package runner

import (
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
)

// wants is a program that is refused either of two capabilities and that only the
// second helps: with the first alone it fails without another refusal to see.
func wants(useless, useful capability.Cap) program {
	return program{steps: func(_ int, set capability.Set) []step {
		switch {
		case set.Has(useful):
			return nil
		case set.Has(useless):
			return []step{needs(useful).as(hidden)}
		default:
			return []step{needs(useless, useful)}
		}
	}}
}

// An alternative that changed nothing gives way to the next one, and is no part of
// the answer.
func TestAnAlternativeThatDidNotHelpGivesWay(t *testing.T) {
	a := try(t, newEngine(t, wants(kill, chown)), nil)
	a.gives(t, profile.Proven, chown)
	if a.Document.Runs[1].Capabilities != capability.Of(kill) || a.Document.Runs[1].Outcome != profile.OutcomeFailed {
		t.Errorf("the less dangerous alternative was not tried:\n%s", a.runs())
	}
	if len(a.Document.Runs) > 8 {
		t.Errorf("%d runs to find another alternative:\n%s", len(a.Document.Runs), a.runs())
	}
	r, _ := a.Document.Requirement(grant.Capability(chown))
	if r.FoundBy != profile.FoundByTrace || len(r.Denials) != 1 {
		t.Errorf("%+v", r)
	}
}

// Of two needs the alternatives are told apart: the one that helped stays.
func TestOnlyTheUselessAlternativeGivesWay(t *testing.T) {
	first, second := wants(kill, chown), wants(setgid, setuid)
	a := try(t, newEngine(t, program{steps: func(run int, set capability.Set) []step {
		return append(first.steps(run, set), second.steps(run, set)...)
	}}), nil)
	a.gives(t, profile.Proven, chown, setuid)
}

// A number that the table does not know is asked for, refused and reported as any
// other.
func TestACapabilityOfTomorrow(t *testing.T) {
	const tomorrow = capability.Cap(41)
	t.Run("allowed", func(t *testing.T) {
		a := try(t, newEngine(t, does(needs(chown), needs(tomorrow))), allow(chown, kill, tomorrow))
		a.gives(t, profile.Proven, chown, tomorrow)
		if r, _ := a.Document.Requirement(grant.Capability(tomorrow)); r.FoundBy != profile.FoundByTrace || len(r.Denials) != 1 || r.ProvenBy == 0 {
			t.Errorf("%+v", r)
		}
	})
	t.Run("found by removal", func(t *testing.T) {
		a := try(t, newEngine(t, does(needs(tomorrow).as(hidden))), allow(chown, kill, tomorrow))
		a.gives(t, profile.Proven, tomorrow)
	})
	t.Run("the last alternative", func(t *testing.T) {
		a := try(t, newEngine(t, does(needs(tomorrow, capability.SysAdmin))), allow(capability.SysAdmin, tomorrow))
		a.gives(t, profile.Proven, capability.SysAdmin)
	})
	t.Run("not allowed", func(t *testing.T) {
		a := try(t, newEngine(t, does(needs(tomorrow))), nil)
		a.gives(t, profile.Failed)
		a.says(t, "--allow CAP_41")
		if a.Document.Capabilities.BeyondAllowed != capability.Of(tomorrow) {
			t.Errorf("beyond: %s", a.Document.Capabilities.BeyondAllowed)
		}
	})
	t.Run("tolerated", func(t *testing.T) {
		a := try(t, newEngine(t, does(needs(tomorrow).that(survives))), func(o *Options) { o.Allowed = o.Allowed.With(tomorrow) })
		a.gives(t, profile.Proven)
		if a.Document.Capabilities.Tolerated != capability.Of(tomorrow) {
			t.Errorf("tolerated: %s", a.Document.Capabilities.Tolerated)
		}
	})
	t.Run("refused by the engine", func(t *testing.T) {
		e := newEngine(t, does(needs(tomorrow)))
		e.unknown = capability.Of(tomorrow)
		a := try(t, e, allow(chown, tomorrow))
		a.gives(t, profile.Failed)
		a.says(t, "CAP_41, which the engine refuses")
	})
}
