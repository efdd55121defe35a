package docker

import (
	"context"
	"errors"
	"fmt"
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

// Create makes a container that holds exactly the capabilities of grant.
func (e *Engine) Create(ctx context.Context, w workload.Spec, grant capability.Set) (engine.Container, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	driver, err := e.cgroupDriver(ctx)
	if err != nil {
		return nil, err
	}
	config, host, err := settings(w, grant, e.environ)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrBadWorkload, err)
	}
	id, err := e.create(ctx, config, host, grant)
	if err != nil {
		return nil, err
	}
	made := &Container{engine: e, id: id, cgroup: cgroupName(driver, id), tty: w.Options.Bool("tty"), interactive: w.Options.Bool("interactive"), killed: make(chan struct{})}
	if ctx.Err() != nil {
		// The caller gets no container, so it has none to remove.
		lasting, stop := outlive(ctx)
		defer stop()
		return nil, errors.Join(ctx.Err(), made.Remove(lasting))
	}
	return made, nil
}

// create sends one create request and sorts the engine's refusals.
func (e *Engine) create(ctx context.Context, config *container.Config, host *container.HostConfig, grant capability.Set) (string, error) {
	config.Labels = map[string]string{sessionLabel: e.session, ownerLabel: e.owner.String()}
	name := fmt.Sprintf("capprof-%s-%d", e.session, e.counter.Add(1))
	lasting, stop := outlive(ctx)
	defer stop()
	made, err := e.api.ContainerCreate(lasting, config, host, nil, nil, name)
	switch {
	case err == nil:
		return made.ID, nil
	case unreachable(err), ctx.Err() != nil:
		return "", e.failed("creating a container", err)
	case errdefs.IsNotFound(err) && strings.Contains(strings.ToLower(err.Error()), "no such image"):
		return "", fmt.Errorf("%w: %q: %w", engine.ErrNoImage, config.Image, err)
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
//	unknown capability "CAP_FOO" to add
var capabilityRefusals = regexp.MustCompile(`(?i)(?:unknown capability|capability not supported[^"]*|not available in the current environment):? "([^"]+)"`)

// refusedCapabilities reads which of the granted capabilities a refusal names.
func refusedCapabilities(message string, grant capability.Set) capability.Set {
	var named capability.Set
	for _, match := range capabilityRefusals.FindAllStringSubmatch(message, -1) {
		if c, err := capability.Parse(match[1]); err == nil && grant.Has(c) {
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
