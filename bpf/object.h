/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a call is about: its arguments and what they point to. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"

/* By system call number, set before load. The last one is of numbers beyond. */
const volatile struct call calls[MAX_SYSCALLS + 1];
const volatile struct call compat_calls[MAX_SYSCALLS + 1];

#define FNV_OFFSET 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

static __always_inline u64 mix(u64 hash, u64 word)
{
	hash = (hash ^ word) * FNV_PRIME;
	return hash ^ (hash >> 29);
}

/* Hashes a zero-terminated string of at most 8 * words bytes, the rest being zero. */
static __always_inline u64 hash_words(const u64 *words, u32 n)
{
	u64 hash = FNV_OFFSET;

	for (u32 i = 0; i < n; i++) {
		if (!words[i])
			break;
		hash = mix(hash, words[i]);
	}
	return hash;
}

static __always_inline void read_args(struct pt_regs *regs, bool compat, u64 args[6])
{
#if defined(__TARGET_ARCH_x86)
	if (compat) {
		args[0] = (u32)regs->bx;
		args[1] = (u32)regs->cx;
		args[2] = (u32)regs->dx;
		args[3] = (u32)regs->si;
		args[4] = (u32)regs->di;
		args[5] = (u32)regs->bp;
		return;
	}
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->r10;
	args[4] = regs->r8;
	args[5] = regs->r9;
#else
	args[0] = regs->orig_x0; /* regs[0] holds the result at the end of a call */
	args[1] = regs->regs[1];
	args[2] = regs->regs[2];
	args[3] = regs->regs[3];
	args[4] = regs->regs[4];
	args[5] = regs->regs[5];
#endif
}

static __always_inline bool is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return task->thread_info.status & TS_COMPAT;
#else
	return task->thread_info.flags & TIF_32BIT;
#endif
}

/* Read as one word: the verifier would follow a pointer down both of its ways. */
static __always_inline struct call call_of(s32 number, bool compat)
{
	union {
		u64 word;
		struct call call;
	} read;
	u32 i = number;

	if (i > MAX_SYSCALLS)
		i = MAX_SYSCALLS;
	read.word = *(const volatile u64 *)(compat ? &compat_calls[i] : &calls[i]);
	return read.call;
}

/* A call's arguments by their kind. Reading what they point to comes after the
 * sorting, once, which spares the verifier a copy of the reading code for each of
 * six arguments. */
struct sorted {
	u64 by_kind[ARG_KINDS];
	u64 second_path;
	u64 scalars; /* hash of the scalar ones */
	u32 seen;    /* bit n: there is an argument of kind n */
};

static __always_inline void sort_args(struct call call, const u64 args[6], struct sorted *sorted)
{
	u64 hash = FNV_OFFSET;
	u32 seen = 0;

	/* Unrolled: the compiler enters such a loop in the middle, and the verifier of Linux
	 * 6.1 takes none that flows back otherwise than by a jump. */
#pragma unroll
	for (int i = 0; i < 6; i++) {
		u32 kind = call.argument[i] & (ARG_KINDS - 1);

		if (kind == ARG_PATH && seen & (1 << ARG_PATH)) {
			sorted->second_path = args[i];
			continue;
		}
		hash = mix(hash, kind == ARG_SCALAR ? args[i] : 0);
		sorted->by_kind[kind] = args[i];
		seen |= 1 << kind;
	}
	sorted->scalars = hash;
	sorted->seen = seen;
}

/* Hash of what the arguments that tell calls apart point to, added to that of the
 * scalars. */
__noinline u64 hash_pointed(u64 hash, u64 path, u64 blob, u64 first64)
{
	u64 words[16] = {};

	if (first64) {
		bpf_probe_read_user(words, 8, (void *)first64);
		hash = mix(hash, words[0]);
	}
	if (blob) {
		bpf_probe_read_user(words, 16, (void *)blob);
		hash = mix(mix(hash, words[0]), words[1]);
	}
	if (path) {
		__builtin_memset(words, 0, sizeof(words));
		bpf_probe_read_user_str(words, sizeof(words), (void *)path);
		hash = mix(hash, hash_words(words, 16));
	}
	return hash;
}

