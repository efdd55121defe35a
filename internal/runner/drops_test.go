package runner

import (
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
)

// keepsUser is a step in which root is refused to become another user, and goes on.
func keepsUser() step {
	s := needs(setuid).that(survives)
	s.shown = []observation.Operation{{
		Executable: "/bin/program", Comm: "program", Arch: "amd64", Number: unix.SYS_SETUID, Syscall: "setuid", Args: [6]uint64{33},
		Errno: syscall.EPERM, Entered: true, Returned: true, WentOn: true, Count: 1,
		Checks: []observation.Check{{Capability: setuid, Stack: []string{"__sys_setuid"}, Count: 1}},
	}}
	return s
}

func TestPrivilegesThatAreKeptCount(t *testing.T) {
	a := try(t, newEngine(t, does(needs(chown), keepsUser())), nil)
	a.gives(t, profile.Proven, chown, setuid)
	a.made(t, "explore none failed", "explore CHOWN failed", referencePassed, "explore CHOWN+SETUID passed", "confirm CHOWN+SETUID passed", "remove SETUID failed")
	run := a.Document.Runs[1]
	if !run.Kept || *run.ExitCode != 0 {
		t.Errorf("%+v", run)
	}
	for _, r := range a.Document.Requirements {
		if r.Grant.Capability != setuid {
			continue
		}
		if r.ProvenBy != run.Number || r.FoundBy != profile.FoundByTrace || len(r.Denials) != 1 || r.Denials[0].Keeps != "it stays root" {
			t.Errorf("%+v", r)
		}
	}
	if kept := a.Document.KeptPrivileges; len(kept) > 0 {
		t.Errorf("%+v", kept)
	}
}

func TestPrivilegesThatAreKeptAndDoNotCount(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Options)
		engine func(*fakeEngine)
	}{
		"tolerated":            {change: func(o *Options) { o.TolerateDrops = true }},
		"not allowed":          {change: func(o *Options) { o.Allowed = o.Allowed.Without(setuid) }},
		"the engine refuses":   {engine: func(e *fakeEngine) { e.unknown = capability.Of(setuid) }},
		"refused without name": {engine: func(e *fakeEngine) { e.unheld = capability.Of(setuid) }},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, does(needs(chown), keepsUser()))
			if c.engine != nil {
				c.engine(e)
			}
			a := try(t, e, c.change)
			a.gives(t, profile.Proven, chown)
			kept := a.Document.KeptPrivileges
			if len(kept) != 1 || kept[0].Keeps != "it stays root" || !slices.Equal(kept[0].AnyOf, []capability.Cap{setuid}) {
				t.Errorf("%+v", kept)
			}
			if a.Document.Capabilities.Tolerated.Has(setuid) || len(a.Document.Tolerated)+len(a.Document.Blocked) > 0 {
				t.Errorf("tolerated %+v, blocked %+v", a.Document.Tolerated, a.Document.Blocked)
			}
			for _, run := range a.Document.Runs {
				if run.Kept {
					t.Errorf("%+v", run)
				}
			}
		})
	}
}

func TestWithoutATraceNothingIsSaidOfPrivilegesKept(t *testing.T) {
	a := try(t, newEngine(t, does(needs(chown), keepsUser())), untraced)
	a.gives(t, profile.Proven, chown)
	a.says(t, "without a trace it does not show whether a process goes on with privileges")
	tolerant := try(t, newEngine(t, does(needs(chown), keepsUser())), both(untraced, func(o *Options) { o.TolerateDrops = true }))
	tolerant.gives(t, profile.Proven, chown)
	if len(tolerant.Document.Reasons) > 0 {
		t.Errorf("%q", tolerant.Document.Reasons)
	}
}
