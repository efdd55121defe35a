package tracer

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/capprof/capprof/internal/syscalls"
)

// otherHook is a hook whose sections are in the object next to the tracepoint's.
func otherHook(err error) hook {
	return hook{name: "fexit/cap_capable", kernel: "Linux 5.5", programs: []string{"check_fexit"}, available: func(*btf.Spec) error { return err }}
}

func TestTheFirstHookThatTheKernelHasIsChosen(t *testing.T) {
	missing := errors.New("no trampolines")
	newer := hook{name: "newer", available: func(*btf.Spec) error { return missing }}
	if h, err := chooseHook([]hook{newer, otherHook(nil)}, nil); err != nil || h.name != "fexit/cap_capable" {
		t.Errorf("%q, %v", h.name, err)
	}
	_, err := chooseHook([]hook{newer, otherHook(missing)}, nil)
	if err == nil {
		t.Fatal("a hook was chosen that is not there")
	}
	for _, want := range []string{"newer: no trampolines", "fexit/cap_capable: no trampolines", oldestKernel()} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

// A section for which the kernel has no place makes the whole object fail to load.
func TestOnlyTheChosenHooksSectionsAreLoaded(t *testing.T) {
	all := append(slices.Clone(hooks), otherHook(nil))
	for name, load := range map[string]func() (*ebpf.CollectionSpec, error){"trace": loadCapprof, "watch": loadWatch} {
		spec, err := load()
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hooks {
			for _, program := range h.programs {
				if spec.Programs[program] == nil {
					t.Errorf("the %s has no %s", name, program)
				}
			}
		}
		others := len(spec.Programs) - 1
		spec.Programs["check_fexit"] = spec.Programs[capprofProgCheckTracepoint].Copy()
		chosen := spec.Copy()
		hooks[0].prune(chosen, all)
		if chosen.Programs["check_fexit"] != nil || chosen.Programs[capprofProgCheckTracepoint] == nil || len(chosen.Programs) != others+1 {
			t.Errorf("the %s keeps %v", name, slices.Sorted(maps.Keys(chosen.Programs)))
		}
		otherHook(nil).prune(spec, all)
		if spec.Programs["check_fexit"] == nil || spec.Programs[capprofProgCheckTracepoint] != nil || len(spec.Programs) != others+1 {
			t.Errorf("the %s keeps %v", name, slices.Sorted(maps.Keys(spec.Programs)))
		}
	}
}

func TestCallsAreDescribed(t *testing.T) {
	const fd, path, scalar = uint8(capprofArgKindARG_FD), uint8(capprofArgKindARG_PATH), uint8(capprofArgKindARG_SCALAR)
	for name, want := range map[string]capprofCall{
		"bind":                   {Argument: [6]uint8{fd, uint8(capprofArgKindARG_BLOB)}, Network: uint8(capprofNetworkCallCALL_BIND)},
		"faccessat":              {Argument: [6]uint8{uint8(capprofArgKindARG_DIRFD), path, scalar}, Traits: uint8(capprofCallTraitCALL_KEEPS_OVERRIDDEN)},
		"io_uring_setup":         {Network: uint8(capprofNetworkCallCALL_RING)},
		"chroot":                 {Argument: [6]uint8{path}, Traits: uint8(capprofCallTraitCALL_GIVES_UP)},
		"setresuid32":            {Argument: [6]uint8{scalar, scalar, scalar}, Traits: uint8(capprofCallTraitCALL_GIVES_UP)},
		"no call of this kernel": {},
	} {
		if got := describeCall(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	// Every kind has a name on the other side.
	if len(argKinds) != int(capprofArgKindARG_KINDS) {
		t.Errorf("%d kinds of arguments, the programs know %d", len(argKinds), capprofArgKindARG_KINDS)
	}
	for kind := syscalls.Ignored; kind <= syscalls.Message; kind++ {
		if _, ok := argKinds[kind]; !ok {
			t.Errorf("the programs have no name for kind %d", kind)
		}
	}
}
