/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What became of the processes that were refused when they meant to give up privileges:
 * whether they went on, or ended because of it. */
#pragma once

#include <bpf/bpf_helpers.h>
#include "contract.h"

/* Operations of one process: one for each capability that it drops, and some more. */
#define MAX_REFUSALS 48

/* Those of a process that has not executed another program since, with its first
 * thread: their places in the order of first occurrences, which are theirs alone, plus
 * one. */
struct refusals {
	u64 place[MAX_REFUSALS];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct refusals);
} refused SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct fate);
} fates SEC(".maps");

/* Notes that the current process was refused an operation. All threads of one may be at
 * it at the same time (setuid(3)). What finds no room is not known to have gone on. */
__noinline int note_refused(u64 first)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct refusals *all = bpf_task_storage_get(&refused, task->group_leader, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	struct fate none = {}, *fate;
	u64 place = first + 1, before;

	if (!all)
		return 0;
	for (u32 i = 0; i < MAX_REFUSALS; i++) {
		before = all->place[i];
		if (!before)
			before = __sync_val_compare_and_swap(&all->place[i], 0, place);
		if (before == place)
			return 0;
		if (before)
			continue;
		bpf_map_update_elem(&fates, &first, &none, BPF_NOEXIST);
		fate = bpf_map_lookup_elem(&fates, &first);
		if (fate)
			__sync_fetch_and_add(&fate->processes, 1);
		return 0;
	}
	return 0;
}

/* Whether a process ended for a reason of its own: with an error, or by a signal that
 * only a fault or abort(3) sends. One that was told to end, by SIGHUP, SIGINT, SIGQUIT or
 * SIGTERM, and says so in its status, had gone on. */
static __always_inline bool ended_by_itself(int code)
{
	const u64 own = 1ULL << 4 | 1ULL << 5 | 1ULL << 6 | 1ULL << 7 | 1ULL << 8 | 1ULL << 11 | 1ULL << 31;
	u32 status = code >> 8 & 0xff, signal = code & 0x7f;

	if (signal)
		return signal < 64 && own >> signal & 1;
	return status && status != 128 + 1 && status != 128 + 2 && status != 128 + 3 && status != 128 + 15;
}

/* Notes how a process ends that was refused something: its first thread ends with the
 * status of all. */
static __always_inline void note_end(struct task_struct *task)
{
	struct refusals *all = bpf_task_storage_get(&refused, task, 0, 0);
	struct fate *fate;
	u64 first;

	if (!all || !ended_by_itself(task->exit_code))
		return;
	for (u32 i = 0; i < MAX_REFUSALS; i++) {
		if (!all->place[i])
			break;
		first = all->place[i] - 1;
		fate = bpf_map_lookup_elem(&fates, &first);
		if (fate)
			__sync_fetch_and_add(&fate->ended, 1);
	}
}
