package explain

import "github.com/capprof/capprof/internal/capability"

// fileFacts are the capabilities over files, their owners and their modes. Most
// of their checks ask capable_wrt_inode_uidgid: the capability in the task's
// user namespace, and the file's owner mapped there.
var fileFacts = map[capability.Cap]fact{
	capability.Chown: {
		since:   "2.2",
		summary: "change the owner and the group of any file",
		allows: []string{
			"chown(2) and its kin to any user and group, whoever owns the file",
			"giving files to a group that the process is not in",
		},
		level: Moderate, scope: Shared,
		reason: "It ends at the files that the container can reach, which includes bind mounts and volumes: IDs are the host's, so a file there can be given to any host user, or taken from root.",
		userns: Works, usernsNote: "for files whose owner and group are mapped, to IDs that are mapped",
		safer: []string{
			"set the owner when the image is built: COPY --chown=UID:GID, or a RUN chown",
			"start as the user that owns the files: USER in the Dockerfile, --user, runAsUser",
			"let the engine prepare the volume: fsGroup in Kubernetes, :U in Podman, --tmpfs PATH:uid=UID for scratch space",
		},
		see: []string{"chown(2)", "fs/attr.c:chown_ok"},
	},
	capability.DACOverride: {
		since:   "2.2",
		summary: "read, write and enter any file and directory, whatever its mode says",
		allows: []string{
			"reading and writing files, and creating and removing entries of directories, against their mode and ACL",
			"executing a file that has at least one execute bit",
			"connecting to Unix sockets whose mode forbids it",
		},
		level: Moderate, scope: Shared,
		reason: "It ends at the files that the container can reach. On bind mounts that means the host's files, with every mode ignored, and a mounted docker.sock is root on the host. Read-only mounts and security modules still hold.",
		userns: Works, usernsNote: "for files whose owner and group are mapped",
		safer: []string{
			"make the files belong to the user that the process runs as, when the image is built",
			"share through a group: --group-add, supplementalGroups, a group-readable mode",
			"run as one user throughout, instead of as root on files of another user",
		},
		see: []string{"path_resolution(7)", "fs/namei.c:generic_permission"},
	},
	capability.DACReadSearch: {
		since:   "2.2",
		summary: "read any file, search any directory, and open files by handle",
		allows: []string{
			"reading files and listing and entering directories against their mode and ACL",
			"open_by_handle_at(2): opening a file by its number in the file system, without a path",
			"linkat(2) with AT_EMPTY_PATH on a descriptor that another process opened",
		},
		level: High, scope: HostWide,
		reason: "open_by_handle_at knows no mount boundary: given any file of a file system (Docker mounts /etc/hosts and /etc/resolv.conf from the host's), it opens every other file of that file system, the host's /etc/shadow among them. This is the escape known as shocker. Without DAC_OVERRIDE it reads but does not write.",
		userns: Partly, usernsNote: "modes are ignored for files whose owner is mapped; open_by_handle_at is refused, since 6.11 except on file systems that were mounted in the namespace",
		syscalls: []string{"open_by_handle_at"},
		safer: []string{
			"give the process's user or group read access to the files",
			"back up from outside: engine-side volume snapshots, or a backup user in the files' group",
			"where it must stay, keep open_by_handle_at refused with a seccomp profile of your own",
		},
		see: []string{"open_by_handle_at(2)", "fs/fhandle.c:may_decode_fh", "fs/namei.c:generic_permission"},
	},
	capability.FOwner: {
		since:   "2.2",
		summary: "do with any file what only its owner may",
		allows: []string{
			"chmod(2), utimensat(2), ACLs and inode flags on files of other users",
			"removing and renaming other users' files in sticky directories such as /tmp",
			"opening other users' files with O_NOATIME, and hard links to them under fs.protected_hardlinks",
		},
		level: Moderate, scope: Shared,
		reason: "It ends at the files that the container can reach, bind mounts included: chmod gives anybody on the host access to any of them.",
		userns: Works, usernsNote: "for files whose owner is mapped",
		safer: []string{
			"chmod and set ACLs when the image is built",
			"run as the owner of the files; chmod first and chown after, not the other way round",
			"unpack archives without owners and modes: tar --no-same-owner --no-same-permissions",
		},
		see: []string{"chmod(2)", "inode(7)", "fs/inode.c:inode_owner_or_capable"},
	},
	capability.FSetID: {
		since:   "2.2",
		summary: "keep and set set-user-ID and set-group-ID bits where the kernel would drop them",
		allows: []string{
			"writing to a file without losing its set-user-ID and set-group-ID bits",
			"setting the set-group-ID bit on a file of a group that the process is not in",
		},
		level: Moderate, scope: Shared,
		reason: "It ends at the files that the container can reach. On a bind mount without nosuid, a changed set-user-ID program is one on the host too. Without the capability nothing fails: the bits are silently dropped.",
		userns: Partly, usernsNote: "chmod for mapped owners and groups; writing drops the bits where the check is made in the initial namespace",
		safer: []string{
			"set the mode when the image is built",
			"put the process in the file's group: --group-add, supplementalGroups",
			"set the mode after the last write",
		},
		see: []string{"chmod(2)", "inode(7)", "fs/attr.c:setattr_prepare", "fs/inode.c:file_remove_privs"},
	},
	capability.LinuxImmutable: {
		since:   "2.2",
		summary: "set and clear the immutable and append-only flags of files",
		allows: []string{
			"chattr +i, -i, +a and -a: FS_IMMUTABLE_FL and FS_APPEND_FL",
		},
		level: Moderate, scope: Shared,
		reason: "It ends at the files that the container can reach, but what it sets outlives the container: an immutable file in a volume or in the container's own layer cannot be removed, by root on the host neither, until the flag is cleared. It also undoes such protection of the host's files on bind mounts.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		safer: []string{
			"mount read-only what must not change: --read-only, -v SOURCE:TARGET:ro",
			"set the flags on the host, before the container starts",
		},
		see: []string{"ioctl_iflags(2)", "chattr(1)", "fs/ioctl.c:vfs_ioctl_setflags_prepare"},
	},
	capability.MkNod: {
		since:   "2.4",
		summary: "create device nodes",
		allows: []string{
			"mknod(2) of character and block devices; FIFOs, sockets and overlay whiteouts need nothing",
		},
		level: Moderate, scope: Shared,
		reason: "Creating is allowed by Docker's device cgroup rules for every device, opening only for the default ones, so a node is of little use inside. On a bind mount without nodev, or through /proc/PID/root, a host process that is not in that cgroup can open it.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		safer: []string{
			"--device /dev/NAME, or a device plugin in Kubernetes: creates the node and permits the use",
			"build disk images with tools that need no nodes: mkfs -d, fakeroot, mmdebstrap --mode=fakeroot",
		},
		see: []string{"mknod(2)", "fs/namei.c:vfs_mknod"},
	},
	capability.Lease: {
		since:   "2.4",
		summary: "take leases on files of other users",
		allows: []string{
			"fcntl(2) F_SETLEASE on any open file; on files of one's own it needs nothing",
		},
		level: Low, scope: Shared,
		reason: "A lease delays whoever opens or truncates the file, at most for /proc/sys/fs/lease-break-time (45 s). It ends at the files that the container can reach; a host process is delayed on shared ones.",
		userns: Never, usernsNote: "the check is made in the initial namespace alone",
		safer: []string{
			"run as the owner of the files",
			"inotify(7) or fanotify(7), to notice changes without delaying them",
		},
		see: []string{"fcntl(2)", "fs/locks.c:vfs_setlease"},
	},
	capability.SetFCap: {
		since:   "2.6.24",
		summary: "attach capabilities to files",
		allows: []string{
			"setting security.capability on any file (setcap)",
			"mapping user ID 0 into a new user namespace (since 5.12)",
		},
		level: Moderate, scope: Shared,
		reason: "Inside it gives nothing beyond the bounding set: an execve of a file that asks for more is refused. But the attribute is the host's: a program on a bind mount without nosuid, marked with any capability, gives it to whoever runs it on the host.",
		userns: Works, usernsNote: "the attribute is then bound to the namespace's root and means nothing on the host",
		safer: []string{
			"setcap when the image is built; BuildKit keeps the attribute in the layer",
			"install packages that call setcap at build time, not at start",
		},
		see: []string{"setcap(8)", "user_namespaces(7)", "security/commoncap.c:cap_convert_nscap"},
	},
	capability.SysChroot: {
		since:   "2.2",
		summary: "change the root directory",
		allows: []string{
			"chroot(2)",
			"entering another mount namespace with setns(2), together with SYS_ADMIN",
		},
		level: Low, scope: Namespaced,
		reason: "chroot moves within the container's own mount namespace and leads out of none. It does lead out of a chroot(2) jail inside the container.",
		userns: Works, usernsNote: "in the container's own user namespace",
		syscalls: []string{"chroot"},
		safer: []string{
			"switch the daemon's own chroot off: the container is the jail",
			"landlock(7), which needs no capability",
		},
		see: []string{"chroot(2)", "fs/open.c:chroot", "fs/namespace.c:mntns_install"},
	},
}
