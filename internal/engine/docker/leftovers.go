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
	"github.com/docker/docker/api/types/volume"

	"github.com/capprof/capprof/internal/owner"
)

// The labels of every container and volume that capprof makes.
const (
	// sessionLabel holds the session's name.
	sessionLabel = "dev.capprof.run"
	// ownerLabel holds the process that made it, see package owner.
	ownerLabel = "dev.capprof.owner"
)

// RemoveLeftovers removes the containers whose capprof is dead, with their anonymous
// volumes, then the volumes that it made, and returns the names of those that are gone.
// What is of a capprof that runs, this one included, is left alone. Labels alone do not make a
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
		maker, err := owner.Parse(summary.Labels[ownerLabel])
		if err != nil {
			failures = append(failures, fmt.Errorf("container %s: %w", name, err))
			continue
		}
		if !maker.Gone(e.owner, isRunning(summary.State)) {
			continue
		}
		if err := e.remove(ctx, summary.ID); err != nil {
			failures = append(failures, err)
			continue
		}
		e.log.Debug("removed a leftover", "container", name, "owner", maker.String())
		names = append(names, name)
	}
	ofDead, err := volumes{e}.removeLeft(ctx)
	names, failures = append(names, ofDead...), append(failures, err)
	slices.Sort(names)
	return names, errors.Join(failures...)
}

// removeLeft removes the volumes whose capprof is dead. One that a container of
// somebody else's uses by now stays, and is an error: the engine says which it is.
func (e volumes) removeLeft(ctx context.Context) ([]string, error) {
	found, err := look(ctx, e.Engine, "the volumes of earlier runs", func(ctx context.Context) (volume.ListResponse, error) {
		return e.api.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", ownerLabel), filters.Arg("label", sessionLabel))})
	})
	if err != nil {
		return nil, e.failed("listing the volumes of earlier runs", err)
	}
	var names []string
	var failures []error
	for _, v := range found.Volumes {
		if !isOwnVolume(v.Name, v.Labels[sessionLabel]) {
			continue
		}
		maker, err := owner.Parse(v.Labels[ownerLabel])
		if err != nil {
			failures = append(failures, fmt.Errorf("volume %s: %w", v.Name, err))
			continue
		}
		if !maker.Gone(e.owner, false) {
			continue
		}
		if err := e.remove(ctx, v.Name); err != nil {
			failures = append(failures, err)
			continue
		}
		e.log.Debug("removed a leftover", "volume", v.Name, "owner", maker.String())
		names = append(names, v.Name)
	}
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
