/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a call is about: its arguments and what they point to. */
#pragma once

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "contract.h"

/* Four bits an argument (enum arg_kind), by system call number; set before load. */
const volatile u32 arg_kinds[MAX_SYSCALLS];
const volatile u32 compat_arg_kinds[MAX_SYSCALLS];

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

static __always_inline void read_args(struct pt_regs *regs, u64 args[6])
{
#if defined(__TARGET_ARCH_x86)
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
	return task->thread_info.status & 2; /* TS_COMPAT */
#else
	return task->thread_info.flags & (1 << 22); /* TIF_32BIT */
#endif
}

static __always_inline u32 kinds_of(s32 number, bool compat)
{
	if (number < 0 || number >= MAX_SYSCALLS)
		return 0;
	return compat ? compat_arg_kinds[number] : arg_kinds[number];
}

/* Whether the call takes a string or a struct that its registers do not show. */
static __always_inline bool points_elsewhere(u32 kinds)
{
	for (int i = 0; i < 6; i++) {
		u32 kind = (kinds >> (4 * i)) & 15;

		if (kind == ARG_PATH || kind == ARG_BLOB || kind == ARG_FIRST64)
			return true;
	}
	return false;
}

/* Hash of the arguments that tell calls apart. */
static __always_inline u64 hash_object(u32 kinds, const u64 args[6], bool scalars_only)
{
	u64 hash = FNV_OFFSET;

	for (int i = 0; i < 6; i++) {
		u32 kind = (kinds >> (4 * i)) & 15;
		u64 word = 0;

		if (kind == ARG_SCALAR) {
			hash = mix(hash, args[i]);
		} else if (kind == ARG_FIRST64) {
			bpf_probe_read_user(&word, sizeof(word), (void *)args[i]);
			hash = mix(hash, word);
		} else if (kind == ARG_BLOB && !scalars_only) {
			u64 words[3] = {};

			bpf_probe_read_user(words, 16, (void *)args[i]);
			hash = mix(mix(hash, words[0]), words[1]);
		} else if (kind == ARG_PATH && !scalars_only) {
			u64 words[16] = {};

			bpf_probe_read_user_str(words, sizeof(words), (void *)args[i]);
			hash = mix(hash, hash_words(words, 16));
		}
	}
	return hash;
}

/* Writes the components of a path, innermost first, across mounts, to names. */
static __always_inline u8 read_names(struct vfsmount *vfsmount, struct dentry *dentry, char names[MAX_NAMES][NAME_LEN])
{
	u8 n = 0;

	for (int i = 0; i < 2 * MAX_NAMES && n < MAX_NAMES; i++) {
		struct dentry *parent;

		if (dentry == BPF_CORE_READ(vfsmount, mnt_root)) {
			struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above == mount)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			vfsmount = (void *)above + bpf_core_field_offset(struct mount, mnt);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry) {
			/* Not below a mount's root: a pipe, a socket, an anonymous inode. */
			if (n < MAX_NAMES)
				bpf_probe_read_kernel_str(names[n], NAME_LEN, BPF_CORE_READ(dentry, d_name.name));
			n++;
			break;
		}
		bpf_probe_read_kernel_str(names[n], NAME_LEN, BPF_CORE_READ(dentry, d_name.name));
		n++;
		dentry = parent;
	}
	return n;
}

static __always_inline void read_fd(struct task_struct *task, s32 fd, struct detail *detail)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **slot, *file = 0;

	if (fd < 0 || (u32)fd >= BPF_CORE_READ(fdt, max_fds))
		return;
	slot = BPF_CORE_READ(fdt, fd) + fd;
	if (bpf_probe_read_kernel(&file, sizeof(file), slot) || !file)
		return;
	detail->names_len = read_names(BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry), detail->names);
}

#define AT_FDCWD -100

static __always_inline void read_dirfd(struct task_struct *task, s32 fd, struct detail *detail)
{
	if (fd == AT_FDCWD)
		detail->names_len = read_names(BPF_CORE_READ(task, fs, pwd.mnt), BPF_CORE_READ(task, fs, pwd.dentry), detail->names);
	else
		read_fd(task, fd, detail);
}

/* Copies what the arguments point to. User memory that cannot be read stays zero. */
static __always_inline void read_object(struct task_struct *task, u32 kinds, struct detail *detail)
{
	bool second = false;
	s32 base = AT_FDCWD;
	bool has_path = false;

	for (int i = 0; i < 6; i++) {
		u32 kind = (kinds >> (4 * i)) & 15;
		void *from = (void *)detail->args[i];

		if (kind == ARG_PATH) {
			bpf_probe_read_user_str(second ? detail->second_path : detail->path, PATH_LEN, from);
			second = true;
			has_path = true;
		} else if (kind == ARG_MESSAGE) {
			/* struct msghdr begins with msg_name and msg_namelen. */
			bpf_probe_read_user(&from, sizeof(from), from);
			if (from && !bpf_probe_read_user(detail->blob, 16, from))
				detail->blob_len = 16;
		} else if (kind == ARG_BLOB) {
			if (!bpf_probe_read_user(detail->blob, BLOB_LEN, from))
				detail->blob_len = BLOB_LEN;
			else if (!bpf_probe_read_user(detail->blob, 24, from))
				detail->blob_len = 24;
			else if (!bpf_probe_read_user(detail->blob, 16, from))
				detail->blob_len = 16;
		} else if (kind == ARG_DIRFD) {
			base = (s32)detail->args[i];
		} else if (kind == ARG_FD) {
			read_fd(task, (s32)detail->args[i], detail);
		}
	}
	if (has_path && detail->path[0] != '/' && !detail->names_len)
		read_dirfd(task, base, detail);
}
