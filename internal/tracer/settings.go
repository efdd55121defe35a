package tracer

import (
	"fmt"
	"runtime"

	"github.com/cilium/ebpf"

	"github.com/capprof/capprof/internal/syscalls"
)

// cgroupKey is a container's cgroup name as the programs compare it.
func cgroupKey(cgroupName string) (key [96]int8, err error) { // CGROUP_LEN of bpf/contract.h
	// The programs compare the first eight bytes at once.
	if len(cgroupName) >= len(key) || len(cgroupName) < 8 {
		return key, fmt.Errorf("the cgroup name %q has %d bytes; 8 to %d can be followed", cgroupName, len(cgroupName), len(key)-1)
	}
	for i := range len(cgroupName) {
		key[i] = int8(cgroupName[i])
	}
	return key, nil
}

// setCgroup tells loaded programs which container to follow, before they are
// attached.
func setCgroup(v *ebpf.Variable, cgroupName string) error {
	name, err := cgroupKey(cgroupName)
	if err != nil {
		return err
	}
	if err := v.Set(name); err != nil {
		return fmt.Errorf("telling the programs the container's cgroup: %w", err)
	}
	return nil
}

// configure sets the constants of the programs, before they are loaded.
func configure(spec *ebpf.CollectionSpec) error {
	var vars capprofVariableSpecs
	if err := spec.Assign(&vars); err != nil {
		return fmt.Errorf("reading the programs' variables: %w", err)
	}
	values := map[*ebpf.VariableSpec]any{
		vars.ArgKinds:       packArguments(runtime.GOARCH),
		vars.CompatArgKinds: packArguments(syscalls.Compat(runtime.GOARCH)),
	}
	for v, call := range map[*ebpf.VariableSpec]string{
		vars.NrExecve: "execve", vars.NrExecveat: "execveat", vars.NrExit: "exit", vars.NrExitGroup: "exit_group",
	} {
		number, ok := syscalls.Number(runtime.GOARCH, call)
		if !ok {
			return fmt.Errorf("no number for %s on %s", call, runtime.GOARCH)
		}
		values[v] = int32(number)
	}
	for v, value := range values {
		if err := v.Set(value); err != nil {
			return fmt.Errorf("setting a variable of the programs: %w", err)
		}
	}
	return nil
}

// maxSyscalls is MAX_SYSCALLS of bpf/contract.h.
const maxSyscalls = 512

// networkShift and the kinds of calls are ARGS_NETWORK_SHIFT and enum network_call
// of bpf/contract.h.
const networkShift = 24

var networkCalls = map[string]uint32{"bind": 1, "socket": 2, "socketcall": 3, "io_uring_setup": 4}

// keepOverridden is ARGS_KEEP_OVERRIDDEN of bpf/contract.h.
const keepOverridden = 1 << 31

// packArguments lays the kinds of arguments out as the programs read them: four
// bits an argument, by number of call, what it has to do with the network's sysctls,
// and a bit for the calls whose overridden credentials are the caller's.
func packArguments(goarch string) [maxSyscalls]uint32 {
	var packed [maxSyscalls]uint32
	for number := range packed {
		name := syscalls.Name(goarch, number)
		for i, kind := range syscalls.Arguments(name) {
			packed[number] |= uint32(kind) << (4 * i)
		}
		packed[number] |= networkCalls[name] << networkShift
		switch name {
		case "access", "faccessat", "faccessat2":
			packed[number] |= keepOverridden
		}
	}
	return packed
}
