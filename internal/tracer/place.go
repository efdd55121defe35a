package tracer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// place is where a program of an object runs.
type place struct {
	// program is the section, attach attaches it.
	program string
	attach  func(*ebpf.Program) (link.Link, error)
	// function is a kernel function without which there is nothing to see there; "" for a
	// place that every kernel has.
	function string
	// classic is the place to take instead where tracepoints can be preempted; nil where it
	// makes no difference.
	classic *place
}

// follows are the places from which tasks are followed, in the order to attach them: what
// creates a task's state comes last, so that no task is followed by half of the programs.
var follows = []place{
	{program: capprofProgOnExit, attach: attachTracing, classic: classic(capprofProgClassicExit, "sched", "sched_process_exit")},
	{program: capprofProgOnSysEnter, attach: attachTracing, classic: classic(capprofProgClassicSysEnter, "raw_syscalls", "sys_enter")},
	{program: capprofProgOnSysExit, attach: attachTracing, classic: classic(capprofProgClassicSysExit, "raw_syscalls", "sys_exit")},
	{program: capprofProgOnFork, attach: attachTracing},
	{program: capprofProgOnExec, attach: attachTracing},
}

func classic(program, group, event string) *place {
	return &place{program: program, attach: func(p *ebpf.Program) (link.Link, error) { return link.Tracepoint(group, event, p, nil) }}
}

// within are the places that a kernel has.
func within(places []place, kernel *btf.Spec, preempted bool) []place {
	var there []place
	for _, p := range places {
		if p.function != "" && hasFunction(kernel, p.function) != nil {
			continue
		}
		if p.classic != nil && preempted {
			p = *p.classic
		}
		there = append(there, p)
	}
	return there
}

// prune takes the programs out of an object that are for other places than the wanted
// ones: where the kernel has no such place, loading it fails.
func prune(spec *ebpf.CollectionSpec, wanted []place) {
	all := slices.Clone(follows)
	for _, h := range hooks {
		all = append(all, h.places...)
	}
	for _, p := range all {
		names := []string{p.program}
		if p.classic != nil {
			names = append(names, p.classic.program)
		}
		for _, name := range names {
			if !slices.ContainsFunc(wanted, func(w place) bool { return w.program == name }) {
				delete(spec.Programs, name)
			}
		}
	}
}

// attachAll attaches the programs of a loaded object to places.
func attachAll(object *ebpf.Collection, places []place) ([]link.Link, error) {
	var links []link.Link
	for _, p := range places {
		l, err := p.attach(object.Programs[p.program])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("attaching %s: %w", p.program, err), closeAll(links))
		}
		links = append(links, l)
	}
	return links, nil
}

func attachTracing(p *ebpf.Program) (link.Link, error) {
	return link.AttachTracing(link.TracingOptions{Program: p})
}

func attachKprobe(function string) func(*ebpf.Program) (link.Link, error) {
	return func(p *ebpf.Program) (link.Link, error) { return link.Kprobe(function, p, nil) }
}

func attachKretprobe(function string) func(*ebpf.Program) (link.Link, error) {
	return func(p *ebpf.Program) (link.Link, error) { return link.Kretprobe(function, p, nil) }
}

func closeAll(links []link.Link) error {
	var errs []error
	for _, l := range links {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// arePreempted reports whether the kernel can be preempted in the middle of a program on a
// tracepoint, and programs of the older kind, during which it cannot, can be had. The
// kernel skips a program while another run of it was preempted. Since Linux 7.0,
// tracepoints run under guard(srcu_fast_notrace), whose type is in the kernel's BTF where
// they do (include/linux/tracepoint.h). The older kind costs each call of the machine
// three times as much, and needs tracefs, which only root may read.
func arePreempted(kernel *btf.Spec) bool {
	var guard *btf.Typedef
	if kernel.TypeByName("class_srcu_fast_notrace_t", &guard) != nil {
		return false
	}
	program, err := ebpf.NewProgram(trivial(ebpf.TracePoint))
	if err != nil {
		return false
	}
	defer program.Close()
	l, err := link.Tracepoint("sched", "sched_process_exit", program, nil)
	return err == nil && l.Close() == nil
}
