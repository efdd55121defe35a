package docker

import (
	"net"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/go-connections/nat"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

func TestHostPortsHaveOneHolder(t *testing.T) {
	var p hostPorts
	if !p.claim("80/tcp", 1) || p.claim("80/tcp", 2) || !p.claim("80/udp", 2) || !p.claim("81/tcp", 1) {
		t.Error(p.holders)
	}
	p.release(1)
	if !p.claim("80/tcp", 2) || p.claim("80/udp", 1) {
		t.Error(p.holders)
	}
}

// TestPublishedPorts: the user's port where it is free, another one where something has
// it: a program of the host, a container, or another container of ours.
func TestPublishedPorts(t *testing.T) {
	e := newEngine(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, busy, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ports := func(bindings string) map[string]string {
		t.Helper()
		w := workload.Spec{Command: []string{"serve"}, Options: workload.Options{}.Set("publish", strings.Fields(bindings)...)}
		found, err := e.api.ContainerInspect(t.Context(), create(t, e, w, capability.Of()).ID())
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for port, bound := range found.HostConfig.PortBindings {
			for _, b := range bound {
				all[string(port)] += b.HostIP + ":" + b.HostPort
			}
		}
		return all
	}
	if got := ports("127.0.0.1:" + busy + ":80 82"); got["80/tcp"] != "127.0.0.1:" || got["82/tcp"] != ":" {
		t.Errorf("with the port in use: %v", got)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if got := ports("127.0.0.1:" + busy + ":80"); got["80/tcp"] != "127.0.0.1:"+busy {
		t.Errorf("with the port free: %v", got)
	}
	// The container before has it, though nothing listens: it was not started.
	if got := ports("127.0.0.1:" + busy + ":80"); got["80/tcp"] != "127.0.0.1:" {
		t.Errorf("with the port at another container of ours: %v", got)
	}
}

func TestPortsOfTheHostsNetworkAreNotPublished(t *testing.T) {
	host := &container.HostConfig{NetworkMode: "host", PortBindings: nat.PortMap{"80/tcp": {{HostPort: "80"}}}}
	if err := (&Engine{}).publish(t.Context(), host, 1); err != nil || host.PortBindings["80/tcp"][0].HostPort != "80" {
		t.Errorf("%v, %v", host.PortBindings, err)
	}
}
