// Package sentence says in English what a profile document holds. The report, the
// drift check, explain and the exports say the same thing with the same words, all of
// them printable whatever the workload was called.
package sentence

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/text"
)

// Operation is what was refused: "/usr/sbin/nginx: chown(/var/cache) = EPERM".
func Operation(o profile.Operation) string {
	who := o.Executable
	if who == "" {
		who = o.Process
	}
	if who == "" {
		who = "unknown program"
	}
	switch {
	case o.Asker == profile.AskerWrapper:
		who += " (your own wrapper: the shell that is process 1)"
	case o.Asker == profile.AskerExec:
		who += " (your --exec command)"
	case o.FromExec:
		who += " (entered from outside: docker exec or a health check)"
	}
	call := o.Syscall
	if call == "" {
		call = "outside of any system call"
	}
	if o.Object != "" {
		call += "(" + o.Object + ")"
	}
	// A call may succeed with a denial inside it: netlink answers in a message,
	// chmod drops a bit silently.
	result := "denied, though the call reported success"
	switch {
	case o.Errno != "":
		result = "= " + o.Errno
	case o.Syscall == "":
		result = "denied"
	}
	return text.Printable(who + ": " + call + " " + result)
}

// Because is who refused and what that means: "seccomp", or "capability check,
// chown_ok: change a file's owner"; "" when neither is known.
func Because(d profile.Denial) string {
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

// Denial is what was refused, by whom, and when: "/usr/bin/supervisord: kill(web,
// SIGTERM) = EPERM (capability check) at the stop of the first boot".
func Denial(d profile.Denial) string {
	words := Operation(d.Operation)
	if because := Because(d); because != "" {
		words += " (" + because + ")"
	}
	return strings.TrimSpace(words + " " + When(d.Phase))
}

// Failure is what failed, and when.
func Failure(f profile.Failure) string {
	return strings.TrimSpace(Operation(f.Operation) + " " + When(f.Phase))
}

// Choice names capabilities of which one would do: "DAC_OVERRIDE or
// DAC_READ_SEARCH".
func Choice(anyOf []capability.Cap) string {
	names := make([]string, len(anyOf))
	for i, c := range anyOf {
		names[i] = c.Short()
	}
	return strings.Join(names, " or ")
}

// Grants names grants of which one would do, printable: "DAC_OVERRIDE or --device
// /dev/fuse".
func Grants(anyOf []grant.Grant) string {
	names := make([]string, len(anyOf))
	for i, g := range anyOf {
		names[i] = Grant(g)
	}
	return strings.Join(names, " or ")
}

// Grant names one, printable.
func Grant(g grant.Grant) string {
	if g.IsOption() {
		return Option(g.Option)
	}
	return g.String()
}

// Why is one sentence on why something is required: the parts of a run that asked, what
// was refused first without it, and its proof where there is one.
func Why(d *profile.Document, r profile.Requirement) string {
	why := "found by trying without it"
	switch {
	case len(r.Denials) > 0:
		first := r.Denials[0]
		why = Operation(first.Operation)
		if because := Because(first); because != "" {
			why += " (" + because + ")"
		}
	case len(r.Failures) > 0:
		first := r.Failures[0]
		why = Operation(first.Operation)
		if first.Cause != "" {
			why += " (" + first.Cause + ")"
		}
	}
	if phases := Phases(d, r.Phases); phases != "" {
		why = phases + "; " + why
	}
	if r.Allows != "" {
		why = r.Allows + ": " + why
	}
	if run, ok := provingRun(d, r); ok && len(r.Denials)+len(r.Failures) == 0 {
		why += fmt.Sprintf(": run %d %s", run.Number, Ending(run))
	} else if ok {
		why += "; " + Proof(d, r)
	}
	return text.Printable(why)
}

// Settings are sysctls as a shell takes them, sorted.
func Settings(sysctls map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(sysctls)) {
		value := strings.Join(strings.Fields(sysctls[name]), " ")
		if strings.Contains(value, " ") {
			value = "'" + value + "'"
		}
		all = append(all, name+"="+value)
	}
	return text.Printable(strings.Join(all, ", "))
}

// Where names the place that the portable answer is for.
func Where(p *profile.Portable) string {
	return "on Kubernetes and plain hosts (" + Settings(p.Sysctls) + ")"
}

// Proof says what happened in the run that proves a need: "without it, run 7 exits
// with 1", "without it, in run 7 it stays root"; "" for no run.
func Proof(d *profile.Document, r profile.Requirement) string {
	if run, ok := provingRun(d, r); ok {
		i := slices.IndexFunc(r.Denials, func(d profile.Denial) bool { return d.Keeps != "" })
		if run.Kept && i >= 0 {
			return text.Printable(fmt.Sprintf("without it, in run %d %s", run.Number, r.Denials[i].Keeps))
		}
		return fmt.Sprintf("without it, run %d %s", run.Number, Ending(run))
	}
	return ""
}

func provingRun(d *profile.Document, r profile.Requirement) (profile.Run, bool) {
	for _, run := range d.Runs {
		if run.Number == r.ProvenBy {
			return run, true
		}
	}
	return profile.Run{}, false
}
