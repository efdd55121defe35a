package main

import (
	"context"
	"fmt"
)

const helpSynopsis = "help [COMMAND]"

// helpCommand is capprof help: the overview, or what COMMAND --help says.
func helpCommand(ctx context.Context, args []string, std stdio) error {
	flags := newFlags(help{synopsis: helpSynopsis, about: "Shows all commands, or the help of one."})
	if err := flags.parse(args, "help", std); err != nil {
		return err
	}
	switch flags.NArg() {
	case 0:
		_, err := fmt.Fprint(std.out, usage())
		return err
	case 1:
		c, err := commandNamed(flags.Arg(0))
		if err != nil {
			return usageError("%w", err)
		}
		return c.run(ctx, []string{"--help"}, std)
	default:
		return usageError("help takes one command, got %q (see capprof help)", flags.Args())
	}
}
