// Command privop is the program of the test images that are built from scratch:
// each of its subcommands does one privileged thing, checks that it took effect
// and says so by its exit code, or misbehaves in one particular way.
package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Exit codes in addition to those that a subcommand is told to give.
const (
	exitFailed = 1
	exitUsage  = 64
)

// streams are what an operation reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// operation is one subcommand.
type operation func(args []string, s streams) error

// exitError ends the program with a code of the operation's choice.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// operations gathers the subcommands of the other files.
func operations() map[string]operation {
	all := map[string]operation{}
	for _, group := range []map[string]operation{fileOperations, identityOperations, systemOperations, networkOperations, behaviours()} {
		maps.Copy(all, group)
	}
	return all
}

func main() {
	os.Exit(run(os.Args, streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run does the operations that args name, one after the other, separated by "+".
func run(args []string, s streams) int {
	all := operations()
	if len(args) < 2 {
		fmt.Fprintf(s.err, "usage: privop OPERATION [ARG...] [+ OPERATION [ARG...]]...\noperations: %s\n",
			strings.Join(slices.Sorted(maps.Keys(all)), " "))
		return exitUsage
	}
	for rest := args[1:]; len(rest) > 0; {
		step := rest
		if i := slices.Index(rest, "+"); i >= 0 {
			step, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if len(step) == 0 || all[step[0]] == nil {
			fmt.Fprintf(s.err, "privop: no such operation: %q\n", step)
			return exitUsage
		}
		if err := all[step[0]](step[1:], s); err != nil {
			if code, ok := errors.AsType[exitError](err); ok {
				return int(code)
			}
			fmt.Fprintf(s.err, "privop: %s: %v\n", step[0], err)
			return exitFailed
		}
	}
	return 0
}
