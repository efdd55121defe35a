package profile

import (
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/scenario"
)

// Asker is who asked for an operation, where that is not the image's own program.
type Asker string

// The askers that the user brought along.
const (
	AskerWrapper Asker = "wrapper" // the shell of the user's own command, which is process 1
	AskerExec    Asker = "exec"    // an --exec command
)

// Askers lists them.
func Askers() []Asker { return []Asker{AskerWrapper, AskerExec} }

// Operation is what a process of the workload tried. What is not known is empty.
type Operation struct {
	// Executable and Process say who: the file and the thread's name.
	Executable string `json:"executable,omitempty"`
	Process    string `json:"process,omitempty"`
	// FromExec says that the process entered the container from outside: docker exec,
	// a health check.
	FromExec bool `json:"fromExec,omitempty"`
	// Asker is empty for the image's own programs.
	Asker Asker  `json:"asker,omitempty"`
	UID   uint32 `json:"uid"`
	// Syscall is empty outside of any system call.
	Syscall string `json:"syscall,omitempty"`
	// Errno is the symbolic name, empty where the call itself succeeded.
	Errno string `json:"errno,omitempty"`
	// Object is what it was about, for people: a path, an address, a signal.
	Object string `json:"object,omitempty"`
}

// Mechanism is what refused, as the mapper names it: "capability check", "seccomp",
// "file capabilities".
type Mechanism string

// Denial is one kind of refused operation.
type Denial struct {
	// ID names the denial in Meta.Occurrences.
	ID string `json:"id"`
	Operation
	// AnyOf are the capabilities of which one would do.
	AnyOf []capability.Cap `json:"anyOf"`
	// Mechanism says who refused.
	Mechanism Mechanism `json:"mechanism,omitempty"`
	// CallSite is the kernel function that asked, and Meaning what that means; empty
	// where no check was made or the function is not in the table.
	CallSite string `json:"callSite,omitempty"`
	Meaning  string `json:"meaning,omitempty"`
	// Probe says that the call only asked whether a process is there: kill(pid, 0).
	Probe bool `json:"probe,omitempty"`
	// Silent says that the call succeeded and left something out for good, which an
	// exit code need not tell: Meaning says what.
	Silent bool `json:"silent,omitempty"`
	// Keeps says what the process went on with that the call was to give up: "it stays
	// root"; empty for all other denials.
	Keeps string `json:"keeps,omitempty"`
	// Remedies are better ways than the capability, of which one is enough.
	Remedies []remedy.Remedy `json:"remedies"`
	// Run is the number of the run in which it was seen, 0 where that is not known.
	Run int `json:"run,omitempty"`
	// Phase is the part of that run in which the first such operation was seen, nil for
	// a batch job.
	Phase *scenario.Phase `json:"phase,omitempty"`
}

// Failure is a refused operation that no capability would change.
type Failure struct {
	ID string `json:"id"`
	Operation
	// Cause is a sentence for people.
	Cause string `json:"cause,omitempty"`
	// Refuser is the security module that refused, or may have; nil where none is known
	// that could.
	Refuser *Refuser `json:"securityModule,omitempty"`
	// Remedies are what to do about it, of which one is enough.
	Remedies []remedy.Remedy `json:"remedies"`
	Run      int             `json:"run,omitempty"`
	// Phase is the part of the run in which the first such operation was seen, nil for
	// a batch job.
	Phase *scenario.Phase `json:"phase,omitempty"`
}

// Refuser is the security module that refused an operation which the capability checks
// let through.
type Refuser struct {
	// Module is "apparmor" or "selinux", and Label the profile or the domain of the process.
	Module string `json:"module"`
	Label  string `json:"label,omitempty"`
	// ShownBy is how it is known that it did; empty where it may have.
	ShownBy Evidence `json:"shownBy,omitempty"`
	// Record is the kernel's, without what is another each time.
	Record string `json:"record,omitempty"`
	// Rule is what the module's policy would have to have, in its own language.
	Rule string `json:"rule,omitempty"`
}

// Evidence is how the refusal of a security module is known.
type Evidence string

// The kinds of evidence.
const (
	EvidenceLog    Evidence = "log"    // the kernel has logged it
	EvidencePolicy Evidence = "policy" // the policy says so, asked afterwards
)

// Evidences lists them.
func Evidences() []Evidence { return []Evidence{EvidenceLog, EvidencePolicy} }
