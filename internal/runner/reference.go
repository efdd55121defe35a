package runner

import (
	"context"
	"errors"
	"time"

	"github.com/capprof/capprof/internal/profile"
)

// besideReference makes one of the first runs. While it is not known how long a
// passing run takes, and this one takes long, a reference run beside it finds out,
// so that a workload that hangs when it is refused something does not cost the
// time limit.
func (s *session) besideReference(ctx context.Context, p plan) (result, error) {
	_, known := s.pace.limit(s.opts.Timeout)
	if known || s.knownReference() != nil || s.opts.Jobs < 2 || s.opts.Patience <= 0 || s.isReference(p.set, s.conditions(p)) {
		return s.run(ctx, p)
	}
	hopeless, ended := make(chan struct{}), make(chan struct{})
	p.hopeless = hopeless
	running, abandon := context.WithCancelCause(ctx)
	defer abandon(nil)
	beside, stop := context.WithCancel(ctx)
	defer stop()
	reference := make(chan error, 1)
	go func() {
		patience := time.NewTimer(s.opts.Patience)
		defer patience.Stop()
		select {
		case <-patience.C:
		case <-ended:
			reference <- nil
			return
		}
		s.observer.Note("this takes long: a run with everything allowed, beside it, shows how long it may")
		r, err := s.reference(beside)
		switch {
		case beside.Err() != nil || errors.Is(err, errRunLimit):
			// Not wanted any more, or not to be had: no news of the engine.
			err = nil
		case err != nil:
			abandon(err)
		case !r.passed:
			close(hopeless)
		}
		reference <- err
	}()
	r, err := s.run(running, p)
	close(ended)
	if err != nil || r.passed {
		stop()
	}
	// A run that failed by itself leaves the questions that the reference answers:
	// how long may the next one take, and is there any point in it?
	if besideErr := <-reference; besideErr != nil {
		return r, besideErr
	}
	return r, err
}

// knownReference is the reference run, nil while there was none.
func (s *session) knownReference() *result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.referenceRun
}

// knownOrDue is the reference run, if there was one. When r took all the time that
// a run may take and nothing is known of how long a passing one does, it is due
// before another run does the same.
func (s *session) knownOrDue(ctx context.Context, r result) (*result, error) {
	if known := s.knownReference(); known != nil {
		return known, nil
	}
	if _, known := s.pace.limit(s.opts.Timeout); known || r.run.Outcome != profile.OutcomeTimeout {
		return nil, nil
	}
	reference, err := s.reference(ctx)
	return &reference, err
}

// reference runs the workload with everything allowed, until it is known whether it
// passes.
func (s *session) reference(ctx context.Context) (result, error) {
	if known := s.knownReference(); known != nil {
		return *known, nil
	}
	for {
		set, openings := s.allowed(), s.everything()
		r, err := s.run(ctx, plan{purpose: profile.PurposeReference, set: set, options: openings, exact: true})
		if err != nil {
			return r, unfinishedBy(err, "whether it passes with everything allowed was not found out")
		}
		if !r.refused {
			// It was taken by refers.
			if known := s.knownReference(); known != nil {
				return *known, nil
			}
			continue
		}
		if r.badOptions != nil {
			err = s.findRefused(ctx, set, openings, r)
		} else {
			_, err = s.grantable(ctx, set)
		}
		if err != nil {
			return r, err
		}
	}
}

// refers keeps a run that had everything allowed: whatever it was made for, it
// answers the reference's question. That nothing makes the workload pass is not said
// because of one accident: a run that ends by itself, and fails, is repeated once.
// One that took all its time is not, it would take it again; nor one whose command
// did not start.
func (s *session) refers(r result) {
	if r.refused || !s.isReference(r.run.Capabilities, r.run.Options) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.referenceRun != nil && s.referenceRun.passed {
		return
	}
	if r.passed || s.referenceFailed || r.startErr != nil || r.run.Outcome != profile.OutcomeFailed {
		s.referenceRun = &r
	}
	s.referenceFailed = true
}
