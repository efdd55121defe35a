package profile

import (
	"maps"
	"slices"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/workload"
)

// Purpose is what a run was made for.
type Purpose string

// The purposes.
const (
	PurposeExplore   Purpose = "explore"   // traced, to learn what is missing
	PurposeReference Purpose = "reference" // everything allowed: does it pass at all?
	PurposeSearch    Purpose = "search"    // one step of a search by removal
	PurposeConfirm   Purpose = "confirm"   // the final set, by itself
	PurposeRemove    Purpose = "remove"    // the set without one of its grants
)

// Purposes lists them.
func Purposes() []Purpose {
	return []Purpose{PurposeExplore, PurposeReference, PurposeSearch, PurposeConfirm, PurposeRemove}
}

// Outcome is how a run went.
type Outcome string

// The outcomes.
const (
	OutcomePassed  Outcome = "passed"
	OutcomeFailed  Outcome = "failed"
	OutcomeStuck   Outcome = "stuck"   // ended by capprof, long after a passing run's time
	OutcomeTimeout Outcome = "timeout" // ended by capprof at the time limit
	OutcomeRefused Outcome = "refused" // the engine would not grant the set
)

// Outcomes lists them.
func Outcomes() []Outcome {
	return []Outcome{OutcomePassed, OutcomeFailed, OutcomeStuck, OutcomeTimeout, OutcomeRefused}
}

// fell says that the workload ran and did not pass. An outcome of a later minor
// version is neither that nor a pass.
func (o Outcome) fell() bool {
	return o == OutcomeFailed || o == OutcomeStuck || o == OutcomeTimeout
}

// Run is one run of the workload. Its duration is in Meta.
type Run struct {
	Number  int     `json:"number"`
	Purpose Purpose `json:"purpose"`
	Traced  bool    `json:"traced"`
	// Capabilities are what the container was given, and Options the docker run
	// options that it had beyond the workload's, or in the place of one: relaxations,
	// and the sysctls of the portable answer.
	Capabilities capability.Set     `json:"capabilities"`
	Options      []workload.Setting `json:"options"`
	// Without is what a removal run left out.
	Without *grant.Grant `json:"without,omitempty"`
	Outcome Outcome      `json:"outcome"`
	// FailedIn is the part of a service's run that did not go as it should; nil for one
	// that passed, and for a batch job.
	FailedIn *scenario.Phase `json:"failedIn,omitempty"`
	// Kept says of a run that failed that it went well but for processes that went on with
	// privileges which they meant to give up.
	Kept bool `json:"kept,omitempty"`
	// ExitCode is nil where the workload did not end by itself.
	ExitCode *int `json:"exitCode,omitempty"`
	// Detail says more of an outcome that is not an exit code: "it did not listen on
	// 80/tcp".
	Detail string `json:"detail,omitempty"`
}

// Exited notes the exit code of a run that ended by itself.
func (r *Run) Exited(code int) { r.ExitCode = &code }

// Grants are the run's capabilities and options.
func (r *Run) Grants() grant.Set { return grant.Of(r.Capabilities, r.Options...) }

// Sysctls are options that set sysctls, by name.
func Sysctls(values map[string]string) []workload.Setting {
	options := []workload.Setting{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		options = append(options, workload.Setting{Name: sysctlOption, Value: name + "=" + values[name]})
	}
	return options
}

const sysctlOption = "sysctl"
