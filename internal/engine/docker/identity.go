package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/go-connections/nat"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/sys/signal"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/scenario"
)

// stopTimeout is what docker stop waits where nothing else is said (moby
// container/container.go, defaultStopTimeout).
const stopTimeout = 10 * time.Second

// life puts into the identity how a container of the image lives and what outlives it,
// as the engine merges the image's settings with those of the request (moby
// daemon/commit.go, merge).
func (s *Subject) life(ctx context.Context, image *dockerspec.DockerOCIImageConfig) error {
	if image == nil {
		image = &dockerspec.DockerOCIImageConfig{}
	}
	config, host, err := settings(s.spec, 0, s.engine.environ, s.files.Read)
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
	}
	id := &s.identity
	id.User, _, _ = strings.Cut(cmp.Or(config.User, image.User), ":")
	id.Healthcheck = checksHealth(config.Healthcheck, image.Healthcheck)
	id.StopSignal = syscall.SIGTERM
	if name := cmp.Or(config.StopSignal, image.StopSignal); name != "" {
		if id.StopSignal, err = signal.ParseSignal(name); err != nil {
			return fmt.Errorf("%w: the stop signal: %w", engine.ErrBadWorkload, err)
		}
	}
	id.StopTimeout = stopTimeout
	if config.StopTimeout != nil {
		id.StopTimeout = time.Duration(*config.StopTimeout) * time.Second
	}
	id.Exposed = exposed(config, image)
	id.Volumes, err = s.volumes(ctx, config, host)
	return err
}

// exposed are the ports that an image or a request says that it listens on, sorted.
func exposed(config *container.Config, image *dockerspec.DockerOCIImageConfig) []scenario.Socket {
	var all []scenario.Socket
	add := func(port nat.Port) {
		if port.Int() > 0 {
			all = append(all, scenario.Socket{Protocol: port.Proto(), Port: port.Int()})
		}
	}
	for port := range config.ExposedPorts {
		add(port)
	}
	for port := range image.ExposedPorts {
		add(nat.Port(port))
	}
	slices.SortFunc(all, func(a, b scenario.Socket) int {
		return cmp.Or(cmp.Compare(a.Port, b.Port), cmp.Compare(a.Protocol, b.Protocol))
	})
	return slices.Compact(all)
}

// checksHealth reports whether a container is made with a health check. Without a test
// of the workload's own it is the image's, whatever else is said of it.
func checksHealth(own, image *dockerspec.HealthcheckConfig) bool {
	for _, check := range []*dockerspec.HealthcheckConfig{own, image} {
		if check != nil && len(check.Test) > 0 {
			return check.Test[0] == "CMD" || check.Test[0] == "CMD-SHELL"
		}
	}
	return false
}

// volumes are what outlives a container.
func (s *Subject) volumes(ctx context.Context, config *container.Config, host *container.HostConfig) ([]engine.Volume, error) {
	mounts, err := s.mounts(ctx, config, host)
	if err != nil {
		return nil, err
	}
	all := make([]engine.Volume, 0, len(mounts))
	for _, m := range mounts {
		v := engine.Volume{Target: m.target, Source: m.source, Kind: engine.BindMount, ReadOnly: m.readOnly}
		if m.kind == mount.TypeVolume {
			v.Kind = engine.NamedVolume
			if m.source == "" {
				v.Kind = engine.AnonymousVolume
			}
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b engine.Volume) int { return cmp.Compare(a.Target, b.Target) })
	return all, nil
}