/* Writes the components of a path, innermost first, across mounts. How many there
 * are so far is kept in the map's or ring buffer's memory, where the verifier does
 * not follow it: the loop's states would multiply. */
static __always_inline void read_names(struct vfsmount *vfsmount, struct dentry *dentry, struct names *names)
{
	for (int i = 0; i < 2 * MAX_NAMES; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		u32 n = names->len;

		if (n >= MAX_NAMES)
			return;
		if (dentry == BPF_CORE_READ(vfsmount, mnt_root)) {
			struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above != mount) {
				dentry = BPF_CORE_READ(mount, mnt_mountpoint);
				vfsmount = (void *)above + bpf_core_field_offset(struct mount, mnt);
				continue;
			}
			/* The root of all, unless the file is on no mount at all: a pipe, a
			 * socket, an anonymous inode. Those have names too. */
			if (parent == dentry && i)
				return;
		}
		bpf_probe_read_kernel_str(names->component[n], NAME_LEN, BPF_CORE_READ(dentry, d_name.name));
		names->len = n + 1;
		if (parent == dentry)
			return;
		dentry = parent;
	}
}

/* Names the open file of a descriptor, or the working directory. */
static __always_inline void read_fd(struct task_struct *task, s32 fd, struct detail *detail)
{
	struct vfsmount *mnt = 0;
	struct dentry *dentry = 0;

	if (fd == AT_FDCWD) {
		mnt = BPF_CORE_READ(task, fs, pwd.mnt);
		dentry = BPF_CORE_READ(task, fs, pwd.dentry);
	} else {
		struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
		struct file *file = 0;

		if (fd < 0 || (u32)fd >= BPF_CORE_READ(fdt, max_fds))
			return;
		if (bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(fdt, fd) + fd) || !file)
			return;
		mnt = BPF_CORE_READ(file, f_path.mnt);
		dentry = BPF_CORE_READ(file, f_path.dentry);
	}
	read_names(mnt, dentry, &detail->names);
}

/* Copies what the arguments point to. User memory that cannot be read stays empty. */
static __always_inline void read_object(struct task_struct *task, struct call call, struct detail *detail)
{
	struct sorted sorted = {};
	s32 fd = AT_FDCWD;
	u64 path, blob;

	sort_args(call, detail->args, &sorted);
	path = sorted.by_kind[ARG_PATH];
	blob = sorted.by_kind[ARG_BLOB] ?: sorted.by_kind[ARG_FIRST64];
	if (path)
		bpf_probe_read_user_str(detail->path, PATH_LEN, (void *)path);
	if (sorted.second_path)
		bpf_probe_read_user_str(detail->second_path, PATH_LEN, (void *)sorted.second_path);
	/* struct msghdr begins with msg_name. */
	if (sorted.by_kind[ARG_MESSAGE])
		bpf_probe_read_user(&blob, sizeof(blob), (void *)sorted.by_kind[ARG_MESSAGE]);
	if (blob) {
		/* How long it is depends on the call: what is mapped is enough. */
		if (!bpf_probe_read_user(detail->blob, BLOB_LEN, (void *)blob))
			detail->blob_len = BLOB_LEN;
		else if (!bpf_probe_read_user(detail->blob, 88, (void *)blob))
			detail->blob_len = 88; /* struct clone_args */
		else if (!bpf_probe_read_user(detail->blob, 24, (void *)blob))
			detail->blob_len = 24;
		else if (!bpf_probe_read_user(detail->blob, 16, (void *)blob))
			detail->blob_len = 16;
	}
	if (sorted.seen & (1 << ARG_FD))
		fd = sorted.by_kind[ARG_FD];
	else if (!path || detail->path[0] == '/')
		return;
	else if (sorted.seen & (1 << ARG_DIRFD))
		fd = sorted.by_kind[ARG_DIRFD];
	read_fd(task, fd, detail);
}
