package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/docker"
	"github.com/capprof/capprof/internal/engine/host"
	"github.com/capprof/capprof/internal/workload"
)

// engineChoice is --engine: which engine is wanted, "" for the one that is found.
type engineChoice struct{ name string }

// addFlag defines --engine.
func (c *engineChoice) addFlag(flags *pflag.FlagSet) {
	all := append(docker.Kinds(), hostEngine)
	flags.Func("engine", "container `engine`: "+strings.Join(docker.Kinds(), ", ")+", or host for plain processes on this machine, without an engine"+
		"; without it the one that DOCKER_HOST, CONTAINER_HOST or the docker context names, or else the one that listens here", func(name string) error {
		if !slices.Contains(all, name) {
			return fmt.Errorf("unknown engine %q: one of %s", name, strings.Join(all, ", "))
		}
		c.name = name
		return nil
	})
}

// openEngine prepares the engine that is wanted. waiting hears of it while the engine
// does not answer, and of what plain processes cannot have; nil writes that to standard error.
func openEngine(std stdio, waiting func(message string)) (engine.Engine, error) {
	if waiting == nil {
		waiting = func(message string) { fmt.Fprintln(std.err, "capprof: "+message) }
	}
	if std.engine.plain() {
		return host.New(host.Options{Note: waiting, Log: std.debug.Logger})
	}
	return docker.New(docker.Options{Engine: docker.Kind(std.engine.name), Waiting: waiting, Log: std.debug.Logger})
}

// hostEngine is the name of none: what is run are plain processes.
const hostEngine = "host"

// plain reports whether there are no containers.
func (c *engineChoice) plain() bool { return c.name == hostEngine }

// fits refuses options that the engine has no meaning for.
func (c *engineChoice) fits(o workload.Options) error {
	refusal := workload.RefusedContainer(o)
	if c.plain() {
		refusal = workload.RefusedPlain(o)
	}
	if refusal != nil {
		return usageError("%w", refusal)
	}
	return nil
}

// withoutEngine adds to an error that there is no engine what does without one.
func (c *engineChoice) withoutEngine(err error) error {
	if c.name == "" && errors.Is(err, engine.ErrNoEngine) {
		return fmt.Errorf("%w; without an engine: capprof run --engine host -- COMMAND", err)
	}
	return err
}

// chosen says which engine is used, where that is not what most people expect: Docker, and
// no other one here. "" where there is nothing to say.
func chosen(facts engine.Facts) string {
	said := fmt.Sprintf("on %s %s at %s", facts.Name, facts.Version, facts.Endpoint)
	switch {
	case facts.Beside != "":
		return said + fmt.Sprintf("; %s is here too (--engine %s)", facts.Beside, strings.ToLower(facts.Beside))
	case facts.Name != docker.Docker.Name() && facts.Name != workload.PlainEngine:
		return said
	}
	return ""
}
