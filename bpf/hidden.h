/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Checks that cannot be seen where they are made: security/commoncap.c holds
 * cap_capable(), and the compiler puts copies of it into the functions beside it (gcc
 * up to Linux 6.12, whose cap_capable() had no tracepoint in it). That of
 * cap_vm_enough_memory() decides nothing. For the others, the places that make them are
 * watched instead, and what they ask for and get is read from the credentials: on a
 * kernel whose check shows after all, that one counts (may_hide()). */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "kernel.h"

#define CAP_SETPCAP 8
#define CAP_SYS_RAWIO 17
#define PR_SET_SECUREBITS 28

/* linux/securebits.h, of the kernels that hide the check. */
#define SECURE_ALL_BITS 0x55
#define SECURE_ALL_LOCKS (SECURE_ALL_BITS << 1)

/* vm.mmap_min_addr, set before load. */
const volatile u64 mmap_min_addr;

static __always_inline const struct cred *current_cred(void)
{
	return bpf_get_current_task_btf()->cred;
}

static __always_inline bool has(const struct cred *cred, int capability)
{
	u64 effective = 0;

	bpf_probe_read_kernel(&effective, sizeof(effective), &cred->cap_effective);
	return effective >> capability & 1;
}

/* security/commoncap.c:cap_task_prctl asks where nothing else refuses. */
static __always_inline void on_prctl(void *ctx, int option, u64 value)
{
	const struct cred *cred = current_cred();
	u32 old;

	if (option != PR_SET_SECUREBITS)
		return;
	old = cred->securebits;
	if (((old & SECURE_ALL_LOCKS) >> 1) & (old ^ value) || old & SECURE_ALL_LOCKS & ~value ||
	    value & ~(u64)(SECURE_ALL_LOCKS | SECURE_ALL_BITS))
		return;
	may_hide(ctx, cred->user_ns, CAP_SETPCAP, has(cred, CAP_SETPCAP));
}

/* security/commoncap.c:cap_capset asks first of all (cap_inh_is_capped). */
static __always_inline void on_capset(void *ctx)
{
	const struct cred *cred = current_cred();

	may_hide(ctx, cred->user_ns, CAP_SETPCAP, has(cred, CAP_SETPCAP));
}

/* security/commoncap.c:cap_mmap_addr asks in the initial user namespace. */
static __always_inline void on_mmap(void *ctx, u64 address)
{
	const struct cred *cred = current_cred();
	struct user_namespace *ns;

	if (address >= mmap_min_addr)
		return;
	ns = cred->user_ns;
	for (int i = 0; i < MAX_USER_NS && BPF_CORE_READ(ns, parent); i++)
		ns = BPF_CORE_READ(ns, parent);
	may_hide(ctx, ns, CAP_SYS_RAWIO, ns == cred->user_ns && has(cred, CAP_SYS_RAWIO));
}
