package docker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/sys/signal"

	"github.com/capprof/capprof/internal/engine"
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
	config, host, err := settings(s.spec, 0, s.engine.environ, s.files.read)
	if err != nil {
		return fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
	}
	id := &s.identity
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
	id.Volumes, err = s.volumes(ctx, image.Volumes, config, host)
	return err
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

// volumes are what outlives a container. Where several are mounted at one place, it is
// the one that the engine takes: mounts before binds, those before the volumes of
// another container, and those before anonymous ones (moby daemon/volumes.go,
// registerMountPoints). What is in a tmpfs outlives nothing.
func (s *Subject) volumes(ctx context.Context, image map[string]struct{}, config *container.Config, host *container.HostConfig) ([]engine.Volume, error) {
	at := map[string]engine.Volume{}
	for target := range image {
		at[target] = engine.Volume{Target: target, Kind: engine.AnonymousVolume}
	}
	for target := range config.Volumes {
		at[target] = engine.Volume{Target: target, Kind: engine.AnonymousVolume}
	}
	for _, from := range host.VolumesFrom {
		others, err := s.volumesFrom(ctx, from)
		if err != nil {
			return nil, err
		}
		for _, v := range others {
			at[v.Target] = v
		}
	}
	for _, bind := range host.Binds {
		v := bindVolume(bind)
		at[v.Target] = v
	}
	for _, m := range host.Mounts {
		v := engine.Volume{Target: m.Target, Source: m.Source, ReadOnly: m.ReadOnly}
		switch {
		case m.Type == mount.TypeBind:
			v.Kind = engine.BindMount
		case m.Type == mount.TypeVolume && m.Source == "":
			v.Kind = engine.AnonymousVolume
		case m.Type == mount.TypeVolume:
			v.Kind = engine.NamedVolume
		default:
			// A tmpfs, or the file tree of an image.
			delete(at, m.Target)
			continue
		}
		at[m.Target] = v
	}
	for target := range host.Tmpfs {
		delete(at, target)
	}
	return slices.SortedFunc(maps.Values(at), func(a, b engine.Volume) int { return cmp.Compare(a.Target, b.Target) }), nil
}

// bindVolume reads SOURCE:TARGET[:OPTIONS] of the API's binds, which hold named volumes
// too.
func bindVolume(bind string) engine.Volume {
	source, rest, _ := strings.Cut(bind, ":")
	target, options, _ := strings.Cut(rest, ":")
	v := engine.Volume{Target: target, Source: source, Kind: engine.NamedVolume, ReadOnly: slices.Contains(strings.Split(options, ","), "ro")}
	if strings.HasPrefix(source, "/") {
		v.Kind = engine.BindMount
	}
	return v
}

// volumesFrom are those of another container, CONTAINER[:ro|rw].
func (s *Subject) volumesFrom(ctx context.Context, from string) ([]engine.Volume, error) {
	name, mode, _ := strings.Cut(from, ":")
	state, err := look(ctx, s.engine, "inspecting container "+name, func(ctx context.Context) (container.InspectResponse, error) {
		return s.engine.api.ContainerInspect(ctx, name)
	})
	if err != nil {
		if unreachable(err) || isSilence(err) || ctx.Err() != nil {
			return nil, s.engine.failed("inspecting container "+name, err)
		}
		return nil, fmt.Errorf("%w: --volumes-from %s: %w", engine.ErrBadWorkload, from, err)
	}
	var all []engine.Volume
	for _, m := range state.Mounts {
		v := engine.Volume{Target: m.Destination, Source: m.Name, Kind: engine.NamedVolume, ReadOnly: !m.RW || mode == "ro"}
		switch m.Type {
		case mount.TypeBind:
			v.Kind, v.Source = engine.BindMount, m.Source
		case mount.TypeVolume:
		default:
			continue
		}
		all = append(all, v)
	}
	return all, nil
}
