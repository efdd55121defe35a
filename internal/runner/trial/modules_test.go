package trial

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/scenario"
)

// What security modules refused is asked for of the processes of a traced run that were
// refused something, where a module confines them.
func TestSecurityModulesAreAsked(t *testing.T) {
	held := []engine.Confinement{{Module: engine.AppArmor, Label: "docker-default"}}
	refused := []observation.Operation{
		{PID: 7, Syscall: "mount", Entered: true, Errno: syscall.EACCES},
		{PID: 8, Syscall: "keyctl", Errno: syscall.EPERM}, // by seccomp
		{PID: 9, Syscall: "openat", Entered: true, Errno: syscall.ENOENT},
		{PID: 10, Syscall: "process_vm_readv", Entered: true, Errno: syscall.EPERM},
	}
	for name, c := range map[string]struct {
		look             Look
		confines         []engine.Confinement
		err              error
		listened, closed int
		of               []int
		heard            bool
		// absent says that the kernel has no module.
		absent bool
	}{
		"confined":           {look: Traced, confines: held, listened: 1, closed: 1, of: []int{7, 10}, heard: true},
		"not confined":       {look: Traced, listened: 1, closed: 1},
		"no module":          {look: Traced, confines: held, absent: true},
		"not traced":         {look: Blind, confines: held},
		"not to be heard of": {look: Traced, confines: held, err: errors.New("CAP_AUDIT_READ"), listened: 1},
	} {
		absent := c.absent
		synctest.Test(t, func(t *testing.T) {
			modules := &fakeModules{err: c.err}
			m := room(&fakeSubject{with: []boot{{dies: time.Second}}, confines: c.confines}, scenario.Told{})
			m.Tracer = &fakeTracer{more: refused}
			if !absent {
				m.Modules = modules
			}
			r := run(t, m, Plan{Conditions: everything, Teaches: true, Look: c.look})
			if modules.listened != c.listened || modules.closed != c.closed || !slices.Equal(modules.of, c.of) {
				t.Errorf("%s: %+v", name, modules)
			}
			if o := r.Observation; (len(o.Refusals) > 0) != c.heard || o.AllRefusals != c.heard {
				t.Errorf("%s: %+v", name, o)
			}
			if want := c.look == Traced && !absent && c.confines != nil; want != (len(r.Confinement) > 0) {
				t.Errorf("%s: under %+v", name, r.Confinement)
			}
		})
	}
}
