// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Notes which capabilities the tasks of some containers are denied, and nothing
 * else: what can be had without the system call tracepoints, which cost every task
 * of the host. A check that is granted, by far the most, costs a comparison. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"
#include "container.h"
#include "entered.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct entered_checks);
} entered SEC(".maps");

static __always_inline void on_check(void *ctx, const struct cred *cred, struct user_namespace *ns, int capability, bool granted, u64 stack)
{
	struct container *container;
	u64 i = (u32)capability;

	/* Of overridden credentials it takes the call to tell whose they are. */
	if (granted || cred != bpf_get_current_task_btf()->real_cred)
		return;
	container = container_in(current_container());
	/* What the runtime does before the container's first program is not counted. */
	if (!container || !container->executions)
		return;
	/* The verifier forgets the bound of a 32-bit register that is widened later. */
	asm volatile("" : "+r"(i));
	if (i < MAX_CAPABILITIES)
		container->denied[i] = 1;
}

/* Those of a task that an end may have to be found for. */
static __always_inline struct entered_checks *entered_checks_of(bool begins)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct container *container;

	if (!begins)
		return bpf_task_storage_get(&entered, task, 0, 0);
	container = container_in(current_container());
	if (!container || !container->executions)
		return 0;
	return bpf_task_storage_get(&entered, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline u64 stack_of_entry(void *ctx)
{
	return 0;
}

/* That a check is noted twice does no harm. */
static __always_inline void may_hide(void *ctx, struct user_namespace *ns, int capability, bool granted)
{
	struct task_struct *task = bpf_get_current_task_btf();

	on_check(ctx, task->cred, ns, capability, granted, 0);
}

#include "hook.h"

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct container *container = container_in(current_container());

	if (container && in_container_mounts(task))
		__sync_fetch_and_add(&container->executions, 1);
	return 0;
}
