package runner

import (
	"errors"
	"reflect"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/remedy"
)

func TestRequirementsAreExplained(t *testing.T) {
	a := try(t, newEngine(t, does(
		needs(readSearch, override).that(survives), needs(chown, override), needs(setuid).as(hidden), needs(kill).that(survives), needs(chown, override).that(survives),
	)), func(o *Options) { o.Allowed = o.Allowed.With(readSearch) })
	a.gives(t, profile.Proven, override, setuid)
	d := a.Document
	r, _ := d.Requirement(grant.Capability(override))
	if r.FoundBy != profile.FoundByTrace || len(r.Denials) != 2 || len(r.Alternatives) != 0 {
		t.Errorf("%+v", r)
	}
	if r, _ := d.Requirement(grant.Capability(setuid)); r.FoundBy != profile.FoundByRemoval || len(r.Denials) != 0 || r.ProvenBy == 0 {
		t.Errorf("%+v", r)
	}
	if d.Capabilities.Tolerated != capability.Of(kill) || len(d.Tolerated) != 1 || len(d.Blocked) != 0 || d.Capabilities.BeyondAllowed != 0 {
		t.Errorf("tolerated %s, %d denials; blocked %d", d.Capabilities.Tolerated, len(d.Tolerated), len(d.Blocked))
	}
	if d.Environment.Sysctls["net.ipv4.ip_unprivileged_port_start"] != "0" || d.Environment.Hook != "fake" || d.Environment.Seccomp != "unconfined" {
		t.Errorf("environment: %+v", d.Environment)
	}
}

