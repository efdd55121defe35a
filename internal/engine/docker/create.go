package docker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/workload"
)

// grace is how long a request that must not be torn in half may go on after its
// context ended: a create or a start that is abandoned midway leaves a container
// behind that nobody knows of.
const grace = 30 * time.Second

// Create makes a container of the image that Prepare found.
func (s *Subject) Create(ctx context.Context, c engine.Conditions) (engine.Container, error) {
	e := s.engine
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.Service != "" {
		return nil, fmt.Errorf("%w: a workload of docker run has no service %q", engine.ErrBadWorkload, c.Service)
	}
	about, err := e.whoIsIt(ctx)
	if err != nil {
		return nil, err
	}
	w := s.spec.With(c.Options...)
	body, err := createRequest(w, c.Capabilities, e.environ, s.files.Read)
	if err == nil {
		err = tooNew(w.Options, e.api.ClientVersion())
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
	}
	if data, ok := c.Data.(*Data); ok {
		apply(data.replacements, data.donors, &body.Config, &body.HostConfig)
	}
	made := &Container{
		engine: e,
		tty:    w.Options.Bool("tty"), interactive: workload.ReadsInput(w.Options), healthcheck: s.identity.Healthcheck,
		sharedNetwork: body.HostConfig.NetworkMode.IsHost() || body.HostConfig.NetworkMode.IsContainer(),
	}
	if err := e.publish(ctx, &body.HostConfig, made); err != nil {
		return nil, err
	}
	id, err := e.create(ctx, body, c.Capabilities)
	if err != nil {
		e.ports.release(made)
		return nil, err
	}
	made.id, made.cgroup = id, engine.Cgroup{Name: about.cgroupName(id)}
	e.log.Debug("created", "container", id, "image", w.Image, "capabilities", c.Capabilities, "options", c.Options, "cgroup", made.cgroup.Name)
	if ctx.Err() != nil {
		// The caller gets no container, so it has none to remove.
		lasting, stop := outlive(ctx)
		defer stop()
		return nil, errors.Join(ctx.Err(), made.Remove(lasting))
	}
	return made, nil
}

// create sends one create request and sorts the engine's refusals.
func (e *Engine) create(ctx context.Context, body *createBody, grant capability.Set) (string, error) {
	labels := map[string]string{}
	maps.Copy(labels, body.Config.Labels)
	labels[sessionLabel], labels[ownerLabel] = e.session, e.owner.String()
	about, err := e.whoIsIt(ctx)
	if err != nil {
		return "", err
	}
	if about.kind == Podman && !grant.Empty() {
		// What the image says there would be all that the container has.
		labels[capabilitiesLabel] = strings.Join(grant.Names(), ",")
	}
	body.Config.Labels = labels
	if about.kind == Podman && body.Config.StopTimeout == nil {
		// It would be 0, and the container's own for docker stop and podman stop.
		seconds := int(stopTimeout / time.Second)
		body.Config.StopTimeout = &seconds
	}
	name := fmt.Sprintf("capprof-%s-%d", e.session, e.counter.Add(1))
	further := furtherNetworks(body, e.api.ClientVersion())
	lasting, stop := outlive(ctx)
	defer stop()
	made, err := ask(lasting, e, e.patience.work, "creating a container", func(ctx context.Context) (container.CreateResponse, error) {
		return e.api.ContainerCreate(ctx, &body.Config, &body.HostConfig, &body.NetworkingConfig, body.platform, name)
	}, func(late container.CreateResponse) {
		// Nobody knows of it any more.
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer stop()
		_ = e.remove(ctx, late.ID)
	})
	switch {
	case err == nil:
		err := join(lasting, e, made.ID, further)
		if err == nil {
			err = libpod{e}.checkGrant(lasting, made.ID, grant)
		}
		if err != nil {
			return "", errors.Join(err, e.remove(lasting, made.ID))
		}
		return made.ID, nil
	case unreachable(err), isSilence(err), ctx.Err() != nil:
		return "", e.failed("creating a container", err)
	case errdefs.IsNotFound(err) && strings.Contains(strings.ToLower(err.Error()), "no such image"):
		return "", fmt.Errorf("%w: %q: %w", engine.ErrNoImage, body.Config.Image, err)
	}
	if named := refusedCapabilities(err.Error(), grant); !named.Empty() {
		return "", &engine.RefusedError{Refused: named, Err: err}
	}
	if exhausted(err.Error()) {
		return "", e.failed("creating a container", err)
	}
	// The status does not tell a bad option from an engine's own failure: dockerd
	// 20.10 answers an unknown --security-opt with 500. Its text says which it is.
	return "", fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
}

// capabilityRefusals are the ways in which engines name a capability that they
// do not grant. Docker (moby daemon/pkg/oci/caps/utils.go):
//
//	invalid CapAdd: unknown capability: "CAP_BPF"
//	invalid CapAdd: capability not supported by your kernel or not available in the current environment: "CAP_BPF"
//
// and Podman (containers/common, pkg/capabilities):
//
//	"CAP_63": unknown capability
//	unknown capability "CAP_FOO" to add
var capabilityRefusals = regexp.MustCompile(`(?i)(?:unknown capability|capability not supported[^"]*|not available in the current environment):? "([^"]+)"|"([^"]+)": unknown capability`)

// refusedCapabilities reads which of the granted capabilities a refusal names.
func refusedCapabilities(message string, grant capability.Set) capability.Set {
	var named capability.Set
	for _, match := range capabilityRefusals.FindAllStringSubmatch(message, -1) {
		if c, err := capability.Parse(match[1] + match[2]); err == nil && grant.Has(c) {
			named = named.With(c)
		}
	}
	return named
}

// outlive returns a context that ends a grace period after ctx does.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(lasting, func() { timer.Stop() })
	})
	return lasting, func() { unhook(); cancel() }
}
