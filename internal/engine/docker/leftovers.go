package docker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
)

// RemoveLeftovers removes the containers whose capprof is dead, with their anonymous
// volumes, and returns the names of those that are gone. Containers of a
// capprof that runs, this one included, are left alone. Labels alone do not make a
// container ours: docker commit copies them into an image, and from there they get
// into containers of the user's.
func (e *Engine) RemoveLeftovers(ctx context.Context) ([]string, error) {
	found, err := look(ctx, e, "the containers of earlier runs", func(ctx context.Context) ([]container.Summary, error) {
		return e.api.ContainerList(ctx, container.ListOptions{
			All:     true,
			Filters: filters.NewArgs(filters.Arg("label", ownerLabel), filters.Arg("label", sessionLabel)),
		})
	})
	if err != nil {
		return nil, e.failed("listing the containers of earlier runs", err)
	}
	var names []string
	var failures []error
	for _, summary := range found {
		name, ours := ownName(summary)
		if !ours {
			continue
		}
		maker, err := parseOwner(summary.Labels[ownerLabel])
		if err != nil {
			failures = append(failures, fmt.Errorf("container %s: %w", name, err))
			continue
		}
		if !maker.gone(e.owner, isRunning(summary.State)) {
			continue
		}
		if err := e.remove(ctx, summary.ID); err != nil {
			failures = append(failures, err)
			continue
		}
		e.log.Debug("removed a leftover", "container", name, "owner", maker.String())
		names = append(names, name)
	}
	slices.Sort(names)
	return names, errors.Join(failures...)
}

// isRunning reports whether a container in that state has processes. A paused one has.
func isRunning(state container.ContainerState) bool {
	return state != container.StateCreated && state != container.StateExited && state != container.StateDead
}

// ownName is the name that create gave to the container, capprof-SESSION-N; false
// where it has none such.
func ownName(summary container.Summary) (string, bool) {
	prefix := "capprof-" + summary.Labels[sessionLabel] + "-"
	for _, name := range summary.Names {
		name = strings.TrimPrefix(name, "/")
		if number, ok := strings.CutPrefix(name, prefix); ok && summary.Labels[sessionLabel] != "" && isNumber(number) {
			return name, true
		}
	}
	return "", false
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}
