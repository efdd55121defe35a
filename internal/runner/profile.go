package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/seccomp"
)

// Outcome is what profiling a workload gave.
type Outcome struct {
	Document *profile.Document
	// Tail holds the last lines of the run that decided a verdict which is not a
	// success, Deciding that run's number, 0 when there is none.
	Tail     []string
	Deciding int
	// StartError is set when the command could not be started with any set.
	StartError *StartError
}

// Profile finds and proves the capabilities of a workload. tracer is nil to do it
// by removal alone. The document is complete whenever the error is nil; a verdict
// is no error. When ctx ends, everything made is removed before it returns.
func Profile(ctx context.Context, engine Engine, tracer Tracer, opts Options, observer Observer) (*Outcome, error) {
	began := time.Now()
	info, err := engine.Info(ctx)
	if err != nil {
		return nil, err
	}
	image, err := engine.Image(ctx, opts.Workload.Image, observer.Pull())
	if err != nil {
		return nil, err
	}
	s := &session{engine: engine, tracer: tracer, opts: opts, observer: observer, info: info, image: image, pace: newPace()}
	if err := s.emptyCommand(); err != nil {
		return nil, err
	}
	gate, err := gateFor(info, opts.Workload)
	if err != nil {
		return nil, err
	}
	found := &findings{denials: map[int][]mapper.Denial{}, failures: map[int][]mapper.Failure{}}
	a, err := s.answer(ctx, mapper.Environment{
		Gate:            gate,
		NoNewPrivileges: slices.ContainsFunc(opts.Workload.SecurityOpt, isNoNewPrivileges),
		SecurityModules: securityModules(info),
	}, found)
	s.removals.Wait()
	if err != nil {
		return nil, errors.Join(append([]error{err}, s.cleanup...)...)
	}
	if len(s.cleanup) > 0 {
		return nil, errors.Join(s.cleanup...)
	}
	doc := s.document(a, found)
	doc.Meta.TotalMS = time.Since(began).Milliseconds()
	doc.Meta.Created = began.UTC().Truncate(time.Second)
	out := &Outcome{Document: doc}
	if a.deciding != nil {
		out.Tail, out.Deciding, out.StartError = a.deciding.output.last(), a.deciding.run.Number, a.deciding.startErr
	}
	return out, nil
}

// emptyCommand refuses a workload without any command, which no engine starts.
func (s *session) emptyCommand() error {
	w := s.opts.Workload
	entrypoint := s.image.Entrypoint
	if w.Entrypoint != nil {
		entrypoint = slices.DeleteFunc(slices.Clone(w.Entrypoint), func(arg string) bool { return arg == "" })
	}
	if len(w.Command) == 0 && len(entrypoint) == 0 && (len(s.image.Command) == 0 || w.Entrypoint != nil) {
		return fmt.Errorf("%w: image %s has no command of its own; say what to run: capprof run %s -- COMMAND", ErrBadWorkload, w.Image, w.Image)
	}
	return nil
}

// answer is what the search ended with.
type answer struct {
	verdict  profile.Verdict
	reasons  []string
	set      capability.Set
	provenBy map[capability.Cap]int
	// searched is true when removal, not the trace, found the set.
	searched bool
	// strict are capabilities of the set that only --strict asks for.
	strict capability.Set
	// deciding is the run that decided against a success.
	deciding *result
}

// answer goes through the loop: explore, and where that does not end well,
// reference and search; then confirm and prove.
func (s *session) answer(ctx context.Context, env mapper.Environment, found *findings) (answer, error) {
	set, ok, err := s.first(ctx, env, found)
	if err != nil {
		return s.stopped(answer{set: set}, err)
	}
	a := answer{set: set}
	if !ok {
		reference, err := s.reference(ctx)
		if err != nil {
			return s.stopped(a, err)
		}
		if !reference.passed {
			a.verdict, a.deciding = profile.Failed, &reference
			a.reasons = s.whyFailed(reference, found)
			a.set = 0
			return a, nil
		}
		a.searched = true
		if a.set, err = s.searchByRemoval(ctx, set, s.allowed()); err != nil {
			return s.stopped(a, err)
		}
	}
	if a.set.Empty() && !s.opts.Strict {
		// The run that passed had nothing: there is nothing to confirm or remove.
		a.verdict = profile.Proven
		return s.lossy(a), nil
	}
	if a, err = s.settle(ctx, env, found, a); err != nil || a.verdict != profile.Proven && a.verdict != profile.Confirmed {
		return s.stopped(a, err)
	}
	return s.lossy(a), nil
}

// first finds a set that passes, or shows that the trace does not lead to one.
func (s *session) first(ctx context.Context, env mapper.Environment, found *findings) (capability.Set, bool, error) {
	if s.tracer != nil {
		set, ok, err := s.explore(ctx, env, found)
		if s.opts.Input != nil {
			s.opts.Input.Seal()
		}
		return set, ok, err
	}
	r, err := s.run(ctx, plan{purpose: profile.PurposeSearch, set: 0})
	if s.opts.Input != nil {
		s.opts.Input.Seal()
	}
	return 0, r.passed, err
}

