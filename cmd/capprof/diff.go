package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/capprof/capprof/internal/drift"
	"github.com/capprof/capprof/internal/profile"
)

const diffSynopsis = "diff [--format text|markdown|json|sarif] OLD.json NEW.json"

var diffHelp = help{
	synopsis: diffSynopsis,
	about:    "Compares two profiles: which capabilities were added, which are gone, and why.",
	codes:    driftCodes,
	examples: []string{"capprof diff --format markdown old.json new.json"},
}

func diffCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(diffHelp)
	// Nothing here belongs to a workload, so options may follow the profiles.
	flags.SetInterspersed(true)
	format := flags.group(optionsGroup).String("format", "text", "`format` of the result: "+strings.Join(drift.Formats(), ", "))
	if err := flags.parse(args, "diff", std); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return usageError("diff needs two profiles, got %d: capprof diff OLD.json NEW.json", flags.NArg())
	}
	write, err := drift.Lookup(*format)
	if err != nil {
		return usageError("%w", err)
	}
	before, err := loadFile(ctx, flags.Arg(0))
	if err != nil {
		return coded(exitError, err)
	}
	after, err := loadFile(ctx, flags.Arg(1))
	if err != nil {
		return coded(exitError, err)
	}
	return reportDrift(ctx, before, after, write, drift.Options{OldPath: flags.Arg(0), NewPath: flags.Arg(1), Version: capprofVersion()}, std)
}

// loadFile reads a profile from a file, or waits for one on a pipe.
func loadFile(ctx context.Context, path string) (*profile.Document, error) {
	return interruptible(ctx, func() (*profile.Document, error) { return profile.Load(path) })
}

// reportDrift writes a comparison and returns its exit code as an error.
func reportDrift(ctx context.Context, before, after *profile.Document, write drift.Format, options drift.Options, std stdio) error {
	result := drift.Compare(before, after)
	if err := written(ctx, func() error { return write(std.out, result, options) }); err != nil {
		return coded(exitError, fmt.Errorf("writing the result: %w", err))
	}
	if err := result.Err(); err != nil {
		return coded(exitError, err)
	}
	if result.Drift() {
		return coded(exitDrift, errSilent)
	}
	return nil
}
