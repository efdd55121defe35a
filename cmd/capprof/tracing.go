package main

import (
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/tracer"
)

// tracing makes a trial.Tracer of the BPF one.
type tracing struct{ *tracer.Tracer }

func (t tracing) Attach(c engine.Cgroup) (trial.Trace, error) {
	session, err := t.Tracer.Attach(tracer.Target{CgroupName: c.Name})
	if err != nil {
		return nil, err
	}
	return trace{session}, nil
}

func (t tracing) Watch(c engine.Cgroup) (trial.Watch, error) {
	watch, err := t.Tracer.Watch(tracer.Target{CgroupName: c.Name})
	if err != nil {
		return nil, err
	}
	return watch, nil
}

// trace is a session of one container.
type trace struct{ *tracer.Session }

func (t trace) Finish() (observation.Observation, error) {
	observations, err := t.Session.Finish()
	if err != nil {
		return observation.Observation{}, err
	}
	return observations[0], nil
}
