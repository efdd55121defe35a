package tracer

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"syscall"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/syscalls"
)

// Flags of a check and of an operation, as in bpf/contract.h.
const (
	checkGranted    = 1
	checkOverridden = 2
	checkInitialNS  = 4
	checkOtherNS    = 8

	opEntered  = 1
	opReturned = 2
	opCompat   = 4
	opStarting = 8
	opJoined   = 16
)

// observe reads the maps and puts everything together.
func (s *Session) observe(details map[capprofOpKey]capprofDetail, symbols *symbols) (observation.Observation, error) {
	var obs observation.Observation
	var counted capprofCounters
	if err := s.objects.Counted.Get(&counted); err != nil {
		return obs, fmt.Errorf("reading counters: %w", err)
	}
	obs.Executions = counted.Executions
	var settings capprofSysctls
	if err := s.objects.StartedWith.Get(&settings); err != nil {
		return obs, fmt.Errorf("reading the container's settings: %w", err)
	}
	obs.Sysctls = sysctls(settings)
	var used capprofUses
	if err := s.objects.Used.Get(&used); err != nil {
		return obs, fmt.Errorf("reading what depends on the container's settings: %w", err)
	}
	obs.SysctlUses = map[string]uint64{
		observation.UnprivilegedPortStart: used.LowPorts + used.Rings,
		observation.PingGroupRange:        used.PingSockets + used.Rings,
	}
	losses, err := s.losses()
	if err != nil {
		return obs, err
	}
	obs.Losses = losses
	if obs.Executions == 0 {
		obs.Losses.Unseen = 1
	}

	executables, err := s.executables()
	if err != nil {
		return obs, err
	}
	stacks, err := s.stacks(symbols)
	if err != nil {
		return obs, err
	}
	entries, err := s.operations()
	if err != nil {
		return obs, err
	}
	known := map[string]int{} // by identity, the index in obs.Operations
	for _, entry := range entries {
		detail, ok := details[entry.key]
		if !ok {
			obs.Losses.Details++
			detail.Key = entry.key
		}
		op := operation(detail, stacks)
		op.Executable = executables[entry.key.Executable]
		op.Count = entry.value.Count
		id := identity(entry.key, op)
		if i, ok := known[id]; ok {
			obs.Operations[i].Count += op.Count
			continue
		}
		known[id] = len(obs.Operations)
		obs.Operations = append(obs.Operations, op)
	}
	return obs, nil
}

// identity tells operations apart by the names of the functions in their stacks.
// The kernel side tells them by addresses, which differ for the same call when
// somebody else attaches to the hook meanwhile, in the frames before the hooked
// function.
func identity(key capprofOpKey, op observation.Operation) string {
	key.Signature = 0
	return fmt.Sprint(key, op.Checks)
}

func (s *Session) executables() (map[uint64]string, error) {
	var (
		names = map[uint64]string{}
		hash  uint64
		exe   capprofExecutable
	)
	entries := s.objects.Executables.Iterate()
	for entries.Next(&hash, &exe) {
		names[hash] = text(exe.Path[:])
		if file := exe.File.path(); file != "" {
			names[hash] = file
		}
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("reading executables: %w", err)
	}
	return names, nil
}

func (s *Session) stacks(symbols *symbols) (map[uint64][]string, error) {
	var (
		names = map[uint64][]string{}
		hash  uint64
		stack capprofStack
	)
	entries := s.objects.Stacks.Iterate()
	for entries.Next(&hash, &stack) {
		names[hash] = symbols.stackNames(stack.Frames[:])
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("reading stacks: %w", err)
	}
	return names, nil
}

// entry is one entry of the table of operations.
type entry struct {
	key   capprofOpKey
	value capprofOpValue
}

// operations returns the table in the order of first occurrences.
func (s *Session) operations() ([]entry, error) {
	var (
		table []entry
		next  entry
	)
	entries := s.objects.Operations.Iterate()
	for entries.Next(&next.key, &next.value) {
		table = append(table, next)
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("reading operations: %w", err)
	}
	slices.SortFunc(table, func(a, b entry) int { return cmp.Compare(a.value.First, b.value.First) })
	return table, nil
}

// sysctls names the settings that the kernel has, in the form of /proc/sys.
func sysctls(s capprofSysctls) map[string]string {
	values := map[string]string{}
	if s.UnprivilegedPortStart >= 0 {
		values[observation.UnprivilegedPortStart] = fmt.Sprint(s.UnprivilegedPortStart)
	}
	if s.PingGroupLow >= 0 {
		values[observation.PingGroupRange] = fmt.Sprintf("%d %d", s.PingGroupLow, s.PingGroupHigh)
	}
	return values
}

// losses sums up what the programs counted and what the kernel skipped.
func (s *Session) losses() (observation.Losses, error) {
	var lost capprofLosses
	if err := s.objects.Lost.Get(&lost); err != nil {
		return observation.Losses{}, fmt.Errorf("reading losses: %w", err)
	}
	out := observation.Losses{
		Operations: lost.Operations, Details: lost.Details, Checks: lost.Checks, Stacks: lost.Stacks, Tasks: lost.Tasks,
	}
	for name, program := range s.programs() {
		stats, err := program.Stats()
		if err != nil {
			return out, fmt.Errorf("reading the statistics of %s: %w", name, err)
		}
		out.Missed += stats.RecursionMisses
	}
	return out, nil
}

// operation translates one detail.
func operation(d capprofDetail, stacks map[uint64][]string) observation.Operation {
	flags := d.Key.Flags
	op := observation.Operation{
		Comm:        text(d.Comm[:]),
		PID:         int(d.Pid),
		UID:         d.Key.Uid,
		Bounding:    capability.Set(d.Bounding),
		Inheritable: capability.Set(d.Inheritable),
		Permitted:   capability.Set(d.Permitted),
		Effective:   capability.Set(d.Effective),
		NoNewPrivs:  d.NoNewPrivs != 0,
		Starting:    flags&opStarting != 0,
		Joined:      flags&opJoined != 0,
		Arch:        runtime.GOARCH,
		Number:      int(d.Key.Number),
		Args:        d.Args,
		Errno:       syscall.Errno(-d.Key.Error),
		Entered:     flags&opEntered != 0,
		Returned:    flags&opReturned != 0,
	}
	if flags&opCompat != 0 {
		op.Arch = syscalls.Compat(runtime.GOARCH)
	}
	if op.Number >= 0 {
		op.Syscall = syscalls.Name(op.Arch, op.Number)
	}
	if op.Errno == 0 {
		op.Value = d.Value
	}
	for _, c := range d.Checks[:d.ChecksLen] {
		check := observation.Check{
			Capability: capability.Cap(c.Capability),
			Granted:    c.Flags&checkGranted != 0,
			Overridden: c.Flags&checkOverridden != 0,
			Stack:      stacks[c.Stack],
			Count:      uint64(c.Count),
		}
		switch {
		case c.Flags&checkInitialNS != 0:
			check.Namespace = observation.InitialNamespace
		case c.Flags&checkOtherNS != 0:
			check.Namespace = observation.OtherNamespace
		}
		op.Checks = append(op.Checks, check)
	}
	op.Object = object(d, op)
	return op
}
