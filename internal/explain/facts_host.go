package explain

import "github.com/capprof/capprof/internal/capability"

// hostFacts are the capabilities over things of which the machine has one: its
// clock, its terminals, its logs, its policy, its sleep. No namespace divides
// them, so most checks are made in the initial user namespace.
var hostFacts = map[capability.Cap]fact{
	capability.SysTime: {
		since:   "2.2",
		summary: "set the machine's clock",
		allows: []string{
			"clock_settime(2), settimeofday(2), adjtimex(2), clock_adjtime(2): the time and its speed",
			"the real-time clock, given the device",
		},
		level: High, scope: HostWide,
		reason: "There is one wall clock: no namespace gives a container its own (time namespaces shift only the monotonic and the boot clock). Setting it changes the time of the host and of every container, and with it certificates, tokens, logs and schedules.",
		userns: Partly, usernsNote: "the offsets of a time namespace that was made there; never the clock",
		syscalls: []string{"clock_settime", "settimeofday"},
		safer: []string{
			"leave the clock to the host: chronyd, systemd-timesyncd or ntpd there",
			"an NTP server that only serves need not set the clock: chronyd -x",
			"for tests of another date: libfaketime",
		},
		see: []string{"clock_settime(2)", "time_namespaces(7)", "security/commoncap.c:cap_settime"},
	},
	capability.SysTTYConfig: {
		since:   "2.2",
		summary: "hang up and configure terminals",
		allows: []string{
			"vhangup(2) on the process's own terminal",
			"ioctls on virtual consoles: keyboard maps, fonts, switching",
		},
		level: Low, scope: Shared,
		reason: "vhangup concerns the process's own terminal. The virtual consoles are the host's, but cannot be opened without their devices (--device /dev/tty0); with these the keyboard of whoever sits at the machine can be remapped.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		syscalls: []string{"vhangup"},
		safer: []string{
			"drop it: login and getty have no place in a container",
			"configure consoles on the host",
		},
		see: []string{"vhangup(2)", "ioctl_console(2)", "drivers/tty/vt/vt_ioctl.c:vt_ioctl"},
	},
	capability.AuditWrite: {
		since:   "2.6.11",
		summary: "write to the kernel's audit log",
		allows: []string{
			"user messages over the audit netlink socket: PAM, su, sudo, sshd, cron",
		},
		level: Low, scope: HostWide,
		reason: "The audit log is the host's. A container can add records to it, false ones too, and flood it, but neither read nor change it.",
		userns: Never, usernsNote: "the socket answers ECONNREFUSED there, which programs take for a kernel without auditing",
		safer: []string{
			"drop it where the program goes on without: su, sudo and sshd warn at most, depending on how they were built",
			"log to standard output, or to syslog on the host",
		},
		see: []string{"audit(7)", "kernel/audit.c:audit_netlink_ok"},
	},
	capability.AuditControl: {
		since:   "2.6.11",
		summary: "configure the kernel's auditing",
		allows: []string{
			"audit rules and status (auditctl, auditd), in the host's PID namespace only",
			"changing a login user ID that is set (/proc/self/loginuid)",
		},
		level: High, scope: HostWide,
		reason: "Auditing is one for the machine. In a PID namespace of its own the kernel refuses rules and status whatever the capability; left is the login user ID, by which the host's log says who did something. With --pid host auditing can be switched off.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		safer: []string{
			"run auditd and auditctl on the host: its rules see containers too",
			"remove pam_loginuid from the image's PAM configuration",
		},
		see: []string{"auditctl(8)", "kernel/audit.c:audit_netlink_ok", "kernel/auditsc.c:audit_set_loginuid_perm"},
	},
	capability.AuditRead: {
		since:   "3.16",
		summary: "read the kernel's audit log",
		allows: []string{
			"joining the multicast group of the audit netlink socket",
		},
		level: High, scope: HostWide,
		reason: "The log is the host's, with commands, paths and logins of everybody. Records go to the initial network namespace alone: with Docker's default network the group can be joined and stays silent, with --network host everything is heard.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		safer: []string{
			"read the log on the host (journald, auditd) and forward what is needed",
		},
		see: []string{"audit(7)", "kernel/audit.c:audit_multicast_bind", "kernel/audit.c:kauditd_send_multicast_skb"},
	},
	capability.Syslog: {
		since:   "2.6.37",
		summary: "read and clear the kernel's log",
		allows: []string{
			"syslog(2): reading under kernel.dmesg_restrict=1, clearing, the console's level",
			"/dev/kmsg, given the device",
			"kernel addresses in /proc under kernel.kptr_restrict=1",
		},
		level: High, scope: HostWide,
		reason: "There is one kernel log for the machine. It names the host's devices, files and processes, and kernel addresses help to exploit holes. Clearing it destroys evidence.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		syscalls: []string{"syslog"},
		safer: []string{
			"read the log on the host (journalctl -k) and forward what is needed",
			"kernel.dmesg_restrict=0 makes reading free, but Docker's seccomp profile still refuses syslog(2), and every user of the host may read",
		},
		see: []string{"syslog(2)", "kernel/printk/printk.c:check_syslog_permissions"},
	},
	capability.WakeAlarm: {
		since:   "3.0",
		summary: "set timers that wake the machine",
		allows: []string{
			"timers on CLOCK_REALTIME_ALARM and CLOCK_BOOTTIME_ALARM (timer_create, timerfd_create, clock_nanosleep)",
		},
		level: Low, scope: HostWide,
		reason: "The machine that wakes from suspend is the host. That costs power, and does nothing on one that never sleeps.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		safer: []string{
			"ordinary clocks, which run on after a suspend: CLOCK_REALTIME, CLOCK_BOOTTIME",
			"wake the host from the host: WakeSystem= of a systemd timer, rtcwake",
		},
		see: []string{"timerfd_create(2)", "fs/timerfd.c:timerfd_create"},
	},
	capability.BlockSuspend: {
		since:   "3.5",
		summary: "keep the machine awake",
		allows: []string{
			"epoll(7) with EPOLLWAKEUP",
			"/sys/power/wake_lock, where /sys is writable",
		},
		level: Low, scope: HostWide,
		reason: "The machine that does not suspend is the host. That costs power, and does nothing on one that never sleeps. Without the capability EPOLLWAKEUP is silently ignored.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		safer: []string{
			"drop it: programs that set EPOLLWAKEUP run without",
			"systemd-inhibit on the host",
		},
		see: []string{"epoll_ctl(2)", "fs/eventpoll.c:ep_take_care_of_epollwakeup"},
	},
	capability.MACOverride: {
		since:   "2.6.25",
		summary: "ignore mandatory access control (Smack)",
		allows: []string{
			"access against Smack's rules; AppArmor and SELinux do not ask for it",
		},
		level: High, scope: HostWide,
		reason: "Smack's labels are the host's and confine the container; this takes them away. On hosts without Smack, which is nearly all, it does nothing.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		safer: []string{
			"drop it on hosts with AppArmor or SELinux",
			"a label or a rule for the container: --security-opt label=..., apparmor=...",
		},
		see: []string{"security/smack/smack_access.c:smack_privileged"},
	},
	capability.MACAdmin: {
		since:   "2.6.25",
		summary: "change mandatory access control policy",
		allows: []string{
			"loading, replacing and removing AppArmor profiles",
			"Smack's rules and labels",
			"SELinux contexts that the loaded policy does not know",
		},
		level: Critical, scope: HostWide,
		reason: "Policy is one for the machine, and it confines the container itself: who replaces it is confined no more, and neither is anybody else. AppArmor's files under /sys/kernel/security have to be mounted for it, which Docker does not do by default.",
		userns: Partly, usernsNote: "AppArmor profiles of a policy namespace made for it, as LXD does; never the host's policy",
		safer: []string{
			"load profiles on the host (apparmor_parser at boot, the Security Profiles Operator) and name them: --security-opt apparmor=NAME, appArmorProfile in Kubernetes",
		},
		see: []string{"apparmor(7)", "security/apparmor/policy.c:aa_may_manage_policy"},
	},
}
