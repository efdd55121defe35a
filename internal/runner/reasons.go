package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/callwords"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/search"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/workload"
)

// reasons puts into words why an answer is not a better one.
func (w *writer) reasons(a search.Answer) []string {
	var all []string
	for _, r := range a.Reasons {
		all = append(all, w.reason(r, a)...)
	}
	if len(a.Sysctls) > 0 && a.Verdict == search.NoSet {
		all = append(all, whyNotPortable(a.Knowledge, w.platform())...)
		if w.hook != "" {
			all = append(all, "with "+settings(w.here(a.Sysctls))+" on the target, the set above is enough")
		}
	}
	return all
}

// platform is what the workload was run on, in the words of which advice is given.
func (w *writer) platform() advice.Platform {
	if w.facts.Name == workload.PlainEngine {
		return advice.Host
	}
	return advice.Docker
}

// here are the values that sysctls have on the engine that was profiled on.
func (w *writer) here(sysctls []search.Sysctl) []search.Sysctl {
	var all []search.Sysctl
	for _, s := range sysctls {
		all = append(all, search.Sysctl{Name: s.Name, Value: w.sysctls()[s.Name]})
	}
	return all
}

func (w *writer) reason(r search.Reason, a search.Answer) []string {
	switch r.Cause {
	case search.NotTested:
		return []string{"whether each " + kinds(r.Set) + " is needed was not tested (--no-prove)"}
	case search.Unfinished:
		return []string{whyEarly(r.Err), leftOver(r)}
	case search.EverythingFails:
		return []string{w.everythingFails(*r.Run)}
	case search.EngineRefuses:
		return []string{fmt.Sprintf("it asks for %s, which the engine refuses to grant", r.Set.Capabilities)}
	case search.OptionRefused:
		return []string{"the engine refuses " + names(r.Set)}
	case search.BeyondAllowed:
		return []string{fmt.Sprintf("it asks for %s, which today's flags do not grant; to allow it: --allow %s", r.Set.Capabilities, strings.Join(r.Set.Capabilities.ShortNames(), ","))}
	case search.OutOfReach:
		return whyUnreachable(a.Knowledge.Latest(), w.platform())
	case search.Unstable:
		return []string{fmt.Sprintf("the workload is not stable: with %s, run %d passed and run %d did not", names(r.Set), r.Other.Run, r.Run.Run)}
	case search.Dependent:
		return []string{fmt.Sprintf("run %d fails with %s, which the search by removal inferred to be enough: the workload does not behave the same from run to run", r.Run.Run, names(r.Set))}
	case search.SysctlsFixed:
		return []string{fmt.Sprintf("with --network %s the sysctls are not the container's own (%s), and no run can have others", workload.NetworkMode(w.opts.Workload.Options), settings(w.here(a.Sysctls)))}
	case search.SysctlsRefused:
		return []string{fmt.Sprintf("the engine does not run it with %s: %v", settings(a.Sysctls), r.Err)}
	case search.DropsUnseen:
		return []string{"without a trace it does not show whether a process goes on with privileges that it meant to give up"}
	case search.TraceLost:
		return whyLossy(w.lab.losses(a))
	case search.TraceMissed:
		return []string{whyMissed(w.lab.losses(a).Missed, r.Unsure)}
	case search.StrictMissed:
		return []string{fmt.Sprintf("the kernel skipped events in each run with %s, so --strict may lack what was refused in one of them; try again when the machine is less busy", names(r.Set))}
	case search.StrictFails:
		return []string{fmt.Sprintf("with %s, which --strict asks for, the workload %s in run %d", names(r.Set), w.ending(*r.Run), r.Run.Run)}
	case search.StrictAdds:
		added := fmt.Sprintf("the workload survives without %s, required by --strict", names(r.Set))
		if !r.Proven.Empty() {
			added += "; that it needs " + names(r.Proven) + " was proven"
		}
		return []string{added}
	}
	return nil
}

// everythingFails says that not even everything allowed makes the workload pass.
func (w *writer) everythingFails(reference search.Outcome) string {
	set := reference.Grants
	everything := "even with everything that is allowed (" + fewNames(set.Capabilities) + ")"
	if set.Capabilities.Empty() {
		everything = "with no capability, which is all that is allowed,"
	}
	if options := set.Options(); len(options) > 0 {
		everything += ", and with the options that come nearest to --privileged (" + words(options) + "),"
	}
	if reference.End == search.TimedOut {
		return fmt.Sprintf("%s the workload %s", everything, w.tooLong())
	}
	return everything + " the workload " + w.ending(reference)
}

// tooLong says what a run that took all its time did not come to, and what to do.
func (w *writer) tooLong() string {
	learned, known := w.lab.room.Learned()
	switch ready := w.opts.Told.Ready; {
	case known && learned.Kind == scenario.Batch || w.opts.Told.IsBatch():
		return fmt.Sprintf("was still running after %v (--timeout)", w.opts.Timeout)
	case ready.How != "":
		return fmt.Sprintf("was not ready after %v (--timeout), as --ready %s has it", w.opts.Timeout, ready)
	case w.id.Healthcheck:
		return fmt.Sprintf("was not healthy after %v (--timeout), as its health check has it; --ready says what else makes it ready", w.opts.Timeout)
	}
	return fmt.Sprintf("was still at work after %v (--timeout): a job that takes longer needs a longer --timeout, and of a service that is never quiet say when it is ready (--ready)", w.opts.Timeout)
}

// isService reports whether the workload is a service, as far as that is known.
func (w *writer) isService() bool {
	learned, _ := w.lab.room.Learned()
	return w.opts.Told.IsService() || learned.Kind == scenario.Service
}

