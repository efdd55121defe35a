package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"syscall"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"

	"github.com/capprof/capprof/internal/engine"
)

// hostPorts are the ports of the engine's machine that containers of ours publish on.
type hostPorts struct {
	mu sync.Mutex
	// holders are those that were given each port, such as 8080/tcp.
	holders map[string]any
}

// claim notes who a port is given to; false when another one has it.
func (p *hostPorts) claim(port string, holder any) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, taken := p.holders[port]; taken {
		return false
	}
	if p.holders == nil {
		p.holders = map[string]any{}
	}
	p.holders[port] = holder
	return true
}

// release gives back all that a holder has.
func (p *hostPorts) release(holder any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for port, of := range p.holders {
		if of == holder {
			delete(p.holders, port)
		}
	}
}

// publish leaves each published port of a request on the port of the host that the user
// named where nothing has it, and on one that the engine picks elsewhere: a service of the
// user's goes on running, and so do other runs. What was claimed is the holder's.
func (e *Engine) publish(ctx context.Context, host *container.HostConfig, holder any) error {
	named := false
	for _, bindings := range host.PortBindings {
		for _, b := range bindings {
			named = named || b.HostPort != ""
		}
	}
	if !named || host.NetworkMode.IsHost() || host.NetworkMode.IsContainer() {
		return nil
	}
	// Without its proxy an engine forwards ports on which nothing is seen to listen.
	const doing = "asking which ports are published"
	running, err := look(ctx, e, doing, func(ctx context.Context) ([]container.Summary, error) {
		return e.api.ContainerList(ctx, container.ListOptions{})
	})
	if err != nil {
		return e.failed(doing, err)
	}
	used := map[string]bool{}
	for _, other := range running {
		for _, port := range other.Ports {
			used[fmt.Sprintf("%d/%s", port.PublicPort, port.Type)] = true
		}
	}
	for port, bindings := range host.PortBindings {
		for i, b := range bindings {
			if b.HostPort == "" {
				continue
			}
			first, last, err := nat.ParsePortRange(b.HostPort)
			if err != nil {
				return fmt.Errorf("%w: --publish: %w", engine.ErrBadWorkload, err)
			}
			bindings[i].HostPort = ""
			for n := first; n <= last && bindings[i].HostPort == ""; n++ {
				name := fmt.Sprintf("%d/%s", n, port.Proto())
				if !used[name] && !inUse(port.Proto(), b.HostIP, n) && e.ports.claim(name, holder) {
					bindings[i].HostPort = strconv.FormatUint(n, 10)
				}
			}
			if bindings[i].HostPort == "" {
				e.log.Debug("the host's port is in use", "port", b.HostPort, "protocol", port.Proto())
			}
		}
	}
	return nil
}

// inUse reports whether something has a port of this machine. What cannot be found out is
// left to the engine.
func inUse(protocol, address string, port uint64) bool {
	at := net.JoinHostPort(address, strconv.FormatUint(port, 10))
	var err error
	switch protocol {
	case "tcp":
		var listener net.Listener
		if listener, err = net.Listen("tcp", at); err == nil {
			err = listener.Close()
		}
	case "udp":
		var conn net.PacketConn
		if conn, err = net.ListenPacket("udp", at); err == nil {
			err = conn.Close()
		}
	}
	return errors.Is(err, syscall.EADDRINUSE)
}
