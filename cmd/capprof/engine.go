package main

import (
	"fmt"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/engine/docker"
)

// openEngine prepares the engine that docker would use. waiting hears of it while
// the engine does not answer; nil writes that to standard error.
func openEngine(std stdio, waiting func(message string)) (engine.Engine, error) {
	if waiting == nil {
		waiting = func(message string) { fmt.Fprintln(std.err, "capprof: "+message) }
	}
	return docker.New(docker.Options{Waiting: waiting, Log: std.debug.Logger})
}
