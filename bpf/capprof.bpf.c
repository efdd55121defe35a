// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Follows the tasks of one container and aggregates, per kind, the system calls
 * that failed or were checked for a capability. What is alike is counted; what it
 * was about is sent once. Everything that cannot be kept is counted as lost. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"
#include "container.h"
#include "object.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define EPERM 1
#define EACCES 13
#define MAX_ERRNO 4095

/* Objects told apart per executable; beyond it they share one entry, so that a
 * program that walks a forbidden tree cannot fill the table. */
#define MAX_OBJECTS 512

/* One check in this many repeats is taken in full, in case the repeat is none. */
#define RESAMPLE 64

const volatile s32 nr_execve, nr_execveat, nr_exit, nr_exit_group;

struct losses lost;
struct counters counted;

/* The ring buffer has no value type of its own: keep its type in BTF. */
const struct detail *unused_detail __attribute__((unused));

enum phase {
	RUNTIME = 0, /* the engine's runtime, in the container's cgroup */
	INSIDE = 1,  /* has executed something inside the container */
};

/* A check before it is kept: capability and flags. */
struct raw_check {
	u64 stack;
	u8 capability, flags;
	u16 pad;
	u32 pad2;
};

/* The last recorded call, to recognise a repeat without looking at its stacks. */
struct memo {
	struct op_key key;
	u64 args_hash;
	u64 count; /* repeats not yet in the table */
	u32 hits;
	u8 raw_len;
	bool valid, pointers;
	struct raw_check raw[MAX_MEMO];
};

struct task_state {
	u64 executable;
	u64 args_hash;
	s32 number;
	u8 phase;
	bool joined, in_call, entered;
	u8 checks_len;
	u8 raw_len;   /* checks so far in this call, at most MAX_MEMO + 1 */
	u8 repeats;   /* of which this many are taken to be the memo's */
	u8 pad;
	struct raw_check raw[MAX_MEMO];
	struct check checks[MAX_CHECKS];
	struct memo memo;
	u64 frames[MAX_STACK];
	struct op_value value; /* too large for the stack beside the rest */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_state);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct op_key);
	__type(value, struct op_value);
} operations SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, struct executable);
} executables SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct stack);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} details SEC(".maps");

