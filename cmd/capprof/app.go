package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/capprof/capprof/internal/runner"
)

// stdio are the process's streams.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// terminal returns the descriptor of a stream that is a terminal.
func terminal(stream any) (fd int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile {
		return 0, false
	}
	return int(f.Fd()), term.IsTerminal(int(f.Fd()))
}

// command is one subcommand.
type command struct {
	name, synopsis, summary string
	run                     func(ctx context.Context, args []string, std stdio) error
}

func commands() []command {
	return []command{
		{"run", runSynopsis, "find and prove the capabilities that a workload needs", runCommand},
		{"check", checkSynopsis, "profile a workload again and fail when its set has changed", checkCommand},
		{"diff", diffSynopsis, "compare two profiles", diffCommand},
		{"explain", explainSynopsis, "say what a capability, a mask or a profile means", explainCommand},
		{"doctor", doctorSynopsis, "check what capprof needs of this machine", doctorCommand},
		{"clean", cleanSynopsis, "remove the containers of a capprof that was killed", cleanCommand},
		{"version", versionSynopsis, "print the version", versionCommand},
	}
}

// together is how close two signals of one cause come. Nobody who has read that the
// first one was heard is as quick.
const together = 300 * time.Millisecond

// run dispatches to a subcommand, and turns its error into a message and a code.
// The first SIGINT, SIGTERM or SIGHUP ends the context; a later SIGINT or SIGTERM
// ends the wait for what is being cleaned up. A later SIGHUP does not: both the
// kernel and the shell send one when a terminal closes. Nor does a signal that comes
// with the first one: timeout(1) and some shells send it to the process and to its
// group.
func run(ctx context.Context, args []string, std stdio) exitCode {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	// A reader that has gone (capprof run ... | head) must not end the process before
	// its containers are removed: the write fails instead.
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	defer signal.Stop(broken)

	ended := make(chan exitCode, 1)
	go func() { ended <- dispatch(ctx, args, std) }()
	for first := (time.Time{}); ; {
		select {
		case code := <-ended:
			return code
		case received := <-signals:
			again := !first.IsZero()
			if again && (received == syscall.SIGHUP || time.Since(first) < together) {
				continue
			}
			if again {
				fmt.Fprintln(std.err, "capprof: forced; capprof clean removes what was left behind")
				return exitInterrupt
			}
			first = time.Now()
			end := "\n"
			if _, ok := terminal(std.err); ok {
				end = "\r\n" // it may be raw
			}
			fmt.Fprint(std.err, end+"capprof: interrupted, cleaning up (once more to force)"+end)
			cancel(errInterrupted)
		}
	}
}

func dispatch(ctx context.Context, args []string, std stdio) exitCode {
	if len(args) == 0 {
		fmt.Fprint(std.err, usage())
		return exitUnfit
	}
	switch args[0] {
	case "-h", "--help", "help":
		fmt.Fprint(std.out, usage())
		return exitOK
	case "--version":
		args[0] = "version"
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		err := c.run(ctx, args[1:], std)
		if errors.Is(err, pflag.ErrHelp) {
			return exitOK
		}
		if err != nil && ctx.Err() != nil {
			// What went wrong while everything was being stopped is no news, but what is
			// left behind is.
			if errors.Is(err, runner.ErrCleanup) {
				fmt.Fprintln(std.err, "capprof: "+err.Error())
			}
			return exitInterrupt
		}
		if err != nil && err.Error() != "" {
			fmt.Fprintln(std.err, "capprof: "+err.Error())
		}
		return codeOf(err)
	}
	fmt.Fprintf(std.err, "capprof: unknown command %q\n\n%s", args[0], usage())
	return exitUnfit
}

func usage() string {
	text := "capprof finds the capabilities that a container needs, and proves them.\n\nUsage:\n"
	for _, c := range commands() {
		text += "  capprof " + c.synopsis + "\n"
	}
	text += "\nCommands:\n"
	for _, c := range commands() {
		text += fmt.Sprintf("  %-8s %s\n", c.name, c.summary)
	}
	return text + `
Examples:
  capprof run my-api:latest -- npm test
  capprof run -o profile.json --format compose my-api:latest -- npm test
  capprof check --baseline profile.json

capprof COMMAND --help says more.
`
}

// newFlags makes a flag set whose errors and help are ours to print. Flags after
// the first argument belong to the workload.
func newFlags(synopsis, about, more string, std stdio) *pflag.FlagSet {
	flags := pflag.NewFlagSet("capprof", pflag.ContinueOnError)
	flags.SetInterspersed(false)
	flags.SortFlags = false
	flags.SetOutput(std.err)
	flags.Usage = func() {
		fmt.Fprintf(std.out, "%s\n\nUsage:\n  capprof %s\n\nOptions:\n%s", about, synopsis, flags.FlagUsagesWrapped(100))
		if more != "" {
			fmt.Fprintf(std.out, "\n%s\n", more)
		}
	}
	return flags
}

// parse reads the flags; a mistake names the command that explains them.
func parse(flags *pflag.FlagSet, args []string, command string) error {
	err := flags.Parse(args)
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		return err
	}
	return usageError("%w (see capprof %s --help)", err, command)
}

// noArguments refuses arguments where a command takes none.
func noArguments(flags *pflag.FlagSet, command string) error {
	if flags.NArg() > 0 {
		return usageError("%s takes no arguments, got %q (see capprof %s --help)", command, flags.Arg(0), command)
	}
	return nil
}
