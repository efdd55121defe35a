package search

import (
	"context"
	"errors"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/workload"
)

func caps(c ...capability.Cap) grant.Set { return grant.Of(capability.Of(c...)) }

func options(o ...workload.Setting) grant.Set { return grant.Of(0, o...) }

func always(int) bool { return true }

// TestRules holds each rule of the search by name.
func TestRules(t *testing.T) {
	option := func(o workload.Setting) step { return needsOption(o.Name, o.Value) }
	for _, c := range []struct {
		name    string
		steps   []step
		change  func(*lab, *Goal)
		verdict Verdict
		want    grant.Set
		runs    int // 0: not counted
		causes  []Cause
	}{
		{name: "nothing is needed: one run", verdict: Proven, runs: 1},
		{name: "one need: nothing, with it, confirmed, without it is the first run again", steps: []step{needs(chown)}, verdict: Proven, want: caps(chown), runs: 4},
		{name: "a chain, each hidden behind the one before", steps: []step{needs(setgid), needs(setuid), needs(chroot)}, verdict: Proven, want: caps(setgid, setuid, chroot)},
		{name: "the least dangerous of two alternatives", steps: []step{needs(override, chown)}, verdict: Proven, want: caps(chown)},
		{name: "one capability for two needs", steps: []step{needs(chown, setuid).that(failsLater), needs(setuid, netRaw).that(failsLater)}, verdict: Proven, want: caps(setuid)},
		{name: "what is survived goes", steps: []step{needs(kill).that(survives), needs(chown)}, verdict: Proven, want: caps(chown)},
		{name: "found by removal where nothing shows", steps: []step{needs(chown).unseen()}, verdict: Proven, want: caps(chown)},
		{name: "a need that shows behind one that does not", steps: []step{needs(chown).unseen(), needs(kill)}, verdict: Proven, want: caps(chown, kill)},
		{name: "without a trace", steps: []step{needs(chown), needs(kill)}, change: func(_ *lab, g *Goal) { g.Trace = false; g.KernelDefaults = nil }, verdict: Proven, want: caps(chown, kill), causes: []Cause{DropsUnseen}},
		{name: "no proof is asked for", steps: []step{needs(chown)}, change: func(_ *lab, g *Goal) { g.Prove = false }, verdict: Confirmed, want: caps(chown), runs: 3, causes: []Cause{NotTested}},
		{name: "not even everything helps", steps: []step{{outOfReach: true}}, verdict: NoSet, causes: []Cause{EverythingFails, OutOfReach}},
		{name: "a capability beyond the allowed ones", steps: []step{needs(admin)}, verdict: NoSet, causes: []Cause{EverythingFails, BeyondAllowed}},
		{name: "strict counts what is survived", steps: []step{needs(kill).that(survives), needs(chown)}, change: func(_ *lab, g *Goal) { g.Strict = true }, verdict: Confirmed, want: caps(chown, kill), causes: []Cause{StrictAdds}},
		{name: "a hang is a failure", steps: []step{needs(chown).that(hangs)}, verdict: Proven, want: caps(chown)},
		{name: "the run limit", steps: []step{needs(chown), needs(kill)}, change: func(l *lab, _ *Goal) { l.maxRuns = 2 }, verdict: Incomplete, causes: []Cause{Unfinished}, want: caps(kill, chown)},
		{name: "a gap in the trace", steps: []step{needs(chown)}, change: func(l *lab, _ *Goal) { l.lossy = 1 }, verdict: Incomplete, want: caps(chown), causes: []Cause{TraceLost}},
		{name: "events that were skipped take nothing from what runs have proven", steps: []step{needs(chown)}, change: func(l *lab, g *Goal) { l.missed = always; g.Drops = false }, verdict: Proven, want: caps(chown), causes: []Cause{TraceMissed}, runs: 7}, // three to see whether a sysctl decides
		{name: "events that were skipped, found by removal", steps: []step{needs(chown).unseen(), needs(kill)}, change: func(l *lab, _ *Goal) { l.missed = always }, verdict: Proven, want: caps(chown, kill), causes: []Cause{TraceMissed}},
		{name: "strict with events that were skipped in the first runs", steps: []step{needs(kill).that(survives), needs(chown)}, change: func(l *lab, g *Goal) { l.missed = func(run int) bool { return run < 6 }; g.Strict = true }, verdict: Confirmed, want: caps(chown, kill), causes: []Cause{StrictAdds, TraceMissed}},
		{name: "strict does not trust a trace of which events were skipped", steps: []step{needs(kill).that(survives), needs(chown)}, change: func(l *lab, g *Goal) { l.missed = always; g.Strict = true }, verdict: Incomplete, want: caps(chown, kill), causes: []Cause{StrictMissed, StrictAdds, TraceMissed}},
		{name: "the engine refuses what would help", steps: []step{needs(admin)}, change: func(l *lab, g *Goal) { l.unknown = capability.Of(admin); g.Allowed = g.Allowed.With(admin) }, verdict: NoSet, causes: []Cause{EverythingFails, EngineRefuses}},
		{name: "the engine refuses one of two alternatives", steps: []step{needs(admin, chown)}, change: func(l *lab, g *Goal) { l.unknown = capability.Of(chown); g.Allowed = g.Allowed.With(admin) }, verdict: Proven, want: caps(admin)},

		// Privileges that a process meant to give up.
		{name: "what lets a process give up privileges is needed, and the run in which it keeps them proves it", steps: []step{needs(chown), needs(setgid).that(keeps)}, verdict: Proven, want: caps(chown, setgid), runs: 5},
		{name: "privileges kept: tolerated", steps: []step{needs(chown), needs(setgid).that(keeps)}, change: func(_ *lab, g *Goal) { g.Drops = false }, verdict: Proven, want: caps(chown)},
		{name: "privileges kept: one of two capabilities lets go of them", steps: []step{needs(setgid, admin).that(keeps), needs(setuid).that(keeps)}, verdict: Proven, want: caps(setgid, setuid)},
		{name: "privileges kept: what else is survived goes", steps: []step{needs(kill).that(survives), needs(setgid).that(keeps)}, verdict: Proven, want: caps(setgid), runs: 3},
		{name: "privileges kept for want of what may not be granted", steps: []step{needs(chown), needs(admin).that(keeps)}, verdict: Proven, want: caps(chown)},
		{name: "privileges kept for want of what the engine refuses", steps: []step{needs(chown), needs(setgid).that(keeps)}, change: func(l *lab, _ *Goal) { l.unknown = capability.Of(setgid) }, verdict: Proven, want: caps(chown)},
		{name: "privileges kept with a set that was found by removal", steps: []step{needs(chown).unseen(), needs(setgid).that(keeps)}, verdict: Proven, want: caps(chown, setgid)},
		{name: "privileges kept: removal makes a program mean to give them up", steps: []step{needs(chown), needs(kill), needs(setgid).that(keeps).onlyWithout(netRaw), needs(netRaw).that(survives)}, verdict: Proven, want: caps(chown, kill, setgid)},
		{name: "privileges kept, no proof is asked for", steps: []step{needs(setgid).that(keeps)}, change: func(_ *lab, g *Goal) { g.Prove = false }, verdict: Confirmed, want: caps(setgid), causes: []Cause{NotTested}, runs: 3},

		// Programs that are not monotone.
		{
			name: "a step that succeeds makes the next one needed", verdict: Proven, want: caps(chroot),
			steps: []step{needs(chown).that(survives), needs(setuid).onlyWith(chown), needs(chroot)},
		},
		{
			name: "what is needed once something else was changed", verdict: Proven, want: caps(setuid),
			steps: []step{needs(chown).that(survives), needs(override).onlyWith(chown), needs(setuid)},
		},
		{
			name: "a need that comes with another capability", verdict: Proven, want: caps(chown, kill),
			steps: []step{needs(chown), needs(kill).onlyWith(chown)},
		},
		{
			name: "found by removal, where a step comes with another capability", verdict: Proven, want: caps(setuid),
			steps: []step{needs(setuid).unseen(), needs(netRaw).unseen().onlyWith(chown)},
		},

		{
			name: "a program that refuses to run with what it asked for", verdict: Proven, want: caps(mknod),
			steps: []step{needs(chroot).that(survives), step{outOfReach: true, hidden: true}.onlyWith(chroot), needs(mknod)},
		},
		{
			name: "a program that refuses to run with everything", verdict: NoSet, causes: []Cause{EverythingFails},
			steps: []step{needs(chroot), {outOfReach: true, hidden: true}},
		},

		// Relaxations.
		{name: "a device", steps: []step{option(fuse)}, change: privileged, verdict: Proven, want: options(fuse)},
		{name: "a device and a capability behind it", steps: []step{option(fuse), needs(chown)}, change: privileged, verdict: Proven, want: caps(chown).Union(options(fuse))},
		{name: "a capability and a device behind it", steps: []step{needs(chown), option(fuse)}, change: privileged, verdict: Proven, want: caps(chown).Union(options(fuse))},
		{name: "a relaxation that does not show", steps: []step{option(unmasked).unseen(), needs(chown)}, change: privileged, verdict: Proven, want: caps(chown).Union(options(unmasked))},
		{name: "a relaxation that is survived goes", steps: []step{option(noFilter).that(survives), option(fuse)}, change: privileged, verdict: Proven, want: options(fuse)},
		{name: "without --privileged there are none", steps: []step{option(fuse)}, verdict: NoSet, causes: []Cause{EverythingFails}},
		{
			name: "the engine does not take a relaxation, and takes a wider one", steps: []step{option(fuse)}, verdict: Proven, want: options(allDevices),
			change: func(l *lab, g *Goal) { privileged(l, g); l.untakable = []workload.Setting{fuse} },
		},
		{
			name: "the engine does not take the one that helps", steps: []step{option(noFilter)}, verdict: NoSet, causes: []Cause{EverythingFails, OptionRefused},
			change: func(l *lab, g *Goal) { privileged(l, g); l.untakable = []workload.Setting{noFilter} },
		},
		{
			name: "one of all is not taken, and not needed", steps: []step{option(unmasked).unseen()}, verdict: Proven, want: options(unmasked),
			change: func(l *lab, g *Goal) { privileged(l, g); l.untakable = []workload.Setting{noFilter} },
		},
		{
			name: "one of two is not taken, and not needed", steps: []step{option(noFilter).that(survives), option(fuse).that(failsLater)}, verdict: Proven, want: options(fuse),
			change: func(l *lab, g *Goal) { privileged(l, g); l.untakable = []workload.Setting{noFilter} },
		},
		{
			name: "a wide one is narrowed down", steps: []step{option(kvm).unseen()}, verdict: Proven, want: options(kvm),
			change: func(_ *lab, g *Goal) {
				g.Allowed, g.Relaxations = capability.Known(), catalogue{map[workload.Setting][]workload.Setting{allDevices: {fuse, kvm}}}
			},
		},
		{
			name: "a relaxation is proven under the set that is left", verdict: Proven, want: caps(chroot), change: privileged,
			steps: []step{needs(chown).that(survives), option(fuse).onlyWith(chown), needs(chroot)},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, g := &lab{steps: c.steps}, goal()
			if c.change != nil {
				c.change(l, &g)
			}
			r := find(t, l, g)
			if r.Verdict != c.verdict || !r.Grants.Equal(c.want) {
				t.Errorf("%s %v, want %s %v\n%s", r.Verdict, r.Grants.Grants(), c.verdict, c.want.Grants(), l.list())
			}
			if c.runs > 0 && len(l.trials) != c.runs {
				t.Errorf("%d runs, want %d\n%s", len(l.trials), c.runs, l.list())
			}
			if len(r.Reasons) != len(c.causes) {
				t.Fatalf("reasons %+v, want %v", r.Reasons, c.causes)
			}
			for i, cause := range c.causes {
				if r.Reasons[i].Cause != cause {
					t.Errorf("reason %d is %+v, want cause %d", i, r.Reasons[i], cause)
				}
			}
		})
	}
}

