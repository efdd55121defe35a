package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/engine"
)

// noContainer says that there is no such container, and which ones are called alike.
func noContainer(ctx context.Context, e *Engine, name string) error {
	list, err := look(ctx, e, "listing containers", func(ctx context.Context) ([]container.Summary, error) {
		return e.api.ContainerList(ctx, container.ListOptions{All: true})
	})
	if err != nil {
		return e.failed("listing containers", err)
	}
	var known []string
	for _, c := range list {
		if _, ours := c.Labels[sessionLabel]; ours {
			continue
		}
		for _, one := range c.Names {
			// A link gives a container further names, below another one's.
			if one = strings.TrimPrefix(one, "/"); !strings.Contains(one, "/") {
				known = append(known, one)
			}
		}
	}
	if alike := namesAlike(name, known); len(alike) > 0 {
		return fmt.Errorf("%w: %q (is it %s?)", engine.ErrNoContainer, name, strings.Join(alike, ", "))
	}
	return fmt.Errorf("%w: %q (docker ps -a lists them)", engine.ErrNoContainer, name)
}

// namesAlike are the names that may have been meant: a part of them was given, as the
// service of a Compose project, or they are spelled nearly so. The likeliest are first.
func namesAlike(asked string, known []string) []string {
	type candidate struct {
		name            string
		notWord, spread int
	}
	var alike []candidate
	for _, name := range known {
		lower, part := strings.ToLower(name), strings.ToLower(asked)
		c := candidate{name, 1, levenshtein.ComputeDistance(part, lower)}
		if slices.Contains(strings.FieldsFunc(lower, func(r rune) bool { return strings.ContainsRune("-_.", r) }), part) {
			c.notWord = 0
		}
		if c.notWord == 0 || len(part) > 2 && strings.Contains(lower, part) || c.spread <= 1+len(asked)/3 && c.spread < min(len(asked), len(name)) {
			alike = append(alike, c)
		}
	}
	slices.SortFunc(alike, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.notWord, b.notWord), cmp.Compare(a.spread, b.spread), cmp.Compare(a.name, b.name))
	})
	var names []string
	for _, c := range alike[:min(3, len(alike))] {
		names = append(names, c.name)
	}
	return names
}
