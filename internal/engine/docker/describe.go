package docker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// original is an existing container, and what it has from its image and its engine.
type original struct {
	container.InspectResponse
	image  dockerspec.DockerOCIImageConfig
	engine about
	// here says that the engine's files are this machine's.
	here bool
	// names are those of the containers that it refers to, by ID.
	names map[string]string
	// given and inherited are the create request's fields: as the container has them,
	// and as it would have them without any option.
	given, inherited map[string]map[string]any
}

// Describe reads an existing container, by its name or the beginning of its ID. All that
// is asked of the engine about it is to look.
func (e *Engine) Describe(ctx context.Context, name string) (engine.Description, error) {
	about, err := e.whoIsIt(ctx)
	if err != nil {
		return engine.Description{}, err
	}
	found, err := inspectContainer(ctx, e, name)
	if errdefs.IsNotFound(err) {
		return engine.Description{}, noContainer(ctx, e, name)
	}
	if err != nil {
		return engine.Description{}, e.failed(fmt.Sprintf("inspecting container %q", name), err)
	}
	o := original{InspectResponse: found, engine: about, here: whyRemote(e.endpoint, about.info) == "", names: map[string]string{}}
	d := engine.Description{Name: strings.TrimPrefix(found.Name, "/"), ID: found.ID}
	if d.Workload.Image, err = imageOf(ctx, e, &o, &d.Notes); err != nil {
		return engine.Description{}, err
	}
	if about.kind == Podman {
		if err := (libpod{e}).withoutPodmans(ctx, &o); err != nil {
			return engine.Description{}, err
		}
	}
	for _, id := range o.refersTo() {
		other, err := inspectContainer(ctx, e, id)
		switch {
		case err == nil:
			o.names[id] = strings.TrimPrefix(other.Name, "/")
		case !errdefs.IsNotFound(err): // One that is gone keeps its ID.
			return engine.Description{}, e.failed(fmt.Sprintf("inspecting container %q", id), err)
		}
	}
	if o.given, o.inherited, err = o.fields(); err != nil {
		return engine.Description{}, err
	}
	describe(o, &d)
	e.log.Debug("described", "container", found.ID, "image", d.Workload.Image, "command", d.Workload.Command)
	return d, nil
}

// describe fills in what the container was made with.
func describe(o original, d *engine.Description) {
	var command []string
	_, d.Leading, command = o.argv()
	d.Workload.Command = slices.Concat(d.Leading, command)
	for _, option := range workload.Table {
		d.Workload.Options = d.Workload.Options.Set(option.Name, o.values(option)...)
	}
	d.Anonymous, d.Writes = o.anonymous(), o.writes()
	d.Notes = append(d.Notes, o.notes()...)
}

func inspectContainer(ctx context.Context, e *Engine, name string) (container.InspectResponse, error) {
	return look(ctx, e, fmt.Sprintf("inspecting container %q", name), func(ctx context.Context) (container.InspectResponse, error) {
		return e.api.ContainerInspect(ctx, name)
	})
}

// imageOf names the container's image, and notes what it brings along. The name that the
// container was made with may stand for a newer image by now, or for none.
func imageOf(ctx context.Context, e *Engine, o *original, notes *[]string) (string, error) {
	inspect := func(name string) (image.InspectResponse, error) {
		found, err := e.inspectImage(ctx, name)
		if err != nil && !errdefs.IsNotFound(err) && !errdefs.IsInvalidArgument(err) {
			return found, e.failed(fmt.Sprintf("inspecting image %q", name), err)
		}
		return found, err
	}
	asked := o.Config.Image
	own, err := inspect(o.Image)
	switch {
	case errdefs.IsNotFound(err), errdefs.IsInvalidArgument(err):
		*notes = append(*notes, fmt.Sprintf("Its image (%.19s) is gone: runs are of what %s is now.", o.Image, asked))
		return asked, nil
	case err != nil:
		return "", err
	}
	if own.Config != nil {
		o.image = *own.Config
	}
	now, err := inspect(asked)
	switch {
	case err == nil && now.ID == own.ID:
		return asked, nil
	case err == nil:
		*notes = append(*notes, fmt.Sprintf("%s is another image by now: runs are of the container's own, %.19s.", asked, own.ID))
	case !errdefs.IsNotFound(err) && !errdefs.IsInvalidArgument(err):
		return "", err
	}
	return own.ID, nil
}

// refersTo are the containers whose namespaces or volumes it has, by ID.
func (o original) refersTo() []string {
	var all []string
	for _, mode := range []string{string(o.HostConfig.NetworkMode), string(o.HostConfig.PidMode), string(o.HostConfig.IpcMode)} {
		if id, ok := strings.CutPrefix(mode, "container:"); ok {
			all = append(all, id)
		}
	}
	for _, from := range o.HostConfig.VolumesFrom {
		id, _, _ := strings.Cut(from, ":")
		all = append(all, id)
	}
	return all
}

// nameOf is the name of a container that is referred to. IDs do not outlive the next
// docker compose up.
func (o original) nameOf(id string) string {
	if name := o.names[id]; name != "" {
		return name
	}
	return id
}

// argv splits what the container runs into what docker run takes: an entrypoint of one
// word, with "" for none and nothing for the image's; its further words; the command.
func (o original) argv() (entrypoint, leading, command []string) {
	given, arguments := []string(o.Config.Entrypoint), []string(o.Config.Cmd)
	// An entrypoint of the user's takes the image's command away, even if it is the same.
	emptied := len(arguments) == 0 && len(o.image.Cmd) > 0
	switch {
	case slices.Equal(given, o.image.Entrypoint) && !emptied:
		if slices.Equal(arguments, o.image.Cmd) {
			return nil, nil, nil
		}
		return nil, nil, arguments
	case len(given) == 0:
		return []string{""}, nil, arguments
	}
	return given[:1], given[1:], arguments
}
