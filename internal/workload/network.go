package workload

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/docker/cli/opts"
	"github.com/docker/go-connections/nat"
)

// Network is a --network with what the options say of the container's place in it.
type Network struct {
	// Name is the network, or host, none, bridge, default or container:NAME.
	Name string
	// Aliases are further names of the container, Links other containers as NAME[:ALIAS].
	Aliases, Links []string
	// IPv4, IPv6, LinkLocal and MAC are its addresses; "" and nil leave them to the engine.
	IPv4, IPv6 string
	LinkLocal  []string
	MAC        string
	// DriverOptions are for the network's driver.
	DriverOptions map[string]string
	// Priority says whose gateway is the default one: the highest.
	Priority int
}

// own reports whether the network is one that somebody made (moby, IsUserDefined).
func (n Network) own() bool {
	switch n.Name {
	case "default", "bridge", "host", "none":
		return false
	}
	return !strings.HasPrefix(n.Name, "container:") && !strings.HasPrefix(n.Name, "ns:")
}

// plain reports whether nothing is said but the name.
func (n Network) plain() bool {
	return n.Aliases == nil && n.Links == nil && n.IPv4 == "" && n.IPv6 == "" && n.LinkLocal == nil && n.MAC == "" && n.DriverOptions == nil && n.Priority == 0
}

// ParseNetwork reads a --network in either form.
func ParseNetwork(value string) (Network, error) {
	var all opts.NetworkOpt
	if err := all.Set(value); err != nil {
		return Network{}, err
	}
	given := all.Value()[0]
	n := Network{Name: given.Target, Links: given.Links, MAC: given.MacAddress, DriverOptions: given.DriverOpts, Priority: given.GwPriority}
	if len(given.Aliases) > 0 {
		n.Aliases = given.Aliases
	}
	if given.IPv4Address.IsValid() {
		n.IPv4 = given.IPv4Address.String()
	}
	if given.IPv6Address.IsValid() {
		n.IPv6 = given.IPv6Address.String()
	}
	for _, address := range given.LinkLocalIPs {
		n.LinkLocal = append(n.LinkLocal, address.String())
	}
	if n.MAC != "" {
		if _, err := parseMAC(n.MAC); err != nil {
			return Network{}, err
		}
	}
	return n, nil
}

// Networks are those that the container is connected to, in the order given. What stands
// in options of its own, such as --network-alias, is the first one's (docker/cli,
// applyContainerOptions). Without a --network it is Docker's default.
func Networks(o Options) []Network {
	all := parsed(o.Values("network"), ParseNetwork)
	if len(all) == 0 {
		all = []Network{{Name: "default"}}
	}
	first := &all[0]
	first.Aliases = append(first.Aliases, o.Values("network-alias")...)
	if first.own() {
		// On Docker's own bridge they are another thing.
		first.Links = append(first.Links, o.Values("link")...)
	}
	for option, at := range map[string]*string{"ip": &first.IPv4, "ip6": &first.IPv6, "mac-address": &first.MAC} {
		if value := o.Value(option); value != "" {
			*at = value
		}
	}
	first.LinkLocal = append(first.LinkLocal, o.Values("link-local-ip")...)
	return all
}

// NetworkMode is the name of the first network; "" when none was given.
func NetworkMode(o Options) string {
	if len(o.Values("network")) == 0 {
		return ""
	}
	return Networks(o)[0].Name
}

// SharesNetwork says that the container has no network namespace of its own: it is the
// host's, or another container's. Every other network gives it addresses of its own.
func (o Options) SharesNetwork() bool {
	mode := NetworkMode(o)
	return mode == "host" || strings.HasPrefix(mode, "container:") || strings.HasPrefix(mode, "ns:")
}

// inNetwork are the addresses and names that only one container of a network can have.
func inNetwork(o Options) []string {
	var all []string
	for _, n := range Networks(o) {
		for _, address := range append([]string{n.IPv4, n.IPv6, n.MAC}, n.LinkLocal...) {
			if address != "" {
				all = append(all, "the address "+address)
			}
		}
		for _, alias := range n.Aliases {
			all = append(all, "the name "+alias+" in the network "+n.Name)
		}
	}
	return all
}

func networkMode(values []string, _ Client) (Fields, error) {
	first, err := ParseNetwork(values[0])
	return Fields{"HostConfig.NetworkMode": first.Name}, err
}

