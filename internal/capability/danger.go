package capability

import "slices"

// DockerDefault is what Docker grants when nothing is said: 14 capabilities,
// unchanged since 2014 (moby daemon/pkg/oci/caps/defaults.go).
var DockerDefault = Of(Chown, DACOverride, FSetID, FOwner, MkNod, NetRaw, SetGID, SetUID,
	SetFCap, SetPCap, NetBindService, SysChroot, Kill, AuditWrite)

// PodmanDefault is what Podman grants when nothing is said, since 4.5: 11 capabilities
// (containers/common pkg/config/default.go, v0.52.0).
var PodmanDefault = Of(Chown, DACOverride, FOwner, FSetID, Kill, NetBindService, SetFCap, SetGID, SetPCap, SetUID, SysChroot)

// dangerOrder lists every capability from the least to the most dangerous one
// to hold as root in a container with Docker's isolation. What comes late is
// root on the host or near it. Within a step the narrower effect comes first.
//
// DAC_READ_SEARCH comes after DAC_OVERRIDE, which also writes, because it does
// more than the mode of a file keeps back: open_by_handle_at(2) asks for it alone
// (fs/fhandle.c:may_decode_fh), Docker's seccomp profile lets that call pass with
// it, and it knows no mount boundary, so that a container reads any file of a host
// file system of which it sees a part. DAC_OVERRIDE ends at what is mounted, is in
// every engine's default set, and the baseline of Kubernetes' Pod Security allows
// it where it forbids the other.
var dangerOrder = []Cap{
	// Confined to the container's own namespaces, one narrow effect.
	NetBindService, AuditWrite, WakeAlarm, BlockSuspend, SysChroot, Lease, NetBroadcast, Kill,
	// Confined, but enough to disturb or impersonate what runs beside.
	SysTTYConfig, IPCLock, IPCOwner, SysNice, SetGID, SetUID, FSetID, Chown, FOwner,
	DACOverride, MkNod, SetPCap, SetFCap, LinuxImmutable, NetRaw, CheckpointRestore, SysPacct,
	// Wide inside the container, or reads what belongs to the host.
	NetAdmin, AuditRead, Syslog, SysResource, SysPtrace, Perfmon, DACReadSearch,
	// The host's: clock, policy, kernel, hardware.
	AuditControl, SysTime, MACOverride, MACAdmin, BPF, SysBoot, SysRawIO, SysModule, SysAdmin,
}

// Danger ranks a capability: 0 is the least dangerous. A number without a name
// ranks above all known ones, since nothing is known of it.
func Danger(c Cap) int {
	if i := slices.Index(dangerOrder, c); i >= 0 {
		return i
	}
	return len(dangerOrder) + int(c)
}

// ByDanger lists the members from the least to the most dangerous.
func (s Set) ByDanger() []Cap {
	return slices.SortedFunc(s.All(), func(a, b Cap) int { return Danger(a) - Danger(b) })
}
