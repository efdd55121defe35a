/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which tasks are whose container's, and what is noted of a container. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"
#include "target.h"

/* The containers found, by cgroup ID. Whoever knows the cgroup beforehand may add
 * its container here and needs no target. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CONTAINERS);
	__type(key, u64);
	__type(value, struct container);
} containers SEC(".maps");

static __always_inline struct container *container_in(u64 cgroup)
{
	return bpf_map_lookup_elem(&containers, &cgroup);
}

/* Adds the container of the current task's cgroup if that has the name of a target,
 * and says whether it did. The first cgroup of the name is the container's. */
static __always_inline bool add_container(struct task_struct *task, u64 cgroup)
{
	struct container fresh = {.started_with = {.unprivileged_port_start = -1, .ping_group_low = -1, .ping_group_high = -1}};
	struct target *target = target_of(task);

	if (!target || target->cgroup)
		return false;
	fresh.number = target->number;
	/* Of two tasks at the same time, one succeeds. */
	if (bpf_map_update_elem(&containers, &cgroup, &fresh, BPF_NOEXIST))
		return false;
	target->cgroup = cgroup;
	return true;
}

/* A runtime's own process joins the cgroup, and may even exec itself there (runc
 * re-executes a sealed copy of its binary), before it enters the container's mount
 * namespace. Its parent never enters it, so a task whose mount namespace differs
 * from its parent's has. */
static __always_inline bool in_container_mounts(struct task_struct *task)
{
	return BPF_CORE_READ(task, nsproxy, mnt_ns) != BPF_CORE_READ(task, real_parent, nsproxy, mnt_ns);
}
