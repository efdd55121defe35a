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

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* By the name of the container's cgroup directory. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct cgroup_key);
	__type(value, struct watched);
} containers SEC(".maps");

/* By the cgroup's number, which is told faster, from the container's first program
 * on: what the runtime does before is not counted. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, u64);
	__type(value, struct denied);
} inside SEC(".maps");

SEC("tp_btf/cap_capable")
int BPF_PROG(on_cap_capable, const struct cred *cred, struct user_namespace *target_ns, const struct user_namespace *capable_ns, int cap, int ret)
{
	struct denied *d;
	u64 cgroup, i = (u32)cap;

	/* Of overridden credentials it takes the call to tell whose they are. */
	if (!ret || cred != bpf_get_current_task_btf()->real_cred)
		return 0;
	cgroup = bpf_get_current_cgroup_id();
	d = bpf_map_lookup_elem(&inside, &cgroup);
	if (!d)
		return 0;
	/* The verifier forgets the bound of a 32-bit register that is widened later. */
	asm volatile("" : "+r"(i));
	if (i < MAX_CAPABILITIES)
		d->capability[i] = 1;
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct cgroup_key key = {};
	struct denied none = {};
	const char *name = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, name);
	u64 cgroup = bpf_get_current_cgroup_id();
	struct watched *w;

	if (bpf_probe_read_kernel_str(key.name, sizeof(key.name), name) < 0)
		return 0;
	w = bpf_map_lookup_elem(&containers, &key);
	if (w && !w->cgroup && in_container_mounts(task) && !bpf_map_update_elem(&inside, &cgroup, &none, BPF_ANY))
		w->cgroup = cgroup;
	return 0;
}
