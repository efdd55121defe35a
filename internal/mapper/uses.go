package mapper

import (
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// Use is a capability that was asked for and granted at a place where a refusal makes a
// call fail. It is no proof of a need: the kernel may have let the call pass for another
// reason too.
type Use struct {
	Capability capability.Cap
	// CallSite is the kernel function that asked.
	CallSite  string
	Operation observation.Operation
}

// Uses are the capabilities that an observation's operations used, in their order.
func Uses(o observation.Observation) []Use {
	var uses []Use
	for _, op := range o.Operations {
		if !op.Failed() {
			uses = append(uses, usesOf(op)...)
		}
	}
	return uses
}

func usesOf(op observation.Operation) []Use {
	var uses []Use
	var seen capability.Set
	for _, check := range op.Checks {
		if !check.Granted || check.Overridden || check.Namespace == observation.InitialNamespace || seen.Has(check.Capability) {
			continue
		}
		p := placeOf(check, op.Syscall)
		if p.entry == nil || p.entry.fails != nil && len(p.entry.fails) == 0 {
			continue
		}
		seen = seen.With(check.Capability)
		uses = append(uses, Use{Capability: check.Capability, CallSite: p.function, Operation: op})
	}
	return uses
}
