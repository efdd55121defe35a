package main

import (
	"context"
	"errors"
	"fmt"
	"os"
)

const cleanSynopsis = "clean"

var cleanHelp = help{
	synopsis: cleanSynopsis,
	about:    "Removes the containers, volumes and plain processes that an interrupted capprof left behind. Those of a running capprof are kept.",
	codes: []codeMeaning{
		{exitOK, "nothing is left behind"},
		{exitUnfit, unfitMeaning},
		{exitInterrupt, "interrupted"},
	},
}

func cleanCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(cleanHelp)
	std.engine.addFlag(flags.group(optionsGroup))
	std.debug.addFlag(flags.group(optionsGroup))
	if err := flags.parse(args, "clean", std); err != nil {
		return err
	}
	if err := flags.noArguments("clean"); err != nil {
		return err
	}
	at, err := openEngine(std, nil)
	if err != nil {
		return err
	}
	defer at.Close()
	names, err := at.RemoveLeftovers(ctx)
	if std.engine.name == "" && os.Geteuid() == 0 {
		// What plain processes leave behind is on this machine, whatever the engine is.
		more, failed := removePlain(ctx, std)
		names, err = append(names, more...), errors.Join(err, failed)
	}
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

// removePlain removes what is left of plain processes.
func removePlain(ctx context.Context, std stdio) ([]string, error) {
	std.engine = &engineChoice{name: hostEngine}
	at, err := openEngine(std, nil)
	if err != nil {
		return nil, err
	}
	names, err := at.RemoveLeftovers(ctx)
	return names, errors.Join(err, at.Close())
}
