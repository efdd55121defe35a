package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/progress"
	"github.com/capprof/capprof/internal/runner"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/tracer"
	"github.com/capprof/capprof/internal/workload"
)

// profileWorkload is what run and check share: it prepares engine, tracer,
// terminal and progress, and profiles.
func profileWorkload(ctx context.Context, opts runner.Options, search *searchFlags, std stdio) (*runner.Outcome, error) {
	if search.output != "" && search.output != "-" {
		if err := profile.Writable(search.output); err != nil {
			return nil, coded(exitUnfit, err)
		}
	}
	if err := errors.Join(checkCapabilities(opts.Workload.Options), std.engine.fits(opts.Workload.Options)); err != nil {
		return nil, err
	}
	var shown *progress.Progress
	at, err := openEngine(std, func(message string) { shown.Note(message) })
	if err != nil {
		return nil, std.engine.withoutEngine(err)
	}
	defer at.Close()
	var tracing trial.Tracer
	if !search.noTrace {
		if tracing, err = prepareTracing(search.hook); err != nil {
			return nil, err
		}
		opts.Modules = securityModules()
	}
	term, err := prepareTerminal(&opts, std)
	if err != nil {
		return nil, err
	}
	defer term.restore()
	shown, err = progress.New(progressOptions(opts.Workload, search, std, term.isRaw))
	if err != nil {
		return nil, coded(exitUnfit, err)
	}
	defer shown.Close()
	if said := withoutEffect(opts.Workload.Options); said != "" && !search.quiet {
		shown.Note(said)
	}
	std.debug.through(shown.Log())
	opts.Log = std.debug.Logger
	if opts.Input != nil {
		opts.Input.OnSeal(func() {
			term.restore()
			shown.Cooked()
		})
	}
	facts, err := at.Facts(ctx)
	if err != nil {
		return nil, std.engine.withoutEngine(err)
	}
	if said := chosen(facts); said != "" && !search.quiet {
		shown.Note(said)
	}
	out, err := profileOn(ctx, at, tracing, opts, shown)
	if errors.Is(err, engine.ErrOtherKernel) {
		return nil, coded(exitUnfit, fmt.Errorf("%w; run capprof on the engine's machine; %s", err, otherwise))
	}
	if err != nil {
		return nil, std.engine.withoutEngine(err)
	}
	shown.Close()
	term.restore()
	showTail(out, std.err)
	return out, nil
}

// profileOn asks the engine what it grants, and profiles.
func profileOn(ctx context.Context, at engine.Engine, tracing trial.Tracer, opts runner.Options, shown runner.Observer) (*runner.Outcome, error) {
	facts, err := at.Facts(ctx)
	if err != nil {
		return nil, err
	}
	if err := setPrivileges(&opts, facts.DefaultCapabilities); err != nil {
		return nil, err
	}
	return runner.Profile(ctx, at, tracing, opts, shown)
}

// setPrivileges says what the workload is granted today, and adds to what may be granted
// what an engine with that default allows.
func setPrivileges(opts *runner.Options, byDefault capability.Set) (err error) {
	if opts.Baseline, err = engine.Granted(byDefault, opts.Workload.Options); err != nil {
		return err
	}
	grantable := opts.Baseline
	if opts.Allowed.Empty() {
		if grantable, err = engine.Grantable(byDefault, opts.Workload.Options); err != nil {
			return err
		}
	}
	opts.Allowed = opts.Allowed.Union(grantable)
	return nil
}

// save writes the profile where -o says.
func (s *searchFlags) save(ctx context.Context, d *profile.Document) error {
	if s.output == "" || s.output == "-" {
		return nil
	}
	return coded(exitUnfit, profile.Save(ctx, s.output, d))
}

// otherwise is what to do where tracing cannot be had.
const otherwise = "--no-trace finds the set by removal alone, without explanations"

// prepareTracing makes the tracer on a hook, "" for the first that works, or says why there
// is none and what to do.
func prepareTracing(hook string) (trial.Tracer, error) {
	t, err := tracer.NewOn(hook)
	if err != nil {
		return nil, coded(exitUnfit, fmt.Errorf("%w; %s", err, otherwise))
	}
	return tracing{t}, nil
}

// progressOptions say how to show progress on standard error.
func progressOptions(w workload.Spec, search *searchFlags, std stdio, rawTerminal bool) progress.Options {
	on := screenOf(std.err)
	return progress.Options{
		Writer:      std.err,
		Live:        on.escapes && !search.quiet,
		Width:       on.width,
		Quiet:       search.quiet,
		Verbose:     search.verbose,
		Raw:         workload.ReadsInput(w.Options) || w.Options.Bool("tty"),
		RawTerminal: rawTerminal,
		LogDir:      search.logDir,
	}
}

// showTail shows the end of the output of the run that decided against a success.
func showTail(out *runner.Outcome, w io.Writer) {
	if out.Deciding == 0 {
		return
	}
	if len(out.Tail) == 0 {
		fmt.Fprintf(w, "run %d printed nothing\n", out.Deciding)
		return
	}
	fmt.Fprintf(w, "last output of run %d:\n", out.Deciding)
	for _, line := range out.Tail {
		fmt.Fprintf(w, "  | %s\n", text.Printable(line))
	}
}

// verdictError turns a verdict into an exit code.
func verdictError(out *runner.Outcome) error {
	switch {
	case out.StartError != nil:
		return fmt.Errorf("the workload's command could not be started: %w", out.StartError)
	case out.Document.Verdict == profile.Failed:
		return coded(exitFailed, errSilent)
	case out.Document.Verdict == profile.Incomplete:
		return coded(exitIncomplete, errSilent)
	}
	return nil
}
