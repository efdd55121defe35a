package mapper

import (
	"syscall"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// networkSites are the places in the network stack.
var networkSites = []site{
	{functions: []string{"__inet_bind", "__inet6_bind", "inet_bind_sk", "inet6_bind_sk", "inet_bind", "inet6_bind", "sctp_do_bind", "sctp_bind"}, source: "net/ipv4/af_inet.c:__inet_bind", meaning: "listening on a port below net.ipv4.ip_unprivileged_port_start", remedies: []remedy.Remedy{{Kind: remedy.HighPort}, {Kind: remedy.Sysctl, Name: observation.UnprivilegedPortStart, Value: "0"}}},
	{functions: []string{"__vsock_bind_connectible", "__vsock_bind", "vsock_bind", "__vsock_bind_stream"}, source: "net/vmw_vsock/af_vsock.c:__vsock_bind_connectible", caps: capability.Of(capability.NetBindService), meaning: "listening on a vsock port below 1024"},
	{functions: []string{"__vsock_create", "vsock_create"}, source: "net/vmw_vsock/af_vsock.c:__vsock_create", fails: noErrno, meaning: "marking a vsock socket as trusted"},
	{functions: []string{"inet_create", "inet6_create"}, source: "net/ipv4/af_inet.c:inet_create", meaning: "a raw socket", remedies: try(remedy.DatagramPing)},
	{functions: []string{"packet_create"}, source: "net/packet/af_packet.c:packet_create", meaning: "a packet socket, which sees all frames"},
	{functions: []string{"xsk_create", "pfkey_create"}, source: "net/xdp/xsk.c:xsk_create, net/key/af_key.c:pfkey_create", meaning: "a socket of a privileged family"},
	{
		functions: []string{"sk_setsockopt", "sock_setsockopt", "sock_setbindtodevice", "sock_bindtoindex"}, source: "net/core/sock.c:sk_setsockopt",
		meaning: "a privileged socket option (SO_MARK, SO_PRIORITY, SO_RCVBUFFORCE, SO_SNDBUFFORCE, SO_BINDTODEVICE)",
	},
	{functions: []string{"__sock_cmsg_send", "sock_cmsg_send", "ip_cmsg_send", "ip6_datagram_send_ctl"}, source: "net/core/sock.c:__sock_cmsg_send", meaning: "a privileged option on a message (SO_MARK, SO_PRIORITY)"},
	{functions: []string{"do_ip_setsockopt", "do_ipv6_setsockopt", "ipv6_set_opt_hdr", "ip_setsockopt"}, source: "net/ipv4/ip_sockglue.c:do_ip_setsockopt", meaning: "a privileged IP option (IP_TRANSPARENT)"},
	{functions: []string{"do_tcp_setsockopt", "tcp_can_repair_sock"}, source: "net/ipv4/tcp.c:do_tcp_setsockopt", meaning: "a privileged TCP option"},
	{
		// The capability only lets the kernel load a module or take a restricted
		// algorithm; one that is loaded and allowed needs nothing.
		functions: []string{"tcp_set_congestion_control"}, source: "net/ipv4/tcp_cong.c:tcp_set_congestion_control",
		fails: []syscall.Errno{syscall.EPERM}, meaning: "a congestion control that is not in net.ipv4.tcp_allowed_congestion_control", remedies: hostSysctl("net.ipv4.tcp_allowed_congestion_control", ""),
	},
	{functions: []string{"tcp_ca_find_autoload", "tcp_set_ulp", "__tcp_ulp_find_autoload"}, source: "net/ipv4/tcp_cong.c:tcp_ca_find_autoload", fails: noErrno, meaning: "loading a kernel module for a TCP algorithm"},
	{
		// Asked for every device name that does not exist: no module is loaded.
		functions: []string{"dev_load"}, source: "net/core/dev_ioctl.c:dev_load", fails: noErrno, meaning: "loading a kernel module for a network device",
	},
	{
		functions: []string{
			"dev_ioctl", "dev_ifsioc", "devinet_ioctl", "inet_ioctl", "arp_ioctl", "ip_rt_ioctl", "ipv6_route_ioctl",
			"addrconf_add_ifaddr", "addrconf_del_ifaddr", "addrconf_set_dstaddr", "br_ioctl_stub", "vlan_ioctl_handler",
			"wext_handle_ioctl",
		},
		source: "net/core/dev_ioctl.c:dev_ioctl, net/ipv4/devinet.c:devinet_ioctl", meaning: "configuring a network interface", remedies: try(remedy.EngineNetwork),
	},
	{functions: []string{"tun_set_iff", "__tun_chr_ioctl", "tun_chr_ioctl", "tun_not_capable"}, source: "drivers/net/tun.c:tun_set_iff", meaning: "making a TUN or TAP interface"},
	{functions: []string{
		"do_ipt_get_ctl", "do_ipt_set_ctl", "do_ip6t_get_ctl", "do_ip6t_set_ctl", "do_arpt_get_ctl", "do_arpt_set_ctl",
		"do_ebt_get_ctl", "do_ebt_set_ctl", "nf_getsockopt", "nf_setsockopt",
	}, source: "net/ipv4/netfilter/ip_tables.c:do_ipt_get_ctl", meaning: "reading or changing the packet filter"},
	{functions: []string{"ip_mroute_setsockopt", "ip6_mroute_setsockopt", "ipmr_ioctl"}, source: "net/ipv4/ipmr.c:ip_mroute_setsockopt", meaning: "multicast routing"},
	{
		functions: []string{
			"inet_diag_dump_icsk", "__inet_diag_dump", "inet_diag_dump", "inet_diag_dump_compat", "inet_diag_dump_one_icsk",
			"inet_diag_cmd_exact", "tcp_diag_dump", "tcp_diag_dump_one", "udp_dump", "udp_dump_one", "raw_diag_dump",
			"raw_diag_dump_one", "packet_diag_dump", "mptcp_diag_dump", "mptcp_diag_dump_one", "mptcp_diag_dump_listeners",
			"unix_diag_dump",
		},
		source: "net/ipv4/inet_diag.c:inet_diag_dump_icsk", fails: noErrno, meaning: "marks and filters of sockets in a listing",
	},
	{functions: []string{"sock_diag_destroy", "tcp_abort"}, source: "net/core/sock_diag.c:sock_diag_destroy", meaning: "closing another process's connection"},
	{functions: []string{"rtnetlink_rcv_msg"}, source: "net/core/rtnetlink.c:rtnetlink_rcv_msg", meaning: "configuring interfaces, addresses or routes", remedies: try(remedy.EngineNetwork), foreign: true},
	{functions: []string{"rtnl_newlink", "__rtnl_newlink", "do_setlink", "rtnl_setlink", "rtnl_link_get_net_capable", "rtnl_get_net_ns_capable"}, source: "net/core/rtnetlink.c:rtnl_link_get_net_capable", meaning: "configuring an interface of another network namespace", foreign: true},
	{functions: []string{"nfnetlink_rcv", "nfnetlink_rcv_msg"}, source: "net/netfilter/nfnetlink.c:nfnetlink_rcv", meaning: "reading or changing the packet filter", foreign: true},
	{functions: []string{"genl_rcv_msg", "genl_family_rcv_msg", "genl_family_rcv_msg_doit", "genl_family_rcv_msg_dumpit"}, source: "net/netlink/genetlink.c:genl_family_rcv_msg", meaning: "a privileged request of a generic netlink family", foreign: true},
	{functions: []string{"xfrm_user_rcv_msg"}, source: "net/xfrm/xfrm_user.c:xfrm_user_rcv_msg", meaning: "configuring IPsec", foreign: true},
	{functions: []string{"crypto_user_rcv_msg"}, source: "crypto/crypto_user.c:crypto_user_rcv_msg", meaning: "configuring the kernel's algorithms", foreign: true},
	{functions: []string{"audit_netlink_ok", "audit_receive_msg", "audit_receive"}, source: "kernel/audit.c:audit_netlink_ok", caps: capability.Of(capability.AuditWrite), meaning: "writing to the audit log (login programs do, and mostly go on without)", foreign: true},
	{functions: []string{"audit_netlink_ok", "audit_receive_msg", "audit_receive"}, source: "kernel/audit.c:audit_netlink_ok", meaning: "configuring the kernel's auditing", foreign: true},
	{functions: []string{"audit_multicast_bind", "audit_bind"}, source: "kernel/audit.c:audit_multicast_bind", meaning: "reading the audit log"},
	{functions: []string{"netlink_setsockopt"}, source: "net/netlink/af_netlink.c:netlink_setsockopt", meaning: "listening to all network namespaces", caps: capability.Of(capability.NetBroadcast)},
	{functions: []string{"netlink_bind", "netlink_setsockopt", "netlink_allowed", "netlink_connect", "netlink_sendmsg"}, source: "net/netlink/af_netlink.c:netlink_allowed", caps: capability.Of(capability.NetAdmin), meaning: "joining or addressing a netlink group"},
	{functions: []string{"do_one_broadcast", "netlink_broadcast_filtered"}, source: "net/netlink/af_netlink.c:do_one_broadcast", meaning: "a listener in another network namespace did not get a message", fails: noErrno, foreign: true},
	{
		functions: []string{"too_many_unix_fds", "unix_attach_fds", "unix_prepare_fpl", "unix_scm_to_skb"}, source: "net/unix/af_unix.c:too_many_unix_fds",
		fails: []syscall.Errno{syscall.ETOOMANYREFS}, meaning: "more descriptors in flight than the limit", remedies: limit("nofile", ""),
	},
	{
		functions: []string{"xdp_umem_account_pages", "xdp_umem_reg", "xdp_umem_create"}, source: "net/xdp/xdp_umem.c:xdp_umem_account_pages",
		fails: []syscall.Errno{syscall.ENOBUFS, syscall.ENOMEM}, meaning: "locking more memory than the limit", remedies: limit("memlock", "-1"),
	},
}