static __always_inline void lose(u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

static __always_inline struct task_state *state_of(struct task_struct *task)
{
	return bpf_task_storage_get(&tasks, task, 0, 0);
}

static __always_inline struct task_state *new_state(struct task_struct *task)
{
	struct task_state *st = bpf_task_storage_get(&tasks, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!st)
		lose(&lost.tasks);
	return st;
}

static __always_inline void flush_memo(struct task_state *st)
{
	struct op_value *value;

	if (!st->memo.count)
		return;
	value = bpf_map_lookup_elem(&operations, &st->memo.key);
	if (value)
		__sync_fetch_and_add(&value->count, st->memo.count);
	else
		__sync_fetch_and_add(&lost.operations, st->memo.count);
	st->memo.count = 0;
}

/* Not inlined: the verifier looks at a global function once, not at each call. */
__noinline int add_check(struct task_state *st, struct raw_check *raw)
{
	struct check *check;

	if (!st || !raw)
		return 0;
	for (u32 i = 0; i < MAX_CHECKS; i++) {
		if (i >= st->checks_len)
			break;
		check = &st->checks[i];
		if (check->stack == raw->stack && check->capability == raw->capability && check->flags == raw->flags) {
			check->count++;
			return 0;
		}
	}
	if (st->checks_len >= MAX_CHECKS) {
		lose(&lost.checks);
		return 0;
	}
	check = &st->checks[st->checks_len++];
	check->stack = raw->stack;
	check->count = 1;
	check->capability = raw->capability;
	check->flags = raw->flags;
	return 0;
}

/* The checks that were taken for the memo's were not a repeat after all, or not
 * all of it: keep them like any others. */
__noinline int keep_repeats(struct task_state *st)
{
	if (!st)
		return 0;
	for (u32 i = 0; i < MAX_MEMO; i++) {
		if (i >= st->repeats)
			break;
		st->raw[i] = st->memo.raw[i];
		add_check(st, &st->raw[i]);
	}
	st->repeats = 0;
	return 0;
}

/* Stores the kernel stack and returns its key, 0 when that failed. */
static __always_inline u64 take_stack(void *ctx, struct task_state *st)
{
	long bytes = bpf_get_stack(ctx, st->frames, sizeof(st->frames), 0);
	u64 key = FNV_OFFSET;

	if (bytes <= 0) {
		lose(&lost.stacks);
		return 0;
	}
	for (u32 i = 0; i < MAX_STACK; i++) {
		if (i * 8 >= bytes)
			st->frames[i] = 0;
		key = mix(key, st->frames[i]);
	}
	if (bpf_map_lookup_elem(&stacks, &key))
		return key;
	if (bpf_map_update_elem(&stacks, &key, st->frames, BPF_ANY)) {
		lose(&lost.stacks);
		return 0;
	}
	return key;
}

/* Adds what the current task's call was about to its entry. Runs once a key, or
 * again where the ring buffer had no room. */
__noinline int send_detail(struct task_state *st, struct op_key *key, s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	const struct cred *cred;
	struct detail *detail;

	if (!st || !key)
		return 0;
	detail = bpf_ringbuf_reserve(&details, sizeof(*detail), 0);
	if (!detail)
		return 0;
	/* Strings end at their zero and blob and names have lengths: what lies behind
	 * is an earlier detail's. */
	detail->path[0] = 0;
	detail->second_path[0] = 0;
	detail->names_len = 0;
	detail->blob_len = 0;
	detail->key = *key;
	detail->value = ret;
	read_args((struct pt_regs *)bpf_task_pt_regs(task), detail->args);
	cred = task->real_cred;
	bpf_probe_read_kernel(&detail->bounding, 8, &cred->cap_bset);
	bpf_probe_read_kernel(&detail->permitted, 8, &cred->cap_permitted);
	bpf_probe_read_kernel(&detail->effective, 8, &cred->cap_effective);
	detail->pid = task->tgid;
	detail->no_new_privs = task->atomic_flags & 1; /* PFA_NO_NEW_PRIVS */
	detail->checks_len = st->checks_len;
	__builtin_memcpy(detail->checks, st->checks, sizeof(detail->checks));
	bpf_probe_read_kernel(detail->comm, sizeof(detail->comm), task->comm);
	if (!(key->flags & OP_NO_CALL))
		read_object(task, kinds_of(key->number, key->flags & OP_COMPAT), detail);
	bpf_ringbuf_submit(detail, 0);
	return 1;
}

static __always_inline struct op_value *entry_of(struct task_state *st, struct op_key *key)
{
	struct op_value *value = bpf_map_lookup_elem(&operations, key);

	if (value)
		return value;
	st->value = (struct op_value){.first = __sync_fetch_and_add(&counted.order, 1)};
	bpf_map_update_elem(&operations, key, &st->value, BPF_NOEXIST);
	return bpf_map_lookup_elem(&operations, key);
}

/* Counts the current task's call, which ends, under its key. */
__noinline int record(struct task_state *st, s64 ret, u32 flags)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct op_key key = {.flags = flags};
	struct op_value *value;
	u64 signature = FNV_OFFSET;
	u64 args[6] = {};
	bool failed = ret < 0 && ret >= -MAX_ERRNO;
	bool pointers = false;

	if (!st)
		return 0;
	key.executable = st->executable;
	key.number = st->number;
	if (st->joined)
		key.flags |= OP_JOINED;
	key.error = failed ? ret : 0;
	key.uid = task->real_cred->euid.val;
	for (u32 i = 0; i < MAX_CHECKS; i++) {
		if (i >= st->checks_len)
			break;
		signature = mix(signature, st->checks[i].stack);
		signature = mix(signature, st->checks[i].capability | st->checks[i].flags << 8);
	}
	key.signature = signature;
	if (!(flags & OP_NO_CALL)) {
		struct sorted sorted = {};
		u64 path, blob, first64;

		read_args((struct pt_regs *)bpf_task_pt_regs(task), args);
		sort_args(kinds_of(st->number, flags & OP_COMPAT), args, &sorted);
		/* Only a failure's object matters enough to tell paths apart. */
		path = failed ? sorted.by_kind[ARG_PATH] : 0;
		blob = failed ? sorted.by_kind[ARG_BLOB] : 0;
		first64 = sorted.by_kind[ARG_FIRST64];
		pointers = path || blob || first64;
		key.object = sorted.scalars;
		if (pointers)
			key.object = hash_pointed(sorted.scalars, path, blob, first64);
		if (pointers && !bpf_map_lookup_elem(&operations, &key)) {
			struct executable *exe = bpf_map_lookup_elem(&executables, &st->executable);

			if (exe && exe->objects >= MAX_OBJECTS)
				key.object = sorted.scalars;
			else if (exe)
				__sync_fetch_and_add(&exe->objects, 1);
		}
	}
	value = entry_of(st, &key);
	if (!value) {
		lose(&lost.operations);
	} else {
		__sync_fetch_and_add(&value->count, 1);
		if (!value->detailed && send_detail(st, &key, ret))
			value->detailed = 1;
	}

	flush_memo(st);
	st->memo.valid = value && st->raw_len && st->raw_len <= MAX_MEMO && (flags & OP_RETURNED);
	if (!st->memo.valid)
		return 0;
	st->memo.key = key;
	st->memo.args_hash = st->args_hash;
	st->memo.hits = 0;
	st->memo.raw_len = st->raw_len;
	st->memo.pointers = pointers;
	__builtin_memcpy(st->memo.raw, st->raw, sizeof(st->raw));
	return 0;
}

