package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
)

// findings are what the traced runs explained.
type findings struct {
	// denials by the number of the run that showed them.
	denials  map[int][]mapper.Denial
	failures map[int][]mapper.Failure
	// unmet are the clauses that no allowed capability meets, of the last traced
	// run.
	unmet []mapper.Clause
	// last is the last traced run.
	last result
}

// explore runs the workload under trace with more and more capabilities, until it
// passes or a run teaches nothing new. It returns the set of the last run and
// whether that passed.
func (s *session) explore(ctx context.Context, env mapper.Environment, found *findings) (capability.Set, bool, error) {
	var granted capability.Set
	for {
		r, err := s.exploreOnce(ctx, granted)
		if err != nil {
			return granted, false, err
		}
		if r.refused {
			if granted, err = s.grantable(ctx, granted); err != nil {
				return granted, false, err
			}
			continue
		}
		added := s.learn(env, r, found)
		if r.passed {
			return granted, true, nil
		}
		if known := s.knownReference(); added.Empty() || known != nil && !known.passed {
			return granted, false, nil
		}
		granted = granted.Union(added)
	}
}

// learn maps a traced run and returns what to add to its set.
func (s *session) learn(env mapper.Environment, r result, found *findings) capability.Set {
	env.Granted = r.run.Set
	mapped := mapper.Map(r.obs, env)
	found.denials[r.run.Number] = mapped.Denials
	found.failures[r.run.Number] = mapped.Failures
	found.last = r
	choice := mapper.Choose(mapper.Clauses(mapped.Denials), s.allowed(), r.run.Set)
	found.unmet = choice.Unmet
	return choice.Added
}

// allowed is what may be granted and the engine has not refused.
func (s *session) allowed() capability.Set {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opts.Allowed.Minus(s.refused)
}

// grantable asks the engine which capabilities of a refused set it can grant, and
// remembers the others.
func (s *session) grantable(ctx context.Context, set capability.Set) (capability.Set, error) {
	possible, err := s.engine.Grantable(ctx, s.image.ID, set)
	if err != nil {
		return set, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	possible = possible.Minus(s.refused)
	if possible == set {
		return set, fmt.Errorf("the engine refuses to start a container with %s, and does not say which of them", set)
	}
	s.refused = s.refused.Union(set.Minus(possible))
	return possible, nil
}

// exploreOnce makes one traced run. While it is not known how long a passing run
// takes, and this one takes long, a reference run beside it finds out, so that a
// workload that hangs when it is refused something does not cost the time limit.
func (s *session) exploreOnce(ctx context.Context, set capability.Set) (result, error) {
	hopeless := make(chan struct{})
	p := plan{purpose: profile.PurposeExplore, set: set, traced: true, hopeless: hopeless}
	if _, known := s.pace.limit(s.opts.Timeout); known || s.opts.Jobs < 2 || s.opts.Patience <= 0 {
		return s.run(ctx, p)
	}
	beside, stop := context.WithCancel(ctx)
	reference := make(chan error, 1)
	go func() {
		select {
		case <-time.After(s.opts.Patience):
		case <-beside.Done():
			reference <- nil
			return
		}
		s.observer.Note("this takes long: a run with everything allowed, beside it, shows how long it may")
		r, err := s.reference(beside)
		if err == nil && !r.passed {
			close(hopeless)
		}
		reference <- err
	}()
	r, err := s.run(ctx, p)
	stop()
	if besideErr := <-reference; err == nil && besideErr != nil && !errors.Is(besideErr, context.Canceled) && !errors.Is(besideErr, errRunLimit) {
		err = besideErr
	}
	return r, err
}

// knownReference is the reference run, nil while there was none.
func (s *session) knownReference() *result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.referenceRun
}

// reference runs the workload with everything allowed, once.
func (s *session) reference(ctx context.Context) (result, error) {
	if known := s.knownReference(); known != nil {
		return *known, nil
	}
	for {
		set := s.allowed()
		r, err := s.run(ctx, plan{purpose: profile.PurposeReference, set: set})
		if err != nil {
			return r, err
		}
		if !r.refused {
			s.mu.Lock()
			s.referenceRun = &r
			s.mu.Unlock()
			return r, nil
		}
		if _, err := s.grantable(ctx, set); err != nil {
			return r, err
		}
	}
}
