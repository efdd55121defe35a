package mapper

import (
	"syscall"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/remedy"
)

// meaningHardLink is said of a link whose file's mode was asked for first
// (fs/namei.c:safe_hardlink_source).
const meaningHardLink = "making a hard link to another user's file (fs.protected_hardlinks)"

var hardLinkRemedies = try(remedy.RunAsOwner, remedy.SetOwner)

// fileSites are the places in file systems.
var fileSites = []site{
	{
		functions: []string{"generic_permission", "acl_permission_check"}, source: "fs/namei.c:generic_permission",
		meaning: "the file's mode does not give this user the access", remedies: try(remedy.OwnFile, remedy.RunAsOwner),
	},
	{
		functions: []string{"inode_owner_or_capable"}, source: "fs/inode.c:inode_owner_or_capable",
		meaning: "only the owner of the file may do this, and it is another user's", remedies: try(remedy.ActAsOwner, remedy.SetOwner),
	},
	{
		functions: []string{"chown_ok", "chgrp_ok", "setattr_prepare", "notify_change"}, source: "fs/attr.c:chown_ok",
		caps:    capability.Of(capability.Chown),
		meaning: "giving a file to another user or group", remedies: try(remedy.SetOwner),
	},
	{
		functions: []string{"setattr_prepare", "notify_change"}, source: "fs/attr.c:setattr_prepare",
		caps:    capability.Of(capability.FOwner),
		meaning: "changing a file's mode or times, which only its owner may", remedies: try(remedy.ActAsOwner, remedy.SetMode),
	},
	{
		// Never decisive: the bit goes, the call succeeds. This is a loss that stays
		// on disk; fields that are hidden from a reader (below) are noise, unless a
		// run shows otherwise.
		functions: []string{
			"in_group_or_capable", "setattr_prepare", "setattr_copy", "setattr_copy_mgtime", "setattr_should_drop_sgid",
			"setattr_should_drop_suidgid", "mode_strip_sgid", "inode_init_owner", "should_remove_suid",
			"dentry_needs_remove_privs", "file_remove_privs", "__file_remove_privs", "file_remove_privs_flags",
		},
		source: "fs/attr.c:setattr_should_drop_suidgid, fs/inode.c:in_group_or_capable", caps: capability.Of(capability.FSetID),
		meaning: "the set-user-ID or set-group-ID bit of the file was dropped, without an error", fails: noErrno, passes: Degraded,
	},
	{
		functions: []string{"__check_sticky", "may_delete", "may_delete_dentry"}, source: "fs/namei.c:__check_sticky",
		meaning: "removing or renaming another user's file in a sticky directory", remedies: try(remedy.ActAsOwner, remedy.OwnDirectory),
	},
	{
		functions: []string{"vfs_mknod", "do_mknodat"}, source: "fs/namei.c:vfs_mknod",
		meaning: "creating a device node", remedies: try(remedy.Device),
	},
	{
		functions: []string{"may_linkat", "safe_hardlink_source"}, source: "fs/namei.c:may_linkat (fs.protected_hardlinks)",
		meaning: meaningHardLink, remedies: hardLinkRemedies,
	},
	{
		functions: []string{"path_init", "do_linkat", "getname_uflags"}, source: "fs/namei.c:path_init (LOOKUP_LINKAT_EMPTY)",
		caps: capability.Of(capability.DACReadSearch), calls: []string{"linkat"}, fails: []syscall.Errno{syscall.ENOENT},
		meaning: "linking an open file by its descriptor (AT_EMPTY_PATH)", remedies: try(remedy.LinkByDescriptor),
	},
	{
		functions: []string{"may_decode_fh", "handle_to_path", "do_handle_open", "sys_open_by_handle_at", "do_handle_to_path"}, source: "fs/fhandle.c:may_decode_fh",
		meaning: "opening a file by its handle, past all directories",
	},
	{
		functions: []string{"cap_inode_setxattr", "cap_inode_removexattr"}, source: "security/commoncap.c:cap_inode_setxattr",
		meaning: "changing a security attribute of a file",
	},
	{
		functions: []string{"cap_convert_nscap", "setxattr_convert"}, source: "security/commoncap.c:cap_convert_nscap",
		meaning: "setting capabilities on a file", remedies: try(remedy.FileCapabilitiesInImage),
	},
	{
		functions: []string{"xattr_permission"}, source: "fs/xattr.c:xattr_permission",
		caps:  capability.Of(capability.SysAdmin),
		fails: []syscall.Errno{syscall.EPERM, syscall.ENODATA}, meaning: "a trusted.* attribute, which is hidden from everybody else",
	},
	{
		functions: []string{"simple_xattr_list", "ext4_xattr_trusted_list", "jffs2_trusted_listxattr", "ovl_can_list"},
		source:    "fs/xattr.c:simple_xattr_list", fails: noErrno,
		meaning: "trusted.* attributes were left out of a list",
	},
	{
		functions: []string{"fileattr_set_prepare", "vfs_fileattr_set", "ioctl_setflags", "ext4_fileattr_set", "fuse_fileattr_set"},
		source:    "fs/ioctl.c:fileattr_set_prepare", meaning: "making a file immutable or append-only",
	},
	{functions: []string{"ioctl_fibmap", "do_vfs_ioctl"}, source: "fs/ioctl.c:ioctl_fibmap", caps: capability.Of(capability.SysRawIO), meaning: "asking for a file's physical blocks"},
	{functions: []string{"ioctl_fsfreeze", "ioctl_fsthaw", "do_vfs_ioctl"}, source: "fs/ioctl.c:ioctl_fsfreeze", caps: capability.Of(capability.SysAdmin), meaning: "freezing or thawing a file system"},
	{functions: []string{"generic_setlease", "vfs_setlease", "kernel_setlease", "fcntl_setlease"}, source: "fs/locks.c:generic_setlease", meaning: "taking a lease on another user's file"},
	{functions: []string{"sys_chroot", "ksys_chroot", "path_chroot"}, source: "fs/open.c:chroot", meaning: "changing the root directory", remedies: try(remedy.NoChroot)},
	{
		functions: []string{
			"may_mount", "path_mount", "do_mount", "sys_mount", "path_umount", "ksys_umount", "sys_umount", "can_umount", "do_move_mount",
			"do_mount_setattr", "mount_capable", "vfs_get_tree", "do_new_mount", "sys_fsopen", "sys_fsmount", "sys_fspick",
			"sys_open_tree", "sys_move_mount", "path_pivot_root", "sget_fc",
		},
		source: "fs/namespace.c:may_mount, fs/super.c:mount_capable", caps: capability.Of(capability.SysAdmin),
		meaning: "mounting or unmounting", remedies: try(remedy.EngineMount),
	},
	{
		functions: []string{"sys_quotactl", "check_quotactl_permission", "do_quotactl"}, source: "fs/quota/quota.c:check_quotactl_permission",
		meaning: "reading or setting disk quotas",
	},
	{
		functions: []string{"ext4_has_free_clusters", "ext2_has_free_blocks"}, source: "fs/ext4/balloc.c:ext4_has_free_clusters",
		fails: []syscall.Errno{syscall.ENOSPC}, meaning: "using the blocks that the file system reserves", remedies: try(remedy.FreeSpace),
	},
	{
		functions: []string{"ignore_hardlimit", "dquot_add_space", "dquot_add_inodes"}, source: "fs/quota/dquot.c:ignore_hardlimit",
		fails: []syscall.Errno{syscall.EDQUOT}, meaning: "exceeding the disk quota", remedies: try(remedy.DiskQuota),
	},
	{
		functions: []string{"alloc_empty_file"}, source: "fs/file_table.c:alloc_empty_file",
		fails: []syscall.Errno{syscall.ENFILE}, meaning: "exceeding the system's limit of open files", remedies: hostSysctl("fs.file-max", ""),
	},
	{
		functions: []string{"alloc_pipe_info", "pipe_is_unprivileged_user"}, source: "fs/pipe.c:alloc_pipe_info",
		fails: []syscall.Errno{syscall.ENFILE}, meaning: "more pipe memory than a user may have: the pipe got a smaller buffer", remedies: hostSysctl("fs.pipe-user-pages-soft", ""),
	},
	{functions: []string{"pipe_set_size", "pipe_fcntl"}, source: "fs/pipe.c:pipe_set_size", meaning: "a pipe larger than fs.pipe-max-size"},
	{
		functions: []string{"may_dedupe_file", "r_show", "kallsyms_show_value", "restricted_pointer", "pagemap_read", "pagemap_open"},
		source:    "kernel/ksyms_common.c:kallsyms_show_value, kernel/resource.c:r_show, fs/proc/task_mmu.c:pagemap_read, fs/remap_range.c:may_dedupe_file",
		fails:     noErrno, foreign: true, meaning: "kernel addresses were shown as zero",
	},
	{
		functions: []string{"do_epoll_ctl", "ep_take_care_of_epollwakeup"}, source: "fs/eventpoll.c:ep_take_care_of_epollwakeup",
		fails: noErrno, meaning: "EPOLLWAKEUP was dropped from an epoll entry",
	},
	{
		// Without CAP_SYS_ADMIN the group becomes an unprivileged one, and only some
		// flags are refused.
		functions: []string{"sys_fanotify_init"},
		source:    "fs/notify/fanotify/fanotify_user.c:fanotify_init", meaning: "watching files in a way that only the privileged may",
	},
	{
		functions: []string{"proc_map_files_get_link", "map_files_get_link", "proc_map_files_lookup"}, source: "fs/proc/base.c:proc_map_files_get_link",
		meaning: "following a link in /proc/PID/map_files",
	},
	{
		functions: []string{"__set_oom_adj"}, source: "fs/proc/base.c:__set_oom_adj",
		meaning: "protecting a process from the out-of-memory killer", remedies: try(remedy.OOMScore),
	},
	{functions: []string{"proc_pid_stack", "lock_trace"}, source: "fs/proc/base.c:proc_pid_stack", meaning: "reading a process's kernel stack"},
	{
		// The owner, uid 0 of the namespace, passes by the file's mode all the same.
		functions: []string{"net_ctl_permissions"}, source: "net/sysctl_net.c:net_ctl_permissions", fails: []syscall.Errno{syscall.EACCES},
		meaning: "a network sysctl", remedies: try(remedy.Sysctl),
	},
	{functions: []string{"set_permissions"}, source: "kernel/ucount.c:set_permissions", meaning: "a limit under /proc/sys/user"},
	{functions: []string{"ipc_permissions", "mq_permissions"}, source: "ipc/ipc_sysctl.c:ipc_permissions", meaning: "a sysctl of the IPC namespace", remedies: try(remedy.Sysctl)},
	{functions: []string{"proc_dointvec_minmax_sysadmin", "proc_taint", "proc_do_cad_pid", "mmap_min_addr_handler"}, source: "kernel/sysctl.c:proc_dointvec_minmax_sysadmin", meaning: "changing a kernel setting under /proc/sys"},
	{functions: []string{"pid_table_root_permissions"}, source: "kernel/pid.c:pid_table_root_permissions (seen on 6.18)", fails: []syscall.Errno{syscall.EACCES}, meaning: "a sysctl of the PID namespace"},
	{functions: []string{"pid_ns_ctl_handler"}, source: "kernel/pid_namespace.c:pid_ns_ctl_handler", meaning: "choosing the next process ID"},
	{functions: []string{"devinet_sysctl_forward", "addrconf_sysctl_forward"}, source: "net/ipv4/devinet.c:devinet_sysctl_forward", meaning: "switching IP forwarding", remedies: []remedy.Remedy{{Kind: remedy.Sysctl, Name: "net.ipv4.ip_forward", Value: "1"}}},
	{functions: []string{"blkdev_ioctl", "blkdev_common_ioctl", "blkpg_do_ioctl", "blkdev_bszset", "loop_set_status", "lo_ioctl"}, source: "block/ioctl.c:blkdev_common_ioctl", meaning: "controlling a block device"},
	{functions: []string{"open_port"}, source: "drivers/char/mem.c:open_port", meaning: "reading or writing physical memory or ports"},
	{functions: []string{"random_ioctl"}, source: "drivers/char/random.c:random_ioctl", meaning: "feeding the kernel's random numbers"},
	{functions: []string{"sys_name_to_handle_at", "do_sys_name_to_handle"}, source: "fs/fhandle.c:do_sys_name_to_handle", meaning: "naming a file by a handle"},
}
