package workload

import (
	"slices"
	"strings"
)

// ComposeService is what options are in a Compose file.
type ComposeService struct {
	// Keys are those of the service, in the order of the table.
	Keys []ComposeKey
	// Networks are to be declared as external: the service names them under networks, and
	// they exist already.
	Networks []string
	// Lacking are the options that Compose has no key for, those without effect aside, and
	// OfV2 those whose key docker-compose 1 does not know.
	Lacking, OfV2 []*Option
}

// ComposeKey is a key of a Compose service with its value: a bool, an int64, a string, a
// list or a map of these.
type ComposeKey struct {
	Name  string
	Value any
}

// Compose puts options into the words of Compose.
func Compose(o Options) ComposeService {
	var service ComposeService
	tree := map[string]any{}
	var order []string
	networks := composeNetworks(Networks(o))
	for _, option := range o.All() {
		key, value := option.Compose, option.ComposeOf(o.Values(option.Name))
		switch {
		case option.Name == "network" && networks != nil:
			key, value = "networks", networks
		case key == "" && !option.Baseline && option.NoEffect == "":
			service.Lacking = append(service.Lacking, option)
		}
		if option.ComposeV2 {
			service.OfV2 = append(service.OfV2, option)
		}
		// Two options that set the same exclude each other: docker run takes no such line.
		if value == nil || put(tree, key, value) != nil {
			continue
		}
		if top, _, _ := strings.Cut(key, "."); !slices.Contains(order, top) {
			order = append(order, top)
		}
	}
	for _, name := range order {
		service.Keys = append(service.Keys, ComposeKey{name, tree[name]})
	}
	if networks != nil {
		for _, n := range Networks(o) {
			service.Networks = append(service.Networks, n.Name)
		}
	}
	return service
}

// composeNetworks is the key networks, nil where network_mode says all.
func composeNetworks(networks []Network) map[string]any {
	// These two have keys of their own.
	first := networks[0]
	first.MAC, first.Links = "", nil
	if !first.own() || len(networks) == 1 && first.plain() {
		return nil
	}
	all := map[string]any{}
	for _, n := range networks {
		entry := map[string]any{}
		for key, list := range map[string][]string{"aliases": n.Aliases, "link_local_ips": n.LinkLocal} {
			if len(list) > 0 {
				entry[key] = list
			}
		}
		for key, address := range map[string]string{"ipv4_address": n.IPv4, "ipv6_address": n.IPv6} {
			if address != "" {
				entry[key] = address
			}
		}
		all[n.Name] = entry
	}
	return all
}
