package explain

import "github.com/capprof/capprof/internal/capability"

// networkFacts are the capabilities over the network. Their checks ask for the
// capability in the user namespace that owns the network namespace.
var networkFacts = map[capability.Cap]fact{
	capability.NetBindService: {
		since:   "2.2",
		summary: "listen on ports below 1024",
		allows: []string{
			"bind(2) to ports below net.ipv4.ip_unprivileged_port_start (1024 unless it was changed)",
		},
		level: Low, scope: Namespaced,
		reason: "Ports belong to the container's own network namespace. With --network host they are the host's, and the container may pose as one of its services.",
		userns: Works, usernsNote: "in a network namespace of the container's own",
		safer: []string{
			"listen on a port from 1024 up and publish it as you like: -p 80:8080, a Service in Kubernetes",
			"--sysctl net.ipv4.ip_unprivileged_port_start=0: Docker sets it by itself since 20.10, except with --network host; containerd's Kubernetes plugin since 2.0; in other Kubernetes clusters it is a safe sysctl (securityContext.sysctls)",
			"take the socket from outside (socket activation)",
		},
		see: []string{"ip(7)", "net/ipv4/af_inet.c:__inet_bind"},
	},
	capability.NetBroadcast: {
		since:   "2.2",
		summary: "listen to network events of linked network namespaces",
		allows: []string{
			"receiving netlink messages of other network namespaces (NETLINK_LISTEN_ALL_NSID)",
			"nothing else: despite its name and capabilities(7), no kernel asks for it when a program broadcasts",
		},
		level: Low, scope: Shared,
		reason: "Heard are the namespaces that have an ID in the container's own, as the one at the other end of its virtual cable has: changes of links, addresses and routes, no traffic.",
		userns: Works, usernsNote: "for network namespaces that belong to the container's own user namespace",
		safer: []string{
			"drop it: broadcasts need SO_BROADCAST alone, multicasts nothing",
			"watch the host's interfaces from the host",
		},
		see: []string{"netlink(7)", "net/netlink/af_netlink.c:do_one_broadcast"},
	},
	capability.NetAdmin: {
		since:   "2.2",
		summary: "configure the network",
		allows: []string{
			"interfaces, addresses, routes, neighbours, tunnels, bridges, traffic control, IPsec",
			"firewall and NAT rules (nftables, iptables; iptables-legacy needs NET_RAW too)",
			"promiscuous mode, TUN/TAP devices (with --device /dev/net/tun), sysctls under /proc/sys/net where that is writable",
			"socket options: SO_MARK, SO_PRIORITY above 6, SO_RCVBUFFORCE, SO_SNDBUFFORCE, transparent proxying",
		},
		level: High, scope: Namespaced,
		reason: "It configures the container's own network namespace. That is still broad control: traffic of the container and its neighbours on the bridge can be diverted, drivers' modules get loaded on the host, and much kernel code with a history of holes (nftables, traffic control) comes within reach. With --network host it is the host's network.",
		userns: Partly, usernsNote: "for network namespaces of the container's own user namespace; not SO_RCVBUFFORCE, SO_SNDBUFFORCE, nor the loading of modules",
		safer: []string{
			"let the engine configure: --network, --ip, --dns, --add-host, --sysctl net.NAME=VALUE, network plugins",
			"do it once, in another container: an init container, or a helper with --network container:NAME and NET_ADMIN that ends",
			"reading needs no capability: ip addr, ss and ip route work without it",
			"larger buffers: raise net.core.rmem_max and wmem_max on the host",
		},
		see: []string{"network_namespaces(7)", "netdevice(7)", "net/core/rtnetlink.c:rtnetlink_rcv_msg"},
	},
	capability.NetRaw: {
		since:   "2.2",
		summary: "send and receive raw packets",
		allows: []string{
			"raw IP sockets and packet sockets: ping, traceroute, tcpdump, DHCP clients, ARP tools",
			"transparent proxying (IP_TRANSPARENT), SO_MARK and SO_PRIORITY above 6 on newer kernels, changing SO_BINDTODEVICE",
		},
		level: Moderate, scope: Namespaced,
		reason: "It ends at the interfaces of the container's own network namespace, but the wire is shared: on Docker's default bridge it can forge ARP, DHCP, DNS and IPv6 router answers and read what is diverted. Packet sockets had their share of kernel holes (CVE-2017-7308, CVE-2020-14386). With --network host all of the host's traffic is readable.",
		userns: Works, usernsNote: "in a network namespace of the container's own user namespace",
		safer: []string{
			"ping with ICMP sockets: they need no capability where net.ipv4.ping_group_range covers the group, which Docker sets since 20.10; a ping with file capabilities asks for NET_RAW all the same",
			"check health over TCP or HTTP instead",
			"capture on the host, or from a debugging container: docker run --network container:NAME --cap-add NET_RAW",
		},
		see: []string{"raw(7)", "packet(7)", "net/packet/af_packet.c:packet_create", "net/ipv4/af_inet.c:inet_create"},
	},
}
