package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// Outcome is what profiling a workload gave.
type Outcome struct {
	Document *profile.Document
	// Tail holds the last lines of the run that decided a verdict which is not a
	// success, Deciding that run's number, 0 when there is none.
	Tail     []string
	Deciding int
	// StartError is set when the command could not be started with everything
	// allowed, for want of a permission at first.
	StartError *engine.StartError
}

// Profile finds and proves the capabilities of a workload. tracer is nil to do it
// by removal alone. The document is complete whenever the error is nil; a verdict
// is no error. When ctx ends, everything made is removed before it returns; what
// could not be is an ErrCleanup in the error, or a note where there is an answer.
//
// A command that the first run cannot start, for another reason than a permission,
// is an error that holds a *StartError, since no capability brings a missing file.
// A permission may be cured by one; when none does, the verdict is failed.
func Profile(ctx context.Context, on engine.Engine, tracer Tracer, opts Options, observer Observer) (*Outcome, error) {
	began := time.Now()
	if opts.Strict && tracer == nil {
		return nil, errors.New("what the workload survives is known from the trace only: --strict and --no-trace exclude each other")
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if !opts.Workload.Options.Bool("interactive") {
		opts.Input = nil
	}
	info, err := on.Facts(ctx)
	if err != nil {
		return nil, err
	}
	if tracer != nil && !info.SameKernel {
		return nil, fmt.Errorf("%w: %s", engine.ErrOtherKernel, info.WhyRemote)
	}
	subject, err := on.Prepare(ctx, opts.Workload, observer.Pull())
	if err != nil {
		return nil, err
	}
	id := subject.Identity()
	opts.Log.Debug("engine", "name", info.Name, "version", info.Version, "endpoint", info.Endpoint, "kernel", info.KernelRelease, "runtime", info.Runtime, "cgroups", info.CgroupVersion, "driver", info.CgroupDriver)
	opts.Log.Debug("image", "reference", id.Reference, "id", id.ID, "digest", id.Digest)
	s := &session{engine: on, tracer: tracer, opts: opts, observer: observer, info: info, subject: subject, pace: newPace(), openingProof: map[workload.Setting]int{}, ledger: &ledger{outputs: map[int]*tail{}}}
	found := newFindings(0)
	env := mapper.Environment{
		NoNewPrivileges: opts.Workload.Options.NoNewPrivileges(),
		SecurityModules: securityModules(info),
		RootUID:         info.RootUID,
		Mounts:          mountsOf(info, opts.Workload),
		Settings:        hostSettings(info),
		SharedNetwork:   opts.Workload.Options.SharesNetwork(),
		HasDevice:       info.HasDevice,
	}
	if filter := id.Seccomp.Filter; filter != nil {
		env.Seccomp = filter
	}
	a, err := s.answer(ctx, env, found, known{})
	var portable *elsewhere
	if err == nil {
		portable, err = s.portable(ctx, env, a, found)
	}
	left := s.cleaned()
	if err != nil {
		return nil, errors.Join(err, left)
	}
	if left != nil {
		// The answer is right all the same.
		observer.Note(left.Error())
	}
	doc := s.document(a, found, portable)
	doc.Meta.TotalMS = time.Since(began).Milliseconds()
	doc.Meta.Created = began.UTC().Truncate(time.Second)
	out := &Outcome{Document: doc}
	if a.deciding != nil {
		out.Tail, out.Deciding = a.deciding.output.last(), a.deciding.run.Number
		if a.verdict == profile.Failed {
			out.StartError = a.deciding.startErr
		}
	}
	return out, nil
}

func securityModules(info engine.Facts) []string {
	var modules []string
	for _, module := range info.SecurityModules {
		modules = append(modules, string(module))
	}
	return modules
}

// seccompName is the seccomp profile in force: what the session's options say, or else
// what the workload was prepared with.
func (s *session) seccompName() string {
	if asked := (workload.Options{}).With(s.options...).Seccomp(); asked != "" {
		return asked
	}
	return s.subject.Identity().Seccomp.Name
}
