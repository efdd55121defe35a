package tracer

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// newestHelper is the helper of the kernel that came last of those that the programs call,
// and since when it is there: whoever has it has the others, task storage in programs of
// this kind (5.12) among them.
const newestHelper, newestHelperSince = "bpf_task_pt_regs", "Linux 5.15"

// checkHelpers looks the newest helper up among the kernel's numbers of them.
func checkHelpers(kernel *btf.Spec) error {
	var numbers *btf.Enum
	err := kernel.TypeByName("bpf_func_id", &numbers)
	if err == nil {
		const name = "BPF_FUNC_task_pt_regs"
		for _, value := range numbers.Values {
			if value.Name == name {
				return nil
			}
		}
		err = errors.New("the kernel does not have it")
	}
	return &UnavailableError{
		Feature: "the BPF helper " + newestHelper,
		Fix:     "use a kernel of " + newestHelperSince + " or later",
		Err:     err,
	}
}

// takesFexit loads and attaches a program that does nothing: a kernel may describe a
// function and still take no program on it.
func takesFexit(kernel *btf.Spec) error {
	if err := hasFunction(kernel, checkFunction); err != nil {
		return err
	}
	spec := trivial(ebpf.Tracing)
	spec.AttachType, spec.AttachTo = ebpf.AttachTraceFExit, checkFunction
	return takes(kernel, spec, attachTracing)
}

// takesKprobes does the same with a pair of probes.
func takesKprobes(kernel *btf.Spec) error {
	for _, attach := range []func(*ebpf.Program) (link.Link, error){attachKprobe(checkFunction), attachKretprobe(checkFunction)} {
		if err := takes(kernel, trivial(ebpf.Kprobe), attach); err != nil {
			return err
		}
	}
	return nil
}

// trivial is a program that does nothing.
func trivial(kind ebpf.ProgramType) *ebpf.ProgramSpec {
	return &ebpf.ProgramSpec{Type: kind, License: "Dual BSD/GPL", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}}
}

func takes(kernel *btf.Spec, spec *ebpf.ProgramSpec, attach func(*ebpf.Program) (link.Link, error)) error {
	program, err := ebpf.NewProgramWithOptions(spec, ebpf.ProgramOptions{KernelTypes: kernel})
	if err != nil {
		return fmt.Errorf("loading a program: %w", err)
	}
	defer program.Close()
	l, err := attach(program)
	if err != nil {
		return fmt.Errorf("attaching a program: %w", err)
	}
	return l.Close()
}
