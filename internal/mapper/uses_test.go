package mapper

import (
	"slices"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

func TestUses(t *testing.T) {
	chown := []string{"capable_wrt_inode_uidgid", "chown_ok", "setattr_prepare", "notify_change", "chown_common"}
	overridden := granted(capability.Chown, chown...)
	overridden.Overridden = true
	memory := granted(capability.SysAdmin, vmEnough.Stack...)
	for name, c := range map[string]struct {
		op   observation.Operation
		want []capability.Cap
	}{
		"granted":                   {observation.Operation{Syscall: "chown", Checks: []observation.Check{granted(capability.Chown, chown...)}}, []capability.Cap{capability.Chown}},
		"granted twice":             {observation.Operation{Syscall: "chown", Checks: []observation.Check{granted(capability.Chown, chown...), granted(capability.Chown, chown...)}}, []capability.Cap{capability.Chown}},
		"refused":                   {observation.Operation{Syscall: "chown", Checks: []observation.Check{denied(capability.Chown, chown...)}}, nil},
		"the call failed otherwise": {observation.Operation{Syscall: "chown", Errno: syscall.EROFS, Checks: []observation.Check{granted(capability.Chown, chown...)}}, nil},
		"the storage driver's":      {observation.Operation{Syscall: "chown", Checks: []observation.Check{overridden}}, nil},
		"memory accounting":         {observation.Operation{Syscall: "mmap", Checks: []observation.Check{memory}}, nil},
		"a place that nobody knows": {observation.Operation{Syscall: "ioctl", Checks: []observation.Check{granted(capability.SysAdmin, "capable", "some_driver_ioctl")}}, nil},
	} {
		var got []capability.Cap
		for _, u := range Uses(observation.Observation{Operations: []observation.Operation{c.op}}) {
			if u.CallSite == "" || u.Operation.Syscall != c.op.Syscall {
				t.Errorf("%s: %+v", name, u)
			}
			got = append(got, u.Capability)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
