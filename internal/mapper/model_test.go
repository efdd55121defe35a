package mapper

import (
	"fmt"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// modelled is one operation of a tiny model of the kernel: the questions that
// its code asks, in order.
type modelled struct {
	ID        string     `json:"id"`
	Call      string     `json:"call"`
	Path      string     `json:"path"`
	Args      [6]uint64  `json:"args"`
	Questions []question `json:"questions"`
	// Needs are the smallest sets under which the operation has its whole effect,
	// as measured; none for an operation that needs nothing.
	Needs [][]capability.Cap `json:"needs"`
}

// question is asked until one of its capabilities is held.
type question struct {
	Ask []ask `json:"ask"`
	// Then is what happens when none is: the name of an error, "" to go on,
	// "lost" to go on without the effect, "reply" for an error in a netlink
	// message, after which the call succeeds.
	Then string `json:"then"`
}

type ask struct {
	Stack []string       `json:"stack"`
	Cap   capability.Cap `json:"cap"`
}

// run lets a process that holds a set carry the operation out, and reports
// whether it had its whole effect.
func (m modelled) run(held capability.Set) (op observation.Operation, whole bool) {
	op = observation.Operation{
		Arch: "amd64", Number: 1, Syscall: m.Call, Args: m.Args, Entered: true, Returned: true, Count: 1,
		Bounding: held, Permitted: held, Effective: held,
		Object: observation.Object{Path: m.Path},
	}
	whole = true
	for _, q := range m.Questions {
		granted := false
		for _, a := range q.Ask {
			granted = held.Has(a.Cap)
			op.Checks = append(op.Checks, observation.Check{Capability: a.Cap, Granted: granted, Stack: a.Stack, Count: 1})
			if granted {
				break
			}
		}
		switch {
		case granted || q.Then == "":
		case q.Then == "lost":
			whole = false
		case q.Then == "reply":
			return op, false
		default:
			op.Errno = errnoNamed(q.Then)
			return op, false
		}
	}
	return op, whole
}

func errnoNamed(name string) syscall.Errno {
	for e := syscall.Errno(1); e < 134; e++ {
		if unix.ErrnoName(e) == name {
			return e
		}
	}
	return 0
}

// solve grants what the mapper chooses until the operation has its effect. It
// chooses from the clauses of all rounds: a later one can show that what an
// earlier one took for its alternatives is needed anyway.
func solve(t testing.TB, m modelled, allowed capability.Set) (held capability.Set, whole bool) {
	t.Helper()
	var seen []Denial
	for range 20 {
		op, whole := m.run(held)
		r := Map(observation.Observation{Operations: []observation.Operation{op}}, onDocker(Environment{Granted: held}))
		checkResult(t, r, op)
		if whole && len(Clauses(r.Denials)) > 0 {
			t.Errorf("%s: has its effect under %v and yet shows %+v", m.ID, held, r.Denials)
		}
		seen = append(seen, r.Denials...)
		clauses := Clauses(seen)
		choice := Choose(clauses, allowed, 0)
		checkChoice(t, choice, clauses, allowed, 0)
		if whole || choice.Set == held {
			return held, whole
		}
		held = choice.Set
	}
	t.Fatalf("%s: no end in sight at %v", m.ID, held)
	return 0, false
}

// checkResult asserts what holds for every explanation of one operation.
func checkResult(t testing.TB, r Result, op observation.Operation) {
	t.Helper()
	asked := op.Object.Capabilities.Union(op.Object.Inheritable).With(capability.SetFCap)
	for _, c := range op.Checks {
		if !c.Granted {
			asked = asked.With(c.Capability)
		}
	}
	if op.Syscall == "prctl" && op.Args[2] <= uint64(capability.Max) {
		asked = asked.With(capability.Cap(op.Args[2]))
	}
	for _, d := range r.Denials {
		if len(d.AnyOf) == 0 || d.Effect == Noise || d.Mechanism == "" {
			t.Errorf("a denial that says nothing: %+v", d)
		}
		if d.Mechanism != Seccomp && !asked.Contains(capability.Of(d.AnyOf...)) {
			t.Errorf("%v was never asked for, of %v", d.AnyOf, asked)
		}
		if d.Unreachable && (d.Why == "" || len(d.Remedies) == 0) {
			t.Errorf("unreachable without a reason or a remedy: %+v", d)
		}
	}
	var remedies []remedy.Remedy
	for _, f := range r.Failures {
		remedies = append(remedies, f.Remedies...)
		if f.Cause == "" {
			t.Errorf("a failure without a cause: %+v", f)
		}
	}
	for _, d := range r.Denials {
		remedies = append(remedies, d.Remedies...)
	}
	for _, way := range remedies {
		if err := way.Check(); err != nil {
			t.Errorf("%+v: %v", way, err)
		}
	}
	if (op.Errno == syscall.EPERM || op.Errno == syscall.EACCES) && len(r.Denials)+len(r.Failures) == 0 {
		t.Errorf("%s failed with %v, and nothing is said of it", op.Syscall, op.Errno)
	}
}

// checkChoice asserts that a choice stays within the clauses and the allowed
// set and meets what can be met.
func checkChoice(t testing.TB, choice Choice, clauses []Clause, allowed, already capability.Set) {
	t.Helper()
	var union capability.Set
	for _, c := range clauses {
		union = union.Union(c.AnyOf)
		switch {
		case c.AnyOf.Intersect(allowed.Union(already)).Empty():
		case c.AnyOf.Intersect(choice.Set).Empty():
			t.Errorf("%v does not meet %v", choice.Set, c.AnyOf)
		}
	}
	if !union.Intersect(allowed).Contains(choice.Added) || choice.Set != choice.Added.Union(already) || !choice.Added.Intersect(already).Empty() {
		t.Errorf("added %v to %v, where the clauses hold %v and %v is allowed", choice.Added, already, union, allowed)
	}
}

func named(caps [][]capability.Cap) string {
	s := ""
	for _, set := range caps {
		s += fmt.Sprintf(" {%v}", capability.Of(set...))
	}
	return s
}
