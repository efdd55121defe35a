package tracer

import (
	"fmt"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// fallsBack finds a loop as the verifiers of older kernels see one (kernel/bpf/verifier.c:
// check_cfg): an instruction from which the flow goes back to one on the way to it. From a
// jump it may; where it falls through, or returns from a call, into a loop that was entered
// in the middle, Linux 6.1 and earlier refuse the program.
func fallsBack(instructions asm.Instructions) error {
	var (
		at      = map[int]int{} // index by raw offset
		offsets []int
		callees = map[string]int{}
	)
	for it := instructions.Iterate(); it.Next(); {
		at[int(it.Offset)] = it.Index
		offsets = append(offsets, int(it.Offset))
		if name := it.Ins.Symbol(); name != "" {
			callees[name] = it.Index
		}
	}
	const (
		entered = 1
		left    = 2
	)
	state := make([]int, len(instructions))
	var visit func(i int) error
	follow := func(from, to int, mayLoop bool) error {
		switch {
		case state[to] == left:
			return nil
		case state[to] == entered && mayLoop:
			return nil
		case state[to] == entered:
			return fmt.Errorf("from %d (%v) the flow falls back to %d", offsets[from], instructions[from], offsets[to])
		}
		return visit(to)
	}
	visit = func(i int) error {
		state[i] = entered
		defer func() { state[i] = left }()
		ins := instructions[i]
		op := ins.OpCode.JumpOp()
		jump := func() int { return at[offsets[i]+1+int(ins.Offset)] }
		switch {
		case op == asm.Exit:
			return nil
		case op == asm.Ja:
			if ins.Reference() != "" {
				return follow(i, callees[ins.Reference()], true)
			}
			return follow(i, jump(), true)
		case ins.IsFunctionCall():
			if err := follow(i, i+1, false); err != nil {
				return err
			}
			return follow(i, callees[ins.Reference()], false)
		case op == asm.InvalidJumpOp || op == asm.Call:
			return follow(i, i+1, false)
		}
		if err := follow(i, i+1, true); err != nil {
			return err
		}
		return follow(i, jump(), true)
	}
	return visit(0)
}

func TestNoLoopIsEnteredInTheMiddle(t *testing.T) {
	for name, load := range map[string]func() (*ebpf.CollectionSpec, error){"trace": loadCapprof, "watch": loadWatch, "activity": loadActivity} {
		spec, err := load()
		if err != nil {
			t.Fatal(err)
		}
		for program, p := range spec.Programs {
			if err := fallsBack(p.Instructions); err != nil {
				t.Errorf("%s, %s: %v", name, program, err)
			}
		}
	}
	// A loop whose beginning is jumped over.
	middle := asm.Instructions{
		asm.Mov.Imm(asm.R0, 0),
		asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.Ja), Offset: 1},
		asm.Add.Imm(asm.R0, 1),
		asm.Mov.Imm(asm.R1, 0),
		asm.Instruction{OpCode: asm.OpCode(asm.JumpClass).SetJumpOp(asm.JLT).SetSource(asm.ImmSource), Dst: asm.R0, Constant: 6, Offset: -3},
		asm.Return(),
	}
	if fallsBack(middle) == nil {
		t.Error("a loop that is entered in the middle is not seen")
	}
}
