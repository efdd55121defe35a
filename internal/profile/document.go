// Package profile is the document that capprof leaves behind: what a workload
// needs, why, and how that was proven. Exporters, the report and the drift
// check read nothing else.
package profile

import (
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/workload"
)

// SchemaVersion is the version of the document that this code writes. A reader
// refuses a newer one.
const SchemaVersion = 1

// Verdict is what the document is worth.
type Verdict string

// The verdicts.
const (
	// Proven: the workload passes with the set, and a run without each of its
	// capabilities fails.
	Proven Verdict = "proven"
	// Confirmed: the workload passes with the set; that nothing in it can go was
	// not shown.
	Confirmed Verdict = "confirmed"
	// Incomplete: something was lost or stopped before its end, so the set may
	// lack something or hold too much.
	Incomplete Verdict = "incomplete"
	// Failed: no set that may be granted makes the workload pass.
	Failed Verdict = "failed"
)

// Answers says that there is a set with which the workload passed, learned without
// losses.
func (v Verdict) Answers() bool { return v == Proven || v == Confirmed }

// Document is a profile. Two runs of the same workload on the same machine give
// the same bytes outside Meta.
type Document struct {
	SchemaVersion int     `json:"schemaVersion"`
	Verdict       Verdict `json:"verdict"`
	// Reasons says, one sentence each, why the verdict is not a better one.
	Reasons      []string     `json:"reasons"`
	Capabilities Capabilities `json:"capabilities"`
	Workload     Workload     `json:"workload"`
	Environment  Environment  `json:"environment"`
	// Required explains each capability of Capabilities.Required, in that order.
	Required []Requirement `json:"required"`
	// Openings are the docker run options that the answer has beside the
	// capabilities, where --privileged is today's flag: what of it is needed. They
	// are sorted by danger, the least first.
	Openings []Opening `json:"openings,omitempty"`
	// Tolerated are denials that the workload survived, in the final run.
	Tolerated []Denial `json:"tolerated"`
	// Blocked are denials that a capability beyond the allowed ones would cure.
	Blocked []Denial `json:"blocked"`
	// Failures are failed operations that no capability cures.
	Failures []Failure `json:"failures"`
	// Portable is the answer where the engine keeps the kernel's defaults of sysctls
	// on which this one depends; nil where it depends on none.
	Portable *Portable `json:"portable,omitempty"`
	Runs     []Run     `json:"runs"`
	Losses   Losses    `json:"losses"`
	Meta     Meta      `json:"meta"`
}

// Capabilities are the sets, each a sorted array of kernel names.
type Capabilities struct {
	// Required is the answer.
	Required capability.Set `json:"required"`
	// Tolerated were asked for and denied in the final run, without harm.
	Tolerated capability.Set `json:"tolerated"`
	// Baseline is what the engine grants with today's flags.
	Baseline capability.Set `json:"baseline"`
	// Allowed is what capprof was allowed to grant.
	Allowed capability.Set `json:"allowed"`
	// BeyondAllowed would be needed or tried, had they been allowed.
	BeyondAllowed capability.Set `json:"beyondAllowed"`
	// Refused are those that the engine would not grant.
	Refused capability.Set `json:"refused"`
}

// Workload is what was run.
type Workload struct {
	Image Image `json:"image"`
	// Command replaces the image's command; empty for the image's own.
	Command []string `json:"command"`
	// Options are those of docker run. cap-add, cap-drop and privileged are today's
	// flags, which set the baseline.
	Options workload.Options `json:"options"`
	// ExpectExit is the exit code that counts as success.
	ExpectExit int `json:"expectExit"`
}

// Image identifies what was run.
type Image struct {
	Reference string `json:"reference"`
	ID        string `json:"id"`
	Digest    string `json:"digest"`
}

// Environment is where it was run.
type Environment struct {
	Engine         string `json:"engine"`
	EngineVersion  string `json:"engineVersion"`
	Runtime        string `json:"runtime"`
	RuntimeVersion string `json:"runtimeVersion"`
	StorageDriver  string `json:"storageDriver"`
	CgroupVersion  string `json:"cgroupVersion"`
	Kernel         string `json:"kernel"`
	Architecture   string `json:"architecture"`
	// Hook is how the checks were seen; "" when the run was not traced.
	Hook string `json:"hook"`
	// Traced is false for a profile made by removal alone: its set is right, and
	// there are no explanations.
	Traced bool `json:"traced"`
	// Seccomp names the profile in force: "default", "unconfined", or a file.
	Seccomp string `json:"seccomp"`
	// Sysctls are those inside the container on which the answer depends:
	// net.ipv4.ip_unprivileged_port_start and net.ipv4.ping_group_range.
	Sysctls map[string]string `json:"sysctls"`
}

// FoundBy is how a need was found.
type FoundBy string

// The ways to find a need.
const (
	FoundByTrace   FoundBy = "trace"
	FoundByRemoval FoundBy = "removal"
)

