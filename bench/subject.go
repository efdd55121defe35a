package main

import (
	"context"
	"fmt"
)

// variant is a way to run a workload.
type variant string

// The variants, in the order of the table.
const (
	untraced  variant = "untraced"
	underNone variant = "empty programs"
	explored  variant = "explored"
	confirmed variant = "confirmed"
	watched   variant = "removal"
	straced   variant = "strace -f"
)

var variants = []variant{untraced, underNone, explored, confirmed, watched, straced}

// subject is one line of the table.
type subject struct {
	name string
	// measure makes one round.
	measure func(ctx context.Context, add func(variant, float64)) error
}

// The subjects' names.
const (
	loopName      = "loop"
	checkName     = "check"
	redisName     = "redis"
	neighbourName = "neighbour"
	stepsName     = "steps"
)

// needChown makes the first run of capprof fail at once, so that the set is not
// empty and has to be confirmed.
const needChown = "chown"

// atGate holds a container.
const atGate = "gate " + inside + "/" + gateFile

// How many turns a loop makes: most of a second, and less where strace multiplies
// it.
const (
	loopTurns, loopTurnsStraced   = 1_500_000, 10_000
	checkTurns, checkTurnsStraced = 2_500_000, 20_000
	requests, requestsStraced     = 60_000, 5_000
)

func (s *setup) subjects(scale float64) []subject {
	times := func(format string, n float64) string { return fmt.Sprintf(format, int(n*scale)) }
	redis := "exec bash " + inside + "/" + redisFile + " %d"
	return []subject{
		{loopName, s.alsoWatched(times("loop %d", loopTurns), times("loop %d", loopTurnsStraced))},
		{checkName, s.alsoWatched(times("refused %d", checkTurns), times("refused %d", checkTurnsStraced))},
		{redisName, s.variantsOf(times(redis, requests), times(redis, requestsStraced))},
		{neighbourName, s.neighbour(times("loop %d", loopTurns))},
		{stepsName, s.ownTime()},
		{serviceName, s.service},
	}
}

// variantsOf measures a step in every way; under strace a shorter one.
func (s *setup) variantsOf(step, shorter string) func(context.Context, func(variant, float64)) error {
	return func(ctx context.Context, add func(variant, float64)) error {
		command := s.steps(needChown, step)
		value, err := s.untraced(ctx, command)
		if err != nil {
			return err
		}
		add(untraced, value)

		if err := s.underEmpty(func() error { value, err = s.untraced(ctx, command); return err }); err != nil {
			return err
		}
		add(underNone, value)

		profiling, err := s.profile(ctx, command)
		if err != nil {
			return err
		}
		if err := profiling.wait(); err != nil {
			return err
		}
		for v, purpose := range map[variant]string{explored: "explore", confirmed: "confirm"} {
			if value, err = profiling.number(purpose); err != nil {
				return err
			}
			add(v, value)
		}

		run, err := s.underStrace(ctx, s.steps(needChown, atGate, shorter), func() error { return nil })
		if err != nil {
			return err
		}
		if value, err = run.number(); err != nil {
			return err
		}
		add(straced, value)
		return nil
	}
}

// alsoWatched measures a step in a removal run too, which has to come to it: the step
// is done before the run fails.
func (s *setup) alsoWatched(step, shorter string) func(context.Context, func(variant, float64)) error {
	others := s.variantsOf(step, shorter)
	return func(ctx context.Context, add func(variant, float64)) error {
		if err := others(ctx, add); err != nil {
			return err
		}
		profiling, err := s.profile(ctx, s.steps(step, needChown))
		if err != nil {
			return err
		}
		if err := profiling.wait(); err != nil {
			return err
		}
		value, err := profiling.number("remove")
		if err == nil {
			add(watched, value)
		}
		return err
	}
}

// neighbour measures the loop in a container that nobody traces, while another one,
// which waits, is run in every way: what it costs those who are not concerned.
func (s *setup) neighbour(step string) func(context.Context, func(variant, float64)) error {
	return func(ctx context.Context, add func(variant, float64)) error {
		other := s.steps(needChown, atGate)
		measure := func(v variant) error {
			value, err := s.untraced(ctx, s.steps(step))
			if err == nil {
				add(v, value)
			}
			return err
		}
		beside := func(v variant) error {
			run := s.start(ctx, other)
			held, err := s.arrival(ctx, run.ended)
			if err != nil {
				return err
			}
			err = measure(v)
			if passErr := held.pass(); err == nil {
				err = passErr
			}
			if waitErr := run.wait(); err == nil {
				err = waitErr
			}
			return err
		}
		if err := beside(untraced); err != nil {
			return err
		}
		if err := s.underEmpty(func() error { return beside(underNone) }); err != nil {
			return err
		}
		profiling, err := s.profile(ctx, other)
		if err != nil {
			return err
		}
		for _, v := range []variant{explored, confirmed} {
			held, err := s.arrival(ctx, profiling.ended)
			if err != nil {
				return fmt.Errorf("%w: %s", err, profiling.stderr.String())
			}
			err = measure(v)
			if passErr := held.pass(); err == nil {
				err = passErr
			}
			if err != nil {
				return err
			}
		}
		if err := profiling.wait(); err != nil {
			return err
		}
		run, err := s.underStrace(ctx, other, func() error { return measure(straced) })
		if err != nil {
			return err
		}
		return run.wait()
	}
}
