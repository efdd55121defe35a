package search

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/workload"
)

const (
	chown    = capability.Chown
	kill     = capability.Kill
	setuid   = capability.SetUID
	setgid   = capability.SetGID
	chroot   = capability.SysChroot
	override = capability.DACOverride
	netRaw   = capability.NetRaw
	mknod    = capability.MkNod
	bind     = capability.NetBindService
	admin    = capability.SysAdmin
)

// reaction is what a program does about a refusal.
type reaction int

const (
	dies       reaction = iota // fails at once
	failsLater                 // goes on, and fails in the end
	survives
	keeps // survives, with privileges that it meant to give up
	hangs
)

// step is one thing that a program does, for which it takes one of some grants.
type step struct {
	anyOf  grant.Set
	then   reaction
	hidden bool
	effect mapper.Effect
	// with and unless are capabilities with and without which the program does the step
	// at all.
	with, unless capability.Set
	// sysctl is a name; at the kernel's default the step is refused without its grant,
	uncounted bool // the trace did not see that the sysctl was asked
	// otherwise it passes.
	sysctl string
	// outOfReach refuses the step whatever is granted.
	outOfReach bool
	// onlyAtDefault does the step only where the sysctl has the kernel's default.
	onlyAtDefault bool
}

func needs(caps ...capability.Cap) step {
	return step{anyOf: grant.Of(capability.Of(caps...)), effect: mapper.Decisive}
}

func needsOption(name, value string) step {
	return step{anyOf: grant.Of(0, workload.Setting{Name: name, Value: value})}
}

func (s step) that(then reaction) step { s.then = then; return s }

func (s step) unseen() step { s.hidden = true; return s }

func (s step) onlyWith(c capability.Cap) step { s.with = s.with.With(c); return s }

func (s step) onlyWithout(c capability.Cap) step { s.unless = s.unless.With(c); return s }

func (s step) unlessSysctl(name string) step { s.sysctl = name; return s }

// unrecorded is a use of the sysctl that the trace missed.
func (s step) unrecorded() step { s.uncounted = true; return s }

// met reports whether the step passes, or is not done at all.
func (s step) met(set grant.Set, sysctls []Sysctl) bool {
	caps := set.Capabilities
	switch {
	case !caps.Contains(s.with), !caps.Intersect(s.unless).Empty():
		return true
	case s.onlyAtDefault && len(sysctls) == 0:
		return true
	case s.outOfReach:
		return false
	case s.sysctl != "" && !slices.ContainsFunc(sysctls, func(o Sysctl) bool { return o.Name == s.sysctl }):
		return true
	case !s.anyOf.Capabilities.Intersect(caps).Empty():
		return true
	}
	return slices.ContainsFunc(s.anyOf.Options(), func(o workload.Setting) bool {
		return set.Has(grant.Option(o)) || o.Name == "device" && set.Has(grant.Option(workload.Setting{Name: "device", Value: "/dev"}))
	})
}

// lab runs programs of the tests' own. It is the Lab.
type lab struct {
	t       testing.TB
	steps   []step
	maxRuns int
	// flakes fails a run that would pass.
	flakes func(run int) bool
	// unknown are capabilities, untakable options that the engine refuses.
	unknown    capability.Set
	untakable  []workload.Setting
	notStarted func(set grant.Set) (bool, error)
	lossy      int
	missed     func(run int) bool
	noSysctls  bool
	slow       bool
	trials     []Outcome
}

func (l *lab) Try(_ context.Context, trials ...Trial) ([]Outcome, error) {
	var made []Outcome
	for _, t := range trials {
		if len(l.trials) == 1000 {
			l.t.Fatalf("no end of it for %+v\n%s", l.steps, l.list()[:4000])
		}
		if l.maxRuns > 0 && len(l.trials) >= l.maxRuns {
			return made, fmt.Errorf("%w: %d", ErrRunLimit, l.maxRuns)
		}
		o := l.run(t)
		if t.Companion != nil && l.slow {
			for range 2 {
				c := l.run(*t.Companion)
				if o.Companions = append(o.Companions, c); c.End != Failed {
					break
				}
			}
		}
		made = append(made, o)
	}
	return made, nil
}

func (l *lab) run(t Trial) Outcome {
	o := Outcome{Trial: t, Run: len(l.trials) + 1, End: Passed}
	defer func() { l.trials = append(l.trials, o) }()
	if refused := t.Grants.Capabilities.Intersect(l.unknown); !refused.Empty() {
		o.End, o.Refused, o.Err = Refused, refused, errors.New("unknown capability")
		return o
	}
	for _, u := range l.untakable {
		if t.Grants.Has(grant.Option(u)) {
			o.End, o.Err = Refused, fmt.Errorf("no %s here", u)
			return o
		}
	}
	if l.noSysctls && len(t.Sysctls) > 0 {
		o.End, o.Err = Refused, errors.New("no sysctls here")
		return o
	}
	if l.notStarted != nil {
		if permission, err := l.notStarted(t.Grants); err != nil {
			o.End, o.NotStarted, o.Permission, o.Err = Failed, true, permission, err
			return o
		}
	}
	o.SysctlValues, o.SysctlUses = map[string]string{}, map[string]uint64{}
	o.Lossy = o.Run == l.lossy
	o.Missed = t.Look == Traced && l.missed != nil && l.missed(o.Run)
	late := false
	for i, s := range l.steps {
		if s.sysctl != "" {
			o.SysctlValues[s.sysctl] = "open"
			if !s.uncounted {
				o.SysctlUses[s.sysctl]++
			}
		}
		if s.met(t.Grants, t.Sysctls) {
			continue
		}
		if !s.hidden {
			l.shows(&o, i, s)
		}
		switch s.then {
		case dies:
			o.End = Failed
			return o
		case hangs:
			o.End = Stuck
			return o
		case failsLater:
			late = true
		}
	}
	switch {
	case late || l.flakes != nil && l.flakes(o.Run):
		o.End = Failed
	case len(Keeps(o.Denials, t.Drops)) > 0:
		o.End = Kept
	}
	return o
}

