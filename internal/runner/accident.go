package runner

import (
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
)

// A workload may fail for reasons of its own, now and then. One failing run proves
// nothing then, whatever it was refused: most programs survive some refusals, and
// one that survives a refusal and fails by accident looks like one that needs what it
// was refused. So a capability is needed when two runs failed for which only its
// want, or an accident, can be the reason: one accident does not make a proof, and
// two have to come in the same place. When neither run shows that the capability was
// asked for at all, it takes three.

// isNeeded judges a member of a set by the removal runs without it, which failed. It
// returns the number of the run that proves it.
func (s *session) isNeeded(c capability.Cap, set capability.Set, failures []result, found *findings) (int, bool) {
	if len(failures) == 0 {
		return 0, false
	}
	count, number, explained := len(failures), failures[0].run.Number, false
	for _, r := range failures {
		if r.startErr != nil {
			// With the capability the command starts: nothing ran that could fail by
			// accident.
			return r.run.Number, true
		}
		if found.explains(r, c) && !explained {
			number, explained = r.run.Number, true
		}
	}
	if s.supported(c, set, found) {
		count++
	}
	return number, explained && count >= 2 || count >= 3
}

// explains says whether a failing run shows that it was refused something for want
// of a capability.
func (f *findings) explains(r result, c capability.Cap) bool {
	if r.run.Traced {
		return f.denied(r.run.Number).Has(c)
	}
	// Every mmap(2) and fork(2) asks for CAP_SYS_ADMIN, and goes on without.
	return r.denied.Has(c) && c != capability.SysAdmin
}

// denied are the capabilities that would have met a refusal of a traced run.
func (f *findings) denied(number int) capability.Set {
	var all capability.Set
	for _, d := range f.denials[number] {
		if d.Effect > mapper.Unclear && !d.Unreachable {
			all = all.Union(capability.Of(d.AnyOf...))
		}
	}
	return all
}

// supported says whether a run that was not made to remove a member of a set
// failed, too, for want of nothing but it: one that lacked no other member, or one
// whose trace shows that no other member was asked for. The latter tells only where
// the want of each member shows in a trace.
func (s *session) supported(c capability.Cap, set capability.Set, found *findings) bool {
	var visible capability.Set
	for number := range found.denials {
		visible = visible.Union(found.denied(number))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, run := range s.runs {
		switch lacks := set.Minus(run.Capabilities); {
		case !lacks.Has(c), run.Without != nil && *run.Without == grant.Capability(c), !slices.Equal(run.Options, s.options):
		case run.Outcome == profile.OutcomePassed, run.Outcome == profile.OutcomeRefused:
		case lacks == capability.Of(c):
			return true
		case run.Traced && visible.Contains(lacks) && found.denied(run.Number).Intersect(set) == capability.Of(c):
			return true
		}
	}
	return false
}
