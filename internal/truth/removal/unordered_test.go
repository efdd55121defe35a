package removal_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/truth/removal"
)

const (
	chown  = capability.Chown
	setuid = capability.SetUID
	kill   = capability.Kill
	chroot = capability.SysChroot
	read   = capability.DACReadSearch
	write  = capability.DACOverride
	mknod  = capability.MkNod
)

// unordered are programs that fail with more than they pass with, and their minimal
// sets, the least dangerous first.
var unordered = map[string]struct {
	passes func(has func(capability.Cap) bool) bool
	among  capability.Set
	want   []capability.Set
}{
	"a step that succeeds needs another": {
		func(has func(capability.Cap) bool) bool { return has(chroot) && (!has(chown) || has(setuid)) },
		of(chroot, chown, setuid),
		[]capability.Set{of(chroot)},
	},
	"a chain of such steps": {
		func(has func(capability.Cap) bool) bool {
			return has(chroot) && (!has(chown) || has(setuid) && (!has(mknod) || has(kill)))
		},
		of(chroot, chown, setuid, mknod, kill),
		[]capability.Set{of(chroot)},
	},
	"two ways, one of which costs more": {
		func(has func(capability.Cap) bool) bool {
			if has(chown) {
				return has(setuid) && has(kill)
			}
			return has(chroot)
		},
		of(chroot, chown, setuid, kill),
		[]capability.Set{of(chroot), of(chown, setuid, kill)},
	},
	"an alternative that needs more": {
		func(has func(capability.Cap) bool) bool { return has(write) && has(mknod) || !has(write) && has(read) },
		of(read, write, mknod),
		[]capability.Set{of(read), of(write, mknod)},
	},
	"fails with more": {
		func(has func(capability.Cap) bool) bool { return has(chroot) && !has(setuid) },
		of(chroot, setuid),
		[]capability.Set{of(chroot)},
	},
}

func of(caps ...capability.Cap) capability.Set { return capability.Of(caps...) }

func running(passes func(has func(capability.Cap) bool) bool) removal.Runs {
	return func(_ context.Context, granted capability.Set) (bool, error) { return passes(granted.Has), nil }
}

func TestAllMinimalSetsOfUnorderedProgramsAreFound(t *testing.T) {
	for name, program := range unordered {
		got, err := find(t, known, running(program.passes), removal.Options{Among: program.among})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		slices.SortFunc(program.want, removal.LessDangerous)
		if !slices.Equal(got.Sets, program.want) || !got.Complete || got.Monotone {
			t.Errorf("%s: found %v, complete %t, monotone %t; want %v", name, got.Sets, got.Complete, got.Monotone, program.want)
		}
	}
}

// Removal alone finds some of them, says that there may be more, and never calls a
// set minimal that is not.
func TestRemovalOfUnorderedProgramsIsModest(t *testing.T) {
	random := rand.New(rand.NewPCG(8, 1))
	all := of(read, write, chown, setuid, chroot)
	seen := false
	for range 3000 {
		ends := map[capability.Set]bool{all: true}
		runs := func(_ context.Context, granted capability.Set) (bool, error) {
			if _, ok := ends[granted]; !ok {
				ends[granted] = random.IntN(2) == 0
			}
			return ends[granted], nil
		}
		for _, oneByOne := range []bool{false, true} {
			got, err := find(t, all, runs, removal.Options{OneByOne: oneByOne})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Sets) == 0 {
				t.Fatal("nothing found, though it passes with everything")
			}
			for _, set := range got.Sets {
				if !isMinimal(t, runs, set) {
					t.Fatalf("{%s} is not minimal", set)
				}
			}
			if !got.Monotone && got.Complete {
				t.Fatal("it claims to have all sets of a program that is not monotone")
			}
			seen = seen || !got.Monotone
		}
		got, err := find(t, all, runs, removal.Options{Among: all})
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for set := range ends {
			if isMinimal(t, runs, set) {
				count++
			}
		}
		if len(got.Sets) != count || len(ends) != 1<<all.Len() {
			t.Fatalf("%d minimal sets in %d combinations, want %d", len(got.Sets), len(ends), count)
		}
	}
	if !seen {
		t.Error("no generated program showed that it is not monotone")
	}
}

// isMinimal is the definition.
func isMinimal(t *testing.T, runs removal.Runs, set capability.Set) bool {
	t.Helper()
	passes := func(set capability.Set) bool {
		passed, err := runs(t.Context(), set)
		if err != nil {
			t.Fatal(err)
		}
		return passed
	}
	if !passes(set) {
		return false
	}
	for c := range set.All() {
		if passes(set.Without(c)) {
			return false
		}
	}
	return true
}

// A set that somebody else found is run, and run without each of its members.
func TestIsMinimal(t *testing.T) {
	program := unordered["two ways, one of which costs more"]
	search := removal.New(known, running(program.passes), removal.Options{})
	for set, want := range map[capability.Set]bool{
		of(chroot): true, of(chown, setuid, kill): true, of(chroot, kill): false, of(chown, setuid): false, 0: false,
	} {
		got, err := search.IsMinimal(t.Context(), set)
		if err != nil || got != want {
			t.Errorf("{%s}: %t, %v", set, got, err)
		}
	}
	if search.Runs() == 0 {
		t.Error("no run is counted")
	}
}

// A workload that fails by chance has no answer, and passes for none that is not
// monotone either.
func TestFlakyProgramsAreNotUnordered(t *testing.T) {
	failedOnce := false
	flaky := func(_ context.Context, granted capability.Set) (bool, error) {
		// The first removal fails, so that its member stays; the last ones show that it
		// can go.
		if granted.Len() == 2 && granted.Has(chown) && !failedOnce {
			failedOnce = true
			return false, nil
		}
		return granted.Has(chown), nil
	}
	if _, err := find(t, of(chown, kill, setuid), flaky, removal.Options{OneByOne: true}); !errors.Is(err, removal.ErrUnstable) {
		t.Errorf("err = %v, want ErrUnstable", err)
	}
}

func TestAmongMustHoldAllThatMatters(t *testing.T) {
	program := unordered["a step that succeeds needs another"]
	for name, test := range map[string]struct {
		among capability.Set
		words string
	}{
		"one forgotten": {of(chroot, chown), "is not all that matters"},
		"not grantable": {of(chroot, capability.Cap(41)), "cannot be granted"},
		"too many":      {capability.Set(1<<11 - 1), "too many combinations"},
	} {
		_, err := find(t, known, running(program.passes), removal.Options{Among: test.among})
		if err == nil || !strings.Contains(err.Error(), test.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
