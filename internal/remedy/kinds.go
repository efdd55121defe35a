package remedy

// Kind is what is to be done.
type Kind string

// Text is a remedy that is known in words only: one of a profile of schema 1.
const Text Kind = "text"

// What to do about the owner and the mode of a file.
const (
	// OwnFile: give the file to the user that the process runs as.
	OwnFile Kind = "own-file"
	// RunAsOwner: start as the file's owner or with its group.
	RunAsOwner Kind = "run-as-owner"
	// ActAsOwner: let the owner of the file or object do it.
	ActAsOwner Kind = "act-as-owner"
	// SetOwner and SetMode: give the file its owner or mode when the image is built.
	SetOwner Kind = "set-owner"
	SetMode  Kind = "set-mode"
	// MountOwner: give what is mounted at the path to the user.
	MountOwner Kind = "mount-owner"
	// OwnDirectory: use a directory of the user's own.
	OwnDirectory Kind = "own-directory"
	// DeviceOwner: a device node has the owner that it has on the host.
	DeviceOwner Kind = "device-owner"
	// Mutable: remove the immutable and append-only attributes.
	Mutable Kind = "mutable"
	// ExecutableBit: make the file executable.
	ExecutableBit Kind = "executable-bit"
	// WithoutCreate: open an existing file of another user without O_CREAT.
	WithoutCreate Kind = "without-create"
	// ServedUser: start as a user whom the file system's server lets in.
	ServedUser Kind = "served-user"
	// LinkByDescriptor: link an open file by way of /proc/self/fd.
	LinkByDescriptor Kind = "link-by-descriptor"
	// AttributesFileSystem: use a file system that keeps owners and attributes.
	AttributesFileSystem Kind = "attributes-file-system"
	// OpenForWriting, WriteBeforeSeal and MapBeforeSeal: what a mapping or a sealed
	// file asks of the program.
	OpenForWriting  Kind = "open-for-writing"
	WriteBeforeSeal Kind = "write-before-seal"
	MapBeforeSeal   Kind = "map-before-seal"
	// FreeSpace and DiskQuota: make room on the file system, or raise its quota.
	FreeSpace Kind = "free-space"
	DiskQuota Kind = "disk-quota"
)

// What to do about how the container is made.
const (
	// Device: give the container the device.
	Device Kind = "device"
	// DeviceRule: let it use a node that it makes itself.
	DeviceRule Kind = "device-rule"
	// EngineMount: let the engine mount it.
	EngineMount Kind = "engine-mount"
	// MountOption: mount what lies at the path with another option.
	MountOption Kind = "mount-option"
	// MountWritable: mount it without its option read-only.
	MountWritable Kind = "mount-writable"
	// WritableMount: mount something writable at the path. WritableRoot: make the
	// root file system writable.
	WritableMount Kind = "writable-mount"
	WritableRoot  Kind = "writable-root"
	// OtherFileSystem: put the file on a file system that lets it be executed.
	OtherFileSystem Kind = "other-file-system"
	// SharedMemory: make /dev/shm larger.
	SharedMemory Kind = "shared-memory"
	// HostSys: mount a directory of the host's /sys for writing.
	HostSys Kind = "host-sys"
	// EngineLimits: let the engine set limits. HostCgroups: hand the container the
	// host's control groups.
	EngineLimits Kind = "engine-limits"
	HostCgroups  Kind = "host-cgroups"
	// UnmaskPaths: take the masks off /proc and /sys.
	UnmaskPaths Kind = "unmask-paths"
	// Sysctl: set a sysctl of the container's own. HostSysctl: one of the host's.
	Sysctl     Kind = "sysctl"
	HostSysctl Kind = "host-sysctl"
	// Limit: raise a resource limit.
	Limit Kind = "limit"
	// OOMScore: set how likely the out-of-memory killer is to take it.
	OOMScore Kind = "oom-score"
	// Hostname and Domainname: set them when the container is made.
	Hostname   Kind = "hostname"
	Domainname Kind = "domainname"
	// Terminal: give the container a terminal.
	Terminal Kind = "terminal"
	// EngineNetwork: let the engine set up the network.
	EngineNetwork Kind = "engine-network"
	// RealTimeBudget: give the control group time for real-time scheduling.
	RealTimeBudget Kind = "real-time-budget"
	// AllowCall: a seccomp profile that allows the call.
	AllowCall Kind = "allow-call"
	// SecurityModule: a profile of the module that allows it; the value is the rule.
	SecurityModule Kind = "security-module"
	// HostUserNamespace: run without a user namespace of its own.
	HostUserNamespace Kind = "host-user-namespace"
)

// What to do about users and capabilities.
const (
	// StartAsUser: start as the user whom the process becomes.
	StartAsUser Kind = "start-as-user"
	// AsRoot: run as root.
	AsRoot Kind = "as-root"
	// KeepCapability: let the process keep what it was given.
	KeepCapability Kind = "keep-capability"
	// FileCapability: put the capabilities on the executable.
	FileCapability Kind = "file-capability"
	// NewPrivileges: leave no-new-privileges out.
	NewPrivileges Kind = "new-privileges"
	// FileCapabilitiesInImage: set a file's capabilities when the image is built.
	FileCapabilitiesInImage Kind = "file-capabilities-in-image"
	// NoFileCapabilities: remove the file's capabilities.
	NoFileCapabilities Kind = "no-file-capabilities"
	// InheritableFirst and ConsistentCapset: what the kernel wants of sets.
	InheritableFirst Kind = "inheritable-first"
	ConsistentCapset Kind = "consistent-capset"
	// NoNewPrivsFirst: set no_new_privs before restricting oneself.
	NoNewPrivsFirst Kind = "no-new-privs-first"
)

