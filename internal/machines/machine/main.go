// Command machine boots a virtual machine of Debian packages and runs a command in it.
//
//	go run ./internal/machines/machine [flags] SUITE -- COMMAND...
//
// SUITE is the userland: bookworm, trixie, forky or sid. The kernel is that of the suite, or
// what -kernel says: another suite, or SUITE:VERSION for the newest kernel of that version in
// it and its backports (trixie:6.18). The directory -share is at /share in the machine, where
// the command starts, as root; what it leaves in /share/out comes back. The exit status is
// the command's, 124 when the time was over, 125 when the machine failed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/capprof/capprof/internal/machines"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes that are not the command's, as timeout(1) and docker run have them.
const (
	exitTimeout = 124
	exitFailed  = 125
)

func run(ctx context.Context, args []string, out, progress io.Writer) int {
	command := machines.Command{Output: out}
	flags := flag.NewFlagSet("machine", flag.ContinueOnError)
	flags.SetOutput(progress)
	flags.StringVar(&command.Kernel, "kernel", "", "`SUITE[:VERSION]` of the kernel")
	flags.StringVar(&command.Share, "share", "", "`directory` that is at /share in the machine")
	flags.StringVar(&command.Append, "append", "", "`arguments` for the kernel")
	flags.DurationVar(&command.Timeout, "timeout", 5*time.Minute, "how long the machine may take")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return exitFailed
	}
	if flags.NArg() < 3 || flags.Arg(1) != "--" {
		fmt.Fprintln(progress, "machine: usage: machine [flags] SUITE -- COMMAND...")
		return exitFailed
	}
	command.Userland, command.Args = flags.Arg(0), flags.Args()[2:]
	cache, err := machines.Open(progress)
	if err == nil {
		var status int
		if status, err = cache.Run(ctx, command); err == nil {
			return status
		}
	}
	fmt.Fprintln(progress, "machine:", err)
	if errors.Is(err, context.DeadlineExceeded) {
		return exitTimeout
	}
	return exitFailed
}