// The evidence holds all that was seen of the refusals, alike ones are counted, and
// the proof names the run that fails without the capability.
func TestEvidenceHoldsWhatWasSeen(t *testing.T) {
	refusal := observation.Operation{
		Executable: "/usr/bin/chown", Comm: "chown", PID: 4711, UID: 0, Arch: "amd64", Number: unix.SYS_FCHOWNAT, Syscall: "fchownat",
		Errno: syscall.EPERM, Entered: true, Returned: true, Count: 3, Object: observation.Object{Path: "/data"},
		Checks: []observation.Check{{Capability: chown, Count: 3, Stack: []string{"capable_wrt_inode_uidgid", "setattr_prepare", "chown_common"}}},
	}
	other := refusal
	other.PID, other.Count = 4712, 2
	a := try(t, newEngine(t, does(step{anyOf: capability.Of(chown), shown: []observation.Operation{refusal, other}})), nil)
	a.gives(t, profile.Proven, chown)
	r, _ := a.Document.Requirement(grant.Capability(chown))
	if len(r.Denials) != 1 {
		t.Fatalf("%+v", r)
	}
	got := r.Denials[0]
	if n := a.Document.Meta.Count(got.ID); n != 5 {
		t.Errorf("counted %d times", n)
	}
	if seen := a.Document.Meta.Occurrences; len(seen) != 1 || seen[0].PID != 4711 {
		t.Errorf("%+v", seen)
	}
	if got.Run != 1 || r.ProvenBy == 0 || a.Document.Runs[r.ProvenBy-1].Purpose != profile.PurposeRemove {
		t.Errorf("seen in run %d, proven by run %d:\n%s", got.Run, r.ProvenBy, a.runs())
	}
	got.ID, got.Run = "", 0
	want := profile.Denial{
		AnyOf:     []capability.Cap{chown},
		Operation: profile.Operation{Executable: "/usr/bin/chown", Process: "chown", Syscall: "fchownat", Errno: "EPERM", Object: "/data"},
		Mechanism: "capability check", CallSite: "setattr_prepare", Meaning: "giving a file to another user or group",
		Remedies: []remedy.Remedy{{Kind: remedy.SetOwner, Path: "/data", User: "0"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// A refusal that another capability of the set has prevented is no reason for the one
// that nothing explains.
func TestEvidenceBelongsToTheCapabilityThatMeetsIt(t *testing.T) {
	a := try(t, newEngine(t, does(needs(setuid, kill).that(failsLater), needs(kill), needs(setuid).as(hidden))), nil)
	a.gives(t, profile.Proven, kill, setuid)
	if r, _ := a.Document.Requirement(grant.Capability(kill)); r.FoundBy != profile.FoundByTrace {
		t.Errorf("%+v", r)
	}
	if r, _ := a.Document.Requirement(grant.Capability(setuid)); r.FoundBy != profile.FoundByRemoval {
		t.Errorf("%+v", r)
	}
}

func TestOccurrencesAreCountedOnceAnOperation(t *testing.T) {
	e := newEngine(t, program{})
	// One operation is evidence for two capabilities; two are alike but for the PID.
	e.program = program{fileCaps: capability.Of(netRaw, kill), steps: does(needs(chown), needs(chown)).steps}
	a := try(t, e, nil)
	a.gives(t, profile.Proven, chown, kill, netRaw)
	for _, o := range a.Document.Meta.Occurrences {
		if o.Count != 1 {
			t.Errorf("%s is counted %d times", o.ID, o.Count)
		}
	}
}

func TestFailedSaysWhatIsInTheWay(t *testing.T) {
	for _, c := range []struct {
		name            string
		program         program
		change          func(*Options)
		unknown         capability.Set
		reasons         []string
		beyond          capability.Set
		blocked         int
		failures, total int
	}{
		{
			name: "a reason that no capability helps with", program: does(step{sight: hopeless}),
			reasons: []string{"with everything that is allowed", "exits with 1"}, failures: 1, total: 3,
		},
		{
			name: "nothing is allowed", program: does(needs(chown)), change: func(o *Options) { o.Allowed = 0 },
			reasons: []string{"with no capability, which is all that is allowed, the workload exits with 1", "--allow CHOWN"},
			beyond:  capability.Of(chown), blocked: 1, total: 2,
		},
		{
			name: "more than allowed", program: does(needs(chown), needs(sysTime)), reasons: []string{"it asks for SYS_TIME", "--allow SYS_TIME"},
			beyond: capability.Of(sysTime), blocked: 1, total: 4,
		},
		{
			name: "refused by the engine", program: does(needs(chown)), unknown: capability.Of(chown),
			reasons: []string{"it asks for CHOWN, which the engine refuses"}, blocked: 1, total: 4,
		},
		{
			name: "refused by the engine, with an alternative that is not allowed", program: does(needs(chown, sysTime)), unknown: capability.Of(chown),
			reasons: []string{"--allow SYS_TIME"}, beyond: capability.Of(sysTime), blocked: 1, total: 4,
		},
		{
			name: "the capability does not arrive", program: does(needs(netRaw).as(outOfReach)),
			reasons: []string{"it asks for NET_RAW, but granting that does not help: the process runs as user 1000", "setcap"}, failures: 1, total: 4,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, c.program)
			e.unknown = c.unknown
			e.program.output = "it is over\n"
			a := try(t, e, c.change)
			a.gives(t, profile.Failed)
			a.says(t, c.reasons...)
			d := a.Document
			if d.Capabilities.BeyondAllowed != c.beyond || len(d.Blocked) != c.blocked || len(d.Failures) != c.failures || len(d.Runs) != c.total || d.Capabilities.Refused != c.unknown {
				t.Errorf("beyond %s, %d blocked, %d failures, refused %s; runs:\n%s\nreasons: %q", d.Capabilities.BeyondAllowed, len(d.Blocked), len(d.Failures),
					d.Capabilities.Refused, a.runs(), d.Reasons)
			}
			if a.Deciding == 0 || !slices.Equal(a.Tail, []string{"it is over"}) || a.StartError != nil {
				t.Errorf("run %d decided, with %q, %v", a.Deciding, a.Tail, a.StartError)
			}
		})
	}
}

func TestStrict(t *testing.T) {
	strict := func(o *Options) { o.Strict = true }
	t.Run("adds what is tolerated", func(t *testing.T) {
		a := try(t, newEngine(t, does(needs(chown).that(survives), needs(kill))), strict)
		a.gives(t, profile.Confirmed, chown, kill)
		a.says(t, "survives without CHOWN", "needs KILL was proven")
		if len(a.Document.Tolerated) != 0 {
			t.Errorf("%+v", a.Document.Tolerated)
		}
	})
	t.Run("from nothing, in stages", func(t *testing.T) {
		a := try(t, newEngine(t, program{steps: func(_ int, set capability.Set) []step {
			if set.Has(setuid) {
				return []step{needs(kill)} // with SETUID it needs more
			}
			return []step{needs(setuid).that(survives)}
		}}), strict)
		a.gives(t, profile.Confirmed, kill, setuid)
		a.made(t, "explore none passed", referencePassed, "explore SETUID failed", "explore KILL+SETUID passed")
	})
	t.Run("adds nothing", func(t *testing.T) {
		a := try(t, newEngine(t, does(needs(kill), needs(sysTime).that(survives))), strict)
		a.gives(t, profile.Proven, kill)
		// What may not be granted is none of what --strict counts.
		if len(a.Document.Tolerated) != 0 || len(a.Document.Blocked) != 1 {
			t.Errorf("tolerated %+v, blocked %+v", a.Document.Tolerated, a.Document.Blocked)
		}
	})
	t.Run("breaks the workload", func(t *testing.T) {
		a := try(t, newEngine(t, program{steps: func(_ int, set capability.Set) []step {
			if set.Has(setuid) {
				return []step{needs(kill), needs(kill), {sight: hopeless}} // another call
			}
			return []step{needs(setuid).that(survives), needs(kill)}
		}}), strict)
		// It passes without what it asked for, and not with it.
		a.gives(t, profile.Incomplete, kill)
		a.says(t, "with KILL, SETUID, which --strict asks for, the workload exits with 1")
	})
	t.Run("breaks a workload that passes", func(t *testing.T) {
		a := try(t, newEngine(t, program{steps: func(_ int, set capability.Set) []step {
			if set.Has(setuid) {
				return []step{{sight: hopeless}}
			}
			return []step{needs(setuid).that(survives)}
		}}), strict)
		a.gives(t, profile.Incomplete)
		a.says(t, "with SETUID, which --strict asks for, the workload exits with 1 in run 4")
	})
	t.Run("an alternative to what the engine refuses", func(t *testing.T) {
		e := newEngine(t, does(needs(chown, kill).that(survives)))
		e.unheld = capability.Of(kill)
		a := try(t, e, strict)
		a.gives(t, profile.Confirmed, chown)
		a.made(t, "explore none passed", "reference AUDIT_WRITE+CHOWN+DAC_OVERRIDE+FOWNER+FSETID+KILL+MKNOD+NET_BIND_SERVICE+NET_RAW+SETFCAP+SETGID+SETPCAP+SETUID+SYS_CHROOT refused",
			"reference AUDIT_WRITE+CHOWN+DAC_OVERRIDE+FOWNER+FSETID+MKNOD+NET_BIND_SERVICE+NET_RAW+SETFCAP+SETGID+SETPCAP+SETUID+SYS_CHROOT passed", "explore CHOWN passed")
	})
	t.Run("without a trace", func(t *testing.T) {
		if a := try(t, newEngine(t, does()), both(strict, untraced)); a.err == nil || len(a.engine.containers) != 0 {
			t.Errorf("%v, %d containers", a.err, len(a.engine.containers))
		}
	})
}

func TestLossesMakeIncomplete(t *testing.T) {
	for name, c := range map[string]struct {
		program program
		verdict profile.Verdict
	}{
		"passes":   {does(), profile.Incomplete},
		"is found": {does(needs(chown)), profile.Incomplete},
		"fails":    {does(step{sight: hopeless}), profile.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, c.program)
			e.losses = observation.Losses{Checks: 2, Stacks: 1}
			a := try(t, e, nil)
			if a.err != nil || a.Document.Verdict != c.verdict || a.Document.Losses.Checks == 0 {
				t.Fatalf("%v %+v", a.err, a.Document)
			}
			a.says(t, "were lost")
		})
	}
}

