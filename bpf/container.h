/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which tasks are whose container's, and what is noted of a container. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"
#include "target.h"

/* The containers found, by the ID of their cgroup. Their tasks are in it or below it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CONTAINERS);
	__type(key, u64);
	__type(value, struct container);
} containers SEC(".maps");

/* How often user space added to the targets, which it counts itself. */
u64 additions;

/* Which container a cgroup is of. */
struct membership {
	u64 container; /* the ID of the container's cgroup, 0 for none */
	u64 additions; /* how many there had been when it was looked for */
};

/* By cgroup ID, those of which it was asked last. Names are looked at once for each. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct membership);
} memberships SEC(".maps");

/* What a container's entry begins as; too large for the stack. */
const struct container unseen = {.started_with = {.unprivileged_port_start = -1, .ping_group_low = -1, .ping_group_high = -1}};

static __always_inline struct container *container_in(u64 cgroup)
{
	return bpf_map_lookup_elem(&containers, &cgroup);
}

/* Looks for the target that the current task's cgroup is of, and adds its container if it
 * is the first one seen. The first cgroup of a target's name is the container's. */
static __noinline u64 look_for_container(u64 own)
{
	struct membership found = {.additions = additions};
	u64 cgroup = 0;
	struct target *target = target_of(bpf_get_current_task_btf(), &cgroup);
	struct container *container;

	if (target && (!target->cgroup || target->cgroup == cgroup)) {
		found.container = cgroup;
		/* Of two tasks at the same time, one succeeds. */
		bpf_map_update_elem(&containers, &cgroup, &unseen, BPF_NOEXIST);
		container = container_in(cgroup);
		if (container)
			container->number = target->number;
		target->cgroup = cgroup;
	}
	bpf_map_update_elem(&memberships, &own, &found, BPF_ANY);
	return found.container;
}

/* The ID of the cgroup of the container that the current task is in, 0 for none. */
static __always_inline u64 current_container(void)
{
	u64 own = bpf_get_current_cgroup_id();
	struct membership *known = bpf_map_lookup_elem(&memberships, &own);

	if (known && known->additions == additions)
		return known->container;
	return look_for_container(own);
}

/* A runtime's own process joins the cgroup, and may even exec itself there (runc
 * re-executes a sealed copy of its binary), before it enters the container's mount
 * namespace. Its parent never enters it, so a task whose mount namespace differs
 * from its parent's has. */
static __always_inline bool in_container_mounts(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, mnt_ns) != BPF_CORE_READ(task, real_parent, nsproxy, mnt_ns);
}
