package advice

import (
	"maps"

	"github.com/capprof/capprof/internal/remedy"
)

// wordings are those of all kinds but Text.
var wordings = func() map[remedy.Kind]wording {
	all := map[remedy.Kind]wording{}
	for _, some := range []map[remedy.Kind]wording{fileWordings, containerWordings, userWordings, programWordings} {
		maps.Copy(all, some)
	}
	return all
}()

// fileWordings are about owners, modes and file systems.
var fileWordings = map[remedy.Kind]wording{
	remedy.OwnFile: {
		any:        "give {paths|the file} to {who|the user that the process runs as} (chown or chmod in the Dockerfile)",
		kubernetes: "give {paths|the file} to {who|the user that the process runs as} when the image is built (chown or chmod), or set fsGroup in the pod's securityContext for a volume",
		host:       "give {paths|the file} to {who|the user that the process runs as} (chown or chmod)",
	},
	remedy.RunAsOwner: {
		docker:     "start as the owner of the file or with its group (--user USER:GROUP)",
		compose:    "start as the owner of the file or with its group (user: USER:GROUP)",
		kubernetes: "start as the owner of the file or with its group (runAsUser, runAsGroup)",
		host:       "start as the owner of the file or with its group",
	},
	remedy.ActAsOwner: {any: "let the owner of {paths|the object} do it"},
	remedy.SetOwner: {
		any:        "set the owner of {paths|the file}[ to {who}] at build time: COPY --chown, or chown in a RUN step",
		kubernetes: "set the owner of {paths|the file}[ to {who}] when the image is built",
		host:       "set the owner of {paths|the file}[ to {who}] when it is installed",
	},
	remedy.SetMode: {
		any:        "set the mode of {paths|the file} at build time (COPY --chmod)",
		kubernetes: "set the mode of {paths|the file} when the image is built",
		host:       "set the mode of {paths|the file} when it is installed",
	},
	remedy.OwnDirectory: {any: "use a directory of the user's own"},
	remedy.DeviceOwner: {
		docker:     "{path|the node} has the owner and the mode that it has on the host: give the user its group there (--group-add), or change it on the host (udev)",
		compose:    "{path|the node} has the owner and the mode that it has on the host: give the user its group there (group_add), or change it on the host (udev)",
		kubernetes: "{path|the node} has the owner and the mode that it has on the node: give the user its group there (supplementalGroups), or change it there (udev)",
		host:       "give the user the group of {path|the node}, or change its owner (udev)",
	},
	remedy.Mutable:       {any: "remove the immutable and append-only attributes where {paths|the file} comes from: chattr -i -a"},
	remedy.WithoutCreate: {any: "open {paths|the file} without O_CREAT, or remove it first"},
	remedy.ServedUser: {
		any: "start as the user whom the file system's server lets in", docker: "start as the user whom the file system's server lets in (--user)",
		compose: "start as the user whom the file system's server lets in (user:)", kubernetes: "start as the user whom the file system's server lets in (runAsUser)",
	},
	remedy.LinkByDescriptor:     {any: "link /proc/self/fd/N with AT_SYMLINK_FOLLOW, which needs nothing"},
	remedy.AttributesFileSystem: {any: "use a volume whose file system keeps owners and attributes, or skip the change", host: "use a file system that keeps owners and attributes, or skip the change"},
	remedy.OpenForWriting:       {any: "open the file for reading and writing"},
	remedy.WriteBeforeSeal:      {any: "write before the file is sealed, or to another file"},
	remedy.MapBeforeSeal:        {any: "map the file before it is sealed, or privately"},
	remedy.FreeSpace:            {any: "free space, or use a volume that has it", host: "free space on the file system"},
	remedy.DiskQuota:            {any: "free space, or raise the quota on the host"},
}

