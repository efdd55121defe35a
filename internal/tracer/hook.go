package tracer

import (
	"errors"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// hook is a way to see the calls of cap_capable(). The first one of hooks that the
// kernel offers is used; what follows the check is the same for all.
type hook struct {
	// name is what a profile records.
	name string
	// kernel is the first one that offers the hook.
	kernel string
	// programs are its sections in bpf/hook.h, in the order to attach them.
	programs []string
	// available returns nil when the running kernel, described by its BTF, offers
	// the hook, and otherwise what is missing.
	available func(kernel *btf.Spec) error
	// attach attaches one of the programs.
	attach func(*ebpf.Program) (link.Link, error)
}

// hooks are tried in this order, the newest kernel's first.
var hooks = []hook{
	{
		name: "tp_btf/cap_capable", kernel: "Linux 6.14", // commit d48da4d5ed7b
		programs:  []string{capprofProgCheckTracepoint},
		available: hasTracepoint,
		attach:    attachTracing,
	},
}

// oldestKernel is the first one that offers any hook.
func oldestKernel() string { return hooks[len(hooks)-1].kernel }

func chooseHook(hooks []hook, kernel *btf.Spec) (hook, error) {
	var missing []error
	for _, h := range hooks {
		err := h.available(kernel)
		if err == nil {
			return h, nil
		}
		missing = append(missing, fmt.Errorf("%s: %w", h.name, err))
	}
	return hook{}, &UnavailableError{
		Feature: "a hook on cap_capable",
		Fix:     "use a kernel with the capability:cap_capable tracepoint (" + oldestKernel() + " or later)",
		Err:     errors.Join(missing...),
	}
}

// prune takes the sections of all hooks but one out of an object: where the kernel
// has no place for a program, loading it fails.
func (h hook) prune(spec *ebpf.CollectionSpec, hooks []hook) {
	for _, other := range hooks {
		for _, name := range other.programs {
			if !slices.Contains(h.programs, name) {
				delete(spec.Programs, name)
			}
		}
	}
}

// attachTo attaches the hook's programs of a loaded object.
func (h hook) attachTo(programs map[string]*ebpf.Program) ([]link.Link, error) {
	var links []link.Link
	for _, name := range h.programs {
		l, err := h.attach(programs[name])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("attaching %s: %w", h.name, err), closeAll(links))
		}
		links = append(links, l)
	}
	return links, nil
}

func hasTracepoint(kernel *btf.Spec) error {
	var typedef *btf.Typedef
	if err := kernel.TypeByName("btf_trace_cap_capable", &typedef); err != nil {
		return fmt.Errorf("the kernel has no tracepoint capability:cap_capable: %w", err)
	}
	return nil
}

func attachTracing(p *ebpf.Program) (link.Link, error) {
	return link.AttachTracing(link.TracingOptions{Program: p})
}

func closeAll(links []link.Link) error {
	var errs []error
	for _, l := range links {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
