package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
)

// whyFailed explains that not even everything allowed makes the workload pass.
func (s *session) whyFailed(reference result, found *findings) []string {
	everything := "with everything allowed (" + fewNames(reference.run.Capabilities) + ")"
	if reference.run.Capabilities.Empty() {
		everything = "with no capability, which is all that is allowed,"
	}
	if every := reference.run.Options; len(every) > 0 {
		everything += ", and with all that --privileged opens as far as other options open it (" + strings.Join(optionTexts(every), ", ") + "),"
	}
	reasons := []string{everything + " the workload " + ending(reference)}
	for _, o := range s.refusedOpenings {
		reasons = append(reasons, fmt.Sprintf("the engine refuses %s", o))
	}
	allowed, refused := s.allowed(), s.refused
	var helpless capability.Set
	for _, i := range found.unmet(allowed) {
		if anyOf := capability.Of(found.latest()[i].AnyOf...); refused.Contains(anyOf) {
			helpless = helpless.Union(anyOf)
		}
	}
	if !helpless.Empty() {
		reasons = append(reasons, fmt.Sprintf("it asks for %s, which the engine refuses to grant", helpless))
	}
	if beyond := found.beyond(allowed, refused); !beyond.Empty() {
		reasons = append(reasons, fmt.Sprintf("it asks for %s, which today's flags do not grant; --allow %s lets capprof grant it",
			beyond, strings.Join(beyond.ShortNames(), ",")))
	}
	return append(reasons, whyUnreachable(found)...)
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

// whyUnreachable says which capabilities do not arrive where they are needed, why,
// and what helps.
func whyUnreachable(found *findings) []string {
	type obstacle struct{ why, todo string }
	wanted := map[obstacle]capability.Set{}
	var obstacles []obstacle
	for _, d := range found.latest() {
		if !d.Unreachable {
			continue
		}
		o := obstacle{d.Why, advice.Sentence(d.Remedies, advice.Docker)}
		if _, seen := wanted[o]; !seen {
			obstacles = append(obstacles, o)
		}
		wanted[o] = wanted[o].Union(capability.Of(d.AnyOf...))
	}
	var reasons []string
	for _, o := range obstacles {
		reason := fmt.Sprintf("it asks for %s, and granting that changes nothing: %s", strings.Join(wanted[o].ShortNames(), " or "), o.why)
		if o.todo != "" {
			reason += "; " + o.todo
		}
		reasons = append(reasons, reason)
	}
	// Threads race within a run.
	slices.Sort(reasons)
	return reasons
}

// ending says how a run ended that did not pass.
func ending(r result) string {
	switch {
	case r.startErr != nil:
		return "does not start: " + r.startErr.Error()
	case r.run.Outcome == profile.OutcomeFailed:
		return fmt.Sprintf("exits %d", r.code())
	case r.run.Outcome == profile.OutcomeTimeout:
		return "does not end in time"
	default:
		return "is " + string(r.run.Outcome)
	}
}

// whyLossy says what is missing because the tracer did not see everything.
func whyLossy(losses observation.Losses) []string {
	var reasons []string
	if losses.Unseen > 0 {
		reasons = append(reasons, fmt.Sprintf("the tracer saw no process of the container in %d of the runs, so explanations and tolerated denials are missing; "+
			"the engine may run containers in other cgroups than capprof expects", losses.Unseen))
	}
	losses.Unseen = 0
	if losses.Total() > 0 {
		reasons = append(reasons, "events of the trace were lost, so explanations and tolerated denials may be missing")
	}
	return reasons
}

// whyUnstable says what is wrong about a run that fails with a set that should
// pass.
func (s *session) whyUnstable(failed profile.Run) string {
	for _, run := range s.runs {
		if run.Capabilities == failed.Capabilities && slices.Equal(run.Options, failed.Options) && run.Outcome == profile.OutcomePassed {
			return contradicts(run, failed)
		}
	}
	return fmt.Sprintf("run %d fails with %s, to which the search by removal led: the workload does not behave the same from run to run, or needs more where it has less",
		failed.Number, failed.Capabilities)
}

func contradicts(passed, failed profile.Run) string {
	return fmt.Sprintf("the workload is not stable: with %s run %d passed and run %d did not", passed.Capabilities, passed.Number, failed.Number)
}

func strictFails(r result) string {
	return fmt.Sprintf("with %s, which --strict asks for, the workload %s in run %d", r.run.Capabilities, ending(r), r.run.Number)
}

func strictAdds(a answer, added capability.Set) string {
	if a.set.Empty() || a.verdict != profile.Proven {
		return fmt.Sprintf("the workload survives without %s, required by --strict", added)
	}
	return fmt.Sprintf("the workload survives without %s, required by --strict; that it needs %s was proven", added, a.set)
}