// Requirement explains one required capability.
type Requirement struct {
	Capability capability.Cap `json:"capability"`
	FoundBy    FoundBy        `json:"foundBy"`
	// ProvenBy is the number of the run without it that failed, 0 when there was
	// none.
	ProvenBy int `json:"provenBy"`
	// Alternatives are capabilities that would have met the same need, from the
	// least to the most dangerous.
	Alternatives []capability.Cap `json:"alternatives"`
	Evidence     []Denial         `json:"evidence"`
}

// Opening is one of the narrower options that take the place of --privileged.
type Opening struct {
	// Option is as it stands on a command line, without quotes: "--device /dev/fuse".
	Option string `json:"option"`
	// Opens says what it opens, and Danger what comes with it.
	Opens   string  `json:"opens"`
	Danger  string  `json:"danger"`
	FoundBy FoundBy `json:"foundBy"`
	// ProvenBy is the number of the run without it that failed, 0 when there was
	// none.
	ProvenBy int `json:"provenBy"`
	// Evidence is what failed without it.
	Evidence []Failure `json:"evidence"`
}

// Mechanism is what refused, as the mapper names it: "capability check", "seccomp",
// "file capabilities".
type Mechanism string

// Operation is what a process of the workload tried.
type Operation struct {
	// Executable and Process say who: the file and the thread's name.
	Executable string `json:"executable"`
	Process    string `json:"process"`
	// Joined says that the process entered the container from outside: docker exec,
	// a health check.
	Joined  bool   `json:"joined,omitempty"`
	UID     uint32 `json:"uid"`
	Syscall string `json:"syscall"`
	// Errno is the symbolic name, "" where the call itself succeeded.
	Errno string `json:"errno"`
	// Object is what it was about, for people: a path, an address, a signal.
	Object string `json:"object"`
}

// Denial is one kind of refused operation.
type Denial struct {
	// ID names the denial in Meta.Counts.
	ID string `json:"id"`
	Operation
	// AnyOf are the capabilities of which one would do.
	AnyOf []capability.Cap `json:"anyOf"`
	// Mechanism says who refused.
	Mechanism Mechanism `json:"mechanism"`
	// CallSite is the kernel function that asked, and Meaning what that means;
	// "" where no check was made or the function is not in the table.
	CallSite string `json:"callSite"`
	Meaning  string `json:"meaning"`
	// Remedies are better ways than the capability, of which one is enough.
	Remedies []remedy.Remedy `json:"remedies"`
	// Probe says that the call only asked whether a process is there: kill(pid, 0).
	Probe bool `json:"probe,omitempty"`
	// Lost says that the call succeeded and left something out for good, which an
	// exit code need not tell: Meaning says what.
	Lost bool `json:"lost,omitempty"`
	// Run is the number of the run in which it was seen.
	Run int `json:"run"`
}

// Failure is a refused operation that no capability cures.
type Failure struct {
	ID string `json:"id"`
	Operation
	// Cause is a sentence for people.
	Cause string `json:"cause"`
	// Remedies are what to do about it, of which one is enough.
	Remedies []remedy.Remedy `json:"remedies"`
	Run      int             `json:"run"`
}

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

// Run is one run of the workload. Its duration is in Meta.
type Run struct {
	Number  int            `json:"number"`
	Purpose Purpose        `json:"purpose"`
	Traced  bool           `json:"traced"`
	Set     capability.Set `json:"set"`
	// Options are the docker run options that this run had beyond the workload's,
	// or in the place of one: "--sysctl NAME=VALUE".
	Options []string `json:"options,omitempty"`
	// Without names the capability that a removal run left out.
	Without *capability.Cap `json:"without,omitempty"`
	// Closed is the opening that a removal run left out: "--device /dev/fuse".
	Closed   string  `json:"closed,omitempty"`
	Outcome  Outcome `json:"outcome"`
	ExitCode int     `json:"exitCode"`
	// Detail says more of an outcome that is not an exit code.
	Detail string `json:"detail,omitempty"`
}

// Losses counts what the tracer could not record, over all traced runs of an answer.
type Losses struct {
	Unseen     uint64 `json:"unseen,omitempty"`
	Operations uint64 `json:"operations"`
	Details    uint64 `json:"details"`
	Checks     uint64 `json:"checks"`
	Stacks     uint64 `json:"stacks"`
	Tasks      uint64 `json:"tasks"`
	Missed     uint64 `json:"missed"`
}

// Meta is all that may differ between two profiles of the same workload.
type Meta struct {
	Created        time.Time `json:"created"`
	CapprofVersion string    `json:"capprofVersion"`
	// DurationsMS are the runs' times in milliseconds, by number of run.
	DurationsMS map[int]int64 `json:"durationsMs"`
	// Counts are occurrences by the ID of a denial or failure.
	Counts map[string]uint64 `json:"counts"`
	// PIDs are process IDs of first occurrences, by the same IDs.
	PIDs map[string]int `json:"pids"`
	// TotalMS is the time of the whole profile in milliseconds.
	TotalMS int64 `json:"totalMs"`
}
