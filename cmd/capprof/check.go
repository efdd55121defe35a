package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/capprof/capprof/internal/drift"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

const checkSynopsis = "check --baseline OLD.json [OPTIONS] [IMAGE [[--] COMMAND [ARG...]]]"

var checkHelp = help{
	synopsis: checkSynopsis,
	about:    "Profiles a workload again and compares the result with a saved profile.",
	details:  append([]string{"Image, command and options default to the baseline's; those given replace them.", likeHelp}, optionsApart()...),
	codes:    driftCodes,
	examples: []string{
		"capprof check --baseline profile.json",
		"capprof check --baseline profile.json --format sarif my-api:1.5 > drift.sarif",
	},
}

func checkCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(checkHelp)
	baselinePath := flags.group(baselineGroup).String("baseline", "", "the `profile` to compare with, a file that capprof run -o wrote")
	like := addLikeFlag(flags.group(workloadGroup))
	docker := addWorkloadFlags(flags.group(workloadGroup))
	service := addServiceFlags(flags)
	search := addSearchFlags(flags, std)
	format := flags.group(outputGroup).String("format", "text", "`format` of the comparison: "+strings.Join(drift.Formats(), ", "))
	if err := flags.parse(args, "check", std); err != nil {
		return err
	}
	if *baselinePath == "" {
		return usageError("check needs --baseline FILE: a profile that capprof run -o FILE wrote")
	}
	if search.output == "-" {
		return usageError("check writes the comparison to standard output; give -o a file")
	}
	write, err := drift.Lookup(*format)
	if err != nil {
		return usageError("%w", err)
	}
	before, err := loadFile(ctx, *baselinePath)
	if err != nil {
		return coded(exitError, fmt.Errorf("baseline: %w", err))
	}
	if data := before.Workload.Data; data != "" && !flags.Changed("volumes") {
		search.data.policy = string(data)
	}
	workload, err := checksWhat(ctx, before, flags, docker, like, search, std)
	if err != nil {
		return err
	}
	if !flags.Changed("expect-exit") {
		search.expectExit = before.Workload.ExpectExit
	}
	opts, err := search.options(workload)
	if err != nil {
		return err
	}
	if !flags.Changed("allow") {
		opts.Allowed = opts.Allowed.Union(before.Capabilities.Allowed)
	}
	if opts.Told, err = service.told(toldBy(before)); err != nil {
		return err
	}
	out, err := profileWorkload(ctx, opts, search, std)
	if start, ok := errors.AsType[*engine.StartError](err); ok {
		return coded(exitError, fmt.Errorf("%w: the workload's command cannot be started: %w", drift.ErrUnfit, start))
	}
	if err != nil {
		return err
	}
	if err := search.save(ctx, out.Document); err != nil {
		return err
	}
	return reportDrift(ctx, before, out.Document, write, drift.Options{OldPath: *baselinePath, NewPath: search.output, Version: capprofVersion()}, std)
}

// checksWhat is the baseline's workload with what the command line says instead of it, or
// that of --like.
func checksWhat(ctx context.Context, before *profile.Document, flags *flagSet, docker *workloadFlags, like *likeFlag, search *searchFlags, std stdio) (workload.Spec, error) {
	if flags.Changed("like") {
		return like.workload(ctx, flags, docker, search, std)
	}
	w, err := workloadOf(before)
	if err != nil {
		return workload.Spec{}, err
	}
	if before.Plain() && std.engine.name == "" {
		std.engine.name = hostEngine
	}
	if std.engine.plain() {
		w.Image = ""
		return docker.plainly(w, flags.Args())
	}
	image, command, err := splitWorkload(flags.Args())
	if err != nil {
		return workload.Spec{}, err
	}
	if image != "" {
		w.Image = image
		if len(command) > 0 {
			w.Command = command
		}
	}
	if w.Image == "" {
		return workload.Spec{}, coded(exitError, errors.New("the baseline names no image; name it: capprof check --baseline FILE IMAGE"))
	}
	w.Options = docker.apply(w.Options)
	return w, nil
}
