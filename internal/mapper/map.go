// Package mapper turns what a traced run showed into what it means: which
// refusals a capability would have prevented, which failures none would have prevented, and
// the least dangerous set of capabilities that meets all of the former. It is
// pure: no BPF, no engine, no clock and no files.
package mapper

import (
	"slices"
	"syscall"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// Map explains every operation of an observation that failed because a
// permission was missing, or that was refused something without failing. An operation that
// failed with EPERM or EACCES is in the result in any case, as a denial or as a
// failure, but for the return of a signal handler, which has no result of its own.
func Map(o observation.Observation, env Environment) Result {
	return explain(o, env, Unclear)
}

// explain is Map for denials of at least an effect.
func explain(o observation.Observation, env Environment, least Effect) Result {
	var r Result
	env.sysctls = o.Sysctls
	made := madeNodes(o.Operations)
	drops := dropsOf(o.Operations, env.RootUID)
	given := fileCapabilities{}
	for _, op := range o.Operations {
		if endsSignal(op) {
			continue
		}
		given.note(op)
		op = given.complete(op)
		e := explanation{op: op, env: env, made: made, drops: drops, missed: o.Losses.Missed > 0, refusals: o.Refusals, allRefusals: o.AllRefusals}
		e.narrow()
		e.explain()
		for _, d := range e.denials {
			if d.Effect >= least {
				r.Denials = append(r.Denials, d)
			}
		}
		r.Failures = append(r.Failures, e.failures...)
	}
	return r
}

// fileCapabilityAttribute is the name under which file capabilities are stored.
const fileCapabilityAttribute = "security.capability"

// fileCapabilities are those that the workload gave to files, by path.
type fileCapabilities map[string]capability.Set

// note keeps what a call gave to a file.
func (f fileCapabilities) note(op observation.Operation) {
	switch op.Syscall {
	case "setxattr", "lsetxattr", "fsetxattr":
		if !op.Failed() && op.Object.SecondPath == fileCapabilityAttribute {
			f[op.Object.Path] = op.Object.Capabilities
		}
	}
}

// complete fills in what a file had that execve(2) refused, where it was looked at too
// late: the workload had taken away by then what it gave.
func (f fileCapabilities) complete(op observation.Operation) observation.Operation {
	if (op.Syscall == "execve" || op.Syscall == "execveat") && op.Failed() && op.Object.Capabilities.Empty() {
		op.Object.Capabilities = f[op.Object.Path]
	}
	return op
}

// endsSignal reports whether an operation is the return of a signal handler. What it
// seems to return is a register of the code that the signal interrupted
// (arch/x86/kernel/signal_64.c:restore_sigcontext): mostly another call's result.
func endsSignal(op observation.Operation) bool {
	return op.Syscall == "rt_sigreturn" || op.Syscall == "sigreturn"
}

// explanation gathers what is found out about one operation.
type explanation struct {
	op    observation.Operation
	env   Environment
	made  nodes
	drops drops
	// missed says that the beginning of a call may have been missed.
	missed bool
	// refusals are those of security modules, all that were logged or some.
	refusals    []observation.Refusal
	allRefusals bool
	denials     []Denial
	failures    []Failure
}

func (e *explanation) explain() {
	// Outside of a system call nothing can be refused before it begins.
	if e.op.Failed() && !e.op.Entered && e.op.Number >= 0 {
		v := e.judge()
		if !e.missed || v.Refused && !v.Fallback || e.op.Errno == syscall.ENOSYS {
			e.refusedEarly(v)
			return
		}
		// The known filter did not do this: most likely the call began unseen.
	}
	if e.refusedByModule(exactly) {
		return
	}
	if e.refusedWithoutCheck() {
		return
	}
	why := e.refusedByCheck()
	if e.explained() {
		return
	}
	if e.missesDevice() {
		e.fail("the container has no such device, and the machine has it", try(remedy.Device))
		return
	}
	if !fails(e.op) {
		return
	}
	if why != "" {
		e.fail(why, whyRemedies[why])
		return
	}
	if e.refusedUIDMap() || e.refusedByModule(loosely) || e.ruledOut() {
		return
	}
	if rule := e.made[e.op.Object.Path]; rule != "" && openCalls[e.op.Syscall] {
		e.fail(deviceNode(e.op, e.env, rule))
		return
	}
	e.fail(causeOf(e.op, e.env))
}

// fails reports whether an operation must be explained: it failed with an error
// that stands for a missing permission.
func fails(op observation.Operation) bool {
	return slices.Contains(permission, op.Errno) || op.Errno == syscall.EROFS || limited(op)
}

// explained reports whether a denial accounts for the failure.
func (e *explanation) explained() bool {
	return slices.ContainsFunc(e.denials, func(d Denial) bool { return d.Effect >= Silent })
}

func (e *explanation) fail(cause string, remedies []remedy.Remedy) {
	e.failBy(e.obstacle(), cause, remedies)
}

func (e *explanation) failBy(obstacle Obstacle, cause string, remedies []remedy.Remedy) {
	f := Failure{Cause: cause, Remedies: suit(remedies, e.op, e.env), Obstacle: obstacle, Operation: e.op}
	if m, ok := e.mayBeModule(); ok && obstacle.Kind == SecurityModule && !obstacle.Certain {
		f.Refuser = &Refuser{Module: m}
		f.Cause = e.perhaps(f.Cause, m)
	}
	e.failures = append(e.failures, f)
}

// deny adds a denial, unless the same was said already of this operation.
func (e *explanation) deny(d Denial) {
	d.Operation = e.op
	d.Remedies = suit(d.Remedies, e.op, e.env)
	if d.Probe = isProbe(e.op); d.Probe {
		d.Meaning = probeWords(e.op)
		d.Remedies = try(remedy.AskOtherwise)
	}
	d.reach(e.env)
	if d.Effect >= Silent && !d.Unreachable {
		d.Keeps = e.drops.keeps(e.op, e.env.RootUID)
	}
	if d.Keeps != "" && d.Mechanism == BoundingDrop {
		d.Meaning = "dropping a capability from the bounding set of a login"
	}
	for i, other := range e.denials {
		if slices.Equal(other.AnyOf, d.AnyOf) && other.Mechanism == d.Mechanism && other.Unreachable == d.Unreachable {
			if d.Effect > other.Effect {
				e.denials[i] = d
			}
			return
		}
	}
	e.denials = append(e.denials, d)
}

// refusedByCheck explains the operation by its refused checks. It returns why
// a decisive one cannot be had, where all of its capabilities are out of reach.
func (e *explanation) refusedByCheck() (why string) {
	for _, v := range verdicts(e.op) {
		if v.caps.Empty() {
			if v.effect == Decisive {
				why = v.why
			}
			continue
		}
		d := Denial{AnyOf: v.caps.ByDanger(), Mechanism: Check, Effect: v.effect, CallSite: v.place.function}
		if entry := v.place.entry; entry != nil {
			d.Meaning, d.Remedies = entry.meaning, entry.remedies
			if (e.op.Syscall == "link" || e.op.Syscall == "linkat") && e.op.Errno == syscall.EPERM {
				// A mode alone gives EACCES.
				d.Meaning, d.Remedies = meaningHardLink, hardLinkRemedies
			}
		}
		switch {
		case v.place.ring:
			d.Mechanism = Ring
		case v.place.netlink:
			d.Mechanism = Netlink
		case e.op.Syscall == "prctl" && e.op.Args[0] == prCapBSetDrop && v.caps.Has(setPCap):
			d.Mechanism = BoundingDrop
			d.Meaning = "dropping a capability from the bounding set, which most daemons can do without"
		}
		e.deny(d)
	}
	return why
}