// What to do in the program or on the host.
const (
	// HighPort: listen on a port of 1024 or above.
	HighPort Kind = "high-port"
	// DatagramPing: use an ICMP datagram socket. RawPing: a raw one.
	DatagramPing Kind = "datagram-ping"
	RawPing      Kind = "raw-ping"
	// Broadcast: set SO_BROADCAST.
	Broadcast Kind = "broadcast"
	// NoChroot: switch the program's own chroot off. PivotRoot: no chroot before a
	// user namespace.
	NoChroot  Kind = "no-chroot"
	PivotRoot Kind = "pivot-root"
	// UserNamespace: make a user namespace too. BeforeNamespace: act before it is
	// made. MapOwnUser and MapOtherUser: whom it maps.
	UserNamespace   Kind = "user-namespace"
	BeforeNamespace Kind = "before-namespace"
	MapOwnUser      Kind = "map-own-user"
	MapOtherUser    Kind = "map-other-user"
	// Dumpable: keep the other process dumpable, and of the same user.
	Dumpable Kind = "dumpable"
	// OneTracer: a process has one tracer at a time.
	OneTracer Kind = "one-tracer"
	// InChild: call it in a child. BeforeExec: call it before execve(2).
	InChild    Kind = "in-child"
	BeforeExec Kind = "before-exec"
	// AskOtherwise: find out in another way whether a process is there.
	AskOtherwise Kind = "ask-otherwise"
	// OwnLock: unlock in the thread that locked.
	OwnLock Kind = "own-lock"
	// UserFaults: handle the faults of user space only.
	UserFaults Kind = "user-faults"
	// ShareByMode: share an IPC object by its mode. HugePageGroup: run with the group
	// that may use huge pages.
	ShareByMode   Kind = "share-by-mode"
	HugePageGroup Kind = "huge-page-group"
	// FewerKeys, KeyPermissions: what the kernel's keys ask for.
	FewerKeys      Kind = "fewer-keys"
	KeyPermissions Kind = "key-permissions"
	// LowerLimit: ask for less. NoRealTime: do without real-time scheduling.
	LowerLimit Kind = "lower-limit"
	NoRealTime Kind = "no-real-time"
	// HostClock, HostLog, HostBoot: leave it to the host.
	HostClock Kind = "host-clock"
	HostLog   Kind = "host-log"
	HostBoot  Kind = "host-boot"
)

// arguments are what remedies of a kind may have, by name in JSON.
var arguments = map[Kind][]string{
	Text: {"text"},

	OwnFile: {"path", "user"}, RunAsOwner: {"path"}, ActAsOwner: {"path"}, SetOwner: {"path", "user"}, SetMode: {"path"},
	MountOwner: {"path", "mount", "user"}, OwnDirectory: nil, DeviceOwner: {"path"}, Mutable: {"path"}, ExecutableBit: {"path", "mount"},
	WithoutCreate: {"path"}, ServedUser: nil, LinkByDescriptor: nil, AttributesFileSystem: nil,
	OpenForWriting: nil, WriteBeforeSeal: nil, MapBeforeSeal: nil, FreeSpace: nil, DiskQuota: nil,

	Device: {"path"}, DeviceRule: {"device"}, EngineMount: nil, MountOption: {"path", "name"}, MountWritable: {"path", "mount"},
	WritableMount: {"path"}, WritableRoot: nil, OtherFileSystem: nil, SharedMemory: nil, HostSys: {"path"}, EngineLimits: nil, HostCgroups: nil,
	UnmaskPaths: {"path"}, Sysctl: {"name", "value"}, HostSysctl: {"name", "value", "call"}, Limit: {"name", "value"}, OOMScore: nil,
	Hostname: nil, Domainname: nil, Terminal: nil, EngineNetwork: nil, RealTimeBudget: nil,
	AllowCall: {"call"}, SecurityModule: {"name", "value"}, HostUserNamespace: nil,

	StartAsUser: {"user"}, AsRoot: nil, KeepCapability: {"capabilities"}, FileCapability: {"path", "capabilities"}, NewPrivileges: {"path", "capabilities"},
	FileCapabilitiesInImage: {"path"}, NoFileCapabilities: {"path"}, InheritableFirst: nil, ConsistentCapset: nil, NoNewPrivsFirst: nil,

	HighPort: nil, DatagramPing: {"name", "value"}, RawPing: nil, Broadcast: nil, NoChroot: nil, PivotRoot: nil,
	UserNamespace: nil, BeforeNamespace: nil, MapOwnUser: nil, MapOtherUser: nil, Dumpable: nil, OneTracer: nil, InChild: nil, BeforeExec: nil,
	AskOtherwise: nil, OwnLock: nil, UserFaults: nil, ShareByMode: nil, HugePageGroup: nil, FewerKeys: nil, KeyPermissions: nil,
	LowerLimit: nil, NoRealTime: nil, HostClock: nil, HostLog: {"name", "value", "call"}, HostBoot: nil,
}
