package docker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"

	"github.com/capprof/capprof/internal/engine"
)

// loopback is how this machine reaches itself.
const loopback = "127.0.0.1"

// Reach asks the engine for the container's address and its published ports.
func (c *Container) Reach(ctx context.Context) (engine.Reach, error) {
	found, err := c.inspect(ctx)
	if err != nil {
		return engine.Reach{}, err
	}
	about, err := c.engine.whoIsIt(ctx)
	if err != nil {
		return engine.Reach{}, err
	}
	// In the network of another container, the address and the ports are that one's.
	for hops := 0; found.HostConfig != nil && found.HostConfig.NetworkMode.IsContainer(); hops++ {
		other := found.HostConfig.NetworkMode.ConnectedContainer()
		if found, err = look(ctx, c.engine, "inspecting container "+other, func(ctx context.Context) (container.InspectResponse, error) {
			return c.engine.api.ContainerInspect(ctx, other)
		}); err != nil {
			return engine.Reach{}, c.unanswered(ctx, "inspecting the container that lends its network to", err)
		}
		if found.ContainerJSONBase == nil || hops > 10 {
			return engine.Reach{}, fmt.Errorf("the network of container %s: the engine does not say whose it is", c.short())
		}
	}
	machine := c.engine.endpoint.machine()
	reach := engine.Reach{Published: published(found.NetworkSettings, machine)}
	switch {
	// A rootless engine's networks are in a network namespace of its own, or its containers
	// bear the machine's address (pasta), at which the machine itself answers.
	case found.HostConfig != nil && found.HostConfig.NetworkMode.IsHost():
		reach.Address = machine
	case about.remote == "" && !about.rootless && c.engine.endpoint.sharesNetwork():
		reach.Address = address(found.NetworkSettings)
	}
	return reach, nil
}

// address is the container's in the first of its networks that gives it one, IPv4
// first.
func address(settings *container.NetworkSettings) string {
	if settings == nil {
		return ""
	}
	var found []string
	names := slices.Sorted(maps.Keys(settings.Networks))
	for _, name := range names {
		if settings.Networks[name] != nil {
			found = append(found, settings.Networks[name].IPAddress)
		}
	}
	for _, name := range names {
		if settings.Networks[name] != nil {
			found = append(found, settings.Networks[name].GlobalIPv6Address)
		}
	}
	return cmp.Or(found...)
}

// published are the addresses of the published ports on the engine's machine.
func published(settings *container.NetworkSettings, machine string) map[string]string {
	all := map[string]string{}
	if settings == nil {
		return all
	}
	for port, bindings := range settings.Ports {
		// An engine lists an IPv4 and an IPv6 binding of one port; the first counts.
		for _, b := range bindings {
			if at := boundAt(b, machine); at != "" && all[string(port)] == "" {
				all[string(port)] = at
			}
		}
	}
	return all
}

// boundAt is where a binding is reached: one to all addresses, on the machine's.
func boundAt(b nat.PortBinding, machine string) string {
	if b.HostPort == "" || b.HostPort == "0" {
		return ""
	}
	ip, err := netip.ParseAddr(b.HostIP)
	if err != nil || ip.IsUnspecified() {
		return net.JoinHostPort(machine, b.HostPort)
	}
	return net.JoinHostPort(ip.String(), b.HostPort)
}

// machine is the name or the address of the engine's machine.
func (at endpoint) machine() string {
	if parsed, err := url.Parse(at.host); err == nil && parsed.Hostname() != "" {
		return parsed.Hostname()
	}
	return loopback
}

// sharesNetwork reports whether the engine's bridges are in our network namespace, or
// that is not known.
func (at endpoint) sharesNetwork() bool {
	if at.socket() == "" {
		return true
	}
	pid := engineProcess(at.socket())
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if pid == 0 || err != nil {
		return true
	}
	ours, err := os.Readlink("/proc/self/ns/net")
	return err != nil || ours == theirs
}
