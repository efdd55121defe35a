package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/capprof/capprof/internal/profile"
)

// serviceName is a service that is ready after a second.
const serviceName = "service"

// Columns of the measurement of a service, in milliseconds.
const (
	// ownRuns is what its runs took, added up.
	ownRuns variant = "its runs"
	// wholeOfService is the whole command that made them, without a proof.
	wholeOfService variant = "capprof --no-prove"
)

// service measures what capprof adds to the runs of a service.
func (s *setup) service(ctx context.Context, add func(variant, float64)) error {
	path := filepath.Join(s.dir, "service.json")
	run, err := s.profile(ctx, s.steps(needChown, "serve 1000"), "--no-prove", "--output", path)
	if err != nil {
		return err
	}
	if err := run.wait(); err != nil {
		return err
	}
	defer os.Remove(path)
	d, err := profile.Load(path)
	if err != nil {
		return fmt.Errorf("reading the profile of a service: %w", err)
	}
	if d.Scenario == nil || d.Verdict != profile.Confirmed {
		return fmt.Errorf("the service is %s, and %+v", d.Verdict, d.Scenario)
	}
	var sum int64
	for _, r := range d.Meta.Runs {
		sum += r.DurationMS
	}
	add(ownRuns, float64(sum))
	add(wholeOfService, float64(d.Meta.TotalMS))
	return nil
}
