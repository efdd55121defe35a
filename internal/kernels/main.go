// Command kernels tests capprof under the kernels and engines that people run, in virtual
// machines of Debian packages, and prints a table of kernel, hook and engine.
//
//	go run ./internal/kernels [-run REGEXP] [-jobs N] [-out DIR] [-list]
//
// In each machine the tracer's own tests are run, then capprof profiles small workloads under
// each hook and on each engine. For each the right set is known: the profile must be proven
// and explained, and the same under all hooks. It ends with 1 when something differs.
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

	"github.com/capprof/capprof/internal/machines"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// errDiffers says that the table holds a difference.
var errDiffers = errors.New("not everything is as expected")

type options struct {
	only *regexp.Regexp
	jobs int
	out  string
	list bool
}

func parse(args []string, complaints io.Writer) (options, error) {
	flags := flag.NewFlagSet("kernels", flag.ContinueOnError)
	flags.SetOutput(complaints)
	o := options{}
	pattern := flags.String("run", "", "take only what matches this `regexp`: kernel/engine/hook/case, or kernel/tests")
	flags.IntVar(&o.jobs, "jobs", 2, "machines that run at the same time")
	flags.StringVar(&o.out, "out", "", "keep the answers and profiles in this `directory`")
	flags.BoolVar(&o.list, "list", false, "list what there is and do nothing")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.jobs < 1 {
		return o, fmt.Errorf("-jobs %d: one at least", o.jobs)
	}
	var err error
	if o.only, err = regexp.Compile(*pattern); err != nil {
		return o, fmt.Errorf("-run: %w", err)
	}
	return o, nil
}

func run(ctx context.Context, args []string, out, progress io.Writer) int {
	o, err := parse(args, progress)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(progress, "kernels:", err)
		return 2
	}
	if err := test(ctx, o, out, progress); err != nil {
		fmt.Fprintln(progress, "kernels:", err)
		return 1
	}
	return 0
}

// test runs what was chosen and prints the table.
func test(ctx context.Context, o options, out, progress io.Writer) error {
	chosen := chosen(o.only)
	if len(chosen) == 0 {
		return fmt.Errorf("-run %s: nothing matches (-list)", o.only)
	}
	if o.list {
		for _, j := range chosen {
			for _, name := range j.names() {
				fmt.Fprintln(out, name)
			}
		}
		return nil
	}
	cache, err := machines.Open(progress)
	if err != nil {
		return err
	}
	l := &lab{cache: cache, progress: progress, jobs: o.jobs, out: o.out}
	if err := l.prepare(ctx); err != nil {
		return errors.Join(err, l.close())
	}
	rows := l.runAll(ctx, chosen)
	if err := l.close(); err != nil {
		return err
	}
	if err := print(out, rows); err != nil {
		return err
	}
	for _, r := range rows {
		if len(r.differences) > 0 {
			return errDiffers
		}
	}
	return nil
}
