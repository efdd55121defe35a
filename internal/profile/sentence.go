package profile

import (
	"fmt"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/text"
)

// The sentences below are for people, printable whatever the workload was
// called. The report and the drift check say the same thing with the same words.

// Operation is what was refused: "/usr/sbin/nginx: chown(/var/cache) = EPERM".
func (d Denial) Operation() string {
	return operation(d.Executable, d.Process, d.Joined, d.Syscall, d.Object, d.Errno)
}

// Operation is what failed, in the words of Denial.Operation.
func (f Failure) Operation() string {
	return operation(f.Executable, f.Process, f.Joined, f.Syscall, f.Object, f.Errno)
}

func operation(executable, process string, joined bool, syscall, object, errno string) string {
	who := executable
	if who == "" {
		who = process
	}
	if who == "" {
		who = "unknown program"
	}
	if joined {
		who += " (entered from outside: docker exec or a health check)"
	}
	call := syscall
	if call == "" {
		call = "outside of any system call"
	}
	if object != "" {
		call += "(" + object + ")"
	}
	// A call may succeed with a denial inside it: netlink answers in a message,
	// chmod drops a bit silently.
	result := "denied inside a call that returned success"
	switch {
	case errno != "":
		result = "= " + errno
	case syscall == "":
		result = "denied"
	}
	return text.Printable(who + ": " + call + " " + result)
}

// Because is who refused and what that means: "seccomp", or "capability check,
// chown_ok: change a file's owner"; "" when neither is known.
func (d Denial) Because() string {
	reason := string(d.Mechanism)
	switch {
	case d.CallSite != "" && d.Meaning != "":
		reason += ", " + d.CallSite + ": " + d.Meaning
	case d.CallSite != "":
		reason += ", " + d.CallSite
	case d.Meaning != "":
		reason += ": " + d.Meaning
	}
	return text.Printable(strings.TrimPrefix(strings.TrimPrefix(reason, ", "), ": "))
}

// Choice names the capabilities of which one would do: "DAC_OVERRIDE or
// DAC_READ_SEARCH".
func (d Denial) Choice() string {
	names := make([]string, len(d.AnyOf))
	for i, c := range d.AnyOf {
		names[i] = c.Short()
	}
	return strings.Join(names, " or ")
}

// Proof says what happened without the capability: "run 7 without it exits 1",
// "" when no run was made without it.
func (d *Document) Proof(r Requirement) string { return d.proofBy(r.ProvenBy) }

func (r Run) ending() string {
	switch r.Outcome {
	case OutcomeStuck:
		return "hangs"
	case OutcomeTimeout:
		return "runs into the time limit"
	default:
		return fmt.Sprintf("exits %d", r.ExitCode)
	}
}

// Remedies are those of each denial.
func Remedies(denials []Denial) [][]remedy.Remedy {
	all := make([][]remedy.Remedy, len(denials))
	for i, d := range denials {
		all[i] = d.Remedies
	}
	return all
}

// Requirement returns the explanation of a required capability.
func (d *Document) Requirement(c capability.Cap) (Requirement, bool) {
	return requirement(d.Required, c)
}

// Requirement returns the explanation of a capability that the portable set has and
// the document's own lacks; false for a nil Portable.
func (p *Portable) Requirement(c capability.Cap) (Requirement, bool) {
	if p == nil {
		return Requirement{}, false
	}
	return requirement(p.Required, c)
}

func requirement(all []Requirement, c capability.Cap) (Requirement, bool) {
	for _, r := range all {
		if r.Capability == c {
			return r, true
		}
	}
	return Requirement{}, false
}

// Why is one sentence on why a capability is required: its first piece of
// evidence, and its proof where there is one.
func (d *Document) Why(c capability.Cap) string {
	r, ok := d.Requirement(c)
	if !ok {
		return "not required"
	}
	return d.Explain(r)
}

// Explain is Why for a requirement of the document or of its portable answer.
func (d *Document) Explain(r Requirement) string {
	why := "found by removal"
	if len(r.Evidence) > 0 {
		first := r.Evidence[0]
		why = first.Operation()
		if because := first.Because(); because != "" {
			why += " (" + because + ")"
		}
	}
	if proof := d.Proof(r); proof != "" {
		why += "; " + proof
	}
	return why
}
