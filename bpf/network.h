/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Calls that a sysctl of the network namespace lets pass without a capability
 * being asked for: elsewhere, with the kernel's defaults, the same calls fail. */
#pragma once

#include <bpf/bpf_helpers.h>
#include "container.h"
#include "contract.h"
#include "object.h"

#define AF_UNSPEC 0
#define AF_INET 2
#define AF_INET6 10
#define SOCK_DGRAM 2
#define SOCK_TYPE_MASK 0xf
#define IPPROTO_ICMP 1
#define IPPROTO_ICMPV6 58
#define PROT_SOCK 1024 /* the kernel's default of ip_unprivileged_port_start */

/* Subcalls of socketcall(2), linux/net.h. */
#define SYS_SOCKET 1
#define SYS_BIND 2

static __always_inline void note_bind(struct uses *used, u64 address)
{
	/* A struct sockaddr_in and a struct sockaddr_in6 begin alike. */
	u16 head[2] = {};
	u16 port;

	if (bpf_probe_read_user(head, sizeof(head), (void *)address))
		return;
	/* bind(2) of an AF_INET socket takes AF_UNSPEC too (net/ipv4/af_inet.c). */
	if (head[0] != AF_INET && head[0] != AF_INET6 && head[0] != AF_UNSPEC)
		return;
	port = __builtin_bswap16(head[1]);
	if (port && port < PROT_SOCK)
		__sync_fetch_and_add(&used->low_ports, 1);
}

static __always_inline void note_socket(struct uses *used, u32 family, u32 type, u32 protocol)
{
	if ((type & SOCK_TYPE_MASK) == SOCK_DGRAM &&
	    ((family == AF_INET && protocol == IPPROTO_ICMP) || (family == AF_INET6 && protocol == IPPROTO_ICMPV6)))
		__sync_fetch_and_add(&used->ping_sockets, 1);
}

/* Read where the kernel keeps them: /proc/sys/net shows the reader's own. */
static __always_inline void read_sysctls(struct task_struct *task, struct container *container)
{
	struct net *net = BPF_CORE_READ(task, nsproxy, net_ns);

	container->net = (u64)net;
	if (bpf_core_field_exists(struct netns_ipv4, sysctl_ip_prot_sock))
		container->started_with.unprivileged_port_start = BPF_CORE_READ(net, ipv4.sysctl_ip_prot_sock);
	if (bpf_core_field_exists(struct netns_ipv4, ping_group_range)) {
		container->started_with.ping_group_low = BPF_CORE_READ(net, ipv4.ping_group_range.range[0].val);
		container->started_with.ping_group_high = BPF_CORE_READ(net, ipv4.ping_group_range.range[1].val);
	}
}

/* Not inlined: rare, and no part of what the verifier follows on the way out of
 * every call. */
__noinline int note_network(u64 cgroup, u32 call)
{
	struct container *container = container_in(cgroup);
	struct task_struct *task = bpf_get_current_task_btf();
	bool compat = is_compat(task);
	u64 args[6] = {};

	/* A network namespace that the workload made has settings of its own. */
	if (!container || (u64)BPF_CORE_READ(task, nsproxy, net_ns) != container->net)
		return 0;
	read_args((struct pt_regs *)bpf_task_pt_regs(task), compat, args);
	if (call == CALL_SOCKETCALL) {
		u32 packed[3] = {};

		if (bpf_probe_read_user(packed, sizeof(packed), (void *)args[1]))
			return 0;
		call = args[0] == SYS_BIND ? CALL_BIND : args[0] == SYS_SOCKET ? CALL_SOCKET : CALL_OTHER;
		args[0] = packed[0];
		args[1] = packed[1];
		args[2] = packed[2];
	}
	if (call == CALL_BIND)
		note_bind(&container->used, args[1]);
	else if (call == CALL_SOCKET)
		note_socket(&container->used, args[0], args[1], args[2]);
	else if (call == CALL_RING)
		__sync_fetch_and_add(&container->used.rings, 1);
	return 0;
}
