package tracer

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
)

// hook is a way to see the calls of cap_capable(). The first one of hooks that
// the kernel offers is used; what follows the check is the same for all.
type hook interface {
	// name is what a profile records.
	name() string
	// available returns nil when the running kernel, described by its BTF,
	// offers the hook, and otherwise what is missing.
	available(kernel *btf.Spec) error
	// attach attaches them.
	attach(programs map[string]*ebpf.Program) ([]link.Link, error)
}

// hooks are tried in this order.
var hooks = []hook{tracepoint{}}

func chooseHook(kernel *btf.Spec) (hook, error) {
	var missing []error
	for _, h := range hooks {
		err := h.available(kernel)
		if err == nil {
			return h, nil
		}
		missing = append(missing, fmt.Errorf("%s: %w", h.name(), err))
	}
	return nil, &UnavailableError{
		Feature: "a hook on cap_capable",
		Cure:    "use a kernel with the capability:cap_capable tracepoint (Linux 6.14 or later)",
		Err:     errors.Join(missing...),
	}
}

// tracepoint is capability:cap_capable through BTF.
type tracepoint struct{}

func (tracepoint) name() string { return "tp_btf/cap_capable" }

func (tracepoint) available(kernel *btf.Spec) error {
	var typedef *btf.Typedef
	if err := kernel.TypeByName("btf_trace_cap_capable", &typedef); err != nil {
		return fmt.Errorf("the kernel has no tracepoint capability:cap_capable: %w", err)
	}
	return nil
}

func (tracepoint) attach(programs map[string]*ebpf.Program) ([]link.Link, error) {
	l, err := link.AttachTracing(link.TracingOptions{Program: programs[capprofProgOnCapCapable]})
	if err != nil {
		return nil, fmt.Errorf("attaching tp_btf/cap_capable: %w", err)
	}
	return []link.Link{l}, nil
}
