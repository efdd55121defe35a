package runner

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"regexp"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/callwords"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/remedy"
)

// explainer turns what the mapper found into what the profile says. Counts and
// process IDs, which differ from run to run, go to the profile's meta.
type explainer struct {
	meta    *profile.Meta
	counted map[sighting]bool
}

// sighting is an operation of a run that was described under an ID. One that is
// evidence for two capabilities must not count twice.
type sighting struct {
	id         string
	run, index int
}

// requirement explains why a capability is in a set.
func (e *explainer) requirement(c capability.Cap, set capability.Set, provenBy int, found *findings) profile.Requirement {
	r := profile.Requirement{Grant: grant.Capability(c), FoundBy: profile.FoundByRemoval, ProvenBy: provenBy}
	// A refusal for which the set holds another capability too is no reason for
	// this one, unless it was added for it.
	e.gather(&r, found, func(_ int, anyOf capability.Set) bool { return anyOf.Intersect(set) == capability.Of(c) })
	if len(r.Denials) == 0 {
		e.gather(&r, found, func(run int, anyOf capability.Set) bool { return found.chosen[run].Has(c) })
	}
	if len(r.Denials) > 0 {
		r.FoundBy = profile.FoundByTrace
		alternatives := ^capability.Set(0)
		for _, d := range r.Denials {
			alternatives = alternatives.Intersect(capability.Of(d.AnyOf...))
		}
		for _, other := range alternatives.Minus(set).ByDanger() {
			r.Alternatives = append(r.Alternatives, grant.Capability(other))
		}
	}
	return r
}

// gather collects the refusals that a requirement's capability would have prevented
// and for which it counts. The same refusal again, in a later run, says nothing new.
func (e *explainer) gather(r *profile.Requirement, found *findings, counts func(run int, anyOf capability.Set) bool) {
	firstIn := map[string]int{}
	for _, run := range slices.Sorted(maps.Keys(found.denials)) {
		for i, denial := range found.denials[run] {
			anyOf := capability.Of(denial.AnyOf...)
			if denial.Unreachable || !anyOf.Has(r.Grant.Capability) || !counts(run, anyOf) {
				continue
			}
			d := describeDenial(run, denial)
			kind := d
			kind.Run, kind.ID = 0, ""
			key := identify(kind)
			if first, seen := firstIn[key]; seen {
				if first == run {
					e.count(d.ID, run, i, denial.Operation)
				}
				continue
			}
			firstIn[key] = run
			r.Denials = append(r.Denials, e.denial(run, i, denial))
		}
	}
}

// denial describes the refusal with that index in a run, and counts it.
func (e *explainer) denial(run, index int, m mapper.Denial) profile.Denial {
	d := describeDenial(run, m)
	e.count(d.ID, run, index, m.Operation)
	return d
}

// describeDenial describes a refusal. Alike ones get the same ID.
func describeDenial(run int, m mapper.Denial) profile.Denial {
	d := profile.Denial{
		AnyOf:     m.AnyOf,
		Operation: operationOf(m.Operation),
		Mechanism: profile.Mechanism(m.Mechanism),
		CallSite:  m.CallSite,
		Meaning:   m.Meaning,
		Probe:     m.Probe,
		Silent:    m.Effect == mapper.Degraded,
		Run:       run,
	}
	d.ID = "d-" + identify(d)
	// What to do instead is advice, and no part of what was seen.
	d.Remedies = m.Remedies
	return d
}

// failure describes a failure that no capability would have prevented.
func (e *explainer) failure(run, index int, m mapper.Failure) profile.Failure {
	return e.failed(run, index, m.Operation, m.Cause, m.Remedies)
}

// unreachable describes a denial that granting the capability would not change.
func (e *explainer) unreachable(run, index int, m mapper.Denial) profile.Failure {
	return e.failed(run, index, m.Operation, m.Why, m.Remedies)
}

func (e *explainer) failed(run, index int, op observation.Operation, cause string, remedies []remedy.Remedy) profile.Failure {
	f := describeFailure(run, op, cause, remedies)
	e.count(f.ID, run, index, op)
	return f
}

// describeFailure describes a failure. Alike ones get the same ID.
func describeFailure(run int, op observation.Operation, cause string, remedies []remedy.Remedy) profile.Failure {
	f := profile.Failure{
		Operation: operationOf(op),
		Cause:     cause,
		Run:       run,
	}
	f.ID = "f-" + identify(f)
	f.Remedies = remedies
	return f
}

// operationOf describes what was tried.
func operationOf(op observation.Operation) profile.Operation {
	return profile.Operation{
		Executable: op.Executable,
		Process:    processOf(op),
		FromExec:   op.Joined,
		UID:        op.UID,
		Syscall:    op.Syscall,
		Errno:      errnoName(op),
		Object:     callwords.Object(op),
	}
}

// processOf names the thread. The runtime's own, which starts the container's
// command, has a name that nobody outside the runtime knows.
func processOf(op observation.Operation) string {
	if op.Starting {
		return "container start"
	}
	return kernelThread.ReplaceAllString(op.Comm, "$1")
}

// kernelThread matches the names of an io_uring's threads, which hold a process ID
// (io_uring/io-wq.c, io_uring/sqpoll.c).
var kernelThread = regexp.MustCompile(`^(iou-(?:wrk|sqp))-[0-9]+$`)

// count adds an operation's occurrences to those of an ID, once an operation.
func (e *explainer) count(id string, run, index int, op observation.Operation) {
	if s := (sighting{id, run, index}); !e.counted[s] {
		e.counted[s] = true
		e.meta.Saw(id, op.Count, op.PID)
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
