/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which program a process of a container runs, by its number there: a signal says no
 * more than that. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"

struct process {
	u64 ns; /* the PID namespace's address, to compare */
	s32 nr;
	u32 pad;
};

/* A number is used again: the last process that had it counts. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct process);
	__type(value, u64);
} processes SEC(".maps");

/* A task in its own PID namespace. */
static __always_inline struct process process_of(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, group_leader, thread_pid);
	struct process process = {};
	struct upid *own;

	if (!pid)
		return process;
	own = (void *)pid + bpf_core_field_offset(struct pid, numbers) + BPF_CORE_READ(pid, level) * bpf_core_type_size(struct upid);
	process.ns = (u64)BPF_CORE_READ(own, ns);
	process.nr = BPF_CORE_READ(own, nr);
	return process;
}

/* Not inlined: rare. */
static __noinline int note_process(struct task_struct *task, u64 executable)
{
	struct process process;

	if (!task)
		return 0;
	process = process_of(task);
	bpf_map_update_elem(&processes, &process, &executable, BPF_ANY);
	return 0;
}

/* What the process runs that the task means by a number; 0 where that is not known. A
 * negative one means the group that the process leads. */
static __always_inline u64 executable_of(struct task_struct *task, s32 nr)
{
	struct process process = process_of(task);
	u64 *executable;

	process.nr = nr < 0 ? -nr : nr;
	/* Neither the caller's own group nor all that there are. */
	if (!nr || nr == -1)
		return 0;
	executable = bpf_map_lookup_elem(&processes, &process);
	return executable ? *executable : 0;
}
