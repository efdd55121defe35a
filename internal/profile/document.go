// Package profile is the document that capprof leaves behind: what a workload
// needs, why, and how that was proven. Exporters, the report and the drift
// check read nothing else.
package profile

import (
	"strings"
	"time"

	"github.com/capprof/capprof/internal/capability"
)

// Document is a profile. Two runs of the same workload on the same machine give
// the same bytes outside Meta.
type Document struct {
	SchemaVersion Version `json:"schemaVersion"`
	// Answer is what the workload needs on the engine that it was profiled on.
	Answer
	// Portable is the answer where the engine keeps the kernel's defaults of sysctls
	// on which this one depends; nil where it depends on none.
	Portable *Portable `json:"portable,omitempty"`
	Workload Workload  `json:"workload"`
	// Scenario is what a run of a service was; nil for a batch job, and where it was not
	// found out which of the two it is.
	Scenario    *Scenario   `json:"scenario,omitempty"`
	Environment Environment `json:"environment"`
	// Runs are all runs of the workload, by number.
	Runs []Run `json:"runs"`
	Meta Meta  `json:"meta"`
}

// Portable is the answer where the engine leaves sysctls of the network alone on
// which the workload depends. Docker sets them so that low ports and ping need no
// capability; Kubernetes and other engines keep the kernel's defaults. It stands by
// itself: whoever needs no other may read it in the document's place.
type Portable struct {
	// Sysctls are the kernel's defaults with which it was found.
	Sysctls map[string]string `json:"sysctls"`
	Answer
}

// Environment is where it was run.
type Environment struct {
	Engine         string `json:"engine"`
	EngineVersion  string `json:"engineVersion,omitempty"`
	Runtime        string `json:"runtime,omitempty"`
	RuntimeVersion string `json:"runtimeVersion,omitempty"`
	StorageDriver  string `json:"storageDriver,omitempty"`
	CgroupVersion  string `json:"cgroupVersion,omitempty"`
	Kernel         string `json:"kernel"`
	Architecture   string `json:"architecture"`
	// Hook is how the checks were seen, empty when the runs were not traced.
	Hook string `json:"hook,omitempty"`
	// Traced is false for a profile made by removal alone: its set is right, and
	// there are no explanations.
	Traced bool `json:"traced"`
	// Ambient says that the workload starts as a user other than root and that what is added
	// reaches it all the same, in the ambient set; false where it reaches root alone, and
	// for a workload that starts as root.
	Ambient bool `json:"ambient,omitempty"`
	// Seccomp names the profile in force: "default", "unconfined", or a file; empty
	// where the engine has none.
	Seccomp string `json:"seccomp,omitempty"`
	// Confinement is what security modules held the containers of the answer under, by the
	// name of the module; empty where nothing did, and where that is not known.
	Confinement []Confinement `json:"confinement,omitempty"`
	// Sysctls are those inside the container on which the answer depends:
	// net.ipv4.ip_unprivileged_port_start and net.ipv4.ping_group_range.
	Sysctls map[string]string `json:"sysctls"`
}

// Confinement is what a security module held the containers under.
type Confinement struct {
	// Module is "apparmor" or "selinux", and Label its profile or domain.
	Module string `json:"module"`
	Label  string `json:"label"`
	// Permissive says that it only logged what it would have refused.
	Permissive bool `json:"permissive,omitempty"`
}

// Meta is all that may differ between two profiles of the same workload.
type Meta struct {
	Created        time.Time `json:"created"`
	CapprofVersion string    `json:"capprofVersion"`
	// Runs are the times of the runs, by number.
	Runs []RunTime `json:"runs"`
	// Occurrences say how often denials and failures were seen, by ID.
	Occurrences []Occurrence `json:"occurrences"`
	// TotalMS is the time of the whole profile in milliseconds.
	TotalMS int64 `json:"totalMs"`
}

// RunTime is how long a run took.
type RunTime struct {
	Number     int   `json:"number"`
	DurationMS int64 `json:"durationMs"`
}

// Occurrence is how often the denials or failures of an ID were seen.
type Occurrence struct {
	ID    string `json:"id"`
	Count uint64 `json:"count"`
	// PID is the process of the first of them, 0 where it is not known.
	PID int `json:"pid,omitempty"`
}

// Took is how long a run took, 0 where that is not known.
func (m *Meta) Took(number int) time.Duration {
	for _, r := range m.Runs {
		if r.Number == number {
			return time.Duration(r.DurationMS) * time.Millisecond
		}
	}
	return 0
}

// Count is how often the denials or failures of an ID were seen, 0 where that is not
// known.
func (m *Meta) Count(id string) uint64 {
	for _, o := range m.Occurrences {
		if o.ID == id {
			return o.Count
		}
	}
	return 0
}

// Saw adds occurrences to those of an ID.
func (m *Meta) Saw(id string, count uint64, pid int) {
	for i := range m.Occurrences {
		if m.Occurrences[i].ID == id {
			m.Occurrences[i].Count += count
			return
		}
	}
	m.Occurrences = append(m.Occurrences, Occurrence{ID: id, Count: count, PID: pid})
}

// OwnSysctls are the sysctls of the portable answer with the values that the
// document's own answer was found with.
func (d *Document) OwnSysctls() map[string]string {
	own := map[string]string{}
	for name := range d.Portable.Sysctls {
		own[name] = strings.Join(strings.Fields(d.Environment.Sysctls[name]), " ")
	}
	return own
}

// PortableRun is the number of the last run that passed with the portable answer, 0
// when there is none.
func (d *Document) PortableRun() int {
	shown := 0
	if d.Portable != nil {
		for _, run := range d.Runs {
			if run.Outcome == OutcomePassed && run.Grants().Equal(d.underPortable().all()) {
				shown = max(shown, run.Number)
			}
		}
	}
	return shown
}

// Beyond is what the portable set has beyond the document's own, and Spared what it
// does without; both are empty where there is no portable set.
func (d *Document) Beyond() capability.Set {
	if d.Portable == nil || !d.Portable.Verdict.Answers() {
		return 0
	}
	return d.Portable.Capabilities.Required.Minus(d.Capabilities.Required)
}

// Spared: see Beyond.
func (d *Document) Spared() capability.Set {
	if d.Portable == nil || !d.Portable.Verdict.Answers() {
		return 0
	}
	return d.Capabilities.Required.Minus(d.Portable.Capabilities.Required)
}