// Events that the kernel skipped take nothing from what runs have proven, and are told.
func TestSkippedEventsAreTold(t *testing.T) {
	e := newEngine(t, does(needs(chown)))
	e.losses, e.loses = observation.Losses{Missed: 3}, func(number int) bool { return number == 2 }
	a := try(t, e, nil)
	if a.err != nil {
		t.Fatal(a.err)
	}
	a.gives(t, profile.Proven, chown)
	a.says(t, "the kernel skipped 3 events", "not certain")
	if a.Document.Skipped != 3 || a.Document.Losses != (profile.Losses{}) {
		t.Errorf("skipped %d, losses %+v", a.Document.Skipped, a.Document.Losses)
	}
	// Whether a sysctl decides was tried rather than believed.
	if a.Document.Portable == nil || a.Document.Portable.Verdict != profile.Proven || a.Document.Portable.Skipped != 0 {
		t.Errorf("portable: %+v", a.Document.Portable)
	}
}

// A trace that follows the wrong cgroup sees nothing and loses nothing: it must not
// pass for one that saw nothing denied.
func TestATraceThatSawNothingMakesIncomplete(t *testing.T) {
	for name, c := range map[string]struct {
		program program
		verdict profile.Verdict
	}{
		"passes":   {does(), profile.Incomplete},
		"is found": {does(needs(chown)), profile.Incomplete},
		"fails":    {does(step{sight: hopeless}), profile.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, c.program)
			e.blind = func(capability.Set) bool { return true }
			a := try(t, e, nil)
			if a.err != nil || a.Document.Verdict != c.verdict || a.Document.Losses.Unseen == 0 {
				t.Fatalf("%v %+v", a.err, a.Document)
			}
			a.says(t, "saw no process of the container")
		})
	}
	t.Run("a command that does not start shows nothing", func(t *testing.T) {
		p := does()
		p.start = func(set capability.Set) *engine.StartError {
			if set.Has(chown) {
				return nil
			}
			return &engine.StartError{Code: 126, Permission: true, Err: errors.New("permission denied")}
		}
		e := newEngine(t, p)
		e.blind = func(set capability.Set) bool { return !set.Has(chown) }
		a := try(t, e, nil)
		if a.err != nil || a.Document.Losses.Unseen != 0 {
			t.Fatalf("%v %+v", a.err, a.Document)
		}
	})
}