// connect adds the container's place in its networks to a create request.
func connect(tree map[string]any, o Options) error {
	networks := Networks(o)
	endpoints := map[string]any{}
	for i, n := range networks {
		switch _, twice := endpoints[n.Name]; {
		case twice:
			return fmt.Errorf("--network %s is given twice", n.Name)
		case !n.own() && (len(n.Aliases) > 0 || len(n.Links) > 0):
			return fmt.Errorf("--network-alias: the network %s takes no names; only one that was made with docker network create does", n.Name)
		case n.own() != networks[0].own():
			return errors.New("--network: one of Docker's own networks and one that was made exclude each other")
		}
		if i > 0 || len(networks) > 1 || !n.plain() {
			endpoints[n.Name] = n.endpoint()
		}
	}
	// In a network of one's own a link is a name there, on Docker's bridge it is more; as
	// docker's client does, both are sent.
	if links := o.Values("link"); len(links) > 0 {
		if err := put(tree, "HostConfig.Links", links); err != nil {
			return err
		}
	}
	if len(endpoints) > 0 {
		tree["NetworkingConfig"] = map[string]any{"EndpointsConfig": endpoints}
	}
	return nil
}

// endpoint is the place in a network in the words of the API.
func (n Network) endpoint() map[string]any {
	endpoint, addresses := map[string]any{}, map[string]any{}
	for _, field := range []struct {
		of    map[string]any
		name  string
		value any
		given bool
	}{
		{endpoint, "Aliases", n.Aliases, len(n.Aliases) > 0},
		{endpoint, "Links", n.Links, len(n.Links) > 0},
		{endpoint, "MacAddress", n.MAC, n.MAC != ""},
		{endpoint, "DriverOpts", n.DriverOptions, len(n.DriverOptions) > 0},
		{endpoint, "GwPriority", n.Priority, n.Priority != 0},
		{addresses, "IPv4Address", n.IPv4, n.IPv4 != ""},
		{addresses, "IPv6Address", n.IPv6, n.IPv6 != ""},
		{addresses, "LinkLocalIPs", n.LinkLocal, len(n.LinkLocal) > 0},
	} {
		if field.given {
			field.of[field.name] = field.value
		}
	}
	if len(addresses) > 0 {
		endpoint["IPAMConfig"] = addresses
	}
	return endpoint
}

// composeNetwork: without a network, Compose makes one for the project, a bridge like
// Docker's own. Networks of which more is said have another key: see Compose.
func composeNetwork(values []string) any {
	if values[0] == "default" {
		return nil
	}
	return values[0]
}

// inNetworks is for what stands in the entry of a network: see Compose.
func inNetworks([]string) any { return nil }

func parseIPv4(value string) (netip.Addr, error) {
	address, err := netip.ParseAddr(value)
	if err != nil || !address.Is4() {
		return netip.Addr{}, errors.New("not an IPv4 address")
	}
	return address, nil
}

func parseIPv6(value string) (netip.Addr, error) {
	address, err := netip.ParseAddr(value)
	if err != nil || !address.Is6() {
		return netip.Addr{}, errors.New("not an IPv6 address")
	}
	return address, nil
}

func parseMAC(value string) (net.HardwareAddr, error) { return net.ParseMAC(strings.TrimSpace(value)) }

// exposed are the ports of an --expose, such as 80/tcp.
func exposed(value string) ([]string, error) {
	protocol, ports := nat.SplitProtoPort(value)
	if protocol == "" {
		return nil, errors.New("not a port, such as 80, 53/udp or 7000-7010")
	}
	first, last, err := nat.ParsePortRange(ports)
	if err != nil {
		return nil, err
	}
	var all []string
	for port := first; port <= last; port++ {
		one, err := nat.NewPort(protocol, fmt.Sprint(port))
		if err != nil {
			return nil, err
		}
		all = append(all, string(one))
	}
	return all, nil
}

// ShortPort writes published=8080,target=80,protocol=tcp as 8080:80/tcp (docker/cli,
// convertToStandardNotation).
func ShortPort(value string) (string, error) {
	if !strings.Contains(value, "=") {
		return value, nil
	}
	parameters := map[string]string{"protocol": "tcp"}
	for _, parameter := range strings.Split(value, ",") {
		name, value, ok := strings.Cut(parameter, "=")
		if !ok || !slices.Contains([]string{"published", "target", "protocol", "mode"}, name) {
			return "", fmt.Errorf("%q is none of published=, target=, protocol= and mode=", parameter)
		}
		parameters[name] = value
	}
	return parameters["published"] + ":" + parameters["target"] + "/" + parameters["protocol"], nil
}

func checkPublish(value string) error {
	short, err := ShortPort(value)
	if err != nil {
		return err
	}
	_, err = nat.ParsePortSpec(short)
	return err
}

func publish(values []string, _ Client) (Fields, error) {
	ports, bindings, err := nat.ParsePortSpecs(parsed(values, ShortPort))
	if err != nil {
		return nil, err
	}
	exposed, bound := map[string]any{}, map[string]any{}
	for port := range ports {
		exposed[string(port)] = struct{}{}
		bound[string(port)] = bindings[port]
	}
	return Fields{"Config.ExposedPorts": exposed, "HostConfig.PortBindings": bound}, nil
}

func composePorts(values []string) any { return parsed(values, ShortPort) }