// userWordings are about users and capabilities.
var userWordings = map[remedy.Kind]wording{
	remedy.StartAsUser: {
		docker:     "start as {who|the user that it becomes}: USER in the Dockerfile, or --user {user|USER}",
		compose:    "start as {who|the user that it becomes}: USER in the Dockerfile, or user: {user|USER} in the service",
		kubernetes: "start as {who|the user that it becomes}: runAsUser: {user|UID} in the securityContext",
		host:       "start as {who|the user that it becomes}: User={user|USER} in its unit, or setpriv --reuid {user|USER}",
	},
	remedy.AsRoot: {any: "run as root", kubernetes: "run as root (runAsUser: 0)"},
	remedy.KeepCapability: {
		any: "let the process keep {held|the capability}",
	},
	remedy.FileCapability: {
		any:        "put it on the executable (setcap {capabilities|CAP}+ep {path!|FILE} in the Dockerfile, without no-new-privileges)",
		kubernetes: "put it on the executable (setcap {capabilities|CAP}+ep {path!|FILE} when the image is built, with allowPrivilegeEscalation: true)",
		host:       "put it on the executable (setcap {capabilities|CAP}+ep {path!|FILE})",
	},
	remedy.NewPrivileges: {
		any:        "no-new-privileges is in the way: without it, a capability on the executable (setcap {capabilities|CAP}+ep {path!|FILE} in the Dockerfile) or a setuid bit takes effect",
		kubernetes: "no_new_privs is in the way: with allowPrivilegeEscalation: true, a capability on the executable (setcap {capabilities|CAP}+ep {path!|FILE}) or a setuid bit takes effect",
		host:       "no_new_privs is in the way: without it (NoNewPrivileges= in a unit), a capability on the executable (setcap {capabilities|CAP}+ep {path!|FILE}) or a setuid bit takes effect",
	},
	remedy.FileCapabilitiesInImage: {any: "set them at build time: setcap in a RUN step", kubernetes: "set them when the image is built (setcap)", host: "set them when the file is installed (setcap)"},
	remedy.NoFileCapabilities:      {any: "remove the file's capabilities at build time (setcap -r {path!|FILE}) if the program works without them", host: "remove the file's capabilities (setcap -r {path!|FILE}) if the program works without them"},
	remedy.InheritableFirst:        {any: "add the capability to the process's inheritable set first (capset)"},
	remedy.ConsistentCapset:        {any: "a fault of the program's: ask for a permitted set that holds the effective one"},
	remedy.NoNewPrivsFirst: {
		any: "set no_new_privs first, in the program", docker: "set no_new_privs first, in the program or with --security-opt no-new-privileges",
		compose:    "set no_new_privs first, in the program or with security_opt: no-new-privileges:true",
		kubernetes: "set no_new_privs first, in the program or with allowPrivilegeEscalation: false",
		host:       "set no_new_privs first, in the program or with NoNewPrivileges= in its unit",
	},
}

// programWordings are about the program itself, and the machine as a whole.
var programWordings = map[remedy.Kind]wording{
	remedy.HighPort:        {any: "listen on a port of 1024 or above"},
	remedy.RawPing:         {any: "open a raw socket, which needs CAP_NET_RAW; many programs do so by themselves"},
	remedy.Broadcast:       {any: "for a broadcast, set SO_BROADCAST on the socket"},
	remedy.NoChroot:        {any: "switch the program's own chroot off, where it has a setting for it: the container is a jail already", host: "switch the program's own chroot off, where it has a setting for it (RootDirectory= in its unit does the same)"},
	remedy.PivotRoot:       {any: "leave chroot(2) out (pivot_root(2) is none), and write uid_map and gid_map before the next namespace is made"},
	remedy.UserNamespace:   {any: "make a user namespace in the same call (CLONE_NEWUSER), where seccomp lets it"},
	remedy.BeforeNamespace: {any: "do it before the namespace is made, or make the object in the namespace (a namespace of its kind in addition to the user namespace)"},
	remedy.MapOwnUser:      {any: "map only the own user"},
	remedy.MapOtherUser:    {any: "map another user than root"},
	remedy.Dumpable:        {any: "run both as one user, and keep the other process dumpable (prctl PR_SET_DUMPABLE; one that changed its user or has file capabilities is not)"},
	remedy.OneTracer:       {any: "one tracer at a time: detach the other first"},
	remedy.InChild:         {any: "call it in a child: setsid --fork in a script, fork(2) in a program"},
	remedy.BeforeExec:      {any: "call it before execve(2), or in a child"},
	remedy.AskOtherwise:    {any: "find out in another way whether the process is there: test -d /proc/PID in a script, or its port or socket"},
	remedy.OwnLock:         {any: "a fault of the program's: unlock it in the thread that locked it"},
	remedy.UserFaults:      {any: "pass UFFD_USER_MODE_ONLY"},
	remedy.ShareByMode:     {any: "share it by its mode, or use one user for both sides"},
	remedy.HugePageGroup:   {any: "run with the group of vm.hugetlb_shm_group"},
	remedy.FewerKeys:       {any: "keep fewer or smaller keys"},
	remedy.KeyPermissions:  {any: "the key's owner can grant access: keyctl setperm"},
	remedy.LowerLimit:      {any: "ask for a lower limit"},
	remedy.NoRealTime:      {any: "run without real-time scheduling"},
	remedy.HostClock:       {any: "leave the clock to the host", host: "leave the clock to the time daemon"},
	remedy.HostLog: {
		any: "read the log on the host, or set {name}={value} there[, with a seccomp profile that allows {call}]", host: "set {name}={value}",
	},
	remedy.HostBoot: {any: "the host's boot settings decide (lockdown=)"},
	remedy.DatagramPing: {
		docker:     "for ping, open an ICMP datagram socket[: --sysctl {name}={value!}], which net.ipv4.ping_group_range allows",
		compose:    "for ping, open an ICMP datagram socket[ (sysctls: {name}: \"{value}\")], which net.ipv4.ping_group_range allows",
		kubernetes: "for ping, open an ICMP datagram socket[ (sysctls of the pod's securityContext: {name}=\"{value}\")], which net.ipv4.ping_group_range allows",
		host:       "for ping, open an ICMP datagram socket[ (sysctl -w {name}={value!})], which net.ipv4.ping_group_range allows",
	},
}