// shows notes what the look at a trial sees of a refused step.
func (l *lab) shows(o *Outcome, i int, s step) {
	op := observation.Operation{Executable: "/bin/program", Syscall: "openat", Errno: syscall.EPERM, Object: observation.Object{Path: fmt.Sprintf("/step/%d", i)}}
	caps := s.anyOf.Capabilities
	switch {
	case o.Look == Watched:
		o.Denied = o.Denied.Union(caps)
	case o.Look != Traced:
	case s.outOfReach:
		o.Denials = append(o.Denials, mapper.Denial{AnyOf: []capability.Cap{chown}, Unreachable: true, Effect: mapper.Decisive, Operation: op})
	case !caps.Empty():
		d := mapper.Denial{AnyOf: caps.ByDanger(), Effect: s.effect, Operation: op}
		if s.then == keeps {
			d.Keeps = "it stays root"
		}
		o.Denials = append(o.Denials, d)
	default:
		o.Failures = append(o.Failures, mapper.Failure{Cause: s.anyOf.Options()[0].String(), Operation: op})
	}
}

func (l *lab) list() string {
	var text strings.Builder
	for _, o := range l.trials {
		fmt.Fprintf(&text, "%d %s %v %v look %d: %s\n", o.Run, o.Purpose, o.Grants.Grants(), o.Sysctls, o.Look, o.End)
	}
	return text.String()
}

// catalogue is a Relaxations of the tests' own.
type catalogue struct {
	narrower map[workload.Setting][]workload.Setting
}

var (
	allDevices = workload.Setting{Name: "device", Value: "/dev"}
	fuse       = workload.Setting{Name: "device", Value: "/dev/fuse"}
	kvm        = workload.Setting{Name: "device", Value: "/dev/kvm"}
	unmasked   = workload.Setting{Name: "security-opt", Value: "systempaths=unconfined"}
	noFilter   = workload.Setting{Name: "security-opt", Value: "seccomp=unconfined"}
)

var optionDanger = []workload.Setting{fuse, kvm, noFilter, unmasked, allDevices}

func (c catalogue) All() []workload.Setting {
	return []workload.Setting{noFilter, unmasked, allDevices}
}

func (c catalogue) For(f mapper.Failure) ([]workload.Setting, bool) {
	for _, o := range optionDanger {
		if f.Cause == o.String() {
			return []workload.Setting{o}, true
		}
	}
	return nil, false
}

func (c catalogue) Narrower(wide workload.Setting) []workload.Setting {
	return c.narrower[wide]
}

func (c catalogue) Danger(o workload.Setting) int { return slices.Index(optionDanger, o) }

var defaults = []Sysctl{{"net.ipv4.ip_unprivileged_port_start", "1024"}, {"net.ipv4.ping_group_range", "1 0"}}

// docker14 are what a goal allows when nothing else is said.
func goal() Goal {
	return Goal{Allowed: capability.DockerDefault, Trace: true, Prove: true, Drops: true, KernelDefaults: defaults}
}

func find(t testing.TB, l *lab, g Goal) Result {
	t.Helper()
	l.t = t
	r, err := Find(context.Background(), l, g)
	if err != nil {
		t.Fatalf("%v\n%s", err, l.list())
	}
	holds(t, l, r.Answer)
	if r.Portable != nil {
		holds(t, l, *r.Portable)
	}
	return r
}

// holds checks that an answer is what the trials say: a good one passed, and a proven
// one has for each grant a failed run with exactly the others.
func holds(t testing.TB, l *lab, a Answer) {
	t.Helper()
	if !a.Verdict.Good() {
		return
	}
	passed, kept := false, false
	for _, o := range l.trials {
		if o.same(a.Grants, a.Sysctls) {
			keeps := len(Keeps(o.Denials, o.Drops.Minus(l.unknown))) > 0
			passed, kept = passed || o.End == Passed || o.End == Kept && !keeps, kept || keeps
		}
	}
	if kept {
		t.Errorf("%s, and in a run with %v privileges were kept\n%s", a.Verdict, a.Grants.Grants(), l.list())
	}
	if !passed {
		t.Errorf("%s, and no run passed with %v\n%s", a.Verdict, a.Grants.Grants(), l.list())
	}
	if a.Verdict != Proven {
		return
	}
	for _, g := range a.Grants.Grants() {
		run := a.ProvenBy[g]
		if run == 0 {
			t.Errorf("proven, and no run proves %s\n%s", g, l.list())
			continue
		}
		o := l.trials[run-1]
		if !o.failed() || !o.Grants.Equal(a.Grants.Without(g)) {
			t.Errorf("%s is said to be proven by run %d, which does not prove it\n%s", g, run, l.list())
		}
	}
}
