/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From the checks of a call to an entry in the tables. */
#pragma once

#include <bpf/bpf_helpers.h>
#include "contract.h"
#include "container.h"
#include "object.h"
#include "state.h"
#include "fate.h"
#include "processes.h"

/* Not inlined: rare. */
__noinline int lose(u64 cgroup, u64 loss, u64 count)
{
	struct container *container = container_in(cgroup);

	/* Without this, the compiler checks a copy of the bound that the verifier does not
	 * connect with the index. */
	asm volatile("" : "+r"(loss));
	if (container && loss < LOSSES)
		__sync_fetch_and_add(&container->lost[loss], count);
	return 0;
}

static __always_inline struct task_state *state_of(struct task_struct *task)
{
	return bpf_task_storage_get(&tasks, task, 0, 0);
}

static __always_inline struct task_state *new_state(struct task_struct *task, u64 cgroup)
{
	struct task_state *st = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!st) {
		lose(cgroup, LOST_TASKS, 1);
		return 0;
	}
	st->cgroup = cgroup;
	return st;
}

/* Makes a task one of its parent's, or, as a thread, of its process's. */
static __always_inline struct task_state *inherit_state(struct task_struct *task, struct task_state *from, bool thread)
{
	struct task_state *st = new_state(task, from->cgroup);

	if (!st)
		return 0;
	st->user_ns = from->user_ns;
	st->executable = from->executable;
	st->stage = from->stage;
	st->joined = from->joined;
	st->init = from->init && thread;
	return st;
}

/* A thread that the kernel made for a followed process works on its behalf, and
 * tells nobody of its birth: io_uring's and vhost's (kernel/fork.c:
 * create_io_thread). */
static __noinline int follow_worker(struct task_struct *task)
{
	struct task_state *leader, *st;

	if (!task || task->group_leader == task)
		return 0;
	leader = state_of(task->group_leader);
	if (!leader)
		return 0;
	st = inherit_state(task, leader, true);
	if (!st)
		return 0;
	st->worker = true;
	st->number = -1;
	return 1;
}

/* Follows a child of a followed process whose birth was missed: what it does is not done
 * from outside. */
static __always_inline struct task_state *follow_child(struct task_struct *task)
{
	struct task_state *parent = state_of(task->real_parent);

	if (!parent || parent->stage != INSIDE)
		return 0;
	return inherit_state(task, parent, false);
}

static __always_inline void flush_memo(struct task_state *st)
{
	struct op_value *value;

	if (!st->memo.count)
		return;
	value = bpf_map_lookup_elem(&operations, &st->memo.key);
	if (value)
		__sync_fetch_and_add(&value->count, st->memo.count);
	else
		lose(st->cgroup, LOST_OPERATIONS, st->memo.count);
	st->memo.count = 0;
}

/* Not inlined: the verifier looks at a global function once, not at each call. */
__noinline int add_check(struct task_state *st, struct raw_check *raw)
{
	struct check *check;

	if (!st || !raw)
		return 0;
	for (u32 i = 0; i < MAX_CHECKS; i++) {
		if (i >= st->checks_len)
			break;
		check = &st->checks[i];
		if (check->stack == raw->stack && check->capability == raw->capability && check->flags == raw->flags) {
			check->count++;
			return 0;
		}
	}
	if (st->checks_len >= MAX_CHECKS) {
		lose(st->cgroup, LOST_CHECKS, 1);
		return 0;
	}
	check = &st->checks[st->checks_len++];
	check->stack = raw->stack;
	check->count = 1;
	check->capability = raw->capability;
	check->flags = raw->flags;
	return 0;
}

/* The checks that were taken for the memo's were not a repeat after all, or not
 * all of it: keep them like any others. */
__noinline int keep_repeats(struct task_state *st)
{
	if (!st)
		return 0;
	for (u32 i = 0; i < MAX_MEMO; i++) {
		if (i >= st->repeats)
			break;
		st->raw[i] = st->memo.raw[i];
		add_check(st, &st->raw[i]);
	}
	st->repeats = 0;
	return 0;
}

/* Stores the kernel stack and returns its key, 0 when that failed. */
static __always_inline u64 take_stack(void *ctx, struct task_state *st)
{
	long bytes = bpf_get_stack(ctx, st->frames, sizeof(st->frames), 0);
	u64 key = FNV_OFFSET;

	if (bytes <= 0) {
		lose(st->cgroup, LOST_STACKS, 1);
		return 0;
	}
	for (u32 i = 0; i < MAX_STACK; i++) {
		if (i * 8 >= bytes)
			st->frames[i] = 0;
		key = mix(key, st->frames[i]);
	}
	if (bpf_map_lookup_elem(&stacks, &key))
		return key;
	if (bpf_map_update_elem(&stacks, &key, st->frames, BPF_ANY)) {
		lose(st->cgroup, LOST_STACKS, 1);
		return 0;
	}
	return key;
}

/* Adds what the current task's call was about to its entry. Runs once a key, or
 * again where the ring buffer had no room. */
