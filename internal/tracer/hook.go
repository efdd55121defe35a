package tracer

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf/btf"
)

// hook is a way to see the calls of cap_capable(). The first one of hooks that the
// kernel offers is used; what follows the check is the same for all.
type hook struct {
	// option is what a user calls it, name what a profile records.
	option, name string
	// places are those of its sections in bpf/hook.h, in the order to attach them.
	places []place
	// available returns nil when the running kernel, described by its BTF, offers
	// the hook, and otherwise what is missing.
	available func(kernel *btf.Spec) error
}

// checkFunction is the kernel function that all hooks are about.
const checkFunction = "cap_capable"

// The functions that hide a check of theirs from all hooks but the tracepoint, by the
// reasons in bpf/hidden.h.
const (
	prctlFunction  = "cap_task_prctl"
	capsetFunction = "cap_capset"
	mmapFunction   = "cap_mmap_addr"
)

// hooks are tried in this order: the one that misses nothing first.
var hooks = []hook{
	{
		option: "tracepoint", name: "tp_btf/cap_capable", available: hasTracepoint, // Linux 6.14, commit d48da4d5ed7b
		places: []place{{program: capprofProgCheckTracepoint, attach: attachTracing, classic: classic(capprofProgCheckClassic, "capability", "cap_capable")}},
	},
	{
		option: "fexit", name: "fexit/cap_capable", available: takesFexit,
		places: []place{
			{program: capprofProgCheckFexit, attach: attachTracing},
			{program: capprofProgHiddenPrctlFentry, attach: attachTracing, function: prctlFunction},
			{program: capprofProgHiddenCapsetFentry, attach: attachTracing, function: capsetFunction},
			{program: capprofProgHiddenMmapFentry, attach: attachTracing, function: mmapFunction},
		},
	},
	{
		option: "kprobe", name: "kprobe/cap_capable", available: takesKprobes,
		places: []place{
			// What ends before it has begun is ignored.
			{program: capprofProgCheckKretprobe, attach: attachKretprobe(checkFunction)},
			{program: capprofProgCheckKprobe, attach: attachKprobe(checkFunction)},
			{program: capprofProgHiddenPrctlKprobe, attach: attachKprobe(prctlFunction), function: prctlFunction},
			{program: capprofProgHiddenCapsetKprobe, attach: attachKprobe(capsetFunction), function: capsetFunction},
			{program: capprofProgHiddenMmapKprobe, attach: attachKprobe(mmapFunction), function: mmapFunction},
		},
	},
}

// Hooks are the names of the ways to see checks, the preferred one first.
func Hooks() []string {
	var names []string
	for _, h := range hooks {
		names = append(names, h.option)
	}
	return names
}

// chooseHook returns the first hook that the kernel offers; with a name, that one alone
// will do.
func chooseHook(hooks []hook, kernel *btf.Spec, option string) (hook, error) {
	if option != "" {
		i := slices.IndexFunc(hooks, func(h hook) bool { return h.option == option })
		if i < 0 {
			return hook{}, fmt.Errorf("%q is no hook: %s", option, strings.Join(Hooks(), ", "))
		}
		hooks = hooks[i : i+1]
	}
	var missing []error
	for _, h := range hooks {
		err := h.available(kernel)
		if err == nil {
			return h, nil
		}
		missing = append(missing, fmt.Errorf("%s: %w", h.option, err))
	}
	none := &UnavailableError{
		Feature: "a hook on " + checkFunction,
		Fix:     "use a kernel with one of them",
		Err:     errors.Join(missing...),
	}
	if option != "" {
		none.Fix = "without --hook, capprof takes one that works, if there is any"
	}
	return hook{}, none
}

func hasTracepoint(kernel *btf.Spec) error {
	var typedef *btf.Typedef
	if err := kernel.TypeByName("btf_trace_cap_capable", &typedef); err != nil {
		return fmt.Errorf("the kernel has no tracepoint capability:cap_capable (Linux 6.14): %w", err)
	}
	return nil
}

func hasFunction(kernel *btf.Spec, name string) error {
	var function *btf.Func
	if err := kernel.TypeByName(name, &function); err != nil {
		return fmt.Errorf("the kernel's types hold no function %s: %w", name, err)
	}
	return nil
}
