// Package v1 is the profile document of schemaVersion 1, as the capprof that came
// before the first release wrote it. It is frozen: it exists to be read and brought
// forward.
package v1

import (
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

// Version is the schemaVersion of these documents, a number.
const Version = 1

// Document is a profile.
type Document struct {
	SchemaVersion int           `json:"schemaVersion"`
	Verdict       string        `json:"verdict"`
	Reasons       []string      `json:"reasons"`
	Capabilities  Capabilities  `json:"capabilities"`
	Workload      Workload      `json:"workload"`
	Environment   Environment   `json:"environment"`
	Required      []Requirement `json:"required"`
	Openings      []Opening     `json:"openings,omitempty"`
	Tolerated     []Denial      `json:"tolerated"`
	Blocked       []Denial      `json:"blocked"`
	Failures      []Failure     `json:"failures"`
	Portable      *Portable     `json:"portable,omitempty"`
	Runs          []Run         `json:"runs"`
	Losses        Losses        `json:"losses"`
	Meta          Meta          `json:"meta"`
}

// Capabilities are the sets.
type Capabilities struct {
	Required      capability.Set `json:"required"`
	Tolerated     capability.Set `json:"tolerated"`
	Baseline      capability.Set `json:"baseline"`
	Allowed       capability.Set `json:"allowed"`
	BeyondAllowed capability.Set `json:"beyondAllowed"`
	Refused       capability.Set `json:"refused"`
}

// Workload is what was run.
type Workload struct {
	Image Image `json:"image"`
	workload.V1
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
	Engine         string            `json:"engine"`
	EngineVersion  string            `json:"engineVersion"`
	Runtime        string            `json:"runtime"`
	RuntimeVersion string            `json:"runtimeVersion"`
	StorageDriver  string            `json:"storageDriver"`
	CgroupVersion  string            `json:"cgroupVersion"`
	Kernel         string            `json:"kernel"`
	Architecture   string            `json:"architecture"`
	Hook           string            `json:"hook"`
	Traced         bool              `json:"traced"`
	Seccomp        string            `json:"seccomp"`
	Sysctls        map[string]string `json:"sysctls"`
}

// Requirement explains a required capability. ProvenBy is 0 where no run was made
// without it.
type Requirement struct {
	Capability   capability.Cap   `json:"capability"`
	FoundBy      string           `json:"foundBy"`
	ProvenBy     int              `json:"provenBy"`
	Alternatives []capability.Cap `json:"alternatives"`
	Evidence     []Denial         `json:"evidence"`
}

// Opening is what version 2 calls a relaxation, with what explains it. Option is as
// it stands on a command line, without quotes: "--device /dev/fuse".
type Opening struct {
	Option   string    `json:"option"`
	Opens    string    `json:"opens"`
	Danger   string    `json:"danger"`
	FoundBy  string    `json:"foundBy"`
	ProvenBy int       `json:"provenBy"`
	Evidence []Failure `json:"evidence"`
}

// Denial is a refused operation.
type Denial struct {
	ID         string           `json:"id"`
	AnyOf      []capability.Cap `json:"anyOf"`
	Executable string           `json:"executable"`
	Process    string           `json:"process"`
	Joined     bool             `json:"joined,omitempty"`
	UID        uint32           `json:"uid"`
	Syscall    string           `json:"syscall"`
	Errno      string           `json:"errno"`
	Object     string           `json:"object"`
	Mechanism  string           `json:"mechanism"`
	CallSite   string           `json:"callSite"`
	Meaning    string           `json:"meaning"`
	Cure       string           `json:"cure,omitempty"`
	Lost       bool             `json:"lost,omitempty"`
	Run        int              `json:"run"`
}

// Failure is a refused operation that no capability helps.
type Failure struct {
	ID         string `json:"id"`
	Executable string `json:"executable"`
	Process    string `json:"process"`
	Joined     bool   `json:"joined,omitempty"`
	UID        uint32 `json:"uid"`
	Syscall    string `json:"syscall"`
	Errno      string `json:"errno"`
	Object     string `json:"object"`
	Cause      string `json:"cause"`
	Cure       string `json:"cure"`
	Run        int    `json:"run"`
}

// Portable is the answer with the kernel's defaults of sysctls. Required explains
// only what Document.Required does not.
type Portable struct {
	Sysctls      map[string]string `json:"sysctls"`
	Verdict      string            `json:"verdict"`
	Reasons      []string          `json:"reasons"`
	Capabilities capability.Set    `json:"capabilities"`
	Required     []Requirement     `json:"required"`
	Losses       Losses            `json:"losses"`
}

// Run is one run. Its options, and Closed, are as on a command line. ExitCode is -1
// where the run did not end by itself.
type Run struct {
	Number   int             `json:"number"`
	Purpose  string          `json:"purpose"`
	Traced   bool            `json:"traced"`
	Set      capability.Set  `json:"set"`
	Options  []string        `json:"options,omitempty"`
	Without  *capability.Cap `json:"without,omitempty"`
	Closed   string          `json:"closed,omitempty"`
	Outcome  string          `json:"outcome"`
	ExitCode int             `json:"exitCode"`
	Detail   string          `json:"detail,omitempty"`
}

// Losses counts what the tracer could not record.
type Losses struct {
	Operations uint64 `json:"operations"`
	Details    uint64 `json:"details"`
	Checks     uint64 `json:"checks"`
	Stacks     uint64 `json:"stacks"`
	Tasks      uint64 `json:"tasks"`
	Missed     uint64 `json:"missed"`
}

// Meta is what may differ between two profiles of the same workload. DurationsMS is
// by number of run, Counts and PIDs by the ID of a denial or failure.
type Meta struct {
	Created        time.Time         `json:"created"`
	CapprofVersion string            `json:"capprofVersion"`
	DurationsMS    map[int]int64     `json:"durationsMs"`
	Counts         map[string]uint64 `json:"counts"`
	PIDs           map[string]int    `json:"pids"`
	TotalMS        int64             `json:"totalMs"`
}