// A thread of the kernel's has a process ID in its name, which no profile keeps.
func TestProcessesHaveSteadyNames(t *testing.T) {
	for comm, want := range map[string]string{"iou-wrk-338": "iou-wrk", "iou-sqp-9": "iou-sqp", "worker-1": "worker-1"} {
		if got := processOf(observation.Operation{Comm: comm}); got != want {
			t.Errorf("%s is shown as %q, want %q", comm, got, want)
		}
	}
}

// TestEvidenceThatThePassingRunHasToo: a daemon asks by capset(2) for more than it needs,
// goes on when that is refused, and then calls setgid. The refused capset is in the
// passing run too, and explains nothing.
func TestEvidenceThatThePassingRunHasToo(t *testing.T) {
	wanted := observation.Operation{
		Executable: "/bin/program", Comm: "program", Arch: "amd64", Number: unix.SYS_CAPSET, Syscall: "capset", Errno: unix.EPERM, Entered: true, Returned: true,
		Object: observation.Object{Capabilities: capability.Of(setgid, sysTime)}, Count: 1,
	}
	asks := step{sight: hopeless, then: survives, shown: []observation.Operation{wanted}}
	a := try(t, newEngine(t, does(asks, needs(setgid))), nil)
	a.gives(t, profile.Proven, setgid)
	for _, d := range a.Document.Requirements[0].Denials {
		if d.Syscall == "capset" {
			t.Errorf("explained by what the passing run was refused too: %+v", d)
		}
	}
	if r := a.Document.Requirements[0]; r.FoundBy != profile.FoundByTrace || len(r.Denials) != 1 || r.Denials[0].Syscall != "openat" {
		t.Errorf("%+v", r)
	}
}
