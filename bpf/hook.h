/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a capability check can be seen. Each hook has its sections here, and all of
 * them end in on_check(), which the object that includes this file defines first.
 * User space loads the sections of one hook (internal/tracer/hook.go): one for which
 * the kernel has no place would not load. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* The tracepoint capability:cap_capable, which knows the result. */
SEC("tp_btf/cap_capable")
int BPF_PROG(check_tracepoint, const struct cred *cred, struct user_namespace *target_ns, const struct user_namespace *capable_ns, int cap, int ret)
{
	on_check(ctx, cred, target_ns, cap, ret == 0);
	return 0;
}
