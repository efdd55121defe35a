package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/callwords"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/workload"
)

// kernelDefaults are the kernel's own values of the sysctls that engines set for a
// container: PROT_SOCK and an empty range (inet_init_net of net/ipv4/af_inet.c).
var kernelDefaults = []struct{ name, value string }{
	{observation.UnprivilegedPortStart, "1024"},
	{observation.PingGroupRange, "1 0"},
}

// known is an answer found where more is let through, and what explained it.
type known struct {
	answer
	found *findings
}

// proven are the removals that need no repetition for a set found where less is let
// through: what failed without a capability there fails here too, unless something
// that was added can stand in for it. Whether it can, only a trace tells.
func (k known) proven(set capability.Set) map[capability.Cap]int {
	proven := map[capability.Cap]int{}
	for c, number := range k.provenBy {
		met := k.found.meets(c)
		if set.Has(c) && !met.Empty() && met.Intersect(set.Minus(k.set)).Empty() {
			proven[c] = number
		}
	}
	return proven
}

// meets are the capabilities that would have met a need that c met too, c among
// them; empty when no trace shows such a need.
func (f *findings) meets(c capability.Cap) capability.Set {
	var all capability.Set
	for _, denials := range f.denials {
		for _, d := range denials {
			if anyOf := capability.Of(d.AnyOf...); anyOf.Has(c) && !d.Unreachable {
				all = all.Union(anyOf)
			}
		}
	}
	return all
}

// elsewhere is the answer where the engine keeps the kernel's defaults.
type elsewhere struct {
	answer
	sysctls map[string]string
	found   *findings
	losses  observation.Losses
}

// portable finds the set for engines that keep the kernel's defaults of the sysctls
// on which a good answer depends, by runs with these. It is nil when the answer
// depends on none. What goes wrong with it does not touch the answer.
func (s *session) portable(ctx context.Context, env mapper.Environment, a answer, found *findings) (*elsewhere, error) {
	sysctls := s.atStake(found)
	if !a.verdict.Answers() || len(sysctls) == 0 {
		return nil, nil
	}
	here := map[string]string{}
	for name := range sysctls {
		here[name] = s.sysctls(found)[name]
	}
	e := &elsewhere{sysctls: sysctls, found: newFindings(a.set)}
	if network, shared := s.sharedNetwork(); shared {
		e.verdict = profile.Incomplete
		e.reasons = []string{fmt.Sprintf("with --network %s the sysctls are not the container's own (%s), and no run can have others", network, sentence.Settings(here))}
		return e, nil
	}
	s.observer.Note("runs with the kernel's defaults (" + sentence.Settings(sysctls) + "), which other engines keep, show what is needed there")
	var options []workload.Setting
	for _, name := range slices.Sorted(maps.Keys(sysctls)) {
		options = append(options, workload.Setting{Name: "sysctl", Value: name + "=" + sysctls[name]})
	}
	there := s.under(options...)
	var err error
	e.answer, err = there.answer(ctx, env, e.found, known{a, found})
	e.losses = there.losses
	var unstarted *engine.StartError
	switch {
	case errors.Is(err, engine.ErrBadWorkload), errors.As(err, &unstarted):
		e.answer = answer{verdict: profile.Incomplete, reasons: []string{fmt.Sprintf("the engine does not run it with %s: %v", sentence.Settings(sysctls), err)}}
	case err != nil:
		return nil, err
	}
	if e.verdict == profile.Failed {
		e.set = 0
		e.reasons = append(e.reasons, e.closed()...)
		if s.tracer != nil {
			e.reasons = append(e.reasons, "setting "+sentence.Settings(here)+" where it is to run makes the set found here enough")
		}
	}
	return e, nil
}

// atStake are the kernel's defaults of the sysctls whose values decided calls of the
// workload, and differ in the container. Without a trace that is not known, and only
// a run tells. A sysctl that the user sets goes wherever the workload goes.
func (s *session) atStake(found *findings) map[string]string {
	sysctls := map[string]string{}
	for _, d := range kernelDefaults {
		_, set := s.opts.Workload.Options.Sysctls()[d.name]
		if set {
			continue
		}
		if s.tracer == nil {
			if _, sets := s.info.Sysctls[d.name]; sets && !s.opts.Workload.Options.SharesNetwork() {
				sysctls[d.name] = d.value
			}
			continue
		}
		obs := found.last.obs
		value, has := obs.Sysctls[d.name]
		if has && !slices.Equal(strings.Fields(value), strings.Fields(d.value)) && obs.SysctlUses[d.name] > 0 {
			sysctls[d.name] = d.value
		}
	}
	return sysctls
}

// sharedNetwork tells the network modes in which a container has no network
// namespace of its own; engines refuse --sysctl net.* with them.
func (s *session) sharedNetwork() (string, bool) {
	options := s.opts.Workload.Options
	return options.Value("network"), options.SharesNetwork()
}

// closed says which calls of the last traced run the sysctls refused, and no
// capability would have helped.
func (e *elsewhere) closed() []string {
	var reasons []string
	for _, f := range e.found.failures[e.found.last.run.Number] {
		switch op := f.Operation; op.Syscall {
		case "socket", "bind":
			reason := fmt.Sprintf("%s(%s) = %s: %s", op.Syscall, callwords.Object(op), errnoName(op), f.Cause)
			if todo := advice.Sentence(f.Remedies, advice.Docker); todo != "" {
				reason += "; " + todo
			}
			if !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	slices.Sort(reasons)
	return reasons
}

// document describes the portable answer, nil for none. What the workload's own
// answer explains already is said in its words.
func (e *elsewhere) document(own answer, explain *explainer, d *profile.Document) *profile.Portable {
	if e == nil {
		return nil
	}
	p := &profile.Portable{Sysctls: e.sysctls, Answer: profile.Answer{
		Verdict: e.verdict, Reasons: e.reasons, Losses: profile.Losses(e.losses),
		Capabilities: profile.Capabilities{
			Required: e.set, Baseline: d.Capabilities.Baseline, Allowed: d.Capabilities.Allowed, Refused: d.Capabilities.Refused,
		},
	}}
	for c := range e.set.All() {
		number := e.provenBy[c]
		if own.set.Has(c) && (number == 0 || number == own.provenBy[c]) {
			r, _ := d.Requirement(grant.Capability(c))
			p.Requirements = append(p.Requirements, r)
			continue
		}
		p.Requirements = append(p.Requirements, explain.requirement(c, e.set, number, e.found))
	}
	if e.verdict != profile.Failed {
		p.Relaxations = d.Relaxations
		p.Requirements = append(p.Requirements, d.ForRelaxations()...)
	}
	return p
}