// settle confirms and proves the set of an answer, and looks once more at what is
// tolerated when the set became smaller than the one that was traced.
func (s *session) settle(ctx context.Context, env mapper.Environment, found *findings, a answer) (answer, error) {
	if !s.opts.Prove {
		r, err := s.confirm(ctx, a.set)
		if err != nil {
			return a, err
		}
		if !r.passed {
			return unstable(a, r), nil
		}
		a.verdict = profile.Confirmed
		a.reasons = append(a.reasons, "that nothing in the set can go was not tried (--no-prove)")
		return s.strict(ctx, env, found, a)
	}
	p, err := s.prove(ctx, a.set)
	a.set, a.provenBy = p.set, p.provenBy
	if err != nil {
		return a, err
	}
	if !p.confirmed {
		return unstable(a, p.failedRun), nil
	}
	a.verdict = profile.Proven
	if s.tracer != nil && found.last.run.Set != a.set {
		r, err := s.exploreOnce(ctx, a.set)
		if err != nil {
			return a, err
		}
		if !r.passed {
			return unstable(a, r), nil
		}
		s.learn(env, r, found)
	}
	return s.strict(ctx, env, found, a)
}

// strict adds what the workload tolerates the want of, until nothing that may be
// granted is denied.
func (s *session) strict(ctx context.Context, env mapper.Environment, found *findings, a answer) (answer, error) {
	if !s.opts.Strict || s.tracer == nil {
		return a, nil
	}
	needed := a.set
	for {
		choice := mapper.Choose(mapper.Clauses(found.denials[found.last.run.Number]), s.allowed(), a.set)
		if choice.Added.Empty() {
			break
		}
		a.set = a.set.Union(choice.Added)
		r, err := s.exploreOnce(ctx, a.set)
		if err != nil {
			return a, err
		}
		if r.refused {
			if a.set, err = s.grantable(ctx, a.set); err != nil {
				return a, err
			}
			continue
		}
		if !r.passed {
			return unstable(a, r), nil
		}
		s.learn(env, r, found)
	}
	if a.strict = a.set.Minus(needed); !a.strict.Empty() {
		a.verdict = profile.Confirmed
		a.reasons = append(a.reasons, fmt.Sprintf("the workload survives without %s, required by --strict", a.strict))
	}
	return a, nil
}

// unstable is the answer when a set that passed fails later.
func unstable(a answer, r result) answer {
	a.verdict, a.deciding = profile.Incomplete, &r
	a.reasons = append(a.reasons, fmt.Sprintf("the workload is not stable: run %d failed with a set that had passed", r.run.Number))
	return a
}

// stopped turns the end of the run budget into an incomplete answer; other errors
// stay errors.
func (s *session) stopped(a answer, err error) (answer, error) {
	if !errors.Is(err, errRunLimit) {
		return a, err
	}
	a.verdict = profile.Incomplete
	a.reasons = append(a.reasons, err.Error())
	return a, nil
}

// lossy takes the good verdict from an answer whose trace has gaps.
func (s *session) lossy(a answer) answer {
	if total := s.losses.Total(); total > 0 {
		a.verdict = profile.Incomplete
		a.reasons = append(a.reasons, fmt.Sprintf("%d events of the trace were lost, so explanations and tolerated denials may be missing", total))
	}
	return a
}

// whyFailed explains that not even everything allowed makes the workload pass.
func (s *session) whyFailed(reference result, found *findings) []string {
	reasons := []string{fmt.Sprintf("with everything allowed (%s) the workload %s", reference.run.Set, ending(reference.run))}
	var beyond capability.Set
	for _, clause := range found.unmet {
		beyond = beyond.Union(mapper.Choose([]mapper.Clause{clause}, capability.Known(), 0).Added)
	}
	beyond = beyond.Minus(s.opts.Allowed)
	if !beyond.Empty() {
		reasons = append(reasons, fmt.Sprintf("it asks for %s, which today's flags do not grant; --allow %s lets capprof grant it",
			beyond, strings.Join(beyond.ShortNames(), ",")))
	}
	return reasons
}

func ending(r profile.Run) string {
	switch r.Outcome {
	case profile.OutcomeFailed:
		return fmt.Sprintf("exits %d", r.ExitCode)
	case profile.OutcomeTimeout:
		return "does not end in time"
	default:
		return "is " + r.Outcome
	}
}

// gateFor is the seccomp profile that the engine applies to a workload, nil when
// there is none.
func gateFor(info EngineInfo, w Workload) (mapper.Gate, error) {
	switch name := seccompName(info, w); name {
	case "unconfined":
		return nil, nil
	case "default", "builtin":
		return seccomp.Default(info.Version), nil
	default:
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("%w: reading the seccomp profile: %w", ErrBadWorkload, err)
		}
		gate, err := seccomp.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("%w: seccomp profile %s: %w", ErrBadWorkload, name, err)
		}
		return gate, nil
	}
}

func isNoNewPrivileges(option string) bool {
	name, value, _ := strings.Cut(strings.Replace(option, ":", "=", 1), "=")
	return name == "no-new-privileges" && value != "false"
}

func securityModules(info EngineInfo) []string {
	var modules []string
	for _, option := range info.SecurityOptions {
		for _, name := range []string{"apparmor", "selinux"} {
			if strings.Contains(option, "name="+name) {
				modules = append(modules, name)
			}
		}
	}
	return modules
}

// seccompName is the seccomp profile in force: the option's value, or the engine's
// default, "default" for its built-in one.
func seccompName(info EngineInfo, w Workload) string {
	for _, option := range w.SecurityOpt {
		if value, ok := strings.CutPrefix(strings.Replace(option, ":", "=", 1), "seccomp="); ok {
			return value
		}
	}
	if info.Seccomp == "" {
		return "unconfined"
	}
	return info.Seccomp
}
