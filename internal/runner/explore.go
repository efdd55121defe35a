package runner

import (
	"context"
	"fmt"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/profile"
)

// explore runs the workload under trace, first with the set that the findings start
// from and then each time with one that meets all that was denied before, and, where
// no capability helps and --privileged is today's flag, with openings for what the
// last run failed at, until it passes or a run teaches nothing new. It returns the
// set of the last run and whether that passed.
func (s *session) explore(ctx context.Context, env mapper.Environment, found *findings) (capability.Set, bool, error) {
	granted := found.from
	if found.last.run.Number > 0 {
		granted = found.last.run.Capabilities
	}
	for {
		r, err := s.besideReference(ctx, plan{purpose: profile.PurposeExplore, set: granted, traced: true})
		if err != nil {
			return granted, false, unfinishedBy(err, "no set that passes was found by then")
		}
		if r.badOptions != nil {
			if err := s.takeBack(r); err != nil {
				return granted, false, err
			}
			if len(s.fresh) == 0 && !s.open(found) {
				return granted, false, nil
			}
			continue
		}
		if r.refused {
			if granted, err = s.grantable(ctx, granted); err != nil {
				return granted, false, err
			}
			more := false
			if granted, more = found.next(s.allowed()); !more {
				// What is left was run already, and has no alternative.
				return granted, false, nil
			}
			continue
		}
		found.learn(env, r)
		s.fresh = nil
		if r.passed {
			return granted, true, nil
		}
		if err := s.startable(ctx, r); err != nil {
			return granted, false, err
		}
		reference, err := s.knownOrDue(ctx, r)
		if err != nil {
			return granted, false, err
		}
		next, more := found.next(s.allowed())
		if reference != nil && !reference.passed || !more && !s.open(found) {
			return next, false, nil
		}
		granted = next
	}
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
	possible, err := s.subject.Grantable(ctx, set)
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
