package docker

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/versions"

	"github.com/capprof/capprof/internal/engine"
)

// severalNetworks is the API with which a container can be made in several networks (API
// version history, 1.44). Before, docker run connected it to the others one by one.
const severalNetworks = "1.44"

// furtherNetworks takes the networks but the first out of a create request to an engine
// that would refuse them, and returns them.
func furtherNetworks(body *createBody, api string) map[string]*network.EndpointSettings {
	all := body.NetworkingConfig.EndpointsConfig
	if len(all) < 2 || !versions.LessThan(api, severalNetworks) {
		return nil
	}
	first := string(body.HostConfig.NetworkMode)
	further := maps.Clone(all)
	delete(further, first)
	body.NetworkingConfig.EndpointsConfig = map[string]*network.EndpointSettings{first: all[first]}
	return further
}

// join connects a container that has not been started to further networks.
func join(ctx context.Context, e *Engine, id string, further map[string]*network.EndpointSettings) error {
	for _, name := range slices.Sorted(maps.Keys(further)) {
		doing := fmt.Sprintf("connecting container %.12s to network %s", id, name)
		err := work(ctx, e, doing, func(ctx context.Context) error {
			return e.api.NetworkConnect(ctx, name, id, further[name])
		})
		switch {
		case err == nil:
		case errdefs.IsNotFound(err), errdefs.IsInvalidArgument(err), errdefs.IsPermissionDenied(err):
			return fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
		default:
			return e.failed(doing, err)
		}
	}
	return nil
}
