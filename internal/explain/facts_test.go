package explain

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/seccomp"
)

var tables = map[string]map[capability.Cap]fact{
	"files": fileFacts, "processes": processFacts, "network": networkFacts, "host": hostFacts, "kernel": kernelFacts,
}

var levels = []Level{Low, Moderate, High, Critical}

// TestEveryCapabilityIsExplained: each in one table, with every field.
func TestEveryCapabilityIsExplained(t *testing.T) {
	var explained capability.Set
	for name, table := range tables {
		for c := range table {
			if explained.Has(c) {
				t.Errorf("%v is explained twice, once among the %s", c, name)
			}
			explained = explained.With(c)
		}
	}
	if explained != capability.Known() {
		t.Fatalf("explained without being known: %v; known without being explained: %v",
			explained.Minus(capability.Known()), capability.Known().Minus(explained))
	}
	version := regexp.MustCompile(`^\d+\.\d+(\.\d+)?$`)
	for c := range capability.Known().All() {
		f, known := factOf(c)
		switch {
		case !known:
			t.Errorf("%v is not known", c)
		case !version.MatchString(f.since):
			t.Errorf("%v: since %q", c, f.since)
		case !slices.Contains(levels, f.level):
			t.Errorf("%v: level %q", c, f.level)
		case !slices.Contains([]Scope{Namespaced, Shared, HostWide}, f.scope):
			t.Errorf("%v: scope %q", c, f.scope)
		case !slices.Contains([]Effect{Works, Partly, Never}, f.userns):
			t.Errorf("%v: effect %q", c, f.userns)
		case len(f.allows) == 0 || len(f.safer) == 0 || len(f.see) == 0:
			t.Errorf("%v: allows %d, safer %d, see %d", c, len(f.allows), len(f.safer), len(f.see))
		case len(f.reason) < 60 || !strings.HasSuffix(f.reason, "."):
			t.Errorf("%v: the reason %q is no sentence", c, f.reason)
		}
		for _, text := range slices.Concat([]string{f.summary, f.usernsNote, f.reason}, f.allows, f.safer, f.see) {
			if len(text) < 4 || strings.TrimSpace(text) != text || strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsPrint(r) }) {
				t.Errorf("%v: %q", c, text)
			}
		}
		if unicode.IsUpper(rune(f.summary[0])) || strings.HasSuffix(f.summary, ".") {
			t.Errorf("%v: %q does not complete \"lets a container ...\"", c, f.summary)
		}
	}
}

// TestLevelsFollowTheDangerOrder: the mapper prefers what ranks low, so what it
// prefers must not be called more dangerous.
func TestLevelsFollowTheDangerOrder(t *testing.T) {
	highest := 0
	for _, c := range capability.Known().ByDanger() {
		f, _ := factOf(c)
		rank := slices.Index(levels, f.level)
		if rank < highest {
			t.Errorf("%v is %s, and a less dangerous one is %s", c, levels[rank], levels[highest])
		}
		highest = max(highest, rank)
	}
}

// TestScopes holds the ones that are easily got wrong against what the kernel's
// source says.
func TestScopes(t *testing.T) {
	for scope, caps := range map[Scope][]capability.Cap{
		// The object is looked up in a namespace of the task's.
		Namespaced: {capability.NetAdmin, capability.NetRaw, capability.NetBindService, capability.Kill, capability.SysPtrace, capability.IPCOwner, capability.SysPacct, capability.SysChroot},
		// Reached by a path, a device or a user ID that the host shares.
		Shared: {capability.Chown, capability.DACOverride, capability.FOwner, capability.SetFCap, capability.MkNod, capability.SetUID, capability.SysNice},
		// The kernel has one.
		HostWide: {capability.SysTime, capability.Syslog, capability.SysModule, capability.SysRawIO, capability.BPF, capability.Perfmon, capability.DACReadSearch, capability.SysAdmin, capability.AuditWrite, capability.AuditControl, capability.WakeAlarm},
	} {
		for _, c := range caps {
			if f, _ := factOf(c); f.scope != scope {
				t.Errorf("%v is %s, want %s", c, f.scope, scope)
			}
		}
	}
}

// TestUserNamespaces: an operation of each was tried in a container with every
// capability and user IDs remapped; it failed for those that ask in the initial
// namespace alone.
func TestUserNamespaces(t *testing.T) {
	for effect, caps := range map[Effect][]capability.Cap{
		Works: {capability.Chown, capability.DACOverride, capability.FOwner, capability.Kill, capability.SetUID, capability.SetGID, capability.SetPCap, capability.SetFCap, capability.SysChroot, capability.SysPtrace, capability.IPCOwner, capability.NetBindService, capability.NetBroadcast, capability.NetRaw},
		Never: {capability.LinuxImmutable, capability.MkNod, capability.Lease, capability.SysRawIO, capability.SysTTYConfig, capability.SysPacct, capability.Syslog, capability.WakeAlarm, capability.AuditWrite, capability.AuditControl, capability.AuditRead, capability.BPF, capability.Perfmon},
	} {
		for _, c := range caps {
			if f, _ := factOf(c); f.userns != effect {
				t.Errorf("%v: %s in a user namespace, want %s", c, f.userns, effect)
			}
		}
	}
}

// TestSyscallsAreWhatTheProfileOpens asks the engine's own profile.
func TestSyscallsAreWhatTheProfileOpens(t *testing.T) {
	gate := seccomp.Default("28.5.2")
	listed := map[string]bool{}
	for c := range capability.Known().All() {
		f, _ := factOf(c)
		if !slices.IsSorted(f.syscalls) {
			t.Errorf("%v: %v is not sorted", c, f.syscalls)
		}
		for _, name := range f.syscalls {
			listed[name] = true
			// unshare and clone are refused by their arguments, new namespaces.
			call := seccomp.Call{Arch: "amd64", Name: name, Args: [6]uint64{0x10000000}}
			if v := gate.Judge(call, 0); !v.Refused || !slices.Contains(v.AllowedWith, c) {
				t.Errorf("%s without %v: refused %v, opened by %v", name, c, v.Refused, v.AllowedWith)
			}
		}
	}
	// Both directions: what the profile opens for one of these is listed.
	for _, name := range []string{"acct", "bpf", "chroot", "clock_settime", "delete_module", "fanotify_init", "finit_module", "fsmount", "get_mempolicy", "init_module", "ioperm", "iopl", "kcmp", "mbind", "mount", "open_by_handle_at", "open_tree", "perf_event_open", "pidfd_getfd", "process_madvise", "quotactl", "reboot", "set_mempolicy", "sethostname", "setns", "settimeofday", "syslog", "umount2", "unshare", "vhangup"} {
		call := seccomp.Call{Arch: "amd64", Name: name, Args: [6]uint64{0x10000000}}
		for _, c := range gate.Judge(call, 0).AllowedWith {
			if f, _ := factOf(c); !slices.Contains(f.syscalls, name) {
				t.Errorf("%v opens %s, which is not listed", c, name)
			}
		}
	}
	if len(listed) < 40 {
		t.Errorf("%d system calls listed", len(listed))
	}
}
