package capability

import "slices"

// DockerDefault is what Docker grants when nothing is said: 14 capabilities,
// unchanged since 2014 (moby daemon/pkg/oci/caps/defaults.go).
var DockerDefault = Of(Chown, DACOverride, FSetID, FOwner, MkNod, NetRaw, SetGID, SetUID,
	SetFCap, SetPCap, NetBindService, SysChroot, Kill, AuditWrite)

// dangerOrder lists every capability from the least to the most dangerous one
// to hold as root in a container with Docker's isolation. What comes late is
// root on the host or near it. Within a step the narrower effect comes first:
// DAC_READ_SEARCH reads where DAC_OVERRIDE also writes.
var dangerOrder = []Cap{
	// Confined to the container's own namespaces, one narrow effect.
	NetBindService, AuditWrite, WakeAlarm, BlockSuspend, SysChroot, Lease, NetBroadcast, Kill,
	// Confined, but enough to disturb or impersonate what runs beside.
	SysTTYConfig, IPCLock, IPCOwner, SysNice, SetGID, SetUID, FSetID, Chown, FOwner,
	DACReadSearch, DACOverride, MkNod, SetPCap, SetFCap, LinuxImmutable, NetRaw,
	// Wide inside the container, or reads what belongs to the host.
	NetAdmin, CheckpointRestore, SysPacct, AuditRead, Syslog, SysResource, SysPtrace, Perfmon,
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
