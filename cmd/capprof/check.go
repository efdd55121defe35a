package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/capprof/capprof/internal/drift"
	"github.com/capprof/capprof/internal/engine"
)

const checkSynopsis = "check --baseline OLD.json [OPTIONS] [IMAGE [[--] COMMAND [ARG...]]]"

var checkHelp = help{
	synopsis: checkSynopsis,
	about:    "Profiles a workload again and compares the result with a saved profile.",
	details:  append([]string{"Image, command and options default to the baseline's; those given replace them."}, optionsApart()...),
	codes:    driftCodes,
	examples: []string{
		"capprof check --baseline profile.json",
		"capprof check --baseline profile.json --format sarif my-api:1.5 > drift.sarif",
	},
}

func checkCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(checkHelp)
	baselinePath := flags.group(baselineGroup).String("baseline", "", "the `profile` to compare with, a file that capprof run -o wrote")
	docker := addWorkloadFlags(flags.group(workloadGroup))
	service := addServiceFlags(flags)
	search := addSearchFlags(flags, std.debug)
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
	workload, err := workloadOf(before)
	if err != nil {
		return err
	}
	image, command, err := splitWorkload(flags.Args())
	if err != nil {
		return err
	}
	if image != "" {
		workload.Image = image
		if len(command) > 0 {
			workload.Command = command
		}
	}
	if workload.Image == "" {
		return coded(exitError, errors.New("the baseline names no image; name it: capprof check --baseline FILE IMAGE"))
	}
	workload.Options = docker.apply(workload.Options)
	if !flags.Changed("expect-exit") {
		search.expectExit = before.Workload.ExpectExit
	}
	if data := before.Workload.Data; data != "" && !flags.Changed("volumes") {
		search.data.policy = string(data)
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
