package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/relax"
	"github.com/capprof/capprof/internal/runner/search"
	"github.com/capprof/capprof/internal/runner/trial"
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
	// allowed, where a permission was missing at first.
	StartError *engine.StartError
}

// kernelDefaults are the kernel's own values of the sysctls on which a container's
// needs depend: PROT_SOCK and an empty range (inet_init_net of net/ipv4/af_inet.c).
var kernelDefaults = []search.Sysctl{
	{Name: observation.UnprivilegedPortStart, Value: "1024"},
	{Name: observation.PingGroupRange, Value: "1 0"},
}

// Profile finds and proves the capabilities of a workload. tracer is nil to do it
// by removal alone. The document is complete whenever the error is nil; a verdict
// is no error. When ctx ends, everything made is removed before it returns; what
// could not be is a trial.ErrCleanup in the error, or a note where there is an answer.
//
// A command that the first run cannot start, for another reason than a permission,
// is an error that holds a *engine.StartError, since no capability brings a missing
// file. A permission may come with one; when it does not, the verdict is failed.
func Profile(ctx context.Context, on engine.Engine, tracer trial.Tracer, opts Options, observer Observer) (*Outcome, error) {
	began := time.Now()
	if opts.Strict && tracer == nil {
		return nil, errors.New("what the workload survives is known from the trace only: --strict and --no-trace exclude each other")
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if !workload.ReadsInput(opts.Workload.Options) {
		opts.Input = nil
	}
	facts, err := on.Facts(ctx)
	if err != nil {
		return nil, err
	}
	if tracer != nil && !facts.SameKernel {
		return nil, fmt.Errorf("%w: %s", engine.ErrOtherKernel, facts.WhyRemote)
	}
	subject, err := on.Prepare(ctx, opts.Workload, observer.Pull())
	if err != nil {
		return nil, err
	}
	id := subject.Identity()
	opts.Log.Debug("engine", "name", facts.Name, "version", facts.Version, "endpoint", facts.Endpoint, "kernel", facts.KernelRelease, "runtime", facts.Runtime, "cgroups", facts.CgroupVersion, "driver", facts.CgroupDriver)
	opts.Log.Debug("image", "reference", id.Reference, "id", id.ID, "digest", id.Digest)

	room := trial.New(trial.Config{
		Subject: subject, Tracer: tracer, Modules: opts.listening(), Success: opts.Success, Told: opts.Told, Timeout: opts.Timeout, Data: opts.Data, Input: opts.Input, Resize: opts.Resize,
		Log: opts.Log,
	})
	l := newLab(room, opts, observer, asking(environmentOf(facts, id, opts.Workload), opts.Modules))
	found, err := search.Find(ctx, l, goalOf(facts, tracer != nil, opts))
	left := room.Cleaned()
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, errors.Join(err, left)
	}
	if left != nil {
		// The answer is right all the same.
		observer.Note(left.Error())
	}
	l.wondersAboutEnd()
	l.saysThatExecsCount()
	w := &writer{opts: opts, facts: facts, id: id, lab: l, found: found}
	if tracer != nil {
		w.hook = tracer.Hook()
	}
	doc := w.document()
	doc.Meta.TotalMS = time.Since(began).Milliseconds()
	doc.Meta.Created = began.UTC().Truncate(time.Second)
	out := &Outcome{Document: doc}
	if deciding := found.Deciding; deciding != nil {
		rec := l.records()[deciding.Run-1]
		out.Tail, out.Deciding = rec.tail, rec.Number
		if found.Verdict == search.NoSet {
			out.StartError = rec.startError
		}
	}
	return out, nil
}

// goalOf is what the search is to find.
func goalOf(facts engine.Facts, traced bool, opts Options) search.Goal {
	goal := search.Goal{
		Allowed: opts.Allowed, Trace: traced, Prove: opts.Prove, Strict: opts.Strict, Drops: !opts.TolerateDrops,
		SysctlsFixed: opts.Workload.Options.SharesNetwork(),
	}
	if opts.privileged() {
		goal.Relaxations = relax.For(facts, opts.Workload.Options)
	}
	for _, s := range kernelDefaults {
		// A sysctl that the user sets goes wherever the workload goes. Where nothing is
		// traced, only what the engine is known to set can differ.
		_, byUser := opts.Workload.Options.Sysctls()[s.Name]
		_, byEngine := facts.Sysctls[s.Name]
		if !byUser && (traced || byEngine) {
			goal.KernelDefaults = append(goal.KernelDefaults, s)
		}
	}
	return goal
}