func privileged(_ *lab, g *Goal) { g.Allowed, g.Relaxations = capability.Known(), catalogue{} }

func TestPortable(t *testing.T) {
	ports := defaults[0].Name
	for _, c := range []struct {
		name    string
		steps   []step
		change  func(*lab, *Goal)
		nothing bool
		verdict Verdict
		want    grant.Set
		causes  []Cause
	}{
		{name: "nothing depends on a sysctl", steps: []step{needs(chown)}, nothing: true},
		{name: "one more capability", steps: []step{needs(chown), needs(bind).unlessSysctl(ports)}, verdict: Proven, want: caps(chown, bind)},
		{name: "the same set", steps: []step{needs(chown), needs(bind).unlessSysctl(ports).that(survives)}, verdict: Proven, want: caps(chown)},
		{name: "another capability instead", steps: []step{needs(chown).onlyWithout(bind), needs(bind).unlessSysctl(ports)}, verdict: Proven, want: caps(bind)},
		{name: "no capability helps", steps: []step{{outOfReach: true, sysctl: ports, onlyAtDefault: true}}, verdict: NoSet, causes: []Cause{EverythingFails, OutOfReach}},
		{name: "the network is another container's", steps: []step{needs(bind).unlessSysctl(ports)}, change: func(_ *lab, g *Goal) { g.SysctlsFixed = true }, verdict: Incomplete, causes: []Cause{SysctlsFixed}},
		{name: "the engine does not take them", steps: []step{needs(bind).unlessSysctl(ports)}, change: func(l *lab, _ *Goal) { l.noSysctls = true }, verdict: Incomplete, causes: []Cause{SysctlsRefused}},
		{name: "a trace of which events were skipped does not tell that nothing depends on one", steps: []step{needs(bind).unlessSysctl(ports).unrecorded()}, change: func(l *lab, _ *Goal) { l.missed = always }, verdict: Proven, want: caps(bind), causes: []Cause{TraceMissed}},
		{name: "such a trace, and the network is another container's", steps: []step{needs(bind).unlessSysctl(ports).unrecorded()}, change: func(l *lab, g *Goal) { l.missed, g.SysctlsFixed = always, true }, verdict: Incomplete, causes: []Cause{SysctlsFixed}},
		{name: "without a trace only a run tells", steps: []step{needs(bind).unlessSysctl(ports)}, change: func(_ *lab, g *Goal) { g.Trace = false }, verdict: Proven, want: caps(bind), causes: []Cause{DropsUnseen}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, g := &lab{steps: c.steps}, goal()
			if c.change != nil {
				c.change(l, &g)
			}
			p := find(t, l, g).Portable
			if p == nil || c.nothing {
				if p != nil || !c.nothing {
					t.Fatalf("portable: %+v\n%s", p, l.list())
				}
				return
			}
			if p.Verdict != c.verdict || !p.Grants.Equal(c.want) {
				t.Errorf("%s %v, want %s %v\n%s", p.Verdict, p.Grants.Grants(), c.verdict, c.want.Grants(), l.list())
			}
			if len(p.Reasons) != len(c.causes) {
				t.Fatalf("reasons %+v, want %v", p.Reasons, c.causes)
			}
			for i, cause := range c.causes {
				if p.Reasons[i].Cause != cause {
					t.Errorf("reason %d is %+v, want cause %d", i, p.Reasons[i], cause)
				}
			}
		})
	}
}

