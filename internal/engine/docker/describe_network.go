package docker

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/go-connections/nat"
)

// readNetworks are those that the container is connected to, the first one that it was made
// with first; none for the engine's default one alone.
func readNetworks(o original) []string {
	mode := o.HostConfig.NetworkMode
	if mode.IsHost() || mode.IsNone() || strings.HasPrefix(string(mode), "ns:") {
		return []string{string(mode)}
	}
	if mode.IsContainer() {
		return []string{"container:" + o.nameOf(mode.ConnectedContainer())}
	}
	connected := slices.Sorted(maps.Keys(o.endpoints()))
	usual := o.usualNetwork
	if len(connected) == 0 {
		if usual(string(mode)) || mode == "" {
			return []string{network.NetworkNone} // disconnected
		}
		return []string{string(mode)}
	}
	if len(connected) == 1 && usual(connected[0]) {
		return nil
	}
	first := func(name string) int {
		if name == string(mode) || o.endpoints()[name].NetworkID == string(mode) || usual(string(mode)) && usual(name) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(connected, func(a, b string) int { return cmp.Compare(first(a), first(b)) })
	if len(connected) > 1 {
		// docker run takes the engine's own network alone, or none of it.
		connected = slices.DeleteFunc(connected, usual)
	}
	return connected
}

// usualNetwork reports whether a network is the one that a container has without options.
func (o original) usualNetwork(name string) bool {
	return name == network.NetworkBridge || name == network.NetworkDefault || o.engine.kind == Podman && name == "podman"
}

// endpoints are the container's networks by name.
func (o original) endpoints() map[string]*network.EndpointSettings {
	if o.NetworkSettings == nil {
		return nil
	}
	return o.NetworkSettings.Networks
}

// readPublished are the ports of --publish, in the order of the container's.
func readPublished(o original) []string {
	var all []string
	for _, port := range sortedPorts(o.HostConfig.PortBindings) {
		for _, at := range o.HostConfig.PortBindings[port] {
			value := portName(port)
			switch {
			case at.HostIP != "":
				ip := at.HostIP
				if strings.Contains(ip, ":") {
					ip = "[" + ip + "]"
				}
				value = ip + ":" + number(at.HostPort) + ":" + value
			case number(at.HostPort) != "":
				value = at.HostPort + ":" + value
			}
			all = append(all, value)
		}
	}
	return all
}

// number is a host's port, "" for any.
func number(port string) string {
	if port == "0" {
		return ""
	}
	return port
}

// readExposed are the ports of --expose: neither the image's nor published ones.
func readExposed(o original) []string {
	var all []string
	for _, port := range sortedPorts(o.Config.ExposedPorts) {
		_, published := o.HostConfig.PortBindings[port]
		_, image := o.image.ExposedPorts[string(port)]
		if !published && !image {
			all = append(all, portName(port))
		}
	}
	return all
}

// portName is a port without the protocol that goes without saying.
func portName(port nat.Port) string { return strings.TrimSuffix(string(port), "/tcp") }

func sortedPorts[T any](ports map[nat.Port]T) []nat.Port {
	return slices.SortedFunc(maps.Keys(ports), func(a, b nat.Port) int {
		return cmp.Or(cmp.Compare(a.Int(), b.Int()), cmp.Compare(a, b))
	})
}

// readLinks are other containers by the names that it knows them by, on the default network
// (/db:/web/alias) and on others (db:alias).
func readLinks(o original) []string {
	all := slices.Clone(o.HostConfig.Links)
	for _, name := range slices.Sorted(maps.Keys(o.endpoints())) {
		all = append(all, o.endpoints()[name].Links...)
	}
	for i, link := range all {
		other, alias, _ := strings.Cut(link, ":")
		other, alias = strings.TrimPrefix(other, "/"), alias[strings.LastIndex(alias, "/")+1:]
		all[i] = other
		if alias != other && alias != "" {
			all[i] += ":" + alias
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// ownMAC is the MAC address that the container was given. Its endpoints have one whether
// or not it was given.
func (o original) ownMAC() string {
	address, _ := o.given["Config"]["MacAddress"].(string)
	return address
}

// notes are sentences about what a copy must not have, or has otherwise.
func (o original) notes() []string {
	var all []string
	var kept []string
	for _, name := range slices.Sorted(maps.Keys(o.endpoints())) {
		at := o.endpoints()[name]
		for _, alias := range at.Aliases {
			if !strings.HasPrefix(o.ID, alias) {
				kept = append(kept, alias)
			}
		}
		if at.IPAMConfig != nil {
			kept = append(kept, slices.DeleteFunc([]string{at.IPAMConfig.IPv4Address, at.IPAMConfig.IPv6Address}, func(ip string) bool { return ip == "" })...)
		}
	}
	if address := o.ownMAC(); address != "" {
		kept = append(kept, address)
	}
	slices.Sort(kept)
	if kept = slices.Compact(kept); len(kept) > 0 {
		all = append(all, fmt.Sprintf("It keeps its names and addresses on networks for itself (%s): a run with them would get its requests.", strings.Join(kept, ", ")))
	}
	if connected := slices.Collect(maps.Keys(o.endpoints())); len(connected) > 1 && slices.ContainsFunc(connected, o.usualNetwork) {
		all = append(all, fmt.Sprintf("It is connected to the engine's own network too, which docker run cannot add to another one: a run is in %s alone.", strings.Join(readNetworks(o), ", ")))
	}
	if check := o.health(); check != nil && len(check.Test) > 0 && check.Test[0] == "CMD" && readHealthCommand(o) != nil {
		all = append(all, "Its health check runs without a shell, which docker run cannot say: a run's goes through the image's /bin/sh.")
	}
	var labels []string
	for name, value := range o.Config.Labels {
		if inherited, known := o.image.Labels[name]; (!known || inherited != value) && !strings.HasPrefix(name, "com.docker.compose.") && !strings.HasPrefix(name, "io.podman.compose.") {
			labels = append(labels, name)
		}
	}
	if slices.Sort(labels); len(labels) > 0 {
		all = append(all, fmt.Sprintf("A run has none of its labels (%s), on which others may act.", strings.Join(labels, ", ")))
	}
	mode := o.HostConfig.NetworkMode
	if o.State != nil && o.State.Running && (mode.IsHost() || mode.IsContainer()) {
		all = append(all, fmt.Sprintf("It runs in the same network namespace as a run (--network %s) and has its ports there: stop it first if a run cannot listen.", readNetworks(o)[0]))
	}
	if o.Config.Labels["com.docker.swarm.service.name"] != "" {
		all = append(all, "It is a task of a swarm service: the engine does not tell its secrets and configs.")
	}
	return all
}
