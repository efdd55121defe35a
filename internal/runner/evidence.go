package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
)

// explainer turns what the mapper found into what the profile says. Counts and
// process IDs, which differ from run to run, go to the profile's meta.
type explainer struct{ meta *profile.Meta }

// requirement explains why a capability is in the set.
func (e *explainer) requirement(c capability.Cap, a answer, found *findings) profile.Requirement {
	r := profile.Requirement{Capability: c, FoundBy: profile.FoundByRemoval, ProvenBy: a.provenBy[c]}
	alternatives := ^capability.Set(0)
	seen := map[string]bool{}
	for _, run := range slices.Sorted(maps.Keys(found.denials)) {
		for _, denial := range found.denials[run] {
			if denial.Unreachable || !slices.Contains(denial.AnyOf, c) {
				continue
			}
			d := e.denial(run, denial)
			// The same refusal again, in a later run, says nothing new.
			kind := d
			kind.Run, kind.ID = 0, ""
			if key := identify(kind); !seen[key] {
				seen[key] = true
				r.Evidence = append(r.Evidence, d)
				alternatives = alternatives.Intersect(capability.Of(denial.AnyOf...))
			}
		}
	}
	if len(r.Evidence) > 0 {
		r.FoundBy = profile.FoundByTrace
		r.Alternatives = alternatives.Minus(a.set).ByDanger()
	}
	return r
}

// denial describes a refusal. Alike ones get the same ID, and their counts add up.
func (e *explainer) denial(run int, m mapper.Denial) profile.Denial {
	op := m.Operation
	d := profile.Denial{
		AnyOf:      m.AnyOf,
		Executable: op.Executable,
		Process:    op.Comm,
		UID:        op.UID,
		Syscall:    op.Syscall,
		Errno:      errnoName(op),
		Object:     describe(op),
		Mechanism:  string(m.Mechanism),
		CallSite:   m.CallSite,
		Meaning:    m.Meaning,
		Run:        run,
	}
	d.ID = "d-" + identify(d)
	e.count(d.ID, op)
	return d
}

// failure describes a failure that no capability cures.
func (e *explainer) failure(run int, m mapper.Failure) profile.Failure {
	return e.failed(run, m.Operation, m.Cause, m.Cure)
}

// unreachable describes a denial that granting the capability would not change.
func (e *explainer) unreachable(run int, m mapper.Denial) profile.Failure {
	return e.failed(run, m.Operation, m.Why, m.Cure)
}

func (e *explainer) failed(run int, op observation.Operation, cause, cure string) profile.Failure {
	f := profile.Failure{
		Executable: op.Executable,
		Process:    op.Comm,
		UID:        op.UID,
		Syscall:    op.Syscall,
		Errno:      errnoName(op),
		Object:     describe(op),
		Cause:      cause,
		Cure:       cure,
		Run:        run,
	}
	f.ID = "f-" + identify(f)
	e.count(f.ID, op)
	return f
}

// count adds an operation's occurrences to those of an ID, once an operation: one
// that is evidence for two capabilities must not count twice.
func (e *explainer) count(id string, op observation.Operation) {
	if pid, ok := e.meta.PIDs[id]; ok && pid == op.PID {
		e.meta.Counts[id] = max(e.meta.Counts[id], op.Count)
		return
	}
	e.meta.Counts[id] += op.Count
	if _, ok := e.meta.PIDs[id]; !ok {
		e.meta.PIDs[id] = op.PID
	}
}

// identify derives an ID from what does not change between two runs.
func identify(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		// The types of this package's callers marshal; a broken one must not pass.
		text = []byte(err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

func errnoName(op observation.Operation) string {
	if !op.Failed() {
		return ""
	}
	if name := unix.ErrnoName(op.Errno); name != "" {
		return name
	}
	return op.Errno.Error()
}
