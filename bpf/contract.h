/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs and user space share. Every struct is naturally aligned,
 * with its padding spelled out; bpf2go makes the Go types from these. */
#pragma once

#include "kernel.h"

/* Sizes. Go knows those of arrays by their types. */
#define MAX_CHECKS 16   /* different checks that one call can carry */
#define MAX_MEMO 4      /* checks of a call that can be recognised as a repeat */
#define MAX_STACK 20    /* kernel frames kept of a check */
#define MAX_NAMES 10    /* path components of a file descriptor or directory */
#define NAME_LEN 48
#define PATH_LEN 256
#define BLOB_LEN 112
#define CGROUP_LEN 96
#define MAX_SYSCALLS 512
#define MAX_CAPABILITIES 64
#define MAX_CONTAINERS 1024

/* How an argument of a call is read. */
enum arg_kind {
	ARG_IGNORED = 0,
	ARG_SCALAR = 1,   /* tells calls apart: a command, a protocol, flags */
	ARG_PATH = 2,     /* pointer to a string */
	ARG_BLOB = 3,     /* pointer to a struct, kept as bytes: sockaddr, capset */
	ARG_FD = 4,       /* the open file that the call is about */
	ARG_DIRFD = 5,    /* the directory that a relative ARG_PATH starts from */
	ARG_FIRST64 = 6,  /* pointer to a struct, kept as bytes, whose first u64 tells calls apart */
	ARG_MESSAGE = 7,  /* pointer to a struct msghdr */
	ARG_KINDS = 8,
};

/* What a call has to do with the sysctls below. */
enum network_call {
	CALL_OTHER = 0,
	CALL_BIND = 1,
	CALL_SOCKET = 2,
	CALL_SOCKETCALL = 3, /* either, on 32-bit x86: the arguments are in memory */
	CALL_RING = 4,       /* io_uring_setup(2): what it does later is no call */
};

/* What else is special about a call. */
enum call_trait {
	/* It overrides its own credentials and checks on the caller's behalf all the same
	 * (access(2) and its kin). */
	CALL_KEEPS_OVERRIDDEN = 1,
	/* It may give up privileges: what becomes of a process that was refused counts. */
	CALL_GIVES_UP = 2,
	/* It sends a signal to the process, or the group of the process, that its first
	 * argument says. */
	CALL_SIGNALS = 4,
};

/* What the programs are told of a system call, in one word. */
struct call {
	u8 argument[6]; /* enum arg_kind */
	u8 network;     /* enum network_call */
	u8 traits;      /* enum call_trait */
};

/* Flags of a check. */
enum check_flag {
	CHECK_GRANTED = 1,
	CHECK_OVERRIDDEN = 2,    /* not the thread's own credentials */
	CHECK_INITIAL_NS = 4,    /* asked in the initial user namespace, not the container's */
	CHECK_OTHER_NS = 8,      /* asked in yet another one */
};

/* Flags of an operation. */
enum op_flag {
	OP_ENTERED = 1,   /* the kernel began the call */
	OP_RETURNED = 2,  /* and ended it */
	OP_COMPAT = 4,    /* 32-bit calling convention */
	OP_STARTING = 8,  /* the runtime's execve of the container's command */
	OP_JOINED = 16,   /* a process that entered the container from outside */
	OP_NO_CALL = 32,  /* not inside any system call */
	OP_INIT = 64,     /* by the container's first process */
};

struct check {
	u64 stack;  /* key of the stacks map, 0 when it could not be taken */
	u32 count;
	u8 capability;
	u8 flags;
	u16 pad;
};

struct op_key {
	u64 executable; /* key of the executables map */
	u64 signature;  /* hash of the checks */
	u64 object;     /* hash of the arguments that tell calls apart */
	s32 number;
	s32 error;      /* -errno, 0 for success */
	u32 uid;
	u16 flags;
	u16 phase;      /* user space's number of the part of the run */
};

struct op_value {
	u64 count;
	u64 first;    /* position in the order of first occurrences */
	u32 detailed; /* the detail reached the ring buffer */
	u32 pad;
};

/* The processes that were refused one operation that gives up privileges. */
struct fate {
	u64 processes;
	u64 ended; /* of which so many ended by themselves, having executed nothing since */
};

/* Components of a path, innermost first. */
struct names {
	u32 len;
	u32 pad;
	char component[MAX_NAMES][NAME_LEN];
};

struct executable {
	char path[PATH_LEN];
	struct names file; /* of the file itself, where the path names a process's */
	u32 objects; /* different objects told apart so far in this phase */
	u32 phase;
};

struct stack {
	u64 frames[MAX_STACK];
};

struct detail {
	struct op_key key;
	u64 args[6];
	u64 target; /* key of the executables map: what the process signalled runs */
	s64 value;
	u64 bounding, inheritable, permitted, effective;
	u32 pid;
	u32 init; /* the container's first process */
	u8 no_new_privs;
	u8 checks_len;
	u8 blob_len;
	u8 pad;
	u32 number; /* that of the container's start */
	struct check checks[MAX_CHECKS];
	char comm[16];
	char path[PATH_LEN];
	char second_path[PATH_LEN];
	u8 blob[BLOB_LEN];
	struct names names;
};

/* What can be lost. */
enum loss {
	LOST_OPERATIONS = 0,
	LOST_DETAILS = 1,
	LOST_CHECKS = 2,
	LOST_STACKS = 3,
	LOST_TASKS = 4,
	LOST_ENDS = 5, /* of checks, see entered.h */
	LOSSES = 6,
};

/* Settings of the container's network namespace when its first program starts.
 * What the kernel was built without stays -1. */
struct sysctls {
	s32 unprivileged_port_start;
	s32 pad;
	s64 ping_group_low, ping_group_high;
};

/* Calls, failed or not, whose outcome those settings decide. */
struct uses {
	u64 low_ports;    /* bind(2) to a port in 1..1023 */
	u64 ping_sockets; /* socket(2) for ICMP datagrams */
	u64 rings;        /* io_uring instances, which may do either unseen */
};

/* A start of a container to follow. One that is started again gets another cgroup of
 * the same name. */
struct target_key {
	char name[CGROUP_LEN];
};

struct target {
	u64 cgroup; /* the cgroup's ID, 0 until a task is seen in it */
	u32 number; /* user space's, for the start */
	u32 pad;
};

/* What is noted of a container from one start to its end, by the ID of its cgroup. */
struct container {
	u32 number;
	u32 init;       /* its first process, in the initial PID namespace */
	u64 executions; /* of the trace; the watch counts those that enter it alone */
	/* The user and the network namespace of its first process: addresses, to compare. */
	u64 user_ns, net;
	struct sysctls started_with;
	struct uses used;
	u64 lost[LOSSES];
	/* What the watch saw denied. A byte each: a store needs no lock. */
	u8 denied[MAX_CAPABILITIES];
};
