/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Checks of a task that have begun and not ended, for hooks that see both apart. */
#pragma once

#include "kernel.h"

/* Of one task there is one at a time, unless an interrupt asks in the middle of it. A
 * power of two. */
#define MAX_ENTERED 2

/* The stack's key was not taken when the check began: take it now. A key is a hash. */
#define NOT_TAKEN 1

struct entered_check {
	u64 cred, ns, stack;
	s32 capability;
	u32 pad;
};

/* A stack: what begins last ends first. */
struct entered_checks {
	u32 depth;
	u32 missed; /* ends that did not come */
	struct entered_check check[MAX_ENTERED];
};

/* The arguments of a probed function, and its result. */
#if defined(__TARGET_ARCH_x86)
#define FIRST(ctx) BPF_CORE_READ(ctx, di)
#define SECOND(ctx) BPF_CORE_READ(ctx, si)
#define THIRD(ctx) BPF_CORE_READ(ctx, dx)
#define RESULT(ctx) BPF_CORE_READ(ctx, ax)
#else
#define FIRST(ctx) BPF_CORE_READ(ctx, regs[0])
#define SECOND(ctx) BPF_CORE_READ(ctx, regs[1])
#define THIRD(ctx) BPF_CORE_READ(ctx, regs[2])
#define RESULT(ctx) BPF_CORE_READ(ctx, regs[0])
#endif
