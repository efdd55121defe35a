package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
)

const (
	netBind  = capability.NetBindService
	netAdmin = capability.NetAdmin

	ports = observation.UnprivilegedPortStart
	pings = observation.PingGroupRange
)

// traceless is --no-trace, with the sysctls as they are.
func traceless(o *Options) { o.Version = withoutTrace }

func TestPortableSet(t *testing.T) {
	listens := needs(netBind).unless(ports)
	for _, c := range []struct {
		name    string
		program program
		change  func(*Options)
		engine  func(*fakeEngine)
		local   []capability.Cap
		verdict profile.Verdict
		set     []capability.Cap
		sysctls []string
		// runs are those beyond the ones of the workload's own answer.
		runs []string
		says []string
	}{
		{
			name: "more", program: does(needs(chown), listens), local: []capability.Cap{chown}, verdict: profile.Proven,
			set: []capability.Cap{chown, netBind}, sysctls: []string{ports + "=1024"},
			runs: []string{
				"explore CHOWN failed portable", "explore CHOWN+NET_BIND_SERVICE passed portable", "confirm CHOWN+NET_BIND_SERVICE passed portable",
				"remove CHOWN failed portable", "remove NET_BIND_SERVICE failed portable",
			},
		},
		{
			name: "more than nothing", program: does(listens), verdict: profile.Proven, set: []capability.Cap{netBind},
			sysctls: []string{ports + "=1024"},
			runs: []string{
				"explore none failed portable", "explore NET_BIND_SERVICE passed portable", "confirm NET_BIND_SERVICE passed portable", "remove none failed portable",
			},
		},
		{
			name: "equal", program: does(needs(chown), needs(netBind).that(survives).unless(ports)), local: []capability.Cap{chown},
			verdict: profile.Proven, set: []capability.Cap{chown}, sysctls: []string{ports + "=1024"},
			runs: []string{"explore CHOWN passed portable", "confirm CHOWN passed portable", "remove none failed portable"},
		},
		{
			name: "equal and empty", program: does(needs(netBind).that(survives).unless(ports)), verdict: profile.Proven,
			sysctls: []string{ports + "=1024"}, runs: []string{"explore none passed portable"},
		},
		{
			name: "both sysctls", program: does(listens, needs(netRaw).unless(pings)), verdict: profile.Proven, set: []capability.Cap{netBind, netRaw},
			sysctls: []string{ports + "=1024", pings + "='1 0'"},
		},
		{
			name: "one is the user's own", program: does(listens, needs(netRaw).unless(pings)), verdict: profile.Proven, set: []capability.Cap{netRaw},
			change:  given("sysctl", ports+"=0"),
			sysctls: []string{pings + "='1 0'"},
		},
		{
			name: "found by removal", program: does(needs(chown), listens.as(hidden)), local: []capability.Cap{chown}, verdict: profile.Proven,
			set: []capability.Cap{chown, netBind}, sysctls: []string{ports + "=1024"},
		},
		{
			// Raw sockets take NET_RAW in the place of NET_ADMIN for some things.
			name: "one that is added stands in for another", program: does(needs(netAdmin, netRaw), needs(netRaw).unless(pings)),
			change: func(o *Options) { o.Allowed = capability.Of(netAdmin, netRaw) }, local: []capability.Cap{netRaw}, verdict: profile.Proven,
			set: []capability.Cap{netRaw}, sysctls: []string{pings + "='1 0'"},
		},
		{
			name: "what stood in for another may go", local: []capability.Cap{kill}, verdict: profile.Proven, set: []capability.Cap{setgid},
			// Which is the less dangerous: KILL, then SETGID.
			program: does(needs(kill, setgid), needs(setgid).unless(ports)), sysctls: []string{ports + "=1024"},
		},
		{
			name: "strict", program: does(needs(chown).that(survives), needs(netBind).that(survives).unless(ports)),
			change: func(o *Options) { o.Strict = true }, local: []capability.Cap{chown}, verdict: profile.Confirmed,
			set: []capability.Cap{chown, netBind}, sysctls: []string{ports + "=1024"}, says: []string{"--strict"},
		},
		{
			name: "not proven", program: does(needs(chown), listens), change: func(o *Options) { o.Prove = false }, local: []capability.Cap{chown},
			verdict: profile.Confirmed, set: []capability.Cap{chown, netBind}, sysctls: []string{ports + "=1024"},
			runs: []string{
				"explore CHOWN failed portable", "explore CHOWN+NET_BIND_SERVICE passed portable", "confirm CHOWN+NET_BIND_SERVICE passed portable",
			},
			says: []string{"--no-prove"},
		},
		{
			name: "without a trace", program: does(needs(chown), listens), change: traceless, local: []capability.Cap{chown},
			verdict: profile.Proven, set: []capability.Cap{chown, netBind},
			sysctls: []string{ports + "=1024", pings + "='1 0'"},
		},
		{
			name: "without a trace, equal", program: does(needs(chown)), change: traceless, local: []capability.Cap{chown},
			verdict: profile.Proven, set: []capability.Cap{chown}, sysctls: []string{ports + "=1024", pings + "='1 0'"},
			runs: []string{"search CHOWN passed portable", "confirm CHOWN passed portable", "remove none failed portable", "remove none failed portable"},
		},
		{
			name: "not root", program: does(listens.as(outOfReach)), verdict: profile.Failed, sysctls: []string{ports + "=1024"},
			says: []string{"granting that does not help", "with " + ports + "=0 on the target"},
		},
		{
			name: "nothing helps", program: does(needs(netRaw).as(hopeless).unless(pings)), verdict: profile.Failed, sysctls: []string{pings + "='1 0'"},
			says: []string{"exits with 1", "with " + pings + "='0 2147483647' on the target"},
		},
		{
			name: "not allowed", program: does(listens), change: func(o *Options) { o.Allowed = capability.Of(chown) }, verdict: profile.Failed,
			sysctls: []string{ports + "=1024"}, says: []string{"--allow NET_BIND_SERVICE"},
		},
		{
			name: "the host's network", program: does(listens), change: given("network", "host"), verdict: profile.Incomplete,
			sysctls: []string{ports + "=1024"}, runs: []string{}, says: []string{"--network host", "not the container's own (" + ports + "=0)"},
		},
		{
			name: "the engine takes no sysctl", program: does(listens), verdict: profile.Incomplete, sysctls: []string{ports + "=1024"},
			engine: func(e *fakeEngine) {
				e.onRun = func(number int) error {
					if number > 1 {
						return fmt.Errorf("%w: sysctl is not in a separate kernel namespace", engine.ErrBadWorkload)
					}
					return nil
				}
			},
			says: []string{"does not run it with " + ports + "=1024", "separate kernel namespace"},
		},
		{
			name: "losses", program: does(listens), verdict: profile.Incomplete, set: []capability.Cap{netBind}, sysctls: []string{ports + "=1024"},
			engine: func(e *fakeEngine) {
				e.losses, e.loses = observation.Losses{Checks: 1}, func(number int) bool { return number > 1 }
			},
			says: []string{"events of the trace were lost"},
		},
		{
			name: "unstable", verdict: profile.Incomplete, set: []capability.Cap{netBind}, sysctls: []string{ports + "=1024"},
			program: program{steps: func(run int, _ capability.Set) []step {
				if run == 4 {
					return []step{needs(chown).as(hopeless)}
				}
				return []step{listens}
			}},
			says: []string{"not stable"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, c.program)
			if c.engine != nil {
				c.engine(e)
			}
			a := try(t, e, c.change)
			if a.err != nil {
				t.Fatal(a.err)
			}
			own := profile.Proven
			if c.name == "strict" || c.name == "not proven" {
				own = profile.Confirmed
			}
			a.gives(t, own, c.local...)
			p := a.Document.Portable
			if p == nil {
				t.Fatalf("no portable answer\nruns:\n%s", a.runs())
			}
			if p.Verdict != c.verdict || p.Capabilities.Required != capability.Of(c.set...) {
				t.Errorf("%s %s, want %s %s\nreasons: %q\nruns:\n%s", p.Verdict, p.Capabilities.Required, c.verdict, capability.Of(c.set...), p.Reasons, a.runs())
			}
			for _, r := range p.Requirements {
				if traced := a.Document.Environment.Traced; p.Verdict == profile.Proven && traced != (len(r.Denials) > 0) && c.name != "found by removal" {
					t.Errorf("%s is explained by %+v", r.Grant, r.Denials)
				}
			}
			if got := sentence.Settings(p.Sysctls); got != strings.Join(c.sysctls, ", ") {
				t.Errorf("sysctls: %s", got)
			}
			for _, words := range c.says {
				if !strings.Contains(strings.Join(p.Reasons, "\n"), words) {
					t.Errorf("the reasons do not say %q: %q", words, p.Reasons)
				}
			}
			var beyond []string
			for _, line := range strings.Split(a.runs(), "\n") {
				if strings.HasSuffix(line, " portable") {
					beyond = append(beyond, line)
				}
			}
			if got := strings.Join(beyond, "\n"); c.runs != nil && got != strings.Join(c.runs, "\n") {
				t.Errorf("runs portable:\n%s", got)
			}
		})
	}
}

