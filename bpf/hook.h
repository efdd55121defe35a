/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a capability check can be seen. Each hook has its sections here, and all of
 * them end in on_check(), which the object that includes this file defines first,
 * together with entered_checks_of() and may_hide(). User space loads the sections of
 * one hook (internal/tracer/hook.go): one for which the kernel has no place would not
 * load. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "entered.h"
#include "hidden.h"

/* The tracepoint capability:cap_capable, which knows the result. */
SEC("tp_btf/cap_capable")
int BPF_PROG(check_tracepoint, const struct cred *cred, struct user_namespace *target_ns, const struct user_namespace *capable_ns, int cap, int ret)
{
	on_check(ctx, cred, target_ns, cap, ret == 0, NOT_TAKEN);
	return 0;
}

SEC("tp/capability/cap_capable")
int check_classic(struct trace_event_raw_cap_capable *ctx)
{
	on_check(ctx, ctx->cred, ctx->target_ns, ctx->cap, ctx->ret == 0, NOT_TAKEN);
	return 0;
}

/* The function's end, where a trampoline has its arguments and its result. */
SEC("fexit/cap_capable")
int BPF_PROG(check_fexit, const struct cred *cred, struct user_namespace *target_ns, int cap, unsigned int opts, int ret)
{
	on_check(ctx, cred, target_ns, cap, ret == 0, NOT_TAKEN);
	return 0;
}

/* The function's beginning, which has the arguments and the stack, and its end, which
 * has the result. */
SEC("kprobe/cap_capable")
int check_kprobe(struct pt_regs *ctx)
{
	struct entered_checks *all = entered_checks_of(true);
	struct entered_check *check;

	if (!all)
		return 0;
	if (all->depth >= MAX_ENTERED) {
		/* Their ends were missed. */
		all->missed += all->depth;
		all->depth = 0;
	}
	check = &all->check[all->depth & (MAX_ENTERED - 1)];
	check->cred = FIRST(ctx);
	check->ns = SECOND(ctx);
	check->capability = THIRD(ctx);
	check->stack = stack_of_entry(ctx);
	all->depth++;
	return 0;
}

SEC("kretprobe/cap_capable")
int check_kretprobe(struct pt_regs *ctx)
{
	struct entered_checks *all = entered_checks_of(false);
	struct entered_check *check;

	if (!all || !all->depth)
		return 0;
	all->depth--;
	check = &all->check[all->depth & (MAX_ENTERED - 1)];
	on_check(ctx, (const struct cred *)check->cred, (struct user_namespace *)check->ns, check->capability, (s32)RESULT(ctx) == 0, check->stack);
	return 0;
}

/* The places that may hide a check from all hooks but the tracepoint, see hidden.h. */
SEC("fentry/cap_task_prctl")
int BPF_PROG(hidden_prctl_fentry, int option, unsigned long value)
{
	on_prctl(ctx, option, value);
	return 0;
}

SEC("kprobe/cap_task_prctl")
int hidden_prctl_kprobe(struct pt_regs *ctx)
{
	on_prctl(ctx, FIRST(ctx), SECOND(ctx));
	return 0;
}

SEC("fentry/cap_capset")
int hidden_capset_fentry(void *ctx)
{
	on_capset(ctx);
	return 0;
}

SEC("kprobe/cap_capset")
int hidden_capset_kprobe(struct pt_regs *ctx)
{
	on_capset(ctx);
	return 0;
}

SEC("fentry/cap_mmap_addr")
int BPF_PROG(hidden_mmap_fentry, unsigned long address)
{
	on_mmap(ctx, address);
	return 0;
}

SEC("kprobe/cap_mmap_addr")
int hidden_mmap_kprobe(struct pt_regs *ctx)
{
	on_mmap(ctx, FIRST(ctx));
	return 0;
}
