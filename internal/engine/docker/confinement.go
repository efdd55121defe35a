package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/live"
)

// Confinement is the kernel's word where the container runs on this machine, else the
// engine's: what it had the runtime set.
func (c *Container) Confinement(ctx context.Context) ([]engine.Confinement, error) {
	if held, err := read(ctx, c, live.Container.Confinement); err == nil && len(held) > 0 {
		return held, nil
	}
	found, err := look(ctx, c.engine, "inspecting container "+c.short(), func(ctx context.Context) (container.InspectResponse, error) {
		return c.engine.api.ContainerInspect(ctx, c.id)
	})
	if err != nil {
		return nil, c.unanswered(ctx, "inspecting", err)
	}
	if found.ContainerJSONBase == nil {
		return nil, fmt.Errorf("inspecting container %s: the engine says nothing of it", c.short())
	}
	return confinedBy(*found.ContainerJSONBase), nil
}

// confinedBy is what an engine says of a container. The fields are empty where the
// module is not there (moby daemon/daemon_unix.go, saveAppArmorConfig; libpod's
// container_inspect.go).
func confinedBy(found container.ContainerJSONBase) []engine.Confinement {
	var all []engine.Confinement
	if held, ok := engine.AppArmorConfinement(found.AppArmorProfile); ok {
		all = append(all, held)
	}
	if held, ok := engine.SELinuxConfinement(found.ProcessLabel); ok {
		all = append(all, held)
	}
	return all
}