// ending says how a run ended that did not pass.
func (w *writer) ending(o search.Outcome) string {
	rec := w.lab.records()[o.Run-1]
	switch {
	case o.NotStarted:
		return "does not start: " + o.Err.Error()
	case o.End == search.Kept:
		return "goes on with privileges that it meant to give up"
	case w.isService() && rec.FailedIn != nil && (o.End == search.Failed || o.End == search.Stuck):
		return fmt.Sprintf("fails at the %s: %s", rec.FailedIn, rec.Detail)
	case rec.Outcome == profile.OutcomeFailed && rec.ExitCode != nil:
		return fmt.Sprintf("exits with %d", *rec.ExitCode)
	case o.End == search.TimedOut:
		return fmt.Sprintf("was still running after %v (--timeout)", w.opts.Timeout)
	default:
		return "is " + string(rec.Outcome)
	}
}

// whyEarly says what ended a search early.
func whyEarly(err error) string {
	if o, ok := search.Withdrawn(err); ok {
		return fmt.Sprintf("the engine refused a part of what it had granted before: run %d with %s (%v)", o.Run, names(o.Grants), o.Err)
	}
	return err.Error()
}

// leftOver says what was not done when a search ended early.
func leftOver(r search.Reason) string {
	switch r.Left {
	case search.FindAny:
		return "no set that passes was found by then"
	case search.TryEverything:
		return "whether the workload passes with everything allowed was not tested"
	case search.FindRelaxations:
		return "which of the options that replace --privileged are needed was not tested"
	case search.FindSmaller:
		return fmt.Sprintf("%s is enough; the search for a smaller set was not finished", names(r.Set))
	case search.ConfirmSet:
		return names(r.Set) + " was not confirmed by a run of its own"
	case search.ProveSet:
		return fmt.Sprintf("%s is enough; whether %s is needed was not tested to the end", names(r.Set), names(r.Missing))
	case search.LookAtTolerated:
		return "what the workload tolerates with the set was not looked at"
	case search.AddStrict:
		return "what --strict adds to the set was not tested to the end"
	}
	return ""
}

// whyUnreachable says which capabilities do not arrive where they are needed, why, and
// what helps.
func whyUnreachable(denials []mapper.Denial, on advice.Platform) []string {
	type obstacle struct{ why, todo string }
	wanted := map[obstacle]capability.Set{}
	for _, d := range denials {
		if d.Unreachable {
			o := obstacle{d.Why, advice.Sentence(d.Remedies, on)}
			wanted[o] = wanted[o].Union(capability.Of(d.AnyOf...))
		}
	}
	var reasons []string
	for o, caps := range wanted {
		reason := fmt.Sprintf("it asks for %s, but granting that does not help: %s", strings.Join(caps.ShortNames(), " or "), o.why)
		if o.todo != "" {
			reason += "; " + o.todo
		}
		reasons = append(reasons, reason)
	}
	// Threads race within a run.
	slices.Sort(reasons)
	return reasons
}

// whyNotPortable says which calls of the last traced run the kernel's defaults refused,
// where no capability would have helped.
func whyNotPortable(k *search.Knowledge, on advice.Platform) []string {
	var reasons []string
	for _, f := range k.Failures[k.Last.Run] {
		op := f.Operation
		if op.Syscall != "socket" && op.Syscall != "bind" {
			continue
		}
		reason := fmt.Sprintf("%s(%s) = %s: %s", op.Syscall, callwords.Object(op), errnoName(op), f.Cause)
		if todo := advice.Sentence(f.Remedies, on); todo != "" {
			reason += "; " + todo
		}
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}

// whyLossy says what is missing because the tracer did not see everything.
func whyLossy(losses observation.Losses) []string {
	var reasons []string
	if losses.Unseen > 0 {
		reasons = append(reasons, fmt.Sprintf("the tracer saw no process of the container in %d of the runs, so explanations and tolerated denials are missing; "+
			"the engine may run containers in other cgroups than capprof expects", losses.Unseen))
	}
	losses.Unseen = 0
	if losses.Gaps() > 0 {
		reasons = append(reasons, "events of the trace were lost, so explanations and tolerated denials may be missing")
	}
	return reasons
}

// whyMissed says what may be missing because the kernel skipped events of the trace.
func whyMissed(events uint64, drops bool) string {
	reason := fmt.Sprintf("the kernel skipped %d events of the trace, perhaps of other processes, so explanations, tolerated denials and when something is asked for may lack some; "+
		"the set itself rests on how the runs ended", events)
	if drops {
		reason += "; whether a process goes on with privileges that it meant to give up is not certain"
	}
	return reason
}

// fewNames are a set's names, or their number where nobody would read them; the run
// that had the set is in the profile.
func fewNames(set capability.Set) string {
	const few = 4
	if set.Len() > few {
		return capability.Counted(set.Len())
	}
	return set.String()
}

// names lists a set for people: "CHOWN, KILL, --device /dev/fuse".
func names(set grant.Set) string {
	if set.Empty() {
		return "no capability"
	}
	return set.String()
}

// kinds says what a set consists of.
func kinds(set grant.Set) string {
	switch {
	case len(set.Options()) == 0:
		return "capability"
	case set.Capabilities.Empty():
		return "option"
	}
	return "capability and option"
}

// words lists options for people.
func words(options []workload.Setting) string {
	all := make([]string, len(options))
	for i, o := range options {
		all[i] = o.String()
	}
	return strings.Join(all, ", ")
}

// settings are sysctls as a shell takes them, for people.
func settings(sysctls []search.Sysctl) string {
	values := map[string]string{}
	for _, s := range sysctls {
		values[s.Name] = s.Value
	}
	return sentence.Settings(values)
}
