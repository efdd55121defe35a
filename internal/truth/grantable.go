package main

import (
	"context"
	"errors"
	"maps"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/testengine"
)

// grants is what the engine can give, found by asking for it.
type grants struct {
	// all is everything that can be had.
	all capability.Set
	// refused are the engine's words on what can't.
	refused map[capability.Cap]string
}

// tryAll starts containers that do nothing, with more and with fewer capabilities.
func (c *containers) tryAll(ctx context.Context, image string) (grants, error) {
	return c.try(ctx, image, capability.Known())
}

// try finds what of the set can be granted, by halves: the engine grants a set
// when it grants each of its members.
func (c *containers) try(ctx context.Context, image string, set capability.Set) (grants, error) {
	_, err := c.run(ctx, image, []string{"--network", "none"}, []string{"/privop", "nothing"}, set, defaultLimit)
	if err == nil {
		return grants{all: set}, nil
	}
	refused, ok := errors.AsType[*testengine.RefusedError](err)
	if !ok {
		return grants{}, err
	}
	members := set.Slice()
	if len(members) == 1 {
		return grants{refused: map[capability.Cap]string{members[0]: refused.Message}}, nil
	}
	both := grants{refused: map[capability.Cap]string{}}
	for _, half := range [][]capability.Cap{members[:len(members)/2], members[len(members)/2:]} {
		part, err := c.try(ctx, image, capability.Of(half...))
		if err != nil {
			return grants{}, err
		}
		both.all = both.all.Union(part.all)
		maps.Copy(both.refused, part.refused)
	}
	return both, nil
}