func TestNothingDependsOnSysctls(t *testing.T) {
	for name, c := range map[string]struct {
		program program
		change  func(*Options)
		sysctls map[string]string
	}{
		"no such call":            {program: does(needs(chown))},
		"the kernel's defaults":   {program: does(needs(netBind).unless(ports), needs(netRaw).unless(pings)), sysctls: map[string]string{ports: "1024", pings: "1\t0"}},
		"a kernel without them":   {program: does(needs(netBind).unless(ports)), sysctls: map[string]string{}},
		"the user's own":          {program: does(needs(netBind).unless(ports)), change: given("sysctl", ports+"=0")},
		"no answer":               {program: does(needs(netBind).unless(ports), needs(sysTime))},
		"the host's, not traced":  {program: does(needs(netBind).unless(ports)), change: both(traceless, given("network", "container:1"))},
		"the host's, the default": {program: does(needs(netBind).unless(ports)), sysctls: map[string]string{ports: "1024"}, change: given("network", "host")},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, c.program)
			if c.sysctls != nil {
				e.sysctls = c.sysctls
			}
			a := try(t, e, c.change)
			if a.err != nil || a.Document.Portable != nil || strings.Contains(a.runs(), " portable") {
				t.Errorf("%v: %+v\nruns:\n%s", a.err, a.Document.Portable, a.runs())
			}
		})
	}
}

