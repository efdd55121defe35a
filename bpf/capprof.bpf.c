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

static __always_inline void begin_call(struct task_state *st, long number)
{
	st->number = number;
	st->in_call = true;
	st->checks_len = 0;
	st->raw_len = 0;
	st->repeats = 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long number)
{
	struct task_state *st = state_of(bpf_get_current_task_btf());

	if (st)
		begin_call(st, number);
	return 0;
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

static __always_inline bool is_exec(s32 number)
{
	return number == nr_execve || number == nr_execveat;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *st = state_of(task);
	u32 flags = OP_RETURNED;
	struct call call;
	bool compat;

	if (!st)
		return 0;
	if (st->in_call)
		flags |= OP_ENTERED;
	else
#if defined(__TARGET_ARCH_x86)
		begin_call(st, regs->orig_ax);
#else
		begin_call(st, regs->syscallno);
#endif
	st->in_call = false;

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
	record(st, ret, flags);
	return 0;
}

/* A check by a task that is not followed yet: the runtime's, if in the cgroup. */
static __noinline int follow_runtime(struct task_struct *task)
{
	u64 cgroup = current_container();
	struct task_state *st;

	if (!task || !container_in(cgroup))
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

static __always_inline void on_check(void *ctx, const struct cred *cred, struct user_namespace *ns, int capability, bool granted)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *st = state_of(task);
	struct raw_check raw = {.capability = capability};
	bool no_call;
	u32 i;

	if (!st && follow_worker(task))
		st = state_of(task);
	if (!st) {
		follow_runtime(task);
		return;
	}
	if (st->stage == RUNTIME && !(st->in_call && is_exec(st->number)))
		return;
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
	if (st->stage == INSIDE && (u64)ns != st->user_ns)
		raw.flags |= BPF_CORE_READ(ns, level) ? CHECK_OTHER_NS : CHECK_INITIAL_NS;
	no_call = !st->in_call;

	if (st->worker) {
		/* No end of a call ends its questions: one that asks for alternatives in
		 * turn ends with a grant, or where the same is asked again. */
		if (has_asked(st, capability))
			record_work(st);
	} else if (no_call) {
		/* A page fault, or a kernel worker on the task's behalf. */
		begin_call(st, -1);
		st->in_call = false;
	} else if (is_repeat(st, &raw)) {
		return;
	}
	if (st->repeats)
		keep_repeats(st);
	raw.stack = take_stack(ctx, st);
	add_check(st, &raw);
	if (no_call) {
		if (!st->worker || granted)
			record_work(st);
		return;
	}
	i = st->raw_len;
	if (i < MAX_MEMO)
		st->raw[i] = raw;
	if (i <= MAX_MEMO)
		st->raw_len = i + 1;
}

#include "hook.h"

/* Whether a path says no more than that a process's or descriptor's file is meant:
 * /proc/self/exe, /dev/fd/3. */
static __always_inline bool is_indirect(const u64 *path)
{
	return (path[0] & 0xffffffffffffULL) == 0x2f636f72702fULL /* "/proc/" */ ||
	       path[0] == 0x2f64662f7665642fULL; /* "/dev/fd/" */
}

static __always_inline void name_executable(struct task_state *st, struct linux_binprm *bprm)
{
	u64 path[PATH_LEN / 8] = {};
	struct dentry *dentry = BPF_CORE_READ(bprm, file, f_path.dentry);
	struct executable *exe;
	long err;

	bpf_probe_read_kernel_str(path, sizeof(path), bprm->filename);
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
	__builtin_memcpy(exe->path, path, sizeof(path));
	if (is_indirect(path))
		read_names(BPF_CORE_READ(bprm, file, f_path.mnt), dentry, &exe->file);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct task_state *st = state_of(task);
	struct container *container;
	u64 cgroup;

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

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct task_state *st = state_of(task);

	if (!st)
		return 0;
	/* Death inside a call: sys_exit will not come. */
	if (st->in_call && st->stage == INSIDE && st->number != nr_exit && st->number != nr_exit_group) {
		if (st->repeats)
			keep_repeats(st);
		if (st->checks_len)
			record(st, 0, OP_ENTERED | (is_compat(task) ? OP_COMPAT : 0));
	}
	if (st->worker)
		record_work(st);
	flush_memo(st);
	note_end(task);
	bpf_task_storage_delete(&tasks, task);
	return 0;
}
