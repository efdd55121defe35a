package tracer

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// codeRanges are where the machine code of programs lies, from the first address to that
// behind the last.
type codeRanges [][2]uint64

func (r codeRanges) hold(address uint64) bool {
	for _, within := range r {
		if within[0] <= address && address < within[1] {
			return true
		}
	}
	return false
}

// codeOf is where the kernel put the programs of an object.
func codeOf(object *ebpf.Collection) (codeRanges, error) {
	var all codeRanges
	for name, program := range object.Programs {
		info, err := program.Info()
		if err != nil {
			return nil, fmt.Errorf("asking where %s is: %w", name, err)
		}
		starts, _ := info.JitedKsymAddrs()
		lengths, _ := info.JitedFuncLens()
		// Without a just-in-time compiler the kernel runs no program on a trampoline.
		for i := range min(len(starts), len(lengths)) {
			all = append(all, [2]uint64{uint64(starts[i]), uint64(starts[i]) + uint64(lengths[i])})
		}
	}
	return all, nil
}