// Whatever stops the runs for other engines, the workload's own answer stays.
func TestTheRunLimitLeavesTheOwnAnswer(t *testing.T) {
	p := does(needs(chown), needs(netBind).unless(ports), needs(setuid).unless(ports).as(hidden))
	for _, change := range []func(*Options){func(*Options) {}, traceless} {
		whole := try(t, newEngine(t, p), change)
		whole.gives(t, profile.Proven, chown)
		lines := strings.Split(whole.runs(), "\n")
		first := 0
		for !strings.HasSuffix(lines[first], " portable") {
			first++
		}
		if got := whole.Document.Portable; got.Verdict != profile.Proven || got.Capabilities.Required != capability.Of(chown, netBind, setuid) {
			t.Fatalf("%s %s\n%s", got.Verdict, got.Capabilities, whole.runs())
		}
		for limit := first; limit < len(lines); limit++ {
			a := try(t, newEngine(t, p), both(change, func(o *Options) { o.MaxRuns = limit }))
			a.gives(t, profile.Proven, chown)
			got := a.Document.Portable
			if got == nil || got.Verdict != profile.Incomplete || !strings.Contains(got.Reasons[0], "the run limit was reached") || len(a.Document.Runs) != limit {
				t.Errorf("limit %d: %+v\n%s", limit, got, a.runs())
			}
			a.made(t, lines[:limit]...)
		}
	}
}

func TestInterruptedElsewhere(t *testing.T) {
	for number := 5; number <= 8; number++ {
		stop := errors.New("stop")
		var cancel context.CancelCauseFunc
		e := newEngine(t, does(needs(chown), needs(netBind).unless(ports)))
		e.onRun = func(n int) error {
			if n == number {
				cancel(stop)
			}
			return nil
		}
		a := tryContext(t, e, nil, func(ctx context.Context) context.Context {
			ctx, cancel = context.WithCancelCause(ctx)
			return ctx
		})
		if !errors.Is(a.err, stop) {
			t.Errorf("run %d: %v", number, a.err)
		}
	}
}

// TestRandomPortableSets holds portable sets against brute force, as
// TestRandomPrograms does a workload's own.
func TestRandomPortableSets(t *testing.T) {
	for seed := range 200 {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		steps := randomProgram(r)
		for range 1 + r.IntN(2) {
			s := needs(netBind).unless(ports).that([]reaction{dies, failsLater, survives, hangs}[r.IntN(4)])
			if r.IntN(4) == 0 {
				s.sight = hidden
			}
			at := r.IntN(len(steps) + 1)
			steps = append(steps[:at:at], append([]step{s}, steps[at:]...)...)
		}
		change := both(func(o *Options) { o.Allowed, o.MaxRuns = capability.Of(universe...).With(netBind), 400 }, jobs(1+3*r.IntN(2)))
		if r.IntN(4) == 0 {
			change = both(change, traceless)
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			a := try(t, newEngine(t, does(steps...)), change)
			p := a.Document.Portable
			switch {
			case a.err != nil:
				t.Fatal(a.err)
			case a.Document.Verdict == profile.Failed:
				return
			case a.Document.Verdict != profile.Proven || p == nil || p.Verdict != profile.Proven:
				t.Fatalf("%s, portable: %+v\n%s", a.Document.Verdict, p, a.runs())
			case !passesWith(steps, p.Capabilities.Required):
				t.Errorf("it does not pass with %s\n%s", p.Capabilities.Required, a.runs())
			}
			for c := range p.Capabilities.Required.All() {
				if passesWith(steps, p.Capabilities.Required.Without(c)) {
					t.Errorf("%s can go from %s\n%s", c, p.Capabilities.Required, a.runs())
				}
			}
		})
	}
}
