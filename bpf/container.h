/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which tasks are the container's. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"

/* The container's cgroup directory, set between load and attach: programs are
 * loaded before the container has a name. */
char cgroup_name[CGROUP_LEN];

/* The user namespace of the container's first process. */
struct user_namespace *container_ns;

/* Its network namespace, and the settings in there. */
struct net *container_net;
struct sysctls started_with = {-1, 0, -1, -1};

static __always_inline bool in_container_cgroup(struct task_struct *task)
{
	char name[CGROUP_LEN] = {};
	const char *kn_name = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, name);

	/* Most tasks of a host differ in the first bytes: look at them alone. */
	if (bpf_probe_read_kernel(name, 8, kn_name) || *(u64 *)name != *(volatile u64 *)cgroup_name)
		return false;
	if (bpf_probe_read_kernel_str(name, sizeof(name), kn_name) < 0)
		return false;
	for (int i = 0; i < CGROUP_LEN; i++) {
		if (name[i] != cgroup_name[i])
			return false;
		if (!name[i])
			return true;
	}
	return false;
}

/* A runtime's own process joins the cgroup, and may even exec itself there (runc
 * re-executes a sealed copy of its binary), before it enters the container's mount
 * namespace. Its parent never enters it, so a task whose mount namespace differs
 * from its parent's has. */
static __always_inline bool in_container_mounts(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, mnt_ns) != BPF_CORE_READ(task, real_parent, nsproxy, mnt_ns);
}

/* Read where the kernel keeps them: /proc/sys/net shows the reader's own. */
static __always_inline void read_sysctls(struct task_struct *task)
{
	struct net *net = BPF_CORE_READ(task, nsproxy, net_ns);

	container_net = net;
	if (bpf_core_field_exists(struct netns_ipv4, sysctl_ip_prot_sock))
		started_with.unprivileged_port_start = BPF_CORE_READ(net, ipv4.sysctl_ip_prot_sock);
	if (bpf_core_field_exists(struct netns_ipv4, ping_group_range)) {
		started_with.ping_group_low = BPF_CORE_READ(net, ipv4.ping_group_range.range[0].val);
		started_with.ping_group_high = BPF_CORE_READ(net, ipv4.ping_group_range.range[1].val);
	}
}