static __always_inline void begin_call(struct task_state *st, long number, bool entered)
{
	st->number = number;
	st->in_call = true;
	st->entered = entered;
	st->checks_len = 0;
	st->raw_len = 0;
	st->repeats = 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_sys_enter, struct pt_regs *regs, long number)
{
	struct task_state *st = state_of(bpf_get_current_task_btf());

	if (st)
		begin_call(st, number, true);
	return 0;
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

	if (!st)
		return 0;
	if (st->in_call)
		flags |= OP_ENTERED;
	else
#if defined(__TARGET_ARCH_x86)
		begin_call(st, regs->orig_ax, false);
#else
		begin_call(st, regs->syscallno, false);
#endif
	st->in_call = false;

	if (st->repeats && !st->checks_len && st->repeats == st->memo.raw_len && st->raw_len == st->repeats &&
	    ret == st->memo.key.error && task->real_cred->euid.val == st->memo.key.uid && !st->memo.pointers &&
	    (flags & OP_ENTERED)) {
		st->memo.count++;
		return 0;
	}
	if (st->repeats)
		keep_repeats(st);
	if (st->phase == RUNTIME) {
		if (ret >= 0 || !is_exec(st->number) || !in_container_mounts(task))
			return 0;
		flags |= OP_STARTING;
	}
	if (!st->checks_len && (ret >= 0 || ret < -MAX_ERRNO || ((flags & OP_ENTERED) && ret != -EPERM && ret != -EACCES)))
		return 0;
	if (is_compat(task))
		flags |= OP_COMPAT;
	record(st, ret, flags);
	return 0;
}

/* A check by a task that is not followed yet: the runtime's, if in the cgroup. */
static __noinline int follow_runtime(struct task_struct *task)
{
	struct task_state *st;

	if (!task || !in_container_cgroup(task))
		return 0;
	st = new_state(task);
	if (st)
		st->phase = RUNTIME;
	return 0;
}