// TestEveryPortableGrantIsProvenThere: what was proven with fewer capabilities and other
// sysctls is no proof of the portable set.
func TestEveryPortableGrantIsProvenThere(t *testing.T) {
	l := &lab{steps: []step{needs(chown), needs(kill), needs(bind).unlessSysctl(defaults[0].Name)}}
	p := find(t, l, goal()).Portable
	for g, run := range p.ProvenBy {
		if len(l.trials[run-1].Sysctls) == 0 {
			t.Errorf("%s is proven by run %d, which had the engine's sysctls", g, run)
		}
	}
}

func TestCommandThatDoesNotStart(t *testing.T) {
	missing := errors.New("no such file")
	for _, c := range []struct {
		name       string
		notStarted func(grant.Set) (bool, error)
		err        error
		verdict    Verdict
		want       grant.Set
	}{
		{name: "never", notStarted: func(grant.Set) (bool, error) { return false, missing }, err: missing},
		{name: "a file that no capability brings, until one does", verdict: Proven, want: caps(override), notStarted: func(s grant.Set) (bool, error) {
			if s.Capabilities.Has(override) {
				return false, nil
			}
			return false, missing
		}},
		{name: "a permission that nothing gives", verdict: NoSet, notStarted: func(grant.Set) (bool, error) { return true, missing }},
		{name: "a permission that a capability gives", verdict: Proven, want: caps(netRaw), notStarted: func(s grant.Set) (bool, error) {
			if s.Capabilities.Has(netRaw) {
				return false, nil
			}
			return true, missing
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &lab{notStarted: c.notStarted, t: t}
			r, err := Find(context.Background(), l, goal())
			if !errors.Is(err, c.err) || r.Verdict != c.verdict || !r.Grants.Equal(c.want) {
				t.Errorf("%s %v, %v, want %s %v, %v\n%s", r.Verdict, r.Grants.Grants(), err, c.verdict, c.want.Grants(), c.err, l.list())
			}
		})
	}
}

// TestCompanion: a slow first run is given a companion, whose answer is not asked for
// again.
func TestCompanion(t *testing.T) {
	l := &lab{steps: []step{{outOfReach: true, then: hangs}}, slow: true}
	r := find(t, l, goal())
	if r.Verdict != NoSet || len(l.trials) != 2 {
		t.Errorf("%s after\n%s", r.Verdict, l.list())
	}
}

// TestEvidenceThatThePassingRunHasToo is no evidence.
func TestEvidenceThatThePassingRunHasToo(t *testing.T) {
	both := needs(setuid, admin).that(survives)
	l := &lab{steps: []step{both, needs(chown)}}
	r := find(t, l, Goal{Allowed: capability.Of(chown), Trace: true, Prove: true})
	passing := r.Knowledge.Denials[r.Knowledge.Last.Run]
	if len(passing) != 1 || !r.Knowledge.Survived(passing[0]) {
		t.Fatalf("the passing run shows %+v", passing)
	}
	if r.Knowledge.denied(1).Has(setuid) {
		t.Error("what the passing run was refused too counts as a want")
	}
	if passing[0].Effect != mapper.Decisive {
		t.Errorf("the refusal is %s", passing[0].Effect)
	}
}
