package mapper

import (
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/remedy"
)

// systemSites are the places that are about the machine as a whole.
var systemSites = []site{
	{functions: []string{"sys_bpf", "__sys_bpf", "bpf_prog_load", "map_create", "bpf_map_create", "bpf_btf_load", "bpf_token_create"}, source: "kernel/bpf/syscall.c:__sys_bpf", meaning: "loading or using a BPF program or map"},
	{functions: []string{"bpf_check", "bpf_allow_ptr_leaks", "bpf_bypass_spec_v1", "bpf_bypass_spec_v4"}, source: "kernel/bpf/verifier.c:bpf_check", meaning: "a BPF program checked by the laxer rules"},
	{functions: []string{"bpf_prog_get_info_by_fd", "bpf_map_get_info_by_fd"}, source: "kernel/bpf/syscall.c:bpf_prog_get_info_by_fd", fails: noErrno, meaning: "fields of a BPF object were left out"},
	{
		// Asked whenever any filter is compiled, seccomp's too; it only leaves out a
		// mitigation.
		functions: []string{"bpf_int_jit_compile", "do_jit", "emit_spectre_bhb_barrier"}, source: "arch/x86/net/bpf_jit_comp.c:emit_spectre_bhb_barrier (seen)",
		fails: noErrno, meaning: "compiling a filter without a mitigation",
	},
	{functions: []string{"perf_allow_kernel", "perf_allow_cpu", "perf_allow_tracepoint", "sys_perf_event_open", "perf_event_open"}, source: "kernel/events/core.c:perf_event_open, include/linux/perf_event.h:perf_allow_kernel", meaning: "measuring the kernel or other processes", remedies: []remedy.Remedy{{Kind: remedy.HostSysctl, Name: "kernel.perf_event_paranoid", Value: "1", Call: "perf_event_open"}}},
	{functions: []string{"check_syslog_permissions", "do_syslog", "sys_syslog", "devkmsg_open"}, source: "kernel/printk/printk.c:check_syslog_permissions", meaning: "reading the kernel's log", remedies: []remedy.Remedy{{Kind: remedy.HostLog, Name: "kernel.dmesg_restrict", Value: "0", Call: "syslog"}}},
	{functions: []string{"sys_reboot"}, source: "kernel/reboot.c:reboot", meaning: "restarting the machine or the container"},
	{functions: []string{"kexec_load_permitted", "kexec_load_check", "sys_kexec_load", "sys_kexec_file_load", "do_kexec_load"}, source: "kernel/kexec.c:kexec_load_check", meaning: "loading another kernel"},
	{functions: []string{"may_init_module", "sys_init_module", "sys_finit_module", "sys_delete_module"}, source: "kernel/module/main.c:may_init_module", meaning: "loading or unloading a kernel module"},
	{functions: []string{"sys_acct", "acct_on"}, source: "kernel/acct.c:acct", meaning: "switching process accounting"},
	{functions: []string{"cap_settime", "timekeeping_validate_timex", "do_adjtimex", "__do_adjtimex", "do_sys_settimeofday64", "sys_settimeofday"}, source: "security/commoncap.c:cap_settime, kernel/time/timekeeping.c:timekeeping_validate_timex", meaning: "setting the machine's clock", remedies: try(remedy.HostClock)},
	{functions: []string{"sys_timerfd_create", "do_timerfd_settime", "alarm_timer_create", "alarm_timer_nsleep"}, source: "fs/timerfd.c:timerfd_create", caps: capability.Of(capability.WakeAlarm), meaning: "a timer that wakes the machine"},
	{functions: []string{"sys_vhangup", "ksys_vhangup"}, source: "fs/open.c:vhangup", meaning: "hanging up the terminal"},
	{functions: []string{"tiocsti", "tty_ioctl", "tiocsctty", "__tiocsctty", "tiocspgrp", "tioccons", "tty_jobctrl_ioctl"}, source: "drivers/tty/tty_io.c:tiocsti", meaning: "controlling a terminal that is not the process's own"},
	{functions: []string{"vt_ioctl", "vt_k_ioctl", "vt_do_kdsk_ioctl", "vt_do_kdgkb_ioctl"}, source: "drivers/tty/vt/vt_ioctl.c:vt_ioctl", meaning: "controlling a virtual console"},
	{functions: []string{"sys_sethostname"}, source: "kernel/sys.c:sethostname", meaning: "changing the host name", remedies: try(remedy.Hostname)},
	{functions: []string{"sys_setdomainname"}, source: "kernel/sys.c:setdomainname", meaning: "changing the domain name", remedies: try(remedy.Domainname)},
	{functions: []string{"sys_swapon", "sys_swapoff"}, source: "mm/swapfile.c:swapon", meaning: "changing the swap space"},
	{functions: []string{"ksys_ioperm", "sys_iopl"}, source: "arch/x86/kernel/ioport.c:ksys_ioperm", meaning: "access to hardware ports"},
	{functions: []string{"audit_set_loginuid_perm", "audit_set_loginuid", "proc_loginuid_write"}, source: "kernel/auditsc.c:audit_set_loginuid_perm", meaning: "changing the login user ID"},
	{functions: []string{"sys_lookup_dcookie", "do_lookup_dcookie"}, source: "fs/dcookies.c:lookup_dcookie (until 6.6)", meaning: "looking up a file by its profiling cookie"},
	{functions: []string{"apparmor_capable", "aa_may_manage_policy", "policy_admin_capable"}, source: "security/apparmor/policy.c:aa_may_manage_policy", meaning: "changing AppArmor's policy"},
	{functions: []string{"smack_privileged", "smack_privileged_cred"}, source: "security/smack/smack_access.c:smack_privileged", meaning: "overriding Smack's labels"},
	{functions: []string{"wake_lock_store", "pm_wake_lock"}, source: "kernel/power/wakelock.c:pm_wake_lock", meaning: "keeping the machine awake"},
	{functions: []string{"prepare_mnt_ns_statmount", "do_statmount", "do_listmount", "sys_statmount", "sys_listmount", "ns_ioctl", "may_list_ns"}, source: "fs/namespace.c:do_statmount (not audited, yet decisive)", meaning: "looking into another mount namespace"},
	{functions: []string{"cgroup_get_tree", "cgroup1_get_tree", "cgroup_attach_permissions", "cgroup1_procs_write", "cgroup_procs_write_permission"}, source: "kernel/cgroup/cgroup.c:cgroup_get_tree", meaning: "mounting or changing control groups"},
}
