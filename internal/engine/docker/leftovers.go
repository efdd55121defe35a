package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// Leftovers removes the containers whose capprof is dead, with their anonymous
// volumes, and returns the names of those that are gone. Containers of a
// capprof that runs, this one included, are left alone.
func (e *Engine) Leftovers(ctx context.Context) ([]string, error) {
	found, err := e.api.ContainerList(ctx, container.ListOptions{
		All:     true,
		Filters: filters.NewArgs(filters.Arg("label", ownerLabel), filters.Arg("label", sessionLabel)),
	})
	if err != nil {
		return nil, e.failed("listing the containers of earlier runs", err)
	}
	var names []string
	var failures []error
	for _, summary := range found {
		maker, err := parseOwner(summary.Labels[ownerLabel])
		name := containerName(summary)
		if err != nil {
			failures = append(failures, fmt.Errorf("container %s: %w", name, err))
			continue
		}
		if !maker.gone(e.owner, summary.State == container.StateRunning) {
			continue
		}
		if err := e.remove(ctx, summary.ID); err != nil {
			failures = append(failures, err)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, errors.Join(failures...)
}

// containerName is the name without the slash of the API, or the ID of a
// container that is being removed and has lost its name.
func containerName(summary container.Summary) string {
	if len(summary.Names) == 0 {
		return summary.ID
	}
	return strings.TrimPrefix(summary.Names[0], "/")
}
