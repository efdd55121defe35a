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

	"github.com/capprof/capprof/internal/runner/trial"
)

// stdio are the process's streams.
type stdio struct {
	in       io.Reader
	out, err io.Writer
	// debug is silent unless --debug is given.
	debug *debugLog
	// engine is what --engine says.
	engine *engineChoice
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
		{"doctor", doctorSynopsis, "check whether capprof can run here, and how to fix it", doctorCommand},
		{"clean", cleanSynopsis, "remove containers that an interrupted capprof left behind", cleanCommand},
		{"version", versionSynopsis, "print the version", versionCommand},
		{"help", helpSynopsis, "show help for a command", helpCommand},
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
				fmt.Fprintln(std.err, "capprof: quit; containers may be left behind: run capprof clean")
				return exitInterrupt
			}
			first = time.Now()
			end := "\n"
			if _, ok := terminal(std.err); ok {
				end = "\r\n" // it may be raw
			}
			fmt.Fprint(std.err, end+"capprof: interrupted, cleaning up (press Ctrl-C again to quit at once)"+end)
			cancel(errInterrupted)
		}
	}
}

func dispatch(ctx context.Context, args []string, std stdio) exitCode {
	std.debug, std.engine = newDebugLog(std.err), &engineChoice{}
	if len(args) == 0 {
		fmt.Fprint(std.err, usage())
		return exitUnfit
	}
	name, args := args[0], args[1:]
	switch name {
	case "-h", "--help":
		name = "help"
	case "--version":
		name = "version"
	}
	c, err := commandNamed(name)
	if err != nil {
		fmt.Fprintf(std.err, "capprof: %v\n", err)
		return exitUnfit
	}
	err = c.run(ctx, args, std)
	code := codeOf(err)
	switch {
	case err == nil:
	case errors.Is(err, pflag.ErrHelp):
		code = exitOK
	case ctx.Err() != nil:
		code = exitInterrupt
		// What went wrong while everything was being stopped is no news, but what is
		// left behind is.
		if errors.Is(err, trial.ErrCleanup) {
			fmt.Fprintln(std.err, "capprof: "+err.Error())
		}
	case err.Error() != "":
		fmt.Fprintln(std.err, "capprof: "+err.Error())
	}
	std.debug.Debug("ended", "code", int(code), "error", err)
	return code
}

func commandNamed(name string) (command, error) {
	for _, c := range commands() {
		if c.name == name {
			return c, nil
		}
	}
	return command{}, fmt.Errorf("unknown command %q (see capprof help)", name)
}

func usage() string {
	all := "capprof finds the capabilities that a container needs, and proves them.\n\nUsage:\n"
	for _, c := range commands() {
		all += "  capprof " + c.synopsis + "\n"
	}
	all += "\nCommands:\n"
	for _, c := range commands() {
		all += fmt.Sprintf("  %-8s %s\n", c.name, c.summary)
	}
	return all + `
Examples:
  capprof run my-api:latest -- npm test
  capprof run -o profile.json --format compose my-api:latest -- npm test
  capprof check --baseline profile.json

Run capprof COMMAND --help for details.
`
}
