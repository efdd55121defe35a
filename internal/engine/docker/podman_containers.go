package docker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
)

// capabilitiesLabel is the label of an image, or of a container, that lists what it needs
// of capabilities; Podman gives it no others (containers/common pkg/capabilities,
// ContainerImageLabels).
const capabilitiesLabel = "io.containers.capabilities"

// checkGrant checks that a container was made with the capabilities that were asked for.
// Podman leaves out without a word those that it does not hold itself (podman
// pkg/specgen/generate/security_linux.go). It is a *engine.RefusedError then.
func (e libpod) checkGrant(ctx context.Context, id string, grant capability.Set) error {
	about, err := e.whoIsIt(ctx)
	if err != nil || about.kind != Podman {
		return err
	}
	found, err := e.container(ctx, id)
	if err != nil {
		return err
	}
	bounding, err := capability.ParseSet(found.BoundingCaps...)
	switch {
	case err != nil:
		return fmt.Errorf("reading what container %.12s may do: %w", id, err)
	case bounding == grant:
		return nil
	case !grant.Contains(bounding):
		return fmt.Errorf("%w: asked for %s, Podman made a container with %s", engine.ErrBadWorkload, grant, bounding)
	}
	return &engine.RefusedError{Refused: grant.Minus(bounding), Err: errors.New("it was left out of the container: Podman does not hold it itself")}
}

// container is what Podman says of a container in its own API.
func (e libpod) container(ctx context.Context, id string) (libpodContainer, error) {
	doing := fmt.Sprintf("inspecting container %.12s", id)
	found, err := look(ctx, e.Engine, doing, func(ctx context.Context) (found libpodContainer, err error) {
		return found, e.ask(ctx, "containers/"+id+"/json", &found)
	})
	if err != nil {
		return found, e.failed(doing, err)
	}
	return found, nil
}

// checkHealth waits for the word of a health check that Podman has timers of systemd make.
// Where no timer makes it, as without systemd, Podman is asked to make it, at the check's
// own pace.
func checkHealth(ctx context.Context, c *Container, found container.InspectResponse) (bool, error) {
	pace := 30 * time.Second // podman's default (libpod/define, DefaultHealthCheckInterval)
	if found.Config != nil && found.Config.Healthcheck != nil && found.Config.Healthcheck.Interval > 0 {
		pace = found.Config.Healthcheck.Interval
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for before := lastCheck(found.State); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		found, err := c.inspect(ctx)
		if err != nil {
			return false, err
		}
		if healthy, known := healthOf(found.State); known {
			return healthy, nil
		}
		last := lastCheck(found.State)
		if last.After(before) {
			before = last
			continue
		}
		doing := "checking the health of container " + c.short()
		_, err = look(ctx, c.engine, doing, func(ctx context.Context) (result any, err error) {
			return result, libpod{c.engine}.ask(ctx, "containers/"+c.id+"/healthcheck", &result)
		})
		if refusal := (*libpodError)(nil); errors.As(err, &refusal) {
			return false, fmt.Errorf("%w: %w", engine.ErrNotRunning, err)
		}
		if err != nil {
			return false, c.unanswered(ctx, "checking the health of", err)
		}
		if found, err = c.inspect(ctx); err != nil {
			return false, err
		}
		if healthy, known := healthOf(found.State); known {
			return healthy, nil
		}
		before = lastCheck(found.State)
	}
}

// lastCheck is when the last health check was made.
func lastCheck(state *container.State) (last time.Time) {
	if state.Health == nil {
		return last
	}
	for _, result := range state.Health.Log {
		if result.Start.After(last) {
			last = result.Start
		}
	}
	return last
}
