// Command bench measures what capprof costs, against the bars that the project sets
// itself. It needs root, a container engine, strace and mmdebstrap.
//
// Each workload is measured untraced, under empty programs on the hooks of an
// exploring run (the least that any tracer on them costs), in an exploring run, in a
// confirming run, the loops in a removal run (with its watch) too, and under strace
// -f. The rounds are interleaved, so that a busy moment of the machine does not fall
// on one of them alone, and medians are printed.
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
)

// Exit codes.
const (
	exitMissed = 1 // a bar was missed
	exitBroken = 2 // the benchmark could not be made
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 1 && args[0] == peakCommand {
		return runForPeak(args[1:], stdout, stderr)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	rounds := flags.Int("rounds", 5, "rounds to take the median of")
	only := flags.String("only", "", "measure one workload: loop, check, redis, neighbour, steps or service")
	scale := flags.Float64("scale", 1, "factor on the length of the loops")
	if err := flags.Parse(args); err != nil {
		return exitBroken
	}
	if *rounds < 1 || *scale <= 0 {
		fmt.Fprintln(stderr, "bench: at least one round and a length above 0 are needed")
		return exitBroken
	}
	missed, err := bench(ctx, *rounds, *scale, *only, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return exitBroken
	}
	if missed > 0 {
		return exitMissed
	}
	return 0
}

// bench measures, prints and returns how many bars were missed.
func bench(ctx context.Context, rounds int, scale float64, only string, stdout, stderr io.Writer) (missed int, err error) {
	s, err := newSetup(ctx, stderr)
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer func() {
		// What a failed measurement left behind has to end before its things go.
		stop()
		err = errors.Join(err, s.close(context.WithoutCancel(ctx)))
	}()
	m := newMeasurements()
	for round := range rounds {
		fmt.Fprintf(stderr, "round %d of %d\n", round+1, rounds)
		for _, subject := range s.subjects(scale) {
			if only != "" && only != subject.name {
				continue
			}
			if err := subject.measure(ctx, func(v variant, value float64) { m.add(subject.name, v, value) }); err != nil {
				return 0, fmt.Errorf("measuring %s: %w", subject.name, err)
			}
		}
	}
	m.peak = s.peak
	if err := printMeasurements(stdout, m); err != nil {
		return 0, err
	}
	return printBars(stdout, m)
}