__noinline int send_detail(struct task_state *st, struct op_key *key, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct container *container;
	const struct cred *cred;
	struct detail *detail;

	if (!st || !key)
		return 0;
	detail = bpf_ringbuf_reserve(&details, sizeof(*detail), 0);
	if (!detail)
		return 0;
	/* Strings end at their zero and blob and names have lengths: what lies behind
	 * is an earlier detail's. */
	detail->path[0] = 0;
	detail->second_path[0] = 0;
	detail->names.len = 0;
	detail->blob_len = 0;
	detail->key = *key;
	detail->value = ret;
	detail->target = st->target;
	read_args((struct pt_regs *)bpf_task_pt_regs(task), key->flags & OP_COMPAT, detail->args);
	cred = task->real_cred;
	bpf_probe_read_kernel(&detail->bounding, 8, &cred->cap_bset);
	bpf_probe_read_kernel(&detail->inheritable, 8, &cred->cap_inheritable);
	bpf_probe_read_kernel(&detail->permitted, 8, &cred->cap_permitted);
	bpf_probe_read_kernel(&detail->effective, 8, &cred->cap_effective);
	detail->pid = task->tgid;
	container = container_in(st->cgroup);
	detail->init = container ? container->init : 0;
	detail->number = container ? container->number : 0;
	detail->no_new_privs = task->atomic_flags & PFA_NO_NEW_PRIVS;
	detail->checks_len = st->checks_len;
	__builtin_memcpy(detail->checks, st->checks, sizeof(detail->checks));
	bpf_probe_read_kernel(detail->comm, sizeof(detail->comm), task->comm);
	if (!(key->flags & OP_NO_CALL))
		read_object(task, call_of(key->number, key->flags & OP_COMPAT), detail);
	bpf_ringbuf_submit(detail, 0);
	return 1;
}

static __always_inline struct op_value *entry_of(struct task_state *st, struct op_key *key)
{
	struct op_value *value = bpf_map_lookup_elem(&operations, key);

	if (value)
		return value;
	st->value = (struct op_value){.first = __sync_fetch_and_add(&order, 1)};
	bpf_map_update_elem(&operations, key, &st->value, BPF_NOEXIST);
	return bpf_map_lookup_elem(&operations, key);
}

/* Counts the current task's call, which ends, under its key. */
__noinline int record(s64 ret, u32 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	/* Looked up, not handed in: before Linux 6.1 what is handed to a global function is no
	 * memory for a map's key or value. */
	struct task_state *st = state_of(task);
	struct op_key key = {.flags = flags};
	struct op_value *value;
	u64 signature = FNV_OFFSET;
	bool failed = ret < 0 && ret >= -MAX_ERRNO;
	bool pointers = false, gives_up = false;

	if (!st)
		return 0;
	key.executable = st->executable;
	key.number = st->number;
	key.phase = phase;
	if (st->joined)
		key.flags |= OP_JOINED;
	if (st->init)
		key.flags |= OP_INIT;
	key.error = failed ? ret : 0;
	key.uid = task->real_cred->euid.val;
	for (u32 i = 0; i < MAX_CHECKS; i++) {
		if (i >= st->checks_len)
			break;
		signature = mix(signature, st->checks[i].stack);
		signature = mix(signature, st->checks[i].capability | st->checks[i].flags << 8);
	}
	key.signature = signature;
	if (!(flags & OP_NO_CALL)) {
		struct call call = call_of(st->number, flags & OP_COMPAT);
		struct sorted *sorted = &st->sorted;
		u64 path, blob, first64;

		gives_up = call.traits & CALL_GIVES_UP;
		read_args((struct pt_regs *)bpf_task_pt_regs(task), flags & OP_COMPAT, st->args);
		__builtin_memset(sorted, 0, sizeof(*sorted));
		sort_args(call, st->args, sorted);
		/* Only a failure's object matters enough to tell paths apart. */
		path = failed ? sorted->by_kind[ARG_PATH] : 0;
		blob = failed ? sorted->by_kind[ARG_BLOB] : 0;
		first64 = sorted->by_kind[ARG_FIRST64];
		pointers = path || blob || first64;
		st->target = call.traits & CALL_SIGNALS ? executable_of(task, st->args[0]) : 0;
		if (st->target)
			sorted->scalars = mix(sorted->scalars, st->target);
		key.object = sorted->scalars;
		if (pointers)
			key.object = hash_pointed(sorted->scalars, path, blob, first64);
		if (pointers && !bpf_map_lookup_elem(&operations, &key)) {
			struct executable *exe = bpf_map_lookup_elem(&executables, &st->executable);

			/* The walk through the tree of one phase leaves room for the next. */
			if (exe && exe->phase != key.phase) {
				exe->phase = key.phase;
				exe->objects = 0;
			}
			if (exe && exe->objects >= MAX_OBJECTS)
				key.object = sorted->scalars;
			else if (exe)
				__sync_fetch_and_add(&exe->objects, 1);
		}
	}
	value = entry_of(st, &key);
	if (!value) {
		lose(st->cgroup, LOST_OPERATIONS, 1);
	} else {
		__sync_fetch_and_add(&value->count, 1);
		if (!value->detailed && send_detail(st, &key, ret))
			value->detailed = 1;
		if (gives_up)
			note_refused(value->first);
	}

	flush_memo(st);
	st->memo.valid = value && st->raw_len && st->raw_len <= MAX_MEMO && (flags & OP_RETURNED);
	if (!st->memo.valid)
		return 0;
	st->memo.key = key;
	st->memo.args_hash = st->args_hash;
	st->memo.hits = 0;
	st->memo.raw_len = st->raw_len;
	st->memo.pointers = pointers;
	__builtin_memcpy(st->memo.raw, st->raw, sizeof(st->raw));
	return 0;
}

/* Counts what was done outside of any call. */
static __always_inline void record_work(struct task_state *st)
{
	if (st->checks_len)
		record(0, OP_NO_CALL | OP_ENTERED | OP_RETURNED);
	st->checks_len = 0;
	st->raw_len = 0;
}

__noinline bool has_asked(struct task_state *st, u8 capability)
{
	if (!st)
		return false;
	for (u32 i = 0; i < MAX_CHECKS; i++) {
		if (i >= st->checks_len)
			break;
		if (st->checks[i].capability == capability)
			return true;
	}
	return false;
}
