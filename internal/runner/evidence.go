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
	"github.com/capprof/capprof/internal/runner/relax"
	"github.com/capprof/capprof/internal/runner/search"
	"github.com/capprof/capprof/internal/scenario"
)

// explainer turns what the mapper found into what the profile says. Counts and
// process IDs, which differ from run to run, go to the profile's meta.
type explainer struct {
	meta        *profile.Meta
	counted     map[sighting]bool
	relaxations search.Relaxations
	// command is the user's own, empty for the image's.
	command []string
	// service says that the workload is one, so that it matters when something was seen.
	service bool
	// unit says that the commands of a unit follow each other, each of which comes from
	// outside.
	unit bool
}

// sighting is an operation of a run that was described under an ID. One that is
// evidence for two grants must not count twice.
type sighting struct {
	id         string
	run, index int
}

// requirement explains why a grant is in an answer.
func (w *writer) requirement(g grant.Grant, a search.Answer, known []*search.Knowledge) profile.Requirement {
	e := &w.explainer
	var asked []scenario.Phase
	r := profile.Requirement{Grant: g, FoundBy: profile.FoundByRemoval, ProvenBy: a.ProvenBy[g]}
	if g.IsOption() {
		entry, _ := relax.Find(g.Option)
		r.Allows, r.Danger = entry.Allows, entry.Danger
		asked = e.gatherFailures(&r, known)
	} else {
		asked = e.gatherDenials(&r, a.Grants.Capabilities, known)
	}
	if len(r.Denials)+len(r.Failures) > 0 {
		r.FoundBy = profile.FoundByTrace
	}
	w.phases(&r, asked, a)
	return r
}

// gatherDenials collects the refusals that a capability would have prevented and for
// which it counts, and the capabilities that would have prevented them all. It returns
// the phases in which they were seen.
func (e *explainer) gatherDenials(r *profile.Requirement, set capability.Set, known []*search.Knowledge) (asked []scenario.Phase) {
	c := r.Grant.Capability
	// A refusal for which the set holds another capability too is no reason for this
	// one, unless it was added for it.
	counts := []func(k *search.Knowledge, run int, anyOf capability.Set) bool{
		func(_ *search.Knowledge, _ int, anyOf capability.Set) bool {
			return anyOf.Intersect(set) == capability.Of(c)
		},
		func(k *search.Knowledge, run int, _ capability.Set) bool { return k.Chosen[run].Capabilities.Has(c) },
	}
	for _, count := range counts {
		once := firsts{}
		for _, k := range known {
			for _, run := range slices.Sorted(maps.Keys(k.Denials)) {
				for i, d := range k.Denials[run] {
					anyOf := capability.Of(d.AnyOf...)
					if d.Unreachable || !anyOf.Has(c) || !count(k, run, anyOf) || survived(known, d) {
						continue
					}
					asked = append(asked, d.Operation.Phase)
					described := e.describeDenial(run, d)
					switch once.see(run, kindOf(described)) {
					case isNew:
						r.Denials = append(r.Denials, e.denial(run, i, d))
					case again:
						e.count(described.ID, run, i, d.Operation)
					}
					keepsToo(r.Denials, described)
				}
			}
		}
		if len(r.Denials) > 0 {
			break
		}
	}
	if len(r.Denials) == 0 {
		return nil
	}
	alternatives := ^capability.Set(0)
	for _, d := range r.Denials {
		alternatives = alternatives.Intersect(capability.Of(d.AnyOf...))
	}
	for _, other := range alternatives.Minus(set).ByDanger() {
		r.Alternatives = append(r.Alternatives, grant.Capability(other))
	}
	return asked
}

// keepsToo says of a refusal what was kept, where a later one of its kind shows that: what
// a process holds, and whether it lives on, is not the same in each run.
func keepsToo(all []profile.Denial, later profile.Denial) {
	for i := range all {
		if all[i].Keeps == "" && kindOf(all[i]) == kindOf(later) {
			all[i].Keeps = later.Keeps
		}
	}
}

// survived reports whether a run that passed was refused the same operation: such a
// refusal is no evidence of a need.
func survived(known []*search.Knowledge, d mapper.Denial) bool {
	return slices.ContainsFunc(known, func(k *search.Knowledge) bool { return k.Survived(d) })
}

