/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's types, holding only the fields that are read. Offsets come from
 * the running kernel's BTF (CO-RE), so order and size here mean nothing. */
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
typedef u8 __u8;
typedef u16 __u16;
typedef u32 __u32;
typedef u64 __u64;
typedef short __s16;
typedef s32 __s32;
typedef s64 __s64;
typedef u16 __be16;
typedef u32 __be32;
typedef u32 __wsum;
typedef int pid_t;
typedef _Bool bool;
#define true 1
#define false 0

#define EPERM 1
#define ENOENT 2
#define E2BIG 7
#define EACCES 13
#define ENOSPC 28
#define EROFS 30
#define ENOSYS 38
#define EDQUOT 122
#define MAX_ERRNO 4095
#define TCP_LISTEN 10

#define AT_FDCWD -100
#define TS_COMPAT 2              /* thread_info.status, x86 */
#define TIF_32BIT (1 << 22)      /* thread_info.flags, arm64 */
#define MAX_USER_NS 33           /* how deep user namespaces nest, kernel/user_namespace.c */
#define PFA_NO_NEW_PRIVS 1       /* task_struct.atomic_flags */

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long bp, bx, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
};
struct thread_info {
	u32 status;
};
#elif defined(__TARGET_ARCH_arm64)
/* struct pt_regs begins with struct user_pt_regs in an anonymous union. */
struct pt_regs {
	u64 regs[31];
	u64 orig_x0;
	s32 syscallno;
};
struct thread_info {
	unsigned long flags;
};
#else
#error "no register layout for this architecture"
#endif

/* The records of tracepoints, as their programs of the older kind get them. */
struct trace_event_raw_sys_enter {
	long id;
};
struct trace_event_raw_sys_exit {
	long ret;
};
struct trace_event_raw_cap_capable {
	const struct cred *cred;
	struct user_namespace *target_ns;
	int cap, ret;
};

struct qstr {
	const unsigned char *name;
};
struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};
struct vfsmount {
	struct dentry *mnt_root;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	struct path f_path;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct fs_struct {
	struct path pwd;
};
struct user_namespace {
	struct user_namespace *parent;
	int level;
};
typedef struct {
	u32 val;
} kuid_t;
typedef struct {
	u64 val;
} kernel_cap_t;
struct cred {
	kuid_t euid;
	unsigned int securebits;
	kernel_cap_t cap_inheritable, cap_permitted, cap_effective, cap_bset;
	struct user_namespace *user_ns;
};
struct mnt_namespace;
typedef struct {
	u32 val;
} kgid_t;
struct ping_group_range {
	kgid_t range[2];
};
struct netns_ipv4 {
	int sysctl_ip_prot_sock;
	struct ping_group_range ping_group_range;
};
struct net {
	struct netns_ipv4 ipv4;
};
struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct net *net_ns;
};
struct kernfs_node {
	u64 id;
	const char *name;
};
struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};
struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};
struct pid_namespace;
struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[1]; /* one for each level */
};
struct task_struct {
	struct thread_info thread_info;
	pid_t pid, tgid;
	int exit_code;
	char comm[16];
	unsigned long atomic_flags;
	struct task_struct *real_parent, *group_leader;
	struct pid *thread_pid;
	const struct cred *real_cred, *cred;
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	struct fs_struct *fs;
	struct files_struct *files;
	struct signal_struct *signal;
};
struct sock;
typedef struct {
	int counter;
} atomic_t;
struct signal_struct {
	atomic_t live; /* threads that have not ended */
};
struct linux_binprm {
	struct file *file;
	const char *filename;
};

#pragma clang attribute pop
