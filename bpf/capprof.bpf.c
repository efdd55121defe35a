// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Follows the tasks of some containers and aggregates, per kind, the system calls
 * that failed or were checked for a capability. What is alike is counted; what it
 * was about is sent once. Everything that cannot be kept is counted as lost. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"
#include "container.h"
#include "object.h"
#include "state.h"
#include "record.h"
#include "network.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#include "check.h"
#include "hook.h"

/* What runs at a tracepoint comes twice where it must not be missed: as a program with the
 * kernel's types, which costs less, and as one of the older kind, during which the kernel
 * is not preempted where it is during the other (internal/tracer/place.go). */

static __always_inline int enter_call(long number)
{
	struct task_state *st = state_of(bpf_get_current_task_btf());

	if (st)
		begin_call(st, number);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long number)
{
	return enter_call(number);
}

SEC("tp/raw_syscalls/sys_enter")
int classic_sys_enter(struct trace_event_raw_sys_enter *ctx)
{
	return enter_call(ctx->id);
}

static __always_inline bool is_refusal(long ret)
{
	return ret == -EPERM || ret == -EACCES || ret == -EROFS || ret == -EDQUOT || ret == -ENOSPC;
}

/* Whether a call that found no file looked for a device: without --device a container
 * has no node to be refused. */
static __always_inline bool misses_device(struct pt_regs *regs, long ret, struct call call, bool compat)
{
	u64 args[6], name = 0;

	if (ret != -ENOENT)
		return false;
	read_args(regs, compat, args);
	for (int i = 0; i < 6; i++) {
		if (call.argument[i] != ARG_PATH)
			continue;
		bpf_probe_read_user(&name, 5, (void *)args[i]);
		break;
	}
	return name == 0x2f7665642fULL; /* "/dev/" */
}

static __always_inline int leave_call(void *ctx, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *st = state_of(task);
	u32 flags = OP_RETURNED;
	struct pt_regs *regs;
	struct call call;
	bool compat;

	if (!st)
		return 0;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	if (st->in_call)
		flags |= OP_ENTERED;
	else
#if defined(__TARGET_ARCH_x86)
		begin_call(st, regs->orig_ax);
#else
		begin_call(st, regs->syscallno);
#endif
	st->in_call = false;
	if (st->hides) {
		st->hides = false;
		keep_check(ctx, st, &st->hidden);
	}

	if (st->repeats && !st->checks_len && st->repeats == st->memo.raw_len && st->raw_len == st->repeats &&
	    ret == st->memo.key.error && task->real_cred->euid.val == st->memo.key.uid && !st->memo.pointers &&
	    st->memo.key.phase == phase && (flags & OP_ENTERED)) {
		st->memo.count++;
		return 0;
	}
	if (st->repeats)
		keep_repeats(st);
	compat = is_compat(task);
	call = call_of(st->number, compat);
	if (st->stage == RUNTIME) {
		if (ret >= 0 || !is_exec(st->number) || !in_container_mounts(task))
			return 0;
		flags |= OP_STARTING;
	} else if (flags & OP_ENTERED && call.network) {
		note_network(st->cgroup, call.network);
	}
	/* Without a check, a refusal is told by its errno, or by not being entered. */
	if (!st->checks_len && (ret >= 0 || ret < -MAX_ERRNO || ((flags & OP_ENTERED) && !is_refusal(ret) &&
	    !misses_device(regs, ret, call, compat))))
		return 0;
	if (compat)
		flags |= OP_COMPAT;
	record(ret, flags);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	return leave_call(ctx, ret);
}

SEC("tp/raw_syscalls/sys_exit")
int classic_sys_exit(struct trace_event_raw_sys_exit *ctx)
{
	return leave_call(ctx, ctx->ret);
}

/* Whether a path says no more than that a process's or descriptor's file is meant:
 * /proc/self/exe, /dev/fd/3. */
static __always_inline bool is_indirect(const u64 *path)
{
	return (path[0] & 0xffffffffffffULL) == 0x2f636f72702fULL /* "/proc/" */ ||
	       path[0] == 0x2f64662f7665642fULL; /* "/dev/fd/" */
}

static __always_inline void name_executable(struct task_state *st, struct linux_binprm *bprm)
{
	u64 *path = st->path;
	struct dentry *dentry = BPF_CORE_READ(bprm, file, f_path.dentry);
	struct executable *exe;
	long err;

	__builtin_memset(path, 0, PATH_LEN);
	bpf_probe_read_kernel_str(path, PATH_LEN, bprm->filename);
	st->executable = hash_words(path, PATH_LEN / 8);
	if (is_indirect(path))
		st->executable = mix(st->executable, (u64)dentry);
	err = bpf_map_update_elem(&executables, &st->executable, &unnamed, BPF_NOEXIST);
	/* Full: the operations still count, under an executable without a name. */
	if (err == -E2BIG)
		lose(st->cgroup, LOST_DETAILS, 1);
	if (err)
		return;
	/* This task alone fills the new entry in. */
	exe = bpf_map_lookup_elem(&executables, &st->executable);
	if (!exe)
		return;
	__builtin_memcpy(exe->path, path, PATH_LEN);
	if (is_indirect(path))
		read_names(BPF_CORE_READ(bprm, file, f_path.mnt), dentry, &exe->file);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct task_state *st = state_of(task);
	struct container *container;
	u64 cgroup;

	if (!st)
		st = follow_child(task);
	if (!st || st->stage == RUNTIME) {
		cgroup = current_container();
		container = container_in(cgroup);
		if (!container || !in_container_mounts(task))
			return 0;
		if (!st)
			st = new_state(task, cgroup);
		if (!st)
			return 0;
		st->stage = INSIDE;
		st->checks_len = 0;
		st->raw_len = 0;
		if (!container->user_ns) {
			container->user_ns = (u64)task->real_cred->user_ns;
			container->init = task->tgid;
			st->init = true;
			read_sysctls(task, container);
		} else {
			st->joined = true;
		}
		st->user_ns = container->user_ns;
	}
	flush_memo(st);
	st->memo.valid = false;
	/* Whatever the program was refused, it went on. */
	bpf_task_storage_delete(&refused, task);
	container = container_in(st->cgroup);
	if (container)
		__sync_fetch_and_add(&container->executions, 1);
	name_executable(st, bprm);
	note_process(task, st->executable);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct task_state *st = state_of(parent);

	if (!st)
		return 0;
	inherit_state(child, st, child->tgid == parent->tgid);
	if (st->stage == INSIDE && child->tgid != parent->tgid)
		note_process(child, st->executable);
	return 0;
}

static __always_inline int end_task(struct task_struct *task)
{
	struct task_state *st = state_of(task);

	if (!st)
		return 0;
	/* Death inside a call: sys_exit will not come. */
	if (st->in_call && st->stage == INSIDE && st->number != nr_exit && st->number != nr_exit_group) {
		if (st->repeats)
			keep_repeats(st);
		if (st->checks_len)
			record(0, OP_ENTERED | (is_compat(task) ? OP_COMPAT : 0));
	}
	if (st->worker)
		record_work(st);
	flush_memo(st);
	note_end(task);
	bpf_task_storage_delete(&tasks, task);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	return end_task(task);
}

SEC("tp/sched/sched_process_exit")
int classic_exit(void *ctx)
{
	return end_task(bpf_get_current_task_btf());
}
