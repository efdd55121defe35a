package tracer

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/capprof/capprof/internal/syscalls"
)

// configure sets the constants of the programs, before they are loaded.
func configure(spec *ebpf.CollectionSpec) error {
	for name, goarch := range map[string]string{
		capprofVarCalls: runtime.GOARCH, capprofVarCompatCalls: syscalls.Compat(runtime.GOARCH),
	} {
		// The last element is of no call.
		table := make([]capprofCall, int(spec.Variables[name].Size())/binary.Size(capprofCall{}))
		for number := range len(table) - 1 {
			table[number] = describeCall(syscalls.Name(goarch, number))
		}
		if err := spec.Variables[name].Set(table); err != nil {
			return fmt.Errorf("setting %s of the programs: %w", name, err)
		}
	}
	for name, call := range map[string]string{
		capprofVarNrExecve: "execve", capprofVarNrExecveat: "execveat", capprofVarNrExit: "exit", capprofVarNrExitGroup: "exit_group",
	} {
		number, ok := syscalls.Number(runtime.GOARCH, call)
		if !ok {
			return fmt.Errorf("no number for %s on %s", call, runtime.GOARCH)
		}
		if err := spec.Variables[name].Set(int32(number)); err != nil {
			return fmt.Errorf("setting %s of the programs: %w", name, err)
		}
	}
	return nil
}

// setLowestAddress tells the programs below which address mapping memory takes a
// capability.
func setLowestAddress(spec *ebpf.CollectionSpec) error {
	const setting = "/proc/sys/vm/mmap_min_addr"
	text, err := os.ReadFile(setting)
	if err != nil {
		return fmt.Errorf("reading the lowest address to map: %w", err)
	}
	lowest, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return fmt.Errorf("reading %s: %w", setting, err)
	}
	if err := spec.Variables[capprofVarMmapMinAddr].Set(lowest); err != nil {
		return fmt.Errorf("setting %s of the programs: %w", capprofVarMmapMinAddr, err)
	}
	return nil
}

// argKinds are the programs' names for the kinds of arguments.
var argKinds = map[syscalls.Kind]capprofArgKind{
	syscalls.Ignored: capprofArgKindARG_IGNORED,
	syscalls.Scalar:  capprofArgKindARG_SCALAR,
	syscalls.Path:    capprofArgKindARG_PATH,
	syscalls.Blob:    capprofArgKindARG_BLOB,
	syscalls.FD:      capprofArgKindARG_FD,
	syscalls.DirFD:   capprofArgKindARG_DIRFD,
	syscalls.First64: capprofArgKindARG_FIRST64,
	syscalls.Message: capprofArgKindARG_MESSAGE,
}

var networkCalls = map[string]capprofNetworkCall{
	"bind":           capprofNetworkCallCALL_BIND,
	"socket":         capprofNetworkCallCALL_SOCKET,
	"socketcall":     capprofNetworkCallCALL_SOCKETCALL,
	"io_uring_setup": capprofNetworkCallCALL_RING,
}

// traits are those of calls that have any. The 32-bit tables call the full variants of
// those that set IDs setuid32 and so on.
var traits = func() map[string]capprofCallTrait {
	all := map[string]capprofCallTrait{}
	for trait, calls := range map[capprofCallTrait]string{
		capprofCallTraitCALL_KEEPS_OVERRIDDEN: "access faccessat faccessat2",
		capprofCallTraitCALL_SIGNALS:          "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo",
		capprofCallTraitCALL_GIVES_UP:         "setuid setreuid setresuid setfsuid setgid setregid setresgid setfsgid setgroups capset chroot prctl",
	} {
		for call := range strings.FieldsSeq(calls) {
			all[call] = trait
		}
	}
	return all
}()

// describeCall says what the programs must know of a system call.
func describeCall(name string) capprofCall {
	call := capprofCall{Network: uint8(networkCalls[name])}
	for i, kind := range syscalls.Arguments(name) {
		call.Argument[i] = uint8(argKinds[kind])
	}
	call.Traits = uint8(traits[strings.TrimSuffix(name, "32")])
	return call
}
