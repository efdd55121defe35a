package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/explain"
	"github.com/capprof/capprof/internal/profile"
)

const explainSynopsis = "explain [--format text|json] CAPABILITY | MASK | PROFILE [CAPABILITY]"

var explainHelp = help{
	synopsis: explainSynopsis,
	about:    "Says what a capability allows, how dangerous it is in a container, who grants it by default, what would do instead, and why a workload needs it.",
	details: []string{
		"CAPABILITY is a name or a number (NET_ADMIN, cap_net_admin, 12). MASK is 16 hexadecimal digits as in /proc/PID/status, or fewer after 0x. " +
			"PROFILE is a file that capprof run -o FILE wrote, or - for standard input. For a file that is called like a capability, write ./NAME.",
	},
	codes: []codeMeaning{
		{exitOK, "explained"},
		{exitUnfit, "the argument or the profile cannot be read"},
		{exitInterrupt, "interrupted"},
	},
	examples: []string{
		"capprof explain NET_ADMIN",
		"capprof explain 00000000a80425fb",
		"capprof explain profile.json",
		"capprof explain profile.json CHOWN",
	},
}

func explainCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(explainHelp)
	// Nothing here belongs to a workload, so options may follow.
	flags.SetInterspersed(true)
	format := flags.group(optionsGroup).String("format", "text", "`format` of the explanation: "+strings.Join(explain.Formats(), ", "))
	if err := flags.parse(args, "explain", std); err != nil {
		return err
	}
	write, err := explain.Lookup(*format)
	if err != nil {
		return usageError("%w", err)
	}
	if flags.NArg() == 0 {
		return usageError("explain needs a capability, a mask or a profile (see capprof explain --help)")
	}
	asked, err := explain.ParseArgument(flags.Arg(0), fileExists)
	if err != nil {
		return usageError("explain: %w", err)
	}
	var explanation explain.Explanation
	switch {
	case flags.NArg() > 2 || flags.NArg() == 2 && asked.Kind != explain.KindProfile:
		return usageError("explain takes one argument, or a profile and a capability, got %q (see capprof explain --help)", flags.Args())
	case asked.Kind == explain.KindCapability:
		explanation = explain.OfCapability(asked.Capability)
	case asked.Kind == explain.KindMask:
		explanation = explain.OfMask(asked.Mask)
	default:
		if explanation, err = explainProfile(ctx, asked.Path, flags.Args()[1:], std); err != nil {
			return coded(exitUnfit, err)
		}
	}
	return written(ctx, func() error {
		return write(std.out, explanation, explain.Options{Width: screenOf(std.out).width})
	})
}

// explainProfile explains all of a profile, or one capability of it.
func explainProfile(ctx context.Context, path string, only []string, std stdio) (explain.Explanation, error) {
	// A mistyped capability is told before a profile is waited for on a pipe.
	var c capability.Cap
	if len(only) > 0 {
		var err error
		if c, err = capability.Parse(only[0]); err != nil {
			return explain.Explanation{}, fmt.Errorf("explain: after a profile comes one capability: %w", err)
		}
	}
	d, err := loadProfile(ctx, path, std)
	if err != nil {
		return explain.Explanation{}, err
	}
	if len(only) > 0 {
		return explain.OfProfileCapability(d, c), nil
	}
	return explain.OfProfile(d), nil
}

// loadProfile reads a profile, from standard input when path is "-".
func loadProfile(ctx context.Context, path string, std stdio) (*profile.Document, error) {
	return interruptible(ctx, func() (*profile.Document, error) {
		if path != "-" {
			return profile.Load(path)
		}
		d, err := profile.Decode(std.in)
		if err != nil {
			return nil, fmt.Errorf("reading profile from standard input: %w", err)
		}
		return d, nil
	})
}

// fileExists also holds for a file that may not be looked at: the error that
// opening it gives says more than a guess.
func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil || os.IsPermission(err)
}
