// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Programs that do nothing, on the hooks of an exploring run. What they cost is
 * what the kernel asks for being watched at all: no tracer on these hooks can cost
 * less, and the benchmark measures capprof against them. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define EMPTY(hook)                        \
	SEC("tp_btf/" #hook)               \
	int empty_##hook(void *ctx)        \
	{                                  \
		return 0;                  \
	}

EMPTY(sys_enter)
EMPTY(sys_exit)
EMPTY(cap_capable)
EMPTY(sched_process_exec)
EMPTY(sched_process_fork)
EMPTY(sched_process_exit)
