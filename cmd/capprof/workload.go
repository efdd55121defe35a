package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/host"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/workload"
)

// workloadFlags are the options of docker run, with docker's meaning.
type workloadFlags struct {
	flags *pflag.FlagSet
	given workload.Options
}

func addWorkloadFlags(flags *pflag.FlagSet) *workloadFlags {
	w := &workloadFlags{flags: flags}
	for _, option := range workload.Table {
		for i, name := range append([]string{option.Name}, option.Aliases...) {
			short := option.Short
			if i > 0 {
				short = ""
			}
			flag := flags.VarPF(optionFlag{option, &w.given}, name, short, option.Usage)
			if option.Kind == workload.Flag {
				flag.NoOptDefVal = "true"
			}
			// The help names them in a sentence of its own.
			flag.Hidden = i > 0 || option.NoEffect != "" || option.Refused != ""
		}
	}
	return w
}

// optionsApart is what the help says of the options that are not in its list.
func optionsApart() []string {
	var without, refused []string
	for _, option := range workload.Table {
		switch {
		case option.NoEffect != "" && !option.Podman:
			without = append(without, "--"+option.Name)
		case option.Refused != "" && !option.Podman:
			refused = append(refused, "--"+option.Name)
		}
	}
	return []string{
		"Taken without effect: " + strings.Join(without, ", ") + ".",
		"Refused, with the reason: " + strings.Join(refused, ", ") + ", and what only podman run has.",
	}
}

// withoutEffect says which of a workload's options mean nothing to a profile; "" for none.
func withoutEffect(o workload.Options) string {
	var names []string
	for _, option := range workload.WithoutEffect(o) {
		names = append(names, "--"+option.Name)
	}
	if names == nil {
		return ""
	}
	return "without effect on a profile: " + strings.Join(names, ", ")
}

// optionFlag is an option of docker run as a flag.
type optionFlag struct {
	option *workload.Option
	given  *workload.Options
}

func (f optionFlag) String() string { return "" }

// Type is what pflag shows of a flag whose usage names no value.
func (f optionFlag) Type() string {
	if f.option.Kind == workload.Flag {
		return "bool"
	}
	return "string"
}

// Set adds one value, which must be one that the option takes.
func (f optionFlag) Set(value string) error {
	if err := f.option.Validate(value); err != nil {
		return err
	}
	*f.given = f.given.With(workload.Setting{Name: f.option.Name, Value: value})
	return nil
}

// apply puts the flags that were given over a workload's options. Today's privileges go
// together: one of them replaces all.
func (w *workloadFlags) apply(to workload.Options) workload.Options {
	privileges := slices.ContainsFunc(workload.Table, func(o *workload.Option) bool { return o.Baseline && w.changed(o) })
	for _, option := range workload.Table {
		if w.changed(option) || option.Baseline && privileges {
			to = to.Set(option.Name, w.given.Values(option.Name)...)
		}
	}
	return to
}

// changed reports whether an option was given, by any of its names.
func (w *workloadFlags) changed(option *workload.Option) bool {
	return w.flags.Changed(option.Name) || slices.ContainsFunc(option.Aliases, w.flags.Changed)
}

// checkCapabilities refuses names that are no capabilities, before an engine is asked.
func checkCapabilities(o workload.Options) error {
	if _, err := engine.Granted(0, o); err != nil {
		return usageError("%w", err)
	}
	return nil
}

// splitWorkload takes the image and the command from what follows the flags, and
// drops one leading -- of the command.
func splitWorkload(args []string) (image string, command []string, err error) {
	for i, arg := range args {
		if !utf8.ValidString(arg) {
			return "", nil, usageError("argument %d, %q, is not UTF-8, which a profile and the engine's API cannot hold", i+1, arg)
		}
	}
	if len(args) == 0 {
		return "", nil, nil
	}
	command = args[1:]
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	return args[0], command, nil
}

// plainly is a workload of plain processes with the command and the options that were given
// over it. Their network is the machine's where nothing else is said.
func (w *workloadFlags) plainly(under workload.Spec, command []string) (workload.Spec, error) {
	// There is no image: what would be its place is part of the command.
	_, command, err := splitWorkload(append([]string{""}, command...))
	if err != nil {
		return workload.Spec{}, err
	}
	if len(command) > 0 {
		under.Command = command
	}
	under.Options = w.apply(under.Options)
	if len(under.Options.Values("network")) == 0 {
		under.Options = under.Options.Set("network", "host")
	}
	if len(under.Command) == 0 && under.Options.Value("entrypoint") == "" && under.Options.Value("unit") == "" {
		return workload.Spec{}, usageError("nothing to run: capprof %s", runPlainSynopsis)
	}
	under, err = host.Today(under)
	return under, coded(exitUnfit, err)
}

// workloadOf rebuilds a workload from a profile.
func workloadOf(d *profile.Document) (workload.Spec, error) {
	w := d.Workload
	if unknown := w.Options.Unknown(); unknown != nil {
		return workload.Spec{}, coded(exitError, fmt.Errorf("the baseline was made with options that this capprof does not know (%s); update capprof", strings.Join(unknown, ", ")))
	}
	return workload.Spec{Image: w.Image.Reference, Command: w.Command, Options: w.Options}, nil
}
