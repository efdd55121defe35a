/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a check adds to the state of its task. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "container.h"
#include "object.h"
#include "record.h"
#include "state.h"

static __always_inline void begin_call(struct task_state *st, long number)
{
	st->number = number;
	st->in_call = true;
	st->checks_len = 0;
	st->raw_len = 0;
	st->repeats = 0;
	st->hides = false;
	if (st->entered.depth) {
		st->entered.missed += st->entered.depth;
		st->entered.depth = 0;
	}
	if (st->entered.missed) {
		lose(st->cgroup, LOST_ENDS, st->entered.missed);
		st->entered.missed = 0;
	}
}

static __always_inline bool is_exec(s32 number)
{
	return number == nr_execve || number == nr_execveat;
}

/* A check by a task that is not followed yet: the runtime's, if in the cgroup, unless it
 * is a child whose birth was missed. */
static __noinline int follow_runtime(struct task_struct *task)
{
	u64 cgroup = current_container();
	struct task_state *st;

	if (!task || !container_in(cgroup) || follow_child(task))
		return 0;
	st = new_state(task, cgroup);
	if (st)
		st->stage = RUNTIME;
	return 0;
}

/* Takes a check that looks like the memo's next one for a repeat of it. */
static __always_inline bool is_repeat(struct task_state *st, struct raw_check *raw)
{
	u32 i = st->raw_len;

	if (!i) {
		u64 args[6];
		struct task_struct *task = bpf_get_current_task_btf();

		read_args((struct pt_regs *)bpf_task_pt_regs(task), is_compat(task), args);
		st->args_hash = FNV_OFFSET;
		for (int a = 0; a < 6; a++)
			st->args_hash = mix(st->args_hash, args[a]);
	}
	if (i >= MAX_MEMO || i != st->repeats || !st->memo.valid || st->memo.key.number != st->number ||
	    st->memo.args_hash != st->args_hash || i >= st->memo.raw_len || st->memo.raw[i].capability != raw->capability ||
	    st->memo.raw[i].flags != raw->flags || (!i && !(++st->memo.hits % RESAMPLE)))
		return false;
	st->raw_len++;
	st->repeats++;
	return true;
}

/* Begins a call of which the beginning was missed. On x86 the register of the result holds
 * ENOSYS from the beginning of a call to its end (arch/x86/entry/entry_64.S). */
static __always_inline void begin_missed_call(struct task_state *st, struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	if ((long)regs->orig_ax >= 0 && (long)regs->ax == -ENOSYS)
		begin_call(st, regs->orig_ax);
#endif
}

/* Keeps a check of a call, or recognises it as a repeat. Its stack is taken now if it was
 * not before. */
static __always_inline void keep_check(void *ctx, struct task_state *st, struct raw_check *raw)
{
	u32 i;

	if (is_repeat(st, raw))
		return;
	if (st->repeats)
		keep_repeats(st);
	if (raw->stack == NOT_TAKEN)
		raw->stack = take_stack(ctx, st);
	add_check(st, raw);
	i = st->raw_len;
	if (i < MAX_MEMO)
		st->raw[i] = *raw;
	if (i <= MAX_MEMO)
		st->raw_len = i + 1;
}

static __always_inline u8 namespace_flag(struct task_state *st, struct user_namespace *ns)
{
	if (st->stage != INSIDE || (u64)ns == st->user_ns)
		return 0;
	return BPF_CORE_READ(ns, level) ? CHECK_OTHER_NS : CHECK_INITIAL_NS;
}

/* stack is the key of one that was taken when the check began, or NOT_TAKEN. */
static __always_inline void on_check(void *ctx, const struct cred *cred, struct user_namespace *ns, int capability, bool granted, u64 stack)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *st = state_of(task);
	struct raw_check raw = {.capability = capability, .stack = stack};

	if (!st && follow_worker(task))
		st = state_of(task);
	if (!st) {
		follow_runtime(task);
		return;
	}
	if (st->stage == RUNTIME && !(st->in_call && is_exec(st->number)))
		return;
	if (st->hides && st->hidden.capability == capability)
		st->hides = false;
	if (granted)
		raw.flags |= CHECK_GRANTED;
	if (cred != task->real_cred) {
		/* The storage driver's own credentials, which may do everything: overlayfs
		 * makes dozens of such checks to copy one file up. They decide nothing for
		 * the container. */
		if (granted && st->in_call && !(call_of(st->number, is_compat(task)).traits & CALL_KEEPS_OVERRIDDEN))
			return;
		raw.flags |= CHECK_OVERRIDDEN;
	}
	raw.flags |= namespace_flag(st, ns);
	if (!st->in_call && !st->worker)
		begin_missed_call(st, task);

	if (st->in_call && !st->worker) {
		keep_check(ctx, st, &raw);
		return;
	}
	if (!st->worker) {
		/* A page fault, or a kernel worker on the task's behalf. */
		begin_call(st, -1);
		st->in_call = false;
	} else if (has_asked(st, capability)) {
		/* No end of a call ends its questions: one that asks for alternatives in
		 * turn ends with a grant, or where the same is asked again. */
		record_work(st);
	}
	if (raw.stack == NOT_TAKEN)
		raw.stack = take_stack(ctx, st);
	add_check(st, &raw);
	if (!st->worker || granted)
		record_work(st);
}

static __always_inline struct entered_checks *entered_checks_of(bool begins)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *st = state_of(task);

	if (!begins)
		return st ? &st->entered : 0;
	if (!st && follow_worker(task))
		st = state_of(task);
	if (!st) {
		follow_runtime(task);
		return 0;
	}
	if (st->stage == RUNTIME && !(st->in_call && is_exec(st->number)))
		return 0;
	return &st->entered;
}

/* The key of the stack at the beginning of a check: at its end, it is that of the caller. */
static __always_inline u64 stack_of_entry(void *ctx)
{
	struct task_state *st = state_of(bpf_get_current_task_btf());

	return st ? take_stack(ctx, st) : 0;
}

/* A check that may not show: it is kept when the call ends, unless it did. */
static __always_inline void may_hide(void *ctx, struct user_namespace *ns, int capability, bool granted)
{
	struct task_state *st = state_of(bpf_get_current_task_btf());

	if (!st || st->stage != INSIDE || !st->in_call)
		return;
	st->hidden.capability = capability;
	st->hidden.flags = (granted ? CHECK_GRANTED : 0) | namespace_flag(st, ns);
	st->hidden.stack = take_stack(ctx, st);
	st->hides = true;
}
