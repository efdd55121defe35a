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

// pretended is a hook that is there or is not, for the reason given.
func pretended(option string, err error) hook {
	return hook{option: option, name: option + "/cap_capable", available: func(*btf.Spec) error { return err }}
}

func TestTheFirstHookThatTheKernelHasIsChosen(t *testing.T) {
	missing := errors.New("no trampolines")
	both := []hook{pretended("tracepoint", missing), pretended("fexit", nil)}
	for _, option := range []string{"", "fexit"} {
		if h, err := chooseHook(both, nil, option); err != nil || h.name != "fexit/cap_capable" {
			t.Errorf("with %q: %q, %v", option, h.name, err)
		}
	}
	none := []hook{pretended("tracepoint", missing), pretended("fexit", missing)}
	for name, c := range map[string]struct {
		hooks  []hook
		option string
		says   []string
	}{
		"none works":            {none, "", []string{"tracepoint: no trampolines", "fexit: no trampolines", "use a kernel"}},
		"another one was meant": {both, "tracepoint", []string{"tracepoint: no trampolines", "without --hook"}},
		"no such hook":          {both, "lsm", []string{`"lsm" is no hook`, "tracepoint, fexit, kprobe"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := chooseHook(c.hooks, nil, c.option)
			if err == nil {
				t.Fatal("a hook was chosen that is not there")
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// A section for which the kernel has no place makes the whole object fail to load.
func TestOnlyWantedProgramsAreLoaded(t *testing.T) {
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range hooks {
		for _, preempted := range []bool{false, true} {
			sees := within(h.places, kernel, preempted)
			for name, c := range map[string]struct {
				load   func() (*ebpf.CollectionSpec, error)
				places []place
			}{
				"trace": {loadCapprof, slices.Concat(within(follows, kernel, preempted), sees)},
				"watch": {loadWatch, newWatcher(sees, kernel).places},
			} {
				spec, err := c.load()
				if err != nil {
					t.Fatal(err)
				}
				prune(spec, c.places)
				var want []string
				for _, p := range c.places {
					want = append(want, p.program)
				}
				slices.Sort(want)
				if got := slices.Sorted(maps.Keys(spec.Programs)); !slices.Equal(got, want) {
					t.Errorf("of the %s, %s (preempted: %v) keeps %v, want %v", name, h.option, preempted, got, want)
				}
			}
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
