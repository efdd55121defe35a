/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The containers that user space named, and whether a task is in one of their cgroups. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"

/* The containers to follow, by the name of their cgroup directory: it is known
 * before the container starts, the cgroup itself does not exist yet. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_CONTAINERS);
	__type(key, struct target_key);
	__type(value, struct target);
} targets SEC(".maps");

/* How far above its own cgroup a task's container is looked for. crun puts a container
 * one below its scope; a container that manages cgroups of its own, with systemd or
 * another engine inside, makes a few more. */
#define MAX_LEVELS 8

static __always_inline struct cgroup *cgroup_above(struct cgroup *cgroup)
{
	struct cgroup_subsys_state *above = BPF_CORE_READ(cgroup, self.parent);

	return above ? (void *)above - bpf_core_field_offset(struct cgroup, self) : 0;
}

/* The target whose name a task's cgroup has, or the nearest cgroup above it, and that
 * cgroup's ID. By way of self.parent, which every kernel calls so: kernfs renamed its
 * own in 6.15. */
static __noinline struct target *target_of(struct task_struct *task, u64 *id)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);

	for (int i = 0; i < MAX_LEVELS && cgroup; i++) {
		struct kernfs_node *node = BPF_CORE_READ(cgroup, kn);
		struct target_key key = {};
		struct target *target;

		if (bpf_probe_read_kernel_str(key.name, sizeof(key.name), BPF_CORE_READ(node, name)) > 0) {
			target = bpf_map_lookup_elem(&targets, &key);
			if (target) {
				*id = BPF_CORE_READ(node, id);
				return target;
			}
		}
		cgroup = cgroup_above(cgroup);
	}
	return 0;
}