// gatherFailures collects what failed that a relaxation lets through, and the phases in
// which it did.
func (e *explainer) gatherFailures(r *profile.Requirement, known []*search.Knowledge) (asked []scenario.Phase) {
	once := firsts{}
	for _, k := range known {
		for _, run := range slices.Sorted(maps.Keys(k.Failures)) {
			for i, f := range k.Failures[run] {
				options, _ := e.relaxations.For(f)
				if !slices.Contains(options, r.Grant.Option) {
					continue
				}
				asked = append(asked, f.Operation.Phase)
				described := e.describeFailure(0, f.Operation, f.Cause, nil)
				switch once.see(run, described.ID) {
				case isNew:
					r.Failures = append(r.Failures, e.refused(run, i, f))
				case again:
					e.refused(run, i, f) // counts it
				}
			}
		}
	}
	return asked
}

// firsts are the runs in which kinds of operations were seen first. The same again, in
// a later run, says nothing new.
type firsts map[string]int

type recurrence int

const (
	isNew recurrence = iota
	again
	later
)

// see notes a sight of a kind.
func (f firsts) see(run int, kind string) recurrence {
	first, seen := f[kind]
	switch {
	case !seen:
		f[kind] = run
		return isNew
	case first == run:
		return again
	}
	return later
}

// kindOf is what two denials of different runs have in common.
func kindOf(d profile.Denial) string {
	d.Run, d.ID, d.Remedies, d.Phase, d.Keeps = 0, "", nil, nil, ""
	return identify(d)
}

// denial describes the refusal with that index in a run, and counts it.
func (e *explainer) denial(run, index int, m mapper.Denial) profile.Denial {
	d := e.describeDenial(run, m)
	e.count(d.ID, run, index, m.Operation)
	return d
}

// describeDenial describes a refusal. Alike ones get the same ID.
func (e *explainer) describeDenial(run int, m mapper.Denial) profile.Denial {
	d := profile.Denial{
		AnyOf:     m.AnyOf,
		Operation: e.operationOf(m.Operation),
		Mechanism: profile.Mechanism(m.Mechanism),
		CallSite:  m.CallSite,
		Meaning:   m.Meaning,
		Probe:     m.Probe,
		Silent:    m.Effect == mapper.Degraded,
		Run:       run,
	}
	d.ID = "d-" + identify(d)
	// What to do instead is advice, and no part of what was refused; nor is when it was seen,
	// or what became of the process.
	d.Remedies, d.Phase, d.Keeps = m.Remedies, e.phaseOf(m.Operation.Phase), m.Keeps
	return d
}

// failed describes an operation that failed and that no capability would let through,
// and counts it.
func (e *explainer) failed(run, index int, op observation.Operation, cause string, remedies []remedy.Remedy) profile.Failure {
	f := e.describeFailure(run, op, cause, remedies)
	e.count(f.ID, run, index, op)
	return f
}

// refused is failed for what the mapper explained.
func (e *explainer) refused(run, index int, f mapper.Failure) profile.Failure {
	described := e.failed(run, index, f.Operation, f.Cause, f.Remedies)
	if by := f.Refuser; by != nil {
		described.Refuser = &profile.Refuser{Module: by.Name, Label: by.Label, ShownBy: profile.Evidence(by.ShownBy), Record: by.Record, Rule: by.Rule}
	}
	return described
}

// describeFailure describes a failure. Alike ones get the same ID.
func (e *explainer) describeFailure(run int, op observation.Operation, cause string, remedies []remedy.Remedy) profile.Failure {
	f := profile.Failure{
		Operation: e.operationOf(op),
		Cause:     cause,
		Run:       run,
	}
	f.ID = "f-" + identify(f)
	f.Remedies, f.Phase = remedies, e.phaseOf(op.Phase)
	return f
}

// operationOf describes what was tried.
func (e *explainer) operationOf(op observation.Operation) profile.Operation {
	return profile.Operation{
		Executable: op.Executable,
		Process:    processOf(op),
		FromExec:   op.Joined && !e.unit || op.ByExec,
		Asker:      e.asker(op),
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

// unique drops what was described before: alike operations have one ID.
func unique[T any](all []T, id func(T) string) []T {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(one T) bool {
		twice := seen[id(one)]
		seen[id(one)] = true
		return twice
	})
}
