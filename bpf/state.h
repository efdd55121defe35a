/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is kept: of a task while it runs, and of the containers for user space. */
#pragma once

#include <bpf/bpf_helpers.h>
#include "contract.h"
#include "entered.h"
#include "object.h"

/* Objects told apart per executable; beyond it they share one entry, so that a
 * program that walks a forbidden tree cannot fill the table. */
#define MAX_OBJECTS 512

/* One check in this many repeats is taken in full, in case the repeat is none. */
#define RESAMPLE 64

const volatile s32 nr_execve, nr_execveat, nr_exit, nr_exit_group;

/* How many different operations there were so far: their order. */
u64 order;

/* The part of the run that user space says it is in. */
u16 phase;

/* What a new executable's entry begins as; too large for the stack. */
const struct executable unnamed;

/* What no map or function has for its type, kept in BTF for bpf2go. */
const struct detail *unused_detail __attribute__((unused));
const enum arg_kind *unused_arg_kind __attribute__((unused));
const enum network_call *unused_network_call __attribute__((unused));
const enum call_trait *unused_call_trait __attribute__((unused));
const enum check_flag *unused_check_flag __attribute__((unused));
const enum op_flag *unused_op_flag __attribute__((unused));
const enum loss *unused_loss __attribute__((unused));

enum stage {
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
	u64 target;  /* what the process runs that the call is about */
	u64 cgroup;  /* the container's, which the task may have left for one below it */
	u64 user_ns; /* the container's too */
	s32 number;
	u8 stage;
	bool joined, init, in_call, worker;
	u8 checks_len;
	u8 raw_len;   /* checks so far in this call, at most MAX_MEMO + 1 */
	u8 repeats;   /* of which this many are taken to be the memo's */
	bool hides; /* hidden is one that did not show so far */
	u8 pad[3];
	struct raw_check hidden;
	struct entered_checks entered;
	struct raw_check raw[MAX_MEMO];
	struct check checks[MAX_CHECKS];
	struct memo memo;
	/* What functions work on: too large for the stack. */
	u64 frames[MAX_STACK];
	u64 path[PATH_LEN / 8];
	u64 args[6];
	struct sorted sorted;
	struct op_value value;
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
