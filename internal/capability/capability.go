// Package capability is the one table of Linux capabilities: names, numbers,
// sets, what engines grant and how dangerous each one is in a container.
//
// Names are the kernel's (CAP_CHOWN); the table behind them is
// github.com/syndtr/gocapability, which no other package imports. A number that
// the table does not know is carried as it is and printed as CAP_41.
package capability

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/syndtr/gocapability/capability"
)

// Cap is a capability number as in linux/capability.h: 0 (CAP_CHOWN) to 63.
type Cap uint8

// Max is the highest number that the kernel's 64-bit sets can carry.
const Max Cap = 63

// The capabilities that code of ours names. The full table is behind Known.
const (
	Chown             = Cap(capability.CAP_CHOWN)
	DACOverride       = Cap(capability.CAP_DAC_OVERRIDE)
	DACReadSearch     = Cap(capability.CAP_DAC_READ_SEARCH)
	FOwner            = Cap(capability.CAP_FOWNER)
	FSetID            = Cap(capability.CAP_FSETID)
	Kill              = Cap(capability.CAP_KILL)
	SetGID            = Cap(capability.CAP_SETGID)
	SetUID            = Cap(capability.CAP_SETUID)
	SetPCap           = Cap(capability.CAP_SETPCAP)
	LinuxImmutable    = Cap(capability.CAP_LINUX_IMMUTABLE)
	NetBindService    = Cap(capability.CAP_NET_BIND_SERVICE)
	NetBroadcast      = Cap(capability.CAP_NET_BROADCAST)
	NetAdmin          = Cap(capability.CAP_NET_ADMIN)
	NetRaw            = Cap(capability.CAP_NET_RAW)
	IPCLock           = Cap(capability.CAP_IPC_LOCK)
	IPCOwner          = Cap(capability.CAP_IPC_OWNER)
	SysModule         = Cap(capability.CAP_SYS_MODULE)
	SysRawIO          = Cap(capability.CAP_SYS_RAWIO)
	SysChroot         = Cap(capability.CAP_SYS_CHROOT)
	SysPtrace         = Cap(capability.CAP_SYS_PTRACE)
	SysPacct          = Cap(capability.CAP_SYS_PACCT)
	SysAdmin          = Cap(capability.CAP_SYS_ADMIN)
	SysBoot           = Cap(capability.CAP_SYS_BOOT)
	SysNice           = Cap(capability.CAP_SYS_NICE)
	SysResource       = Cap(capability.CAP_SYS_RESOURCE)
	SysTime           = Cap(capability.CAP_SYS_TIME)
	SysTTYConfig      = Cap(capability.CAP_SYS_TTY_CONFIG)
	MkNod             = Cap(capability.CAP_MKNOD)
	Lease             = Cap(capability.CAP_LEASE)
	AuditWrite        = Cap(capability.CAP_AUDIT_WRITE)
	AuditControl      = Cap(capability.CAP_AUDIT_CONTROL)
	SetFCap           = Cap(capability.CAP_SETFCAP)
	MACOverride       = Cap(capability.CAP_MAC_OVERRIDE)
	MACAdmin          = Cap(capability.CAP_MAC_ADMIN)
	Syslog            = Cap(capability.CAP_SYSLOG)
	WakeAlarm         = Cap(capability.CAP_WAKE_ALARM)
	BlockSuspend      = Cap(capability.CAP_BLOCK_SUSPEND)
	AuditRead         = Cap(capability.CAP_AUDIT_READ)
	Perfmon           = Cap(capability.CAP_PERFMON)
	BPF               = Cap(capability.CAP_BPF)
	CheckpointRestore = Cap(capability.CAP_CHECKPOINT_RESTORE)
)

// Known lists the capabilities that the table has a name for, in order of
// their numbers.
func Known() Set {
	var s Set
	for _, c := range capability.List() {
		s = s.With(Cap(c))
	}
	return s
}

// String is the kernel's name, CAP_CHOWN, or CAP_41 for a number without one.
func (c Cap) String() string { return prefix + strings.TrimPrefix(c.Short(), prefix) }

// prefix is what the kernel's names begin with.
const prefix = "CAP_"

// Short is the name that Docker and Compose use and people say: CHOWN. A number
// without a name keeps the prefix, CAP_41, since 41 alone says nothing.
func (c Cap) Short() string {
	if !Known().Has(c) {
		return prefix + strconv.Itoa(int(c))
	}
	return strings.ToUpper(capability.Cap(c).String())
}

// MarshalText writes the kernel's name.
func (c Cap) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads any spelling that Parse takes.
func (c *Cap) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}

// Parse reads a capability in any of its usual spellings: CAP_NET_ADMIN,
// net_admin, NET_ADMIN, 12 or CAP_41.
func Parse(name string) (Cap, error) {
	bare := strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(name)), prefix)
	if n, err := strconv.ParseUint(bare, 10, 8); err == nil {
		if Cap(n) > Max {
			return 0, fmt.Errorf("capability %q is beyond the kernel's highest number, %d", name, Max)
		}
		return Cap(n), nil
	}
	for _, c := range capability.List() {
		if strings.ToUpper(c.String()) == bare {
			return Cap(c), nil
		}
	}
	return 0, fmt.Errorf("unknown capability %q (names are those of capabilities(7), such as CAP_NET_ADMIN or NET_ADMIN)", name)
}
