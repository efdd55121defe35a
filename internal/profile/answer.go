package profile

import (
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/workload"
)

// Verdict is what an answer is worth.
type Verdict string

// The verdicts.
const (
	// Proven: the workload passes with the answer, and for each of its grants a run
	// with all the others, and with nothing more, fails.
	Proven Verdict = "proven"
	// Confirmed: the workload passes with the answer; whether it needs all of it was
	// not shown.
	Confirmed Verdict = "confirmed"
	// Incomplete: something was lost or stopped before its end, so the answer may
	// lack something or hold too much.
	Incomplete Verdict = "incomplete"
	// Failed: nothing that may be granted makes the workload pass.
	Failed Verdict = "failed"
)

// Verdicts lists them.
func Verdicts() []Verdict { return []Verdict{Proven, Confirmed, Incomplete, Failed} }

// Answers says that there is a set with which the workload passed, learned without
// losses.
func (v Verdict) Answers() bool { return v == Proven || v == Confirmed }

// Answer is what a workload needs under some conditions, why, and what that is worth.
type Answer struct {
	Verdict Verdict `json:"verdict"`
	// Reasons says, one sentence each, why the verdict is not a better one.
	Reasons      []string     `json:"reasons"`
	Capabilities Capabilities `json:"capabilities"`
	// Relaxations are the docker run options that the answer has in addition to the
	// capabilities, where --privileged is today's flag: what of it is needed. The
	// least dangerous comes first.
	Relaxations []workload.Setting `json:"relaxations"`
	// Requirements explain each of Capabilities.Required, by name, then each of
	// Relaxations.
	Requirements []Requirement `json:"requirements"`
	// Tolerated are denials that the workload survived, in the final run.
	Tolerated []Denial `json:"tolerated"`
	// KeptPrivileges are refused calls by which a process meant to give up privileges,
	// and after which it went on with them, in the final run.
	KeptPrivileges []Denial `json:"keptPrivileges,omitempty"`
	// Blocked are denials that a capability beyond the allowed ones would prevent.
	Blocked []Denial `json:"blocked"`
	// Failures are failed operations that no capability would change.
	Failures []Failure `json:"failures"`
	// ExecNeeds are the capabilities that the --exec commands used for themselves. They
	// are not in the answer.
	ExecNeeds capability.Set `json:"execNeeds,omitempty"`
	// Losses counts what the tracer could not record in the answer's runs.
	Losses Losses `json:"losses"`
	// Skipped counts events of the trace, of any process of the machine, that the kernel
	// skipped in the answer's runs. What rests on a trace may lack something then:
	// explanations, tolerated denials and phases. The set does not.
	Skipped uint64 `json:"skipped,omitempty"`
}

// Capabilities are the sets, each a sorted array of kernel names.
type Capabilities struct {
	// Required is the answer.
	Required capability.Set `json:"required"`
	// Tolerated were asked for and denied in the final run, and it passed.
	Tolerated capability.Set `json:"tolerated"`
	// BeyondAllowed would be needed or tried, had they been allowed.
	BeyondAllowed capability.Set `json:"beyondAllowed"`
	// Baseline is what the engine grants with today's flags.
	Baseline capability.Set `json:"baseline"`
	// Allowed is what capprof was allowed to grant.
	Allowed capability.Set `json:"allowed"`
	// Refused are those that the engine would not grant.
	Refused capability.Set `json:"refused"`
}

// FoundBy is how a need was found.
type FoundBy string

// The ways to find a need.
const (
	FoundByTrace   FoundBy = "trace"
	FoundByRemoval FoundBy = "removal"
)

// Requirement explains one grant of an answer.
type Requirement struct {
	Grant   grant.Grant `json:"grant"`
	FoundBy FoundBy     `json:"foundBy"`
	// ProvenBy is the number of the run without it that failed, 0 when there was
	// none.
	ProvenBy int `json:"provenBy,omitempty"`
	// Phases are the parts of a run that asked for it, in their order; empty for a
	// batch job, and where the trace did not show it.
	Phases []scenario.Phase `json:"phases,omitempty"`
	// Alternatives would have met the same need, the least dangerous first.
	Alternatives []grant.Grant `json:"alternatives"`
	// Denials are what a capability would have prevented, and Failures what failed
	// without a relaxation.
	Denials  []Denial  `json:"denials"`
	Failures []Failure `json:"failures"`
	// Allows says what a relaxation allows, and Danger what comes with it.
	Allows string `json:"allows,omitempty"`
	Danger string `json:"danger,omitempty"`
}

// Losses counts what the tracer could not record.
type Losses struct {
	// Unseen counts runs in which no process of the container was seen.
	Unseen     uint64 `json:"unseen"`
	Operations uint64 `json:"operations"`
	Details    uint64 `json:"details"`
	Checks     uint64 `json:"checks"`
	Stacks     uint64 `json:"stacks"`
	Tasks      uint64 `json:"tasks"`
	// Missed was Skipped before version 2.2, and made a verdict incomplete.
	Missed uint64 `json:"missed"`
}

// Grants are all that the answer gives a container.
func (a *Answer) Grants() grant.Set { return grant.Of(a.Capabilities.Required, a.Relaxations...) }

// Requirement returns the explanation of one of the answer's grants.
func (a *Answer) Requirement(g grant.Grant) (Requirement, bool) {
	i := slices.IndexFunc(a.Requirements, func(r Requirement) bool { return r.Grant == g })
	if i < 0 {
		return Requirement{}, false
	}
	return a.Requirements[i], true
}

// Remedies are those of each denial.
func Remedies(denials []Denial) [][]remedy.Remedy {
	all := make([][]remedy.Remedy, len(denials))
	for i, d := range denials {
		all[i] = d.Remedies
	}
	return all
}

// ForCapabilities are the requirements of capabilities.
func (a *Answer) ForCapabilities() []Requirement {
	return slices.DeleteFunc(slices.Clone(a.Requirements), func(r Requirement) bool { return r.Grant.IsOption() })
}

// ForRelaxations are the requirements of relaxations, the least dangerous first.
func (a *Answer) ForRelaxations() []Requirement {
	return slices.DeleteFunc(slices.Clone(a.Requirements), func(r Requirement) bool { return !r.Grant.IsOption() })
}
