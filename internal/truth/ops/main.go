// Command ops is the program of the scratch image: each of its subcommands does
// one privileged operation and checks that it took effect. Its exit code is 0
// only then. What it does on a failure, it does for all of them alike, so that
// nothing but the effect tells two runs apart.
//
// It holds what the test images' privop does not; both are in the image.
package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 64
)

// operation is one subcommand.
type operation func(args []string) error

// operations gathers the subcommands of the other files.
func operations() map[string]operation {
	all := map[string]operation{}
	for _, group := range []map[string]operation{
		fileOperations, attributeOperations, identityOperations, credentialOperations, processOperations(),
		ipcOperations, memoryOperations, terminalOperations, socketOperations, netlinkOperations, hostOperations, namespaceOperations,
		behaviours(), compatOperations, ringOperations, causeOperations(), openedOperations, serving(),
	} {
		maps.Copy(all, group)
	}
	return all
}

func main() { os.Exit(run(os.Args, os.Stderr)) }

// run does the operations that args name, one after the other, separated by "+".
func run(args []string, complaints io.Writer) int {
	all := operations()
	if len(args) < 2 {
		fmt.Fprintf(complaints, "usage: ops OPERATION [ARG...] [+ OPERATION [ARG...]]...\noperations: %s\n",
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
			fmt.Fprintf(complaints, "ops: no such operation: %q\n", step)
			return exitUsage
		}
		if err := all[step[0]](step[1:]); err != nil {
			fmt.Fprintf(complaints, "ops: %s: %v\n", step[0], err)
			return exitFailed
		}
	}
	return 0
}