/* Takes a check that looks like the memo's next one for a repeat of it. */
static __always_inline bool is_repeat(struct task_state *st, struct raw_check *raw)
{
	u32 i = st->raw_len;

	if (!i) {
		u64 args[6];

		read_args((struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()), args);
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

/* Whatever hook saw the check ends here. */
static __always_inline void on_check(void *ctx, const struct cred *cred, struct user_namespace *ns, int capability, bool granted)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_state *st = state_of(task);
	struct raw_check raw = {.capability = capability};
	bool no_call;
	u32 i;

	if (!st) {
		follow_runtime(task);
		return;
	}
	if (st->phase == RUNTIME && !(st->in_call && is_exec(st->number)))
		return;
	if (granted)
		raw.flags |= CHECK_GRANTED;
	if (cred != task->real_cred) {
		/* The storage driver's own credentials, which may do everything: overlayfs
		 * makes dozens of such checks to copy one file up. They decide nothing for
		 * the container. */
		if (granted && st->in_call && !(kinds_of(st->number, is_compat(task)) & ARGS_KEEP_OVERRIDDEN))
			return;
		raw.flags |= CHECK_OVERRIDDEN;
	}
	if (st->phase == INSIDE && ns != container_ns)
		raw.flags |= BPF_CORE_READ(ns, level) ? CHECK_OTHER_NS : CHECK_INITIAL_NS;
	no_call = !st->in_call;

	if (no_call) {
		/* A page fault, or a kernel worker on the task's behalf. */
		begin_call(st, -1, true);
		st->in_call = false;
	} else if (is_repeat(st, &raw)) {
		return;
	}
	if (st->repeats)
		keep_repeats(st);
	raw.stack = take_stack(ctx, st);
	add_check(st, &raw);
	if (no_call) {
		record(st, 0, OP_NO_CALL | OP_ENTERED | OP_RETURNED);
		st->checks_len = 0;
		return;
	}
	i = st->raw_len;
	if (i < MAX_MEMO)
		st->raw[i] = raw;
	if (i <= MAX_MEMO)
		st->raw_len = i + 1;
}

SEC("tp_btf/cap_capable")
int BPF_PROG(on_cap_capable, const struct cred *cred, struct user_namespace *target_ns, const struct user_namespace *capable_ns, int cap, int ret)
{
	on_check(ctx, cred, target_ns, cap, ret == 0);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct task_state *st = state_of(task);
	struct executable exe = {};

	if (!st || st->phase == RUNTIME) {
		if (!in_container_cgroup(task) || !in_container_mounts(task))
			return 0;
		if (!st)
			st = new_state(task);
		if (!st)
			return 0;
		st->phase = INSIDE;
		st->checks_len = 0;
		st->raw_len = 0;
		if (!container_ns) {
			container_ns = task->real_cred->user_ns;
			read_sysctls(task);
		} else {
			st->joined = true;
		}
	}
	flush_memo(st);
	st->memo.valid = false;
	__sync_fetch_and_add(&counted.executions, 1);
	bpf_probe_read_kernel_str(exe.path, sizeof(exe.path), bprm->filename);
	st->executable = hash_words((u64 *)exe.path, PATH_LEN / 8);
	/* Full: the operations still count, under an executable without a name. */
	if (bpf_map_update_elem(&executables, &st->executable, &exe, BPF_NOEXIST) == -7 /* E2BIG */)
		lose(&lost.details);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct task_state *st = state_of(parent), *copy;

	if (!st)
		return 0;
	copy = new_state(child);
	if (!copy)
		return 0;
	copy->executable = st->executable;
	copy->phase = st->phase;
	copy->joined = st->joined;
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	struct task_state *st = state_of(task);

	if (!st)
		return 0;
	/* Death inside a call: sys_exit will not come. */
	if (st->in_call && st->phase == INSIDE && st->number != nr_exit && st->number != nr_exit_group) {
		if (st->repeats)
			keep_repeats(st);
		if (st->checks_len)
			record(st, 0, OP_ENTERED | (is_compat(task) ? OP_COMPAT : 0));
	}
	flush_memo(st);
	bpf_task_storage_delete(&tasks, task);
	return 0;
}
