package workload

import "github.com/docker/cli/opts"

// networking are options about the network, --network and --hostname aside.
var networking = []*Option{
	{
		Name: "publish", Short: "p", Kind: List, Check: checkPublish,
		Usage:  "publish a port: `[[IP:]PORT:]PORT`; another one where the host's is in use",
		Fields: publish, Compose: "ports", ComposeValue: composePorts,
	},
	{
		Name: "publish-all", Short: "P", Kind: Flag,
		Usage: "publish all exposed ports",
		Field: "HostConfig.PublishAllPorts",
	},
	{
		Name: "expose", Kind: List, Check: check(exposed),
		Usage: "expose a `port` or a range of them",
		Fields: func(values []string, _ Client) (Fields, error) {
			ports := map[string]any{}
			for _, value := range values {
				all, err := exposed(value)
				if err != nil {
					return nil, err
				}
				for _, port := range all {
					ports[port] = struct{}{}
				}
			}
			return Fields{"Config.ExposedPorts": ports}, nil
		},
		Compose: "expose",
	},
	{
		Name: "network-alias", Aliases: []string{"net-alias"}, Kind: List,
		Usage:  "further `name` of the container in its network",
		Fields: noField, Compose: "networks", ComposeValue: inNetworks,
	},
	{
		Name: "ip", Kind: Text, Check: check(parseIPv4),
		Usage:  "IPv4 `address` of the container",
		Fields: noField, Compose: "networks", ComposeValue: inNetworks,
	},
	{
		Name: "ip6", Kind: Text, Check: check(parseIPv6),
		Usage:  "IPv6 `address` of the container",
		Fields: noField, Compose: "networks", ComposeValue: inNetworks,
	},
	{
		Name: "link-local-ip", Kind: List, Check: check(opts.ValidateIPAddress),
		Usage:  "link-local `address` of the container",
		Fields: noField, Compose: "networks", ComposeValue: inNetworks,
	},
	{
		Name: "mac-address", Kind: Text, Check: check(parseMAC),
		Usage: "MAC `address` of the container",
		// Engines before API 1.44 read it here, later ones in the endpoint.
		Field: "Config.MacAddress", Compose: "mac_address",
	},
	{
		Name: "link", Kind: List, Check: check(opts.ValidateLink),
		Usage:  "link to another container: `CONTAINER[:NAME]`",
		Fields: noField, Compose: "external_links",
	},
	{
		Name: "add-host", Kind: List, Check: check(opts.ValidateExtraHost),
		Usage: "add a host to /etc/hosts: `NAME:ADDRESS`",
		Fields: func(values []string, _ Client) (Fields, error) {
			return Fields{"HostConfig.ExtraHosts": parsed(values, opts.ValidateExtraHost)}, nil
		},
		Compose: "extra_hosts", ComposeValue: func(values []string) any { return parsed(values, opts.ValidateExtraHost) },
	},
	{
		Name: "dns", Kind: List, Check: check(opts.ValidateIPAddress),
		Usage: "`address` of a DNS server",
		Field: "HostConfig.Dns", Compose: "dns",
	},
	{
		Name: "dns-search", Kind: List, Check: check(opts.ValidateDNSSearch),
		Usage: "`domain` to search names in",
		Field: "HostConfig.DnsSearch", Compose: "dns_search",
	},
	{
		Name: "dns-option", Aliases: []string{"dns-opt"}, Kind: List,
		Usage: "`option` of the resolver, as in resolv.conf(5)",
		Field: "HostConfig.DnsOptions", Compose: "dns_opt",
	},
}
