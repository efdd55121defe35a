// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tells user space that something happened among the processes of some containers,
 * so that it can wait for a container to be ready or quiet without asking again and
 * again. What it was, user space looks up. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"
#include "target.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* The numbers of the targets in which something happened. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} happened SEC(".maps");

/* How often there was no room to say of which target. */
u64 unsaid;

static __always_inline void note(struct task_struct *task)
{
	u64 cgroup;
	struct target *target = target_of(task, &cgroup);

	if (target && bpf_ringbuf_output(&happened, &target->number, sizeof(target->number), 0))
		__sync_fetch_and_add(&unsaid, 1);
}

/* A thread is no process: a pool of them that breathes is quiet. */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(note_fork, struct task_struct *parent, struct task_struct *child)
{
	if (child->tgid != parent->tgid)
		note(parent);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(note_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	note(task);
	return 0;
}

/* A process ends with the last of its threads, which need not be the first one. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(note_exit, struct task_struct *task)
{
	if (!BPF_CORE_READ(task, signal, live.counter))
		note(task);
	return 0;
}

/* Of a socket that begins to listen, the current task is the one that calls listen(2). */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(note_listen, const struct sock *sk, const int oldstate, const int newstate)
{
	if (newstate == TCP_LISTEN)
		note(bpf_get_current_task_btf());
	return 0;
}
