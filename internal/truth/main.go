// Command truth compares capprof's answers with those of brute force, in one table.
// Brute force finds the minimal sets of many workloads by removal alone: with the
// docker command line, without BPF, without any knowledge of what needs which
// capability.
//
//	go run ./internal/truth [-run REGEXP] [-jobs N] [-json FILE] [-capprof PATH]
//
// It ends with 1 when an answer is wrong and nobody explained why.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errWrong says that the table holds a difference that is not explained.
var errWrong = errors.New("not all answers are right")

// options are what the command line says.
type options struct {
	only           *regexp.Regexp
	jobs           int
	json           string
	capprof        string
	oneByOne       bool
	bruteForceOnly bool
	list           bool
}

func run(ctx context.Context, args []string, out, progress io.Writer) int {
	o, err := parse(args, progress)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(progress, "truth:", err)
		return 2
	}
	if err := compareCases(ctx, o, out, progress); err != nil {
		fmt.Fprintln(progress, "truth:", err)
		return 1
	}
	return 0
}

func parse(args []string, complaints io.Writer) (options, error) {
	flags := flag.NewFlagSet("truth", flag.ContinueOnError)
	flags.SetOutput(complaints)
	pattern := flags.String("run", "", "take only the cases whose group/name matches this `regexp`")
	o := options{}
	flags.IntVar(&o.jobs, "jobs", 2, "cases taken at the same time")
	flags.StringVar(&o.json, "json", "", "write the table to this `file` too")
	flags.StringVar(&o.capprof, "capprof", "bin/capprof", "the capprof to test")
	flags.BoolVar(&o.oneByOne, "exhaustive", false, "remove one capability at a time instead of halves")
	flags.BoolVar(&o.bruteForceOnly, "brute-force-only", false, "find the sets and leave capprof out")
	flags.BoolVar(&o.list, "list", false, "list the cases and do nothing")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.jobs < 1 {
		return options{}, fmt.Errorf("-jobs %d: one at least", o.jobs)
	}
	var err error
	if o.only, err = regexp.Compile(*pattern); err != nil {
		return options{}, fmt.Errorf("-run: %w", err)
	}
	return o, nil
}
