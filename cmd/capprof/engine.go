package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/docker"
)

// engineChoice is --engine: which engine is wanted, "" for the one that is found.
type engineChoice struct{ name string }

// addFlag defines --engine.
func (c *engineChoice) addFlag(flags *pflag.FlagSet) {
	flags.Func("engine", "container `engine`: "+strings.Join(docker.Kinds(), " or ")+
		"; without it the one that DOCKER_HOST, CONTAINER_HOST or the docker context names, or else the one that listens here", func(name string) error {
		if !slices.Contains(docker.Kinds(), name) {
			return fmt.Errorf("unknown engine %q: one of %s", name, strings.Join(docker.Kinds(), ", "))
		}
		c.name = name
		return nil
	})
}

// openEngine prepares the engine that is wanted. waiting hears of it while the engine
// does not answer; nil writes that to standard error.
func openEngine(std stdio, waiting func(message string)) (engine.Engine, error) {
	if waiting == nil {
		waiting = func(message string) { fmt.Fprintln(std.err, "capprof: "+message) }
	}
	return docker.New(docker.Options{Engine: docker.Kind(std.engine.name), Waiting: waiting, Log: std.debug.Logger})
}

// chosen says which engine is used, where that is not what most people expect: Docker, and
// no other one here. "" where there is nothing to say.
func chosen(facts engine.Facts) string {
	said := fmt.Sprintf("on %s %s at %s", facts.Name, facts.Version, facts.Endpoint)
	switch {
	case facts.Beside != "":
		return said + fmt.Sprintf("; %s is here too (--engine %s)", facts.Beside, strings.ToLower(facts.Beside))
	case facts.Name != docker.Docker.Name():
		return said
	}
	return ""
}
