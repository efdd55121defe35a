package tracer

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"syscall"

	"github.com/cilium/ebpf/link"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/syscalls"
)

// observe reads the maps and puts everything together.
func (s *Session) observe(details collected, symbols *symbols) (obs observation.Observation, err error) {
	if err := s.containers(&obs); err != nil {
		return obs, err
	}
	missed, err := s.missed()
	if err != nil {
		return obs, err
	}
	obs.Losses.Missed += s.unprobed
	for _, n := range missed {
		obs.Losses.Missed += n
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
	fates, err := s.fates()
	if err != nil {
		return obs, err
	}
	known := map[string]int{} // by identity, the index in the operations
	for _, entry := range entries {
		detail, ok := details.byKey[entry.key]
		if !ok {
			obs.Losses.Details++
			detail.Key = entry.key
		}
		op := operation(detail, stacks)
		op.Executable = executables[entry.key.Executable]
		op.Object.TargetExecutable = executables[detail.Target]
		op.Phase = s.phases[entry.key.Phase]
		op.Count = entry.value.Count
		fate := fates[entry.value.First]
		// Who ended unseen did not go on.
		op.WentOn = fate.Processes > fate.Ended && missed[capprofProgOnExit]+missed[capprofProgClassicExit] == 0
		if permitted, ok := details.files[entry.key]; ok {
			op.Object.Capabilities, op.Object.FileSeen = permitted, true
		}
		id := identity(entry.key, op)
		if i, ok := known[id]; ok {
			obs.Operations[i].Count += op.Count
			obs.Operations[i].WentOn = obs.Operations[i].WentOn || op.WentOn
			continue
		}
		known[id] = len(obs.Operations)
		obs.Operations = append(obs.Operations, op)
	}
	return obs, nil
}

// containers adds what is known of the containers, besides their operations, up.
func (s *Session) containers(obs *observation.Observation) error {
	var (
		cgroup    uint64
		container capprofContainer
		first     = uint32(math.MaxUint32)
		seen      int
	)
	entries := s.object.Maps[capprofMapContainers].Iterate()
	for entries.Next(&cgroup, &container) {
		add(obs, container)
		if container.Executions == 0 {
			continue
		}
		seen++
		if container.Number < first {
			first = container.Number
			obs.Sysctls = sysctls(container.StartedWith)
		}
	}
	if err := entries.Err(); err != nil {
		return fmt.Errorf("reading the containers: %w", err)
	}
	// Of a start that was not found there is no entry.
	obs.Losses.Unseen = uint64(max(s.starts.count()-seen, 0))
	return nil
}

// add adds the numbers of one start.
func add(obs *observation.Observation, container capprofContainer) {
	obs.Executions += container.Executions
	if obs.SysctlUses == nil {
		obs.SysctlUses = map[string]uint64{}
	}
	obs.SysctlUses[observation.UnprivilegedPortStart] += container.Used.LowPorts + container.Used.Rings
	obs.SysctlUses[observation.PingGroupRange] += container.Used.PingSockets + container.Used.Rings
	obs.Losses = obs.Losses.Plus(observation.Losses{
		Missed:     container.Lost[capprofLossLOST_ENDS],
		Operations: container.Lost[capprofLossLOST_OPERATIONS],
		Details:    container.Lost[capprofLossLOST_DETAILS],
		Checks:     container.Lost[capprofLossLOST_CHECKS],
		Stacks:     container.Lost[capprofLossLOST_STACKS],
		Tasks:      container.Lost[capprofLossLOST_TASKS],
	})
}

// missed counts the runs of each program that the kernel skipped.
func (s *Session) missed() (map[string]uint64, error) {
	missed := map[string]uint64{}
	for name, program := range s.object.Programs {
		stats, err := program.Stats()
		if err != nil {
			return nil, fmt.Errorf("reading the statistics of %s: %w", name, err)
		}
		missed[name] = stats.RecursionMisses
	}
	return missed, nil
}

// unprobed counts how often functions with kprobes were called, or returned, without the
// probe: in the middle of another one, or when too many were at it. Kernels before 6.7 do
// not tell; of a return that did not come, the programs know.
func unprobed(links []link.Link) (n uint64) {
	for _, l := range links {
		info, err := l.Info()
		if err != nil {
			continue // another kind of link, of which an older kernel knows nothing
		}
		if event := info.PerfEvent(); event != nil && event.Kprobe() != nil {
			n += event.Kprobe().Missed
		}
	}
	return n
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
	entries := s.object.Maps[capprofMapExecutables].Iterate()
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
	own, err := codeOf(s.object)
	if err != nil {
		return nil, err
	}
	entries := s.object.Maps[capprofMapStacks].Iterate()
	for entries.Next(&hash, &stack) {
		names[hash] = symbols.stackNames(stack.Frames[:], own)
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("reading stacks: %w", err)
	}
	return names, nil
}

// fates returns what became of the processes that were refused to give up privileges, by
// the position of the operation in the order of first occurrences.
func (s *Session) fates() (map[uint64]capprofFate, error) {
	var (
		fates = map[uint64]capprofFate{}
		first uint64
		fate  capprofFate
	)
	entries := s.object.Maps[capprofMapFates].Iterate()
	for entries.Next(&first, &fate) {
		fates[first] = fate
	}
	if err := entries.Err(); err != nil {
		return nil, fmt.Errorf("reading the fates of refused processes: %w", err)
	}
	return fates, nil
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
	entries := s.object.Maps[capprofMapOperations].Iterate()
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

// operation translates one detail.
func operation(d capprofDetail, stacks map[uint64][]string) observation.Operation {
	flags := capprofOpFlag(d.Key.Flags)
	op := observation.Operation{
		Comm:        text(d.Comm[:]),
		PID:         int(d.Pid),
		UID:         d.Key.Uid,
		Bounding:    capability.Set(d.Bounding),
		Inheritable: capability.Set(d.Inheritable),
		Permitted:   capability.Set(d.Permitted),
		Effective:   capability.Set(d.Effective),
		NoNewPrivs:  d.NoNewPrivs != 0,
		Starting:    flags&capprofOpFlagOP_STARTING != 0,
		Joined:      flags&capprofOpFlagOP_JOINED != 0,
		Init:        flags&capprofOpFlagOP_INIT != 0,
		Arch:        runtime.GOARCH,
		Number:      int(d.Key.Number),
		Args:        d.Args,
		Errno:       syscall.Errno(-d.Key.Error),
		Entered:     flags&capprofOpFlagOP_ENTERED != 0,
		Returned:    flags&capprofOpFlagOP_RETURNED != 0,
	}
	if flags&capprofOpFlagOP_COMPAT != 0 {
		op.Arch = syscalls.Compat(runtime.GOARCH)
	}
	if op.Number >= 0 {
		op.Syscall = syscalls.Name(op.Arch, op.Number)
	}
	for _, c := range d.Checks[:d.ChecksLen] {
		flags := capprofCheckFlag(c.Flags)
		check := observation.Check{
			Capability: capability.Cap(c.Capability),
			Granted:    flags&capprofCheckFlagCHECK_GRANTED != 0,
			Overridden: flags&capprofCheckFlagCHECK_OVERRIDDEN != 0,
			Stack:      stacks[c.Stack],
			Count:      uint64(c.Count),
		}
		switch {
		case flags&capprofCheckFlagCHECK_INITIAL_NS != 0:
			check.Namespace = observation.InitialNamespace
		case flags&capprofCheckFlagCHECK_OTHER_NS != 0:
			check.Namespace = observation.OtherNamespace
		}
		op.Checks = append(op.Checks, check)
	}
	op.Object = object(d, op)
	return op
}
