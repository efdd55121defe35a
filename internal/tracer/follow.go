package tracer

import (
	"fmt"
	"slices"
	"sync"

	"github.com/cilium/ebpf"

	"github.com/capprof/capprof/internal/scenario"
)

// starts are the starts of containers that a session follows, by their numbers. The
// goroutine that reads details asks for them while more are added.
type starts struct {
	mu      sync.Mutex
	targets []Target
}

// add returns the new start's number.
func (s *starts) add(target Target) uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.targets = append(s.targets, target)
	return uint32(len(s.targets) - 1)
}

// target is the container of a start.
func (s *starts) target(number uint32) Target {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.targets[number]
}

// count is how many there are.
func (s *starts) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.targets)
}

// Follow takes a further start into the session, and must come before it: that of
// another container, or of one that has ended and is about to be started again. All of
// them end up in one observation.
func (s *Session) Follow(target Target) error {
	key, err := target.key()
	if err != nil {
		return err
	}
	number := s.starts.add(target)
	// The cgroup of an earlier start is gone. As the target has none now, the next one
	// of its name becomes its own.
	if err := s.object.Maps[capprofMapTargets].Update(key, capprofTarget{Number: number}, ebpf.UpdateAny); err != nil {
		return fmt.Errorf("following the cgroup %s: %w", target.CgroupName, err)
	}
	return added(s.object, uint64(number)+1)
}

// added tells the programs of an object how many targets it got so far: the last one is to
// be looked for.
func added(object *ebpf.Collection, additions uint64) error {
	if err := object.Variables[capprofVarAdditions].Set(additions); err != nil {
		return fmt.Errorf("telling the programs of a further start: %w", err)
	}
	return nil
}

// Enter says which part of the run begins: what ends from now on belongs to it. Before
// the first one, all belongs to the zero phase.
func (s *Session) Enter(phase scenario.Phase) error {
	number := slices.Index(s.phases, phase)
	if number < 0 {
		number = len(s.phases)
		s.phases = append(s.phases, phase)
	}
	if err := s.object.Variables[capprofVarPhase].Set(uint16(number)); err != nil {
		return fmt.Errorf("telling the programs of the %s: %w", phase, err)
	}
	return nil
}
