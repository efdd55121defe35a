package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/capprof/capprof/internal/export"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/report"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/workload"
)

const runSynopsis = "run [OPTIONS] IMAGE [[--] COMMAND [ARG...]]"

// runLikeSynopsis is the other form.
const runLikeSynopsis = "run --like CONTAINER [OPTIONS] [IMAGE] [-- COMMAND [ARG...]]"

// runPlainSynopsis is that without an engine.
const runPlainSynopsis = "run --engine host [OPTIONS] {-- COMMAND [ARG...] | --unit NAME.service}"

var runHelp = help{
	synopsis: runSynopsis,
	about:    "Finds the capabilities that a workload needs, and proves them.",
	details:  append([]string{likeHelp}, optionsApart()...),
	codes:    runCodes,
	examples: []string{
		"capprof run my-api:latest -- npm test",
		"capprof run -e MODE=test -v ./data:/data my-api:latest",
		"capprof run --format k8s -o profile.json my-api:latest -- npm test",
		"capprof run --allow SYS_ADMIN my-tool -- mount -t tmpfs none /mnt",
		"capprof run --no-trace my-api:latest -- npm test",
		"capprof run --like shop-web-1 nginx:1.28",
		"capprof run --engine host --format systemd --unit redis-server.service",
	},
}

// textFormat is the report for people; the others are exporters. jsonFormat is the
// profile, which -o - writes.
const (
	textFormat = "text"
	jsonFormat = "json"
)

func runCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(runHelp)
	like := addLikeFlag(flags.group(workloadGroup))
	docker := addWorkloadFlags(flags.group(workloadGroup))
	service := addServiceFlags(flags)
	search := addSearchFlags(flags, std)
	format := flags.group(outputGroup).String("format", textFormat, "`format` of the result: "+strings.Join(append([]string{textFormat}, export.Names()...), ", "))
	if err := flags.parse(args, "run", std); err != nil {
		return err
	}
	if !slices.Contains(append(export.Names(), textFormat), *format) {
		return usageError("unknown format %q (one of %s, %s)", *format, textFormat, strings.Join(export.Names(), ", "))
	}
	if search.output == "-" && *format != jsonFormat && flags.Changed("format") {
		return usageError("-o - and --format %s both write to standard output: give -o a file, or leave --format out to get the profile alone", *format)
	}
	workload, err := runsWhat(ctx, flags, docker, like, search, std)
	if err != nil {
		return err
	}
	opts, err := search.options(workload)
	if err != nil {
		return err
	}
	if opts.Told, err = service.told(scenario.Told{}); err != nil {
		return err
	}
	out, err := profileWorkload(ctx, opts, search, std)
	if err != nil {
		return err
	}
	if search.output == "-" {
		*format = jsonFormat
	}
	// The result first: it must not be lost to a disk that has filled up meanwhile.
	err = written(ctx, func() error { return writeResult(std, *format, out.Document, search.runsWereShown(std)) })
	if saveErr := search.save(ctx, out.Document); saveErr != nil {
		return saveErr
	}
	if err != nil {
		// A failed verdict has nothing to export; its own code says more.
		if verdict := verdictError(out); verdict != nil {
			fmt.Fprintln(std.err, "capprof: "+err.Error())
			return verdict
		}
		return coded(exitUnfit, err)
	}
	return verdictError(out)
}

// runsWhat is the workload that the command line says.
func runsWhat(ctx context.Context, flags *flagSet, docker *workloadFlags, like *likeFlag, search *searchFlags, std stdio) (workload.Spec, error) {
	if flags.Changed("like") {
		return like.workload(ctx, flags, docker, search, std)
	}
	if std.engine.plain() {
		return docker.plainly(workload.Spec{}, flags.Args())
	}
	image, command, err := splitWorkload(flags.Args())
	if err != nil {
		return workload.Spec{}, err
	}
	if image == "" {
		return workload.Spec{}, usageError("no image given: capprof %s, or capprof %s, or capprof %s", runSynopsis, runLikeSynopsis, runPlainSynopsis)
	}
	return workload.Spec{Image: image, Command: command, Options: docker.apply(workload.Options{})}, nil
}

// runsWereShown reports whether the reader of the report has just seen each run on
// the same terminal.
func (s *searchFlags) runsWereShown(std stdio) bool {
	return !s.quiet && !s.verbose && sameTerminal(std.out, std.err)
}

// writeResult writes a document in a format.
func writeResult(std stdio, format string, d *profile.Document, runsWereShown bool) error {
	if format != textFormat {
		exporter, err := export.Lookup(format)
		if err != nil {
			return err
		}
		return exporter.Export(std.out, d)
	}
	on := screenOf(std.out)
	return report.Write(std.out, d, report.Options{Color: on.color(), Width: on.width, RunsWereShown: runsWereShown})
}
