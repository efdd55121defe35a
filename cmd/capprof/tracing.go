package main

import (
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/lsm"
	"github.com/capprof/capprof/internal/runner"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/tracer"
)

// tracing makes a trial.Tracer of the BPF one.
type tracing struct{ *tracer.Tracer }

func (t tracing) Attach(c engine.Cgroup) (trial.Trace, error) {
	session, err := t.Tracer.Attach(target(c))
	if err != nil {
		return nil, err
	}
	return trace{session}, nil
}

func (t tracing) Watch(c engine.Cgroup) (trial.Watch, error) {
	w, err := t.Tracer.Watch(target(c))
	if err != nil {
		return nil, err
	}
	return watch{w}, nil
}

func (t tracing) Activity(c engine.Cgroup) (trial.Activity, error) {
	a, err := t.Tracer.Activity(target(c))
	if err != nil {
		return nil, err
	}
	return activity{a}, nil
}

// modules makes runner.Modules of the kernel's.
type modules struct{ *lsm.Kernel }

func (m modules) Listen() (trial.Listener, error) { return m.Kernel.Listen() }

// securityModules are those of this machine's kernel, nil where none is in force.
func securityModules() runner.Modules {
	kernel := lsm.New()
	if !kernel.Present() {
		return nil
	}
	return modules{kernel}
}

// target is the tracer's word for a container.
func target(c engine.Cgroup) tracer.Target { return tracer.Target{CgroupName: c.Name} }

type trace struct{ *tracer.Session }

func (t trace) Follow(c engine.Cgroup) error { return t.Session.Follow(target(c)) }

type watch struct{ *tracer.Watch }

func (w watch) Follow(c engine.Cgroup) error { return w.Watch.Follow(target(c)) }

type activity struct{ *tracer.Activity }

func (a activity) Follow(c engine.Cgroup) error { return a.Activity.Follow(target(c)) }
