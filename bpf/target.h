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

/* The target whose name a task's cgroup has. */
static __always_inline struct target *target_of(struct task_struct *task)
{
	struct target_key key = {};

	if (bpf_probe_read_kernel_str(key.name, sizeof(key.name), BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, name)) < 0)
		return 0;
	return bpf_map_lookup_elem(&targets, &key);
}
