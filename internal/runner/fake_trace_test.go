package runner

import (
	"fmt"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/scenario"
)

func (e *fakeEngine) Hook() string { return "fake" }

func (e *fakeEngine) Attach(cgroup engine.Cgroup) (trial.Trace, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		if c.Cgroup() == cgroup {
			if c.started {
				e.t.Errorf("container %d was traced after its start", c.number)
			}
			e.attached++
			return &fakeTrace{c}, nil
		}
	}
	return nil, fmt.Errorf("no container %s", cgroup.Name)
}

func (e *fakeEngine) Watch(cgroup engine.Cgroup) (trial.Watch, error) {
	t, err := e.Attach(cgroup)
	if err != nil {
		return nil, err
	}
	return t.(*fakeTrace), nil
}

// Activity tells of nothing.
func (e *fakeEngine) Activity(engine.Cgroup) (trial.Activity, error) { return fakeActivity{}, nil }

type fakeActivity struct{}

func (fakeActivity) Follow(engine.Cgroup) error { return nil }

func (fakeActivity) Events() <-chan struct{} { return nil }
func (fakeActivity) Close()                  {}

type fakeTrace struct{ c *fakeContainer }

func (t *fakeTrace) Follow(engine.Cgroup) error { return nil }

func (t *fakeTrace) Enter(p scenario.Phase) error {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	t.c.phase = p
	return nil
}

// Seen sees checks alone.
func (t *fakeTrace) Seen() (observation.Watched, error) {
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if blind := t.c.engine.blind; blind != nil && blind(t.c.set) {
		return observation.Watched{Losses: observation.Losses{Unseen: 1}}, nil
	}
	var denied capability.Set
	for _, op := range t.c.ops {
		for _, check := range op.Checks {
			if !check.Granted {
				denied = denied.With(check.Capability)
			}
		}
	}
	return observation.Watched{Denied: denied}, nil
}

func (t *fakeTrace) Finish() (observation.Observation, error) {
	if e := t.c.engine; e.onFinish != nil {
		if err := e.onFinish(t.c.number); err != nil {
			return observation.Observation{}, err
		}
	}
	t.c.mu.Lock()
	defer t.c.mu.Unlock()
	if !t.c.ended {
		t.c.engine.t.Errorf("the trace of container %d was finished before its end", t.c.number)
	}
	if blind := t.c.engine.blind; blind != nil && blind(t.c.set) {
		return observation.Observation{Losses: observation.Losses{Unseen: 1}}, nil
	}
	losses := t.c.engine.losses
	if loses := t.c.engine.loses; loses != nil && !loses(t.c.number) {
		losses = observation.Losses{}
	}
	return observation.Observation{
		Operations: t.c.ops, Executions: 1, Losses: losses,
		Sysctls: t.c.sysctls, SysctlUses: t.c.uses,
	}, nil
}

func (t *fakeTrace) Close() {
	t.c.engine.mu.Lock()
	defer t.c.engine.mu.Unlock()
	t.c.engine.closed++
}
