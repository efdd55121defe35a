package main

import (
	"context"
	"fmt"

	"github.com/capprof/capprof/internal/engine/docker"
)

const cleanSynopsis = "clean"

func cleanCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(cleanSynopsis, "Removes the containers that a killed capprof left behind. Those of one that is running stay.", "", std)
	if err := parse(flags, args, "clean"); err != nil {
		return err
	}
	if err := noArguments(flags, "clean"); err != nil {
		return err
	}
	at, err := docker.New(docker.Options{})
	if err != nil {
		return err
	}
	defer at.Close()
	names, err := at.Leftovers(ctx)
	for _, name := range names {
		fmt.Fprintln(std.out, name)
	}
	if err != nil {
		return err
	}
	if len(names) == 0 {
		fmt.Fprintln(std.err, "nothing to remove")
	}
	return nil
}
