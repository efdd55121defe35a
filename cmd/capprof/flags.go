package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/text"
	"github.com/capprof/capprof/internal/workload"
)

// The groups of options that run and check have.
const (
	baselineGroup = "Baseline"
	searchGroup   = "Search"
	serviceGroup  = "Service"
	outputGroup   = "Output"
	workloadGroup = "Workload, as for docker run"
	optionsGroup  = "Options"
)

// help is what --help shows of a command in addition to its options.
type help struct {
	synopsis, about string
	// details are paragraphs.
	details  []string
	codes    []codeMeaning
	examples []string
}

// codeMeaning is an exit code and what it says.
type codeMeaning struct {
	code    exitCode
	meaning string
}

// flagSet are a command's options in groups. They are parsed as one set, and help
// shows them group by group.
type flagSet struct {
	*pflag.FlagSet
	help   help
	groups []optionGroup
}

// optionGroup is a titled part of a command's options.
type optionGroup struct {
	title string
	*pflag.FlagSet
}

// newFlags makes a set without options. Arguments after the first one belong to the
// workload. Errors and help are ours to print.
func newFlags(h help) *flagSet {
	return &flagSet{FlagSet: newGroup(), help: h}
}

func newGroup() *pflag.FlagSet {
	flags := pflag.NewFlagSet("capprof", pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.SortFlags = false
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	return flags
}

// group returns the options under a title. What is defined in it is an option of
// the command.
func (f *flagSet) group(title string) *pflag.FlagSet {
	for _, g := range f.groups {
		if g.title == title {
			return g.FlagSet
		}
	}
	g := optionGroup{title, newGroup()}
	f.groups = append(f.groups, g)
	return g.FlagSet
}

// parse reads the options, or writes the help that was asked for. A mistake names
// the command that explains them.
func (f *flagSet) parse(args []string, command string, std stdio) error {
	for _, g := range f.groups {
		f.AddFlagSet(g.FlagSet)
	}
	err := f.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		return errors.Join(err, f.writeHelp(std.out, screenOf(std.out).width))
	}
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return usageError("unknown option %s (see capprof %s --help)", asTyped(unknown), command)
	}
	if lacking, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return usageError("option %s needs a value (see capprof %s --help)", asTyped(lacking), command)
	}
	if refused, ok := errors.AsType[*workload.Refusal](err); ok {
		return usageError("%w", refused)
	}
	if err != nil {
		return usageError("%w (see capprof %s --help)", err, command)
	}
	// An empty value, as of a variable that is not set, would be taken for no value.
	for _, name := range []string{"output", "log-dir"} {
		if flag := f.Lookup(name); flag != nil && flag.Changed && flag.Value.String() == "" {
			return usageError("--%s is empty: give it a path, or leave it out", name)
		}
	}
	return nil
}

// asTyped is the option of an error as it was on the command line: -o or --output.
func asTyped(of interface {
	GetSpecifiedName() string
	GetSpecifiedShortnames() string
},
) string {
	if of.GetSpecifiedShortnames() != "" {
		return "-" + of.GetSpecifiedName()
	}
	return "--" + of.GetSpecifiedName()
}

// noArguments refuses arguments where a command takes none.
func (f *flagSet) noArguments(command string) error {
	if f.NArg() > 0 {
		return usageError("%s takes no arguments, got %q (see capprof %s --help)", command, f.Arg(0), command)
	}
	return nil
}

// writeHelp writes everything on a command.
func (f *flagSet) writeHelp(w io.Writer, width int) error {
	p := text.NewPage(width, false)
	p.Text(f.help.about)
	p.Heading("Usage")
	p.Verbatim("capprof " + f.help.synopsis)
	for _, g := range f.groups {
		p.Heading(g.title)
		g.VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden {
				name := label(flag)
				if len(name) > optionColumn {
					p.Verbatim(name)
					name = ""
				}
				p.Row(name, optionColumn, meaning(flag))
			}
		})
	}
	for _, paragraph := range f.help.details {
		p.WriteString("\n")
		p.Text(paragraph)
	}
	if len(f.help.codes) > 0 {
		p.Heading("Exit codes")
		for _, c := range f.help.codes {
			p.Row(fmt.Sprint(int(c.code)), 3, c.meaning)
		}
	}
	if len(f.help.examples) > 0 {
		p.Heading("Examples")
		for _, example := range f.help.examples {
			p.Verbatim(example)
		}
	}
	if _, err := io.WriteString(w, p.String()); err != nil {
		return fmt.Errorf("writing the help: %w", err)
	}
	return nil
}

// optionColumn is the width of the column of options; the meaning of a longer one
// is below it.
const optionColumn = 25

// label is an option as it is typed: "-e, --env NAME=VALUE".
func label(flag *pflag.Flag) string {
	short := "    "
	if flag.Shorthand != "" {
		short = "-" + flag.Shorthand + ", "
	}
	placeholder, _ := pflag.UnquoteUsage(flag)
	if flag.Value.Type() == "bool" {
		placeholder = ""
	}
	return strings.TrimRight(short+"--"+flag.Name+" "+placeholder, " ")
}

// meaning is what an option does, and its default where that is not nothing. A
// placeholder that only repeats the label at the end is left out.
func meaning(flag *pflag.Flag) string {
	placeholder, usage := pflag.UnquoteUsage(flag)
	usage = strings.TrimSuffix(usage, ": "+placeholder)
	switch flag.DefValue {
	case "", "[]", "false", "0":
		return usage
	}
	return usage + " (default " + flag.DefValue + ")"
}
