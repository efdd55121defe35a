package runner

import (
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/trial"
)

const (
	chown      = capability.Chown
	setuid     = capability.SetUID
	setgid     = capability.SetGID
	kill       = capability.Kill
	netRaw     = capability.NetRaw
	override   = capability.DACOverride
	readSearch = capability.DACReadSearch
	chroot     = capability.SysChroot
	sysTime    = capability.SysTime
)

// referencePassed is the run with everything allowed of a program that passes with it.
const referencePassed = "reference AUDIT_WRITE+CHOWN+DAC_OVERRIDE+FOWNER+FSETID+KILL+MKNOD+NET_BIND_SERVICE+NET_RAW+SETFCAP+SETGID+SETPCAP+SETUID+SYS_CHROOT passed"

// Where nothing is traced, a program that ends well with nothing may still be a service
// that does not want to run.
func TestAProgramThatNeedsNothingTakesOneRun(t *testing.T) {
	for name, change := range map[string]func(*Options){"traced": nil, "untraced": untraced, "strict": func(o *Options) { o.Strict = true }, "not proven": func(o *Options) { o.Prove = false }} {
		t.Run(name, func(t *testing.T) {
			a := try(t, newEngine(t, does()), change)
			a.gives(t, profile.Proven)
			want := []string{"explore none passed"}
			if name == "untraced" {
				want = []string{"search none passed", referencePassed}
			}
			a.made(t, want...)
			if a.Document.Environment.Traced != (name != "untraced") {
				t.Errorf("environment: %+v", a.Document.Environment)
			}
		})
	}
}

func TestExploreConfirmProve(t *testing.T) {
	for _, c := range []struct {
		name    string
		program program
		change  func(*Options)
		verdict profile.Verdict
		want    []capability.Cap
		runs    []string
		reasons []string
	}{
		{
			name: "staged", program: does(needs(setgid), needs(setuid), needs(kill).that(failsLater)),
			verdict: profile.Proven, want: []capability.Cap{kill, setgid, setuid},
			runs: []string{
				"explore none failed", "explore SETGID failed", "explore SETGID+SETUID failed", "explore KILL+SETGID+SETUID passed",
				"confirm KILL+SETGID+SETUID passed", "remove SETGID+SETUID failed", "remove KILL+SETUID failed", "remove KILL+SETGID failed",
			},
		},
		{
			name: "tolerated is removed and looked at", program: does(needs(chown).that(survives), needs(kill)),
			verdict: profile.Proven, want: []capability.Cap{kill},
			runs: []string{
				"explore none failed", "explore CHOWN+KILL passed", "confirm CHOWN+KILL passed", "remove CHOWN failed", "remove KILL passed",
				"remove none failed", "explore KILL passed",
			},
		},
		{
			name: "hidden is found by removal", program: does(needs(chown), needs(netRaw).as(hidden)),
			verdict: profile.Proven, want: []capability.Cap{chown, netRaw},
		},
		{
			name: "seccomp", program: does(needs(chroot).as(bySeccomp)), verdict: profile.Proven, want: []capability.Cap{chroot},
			// The watch sees no check, and the exploring run's trace saw the call.
			runs: []string{"explore none failed", "explore SYS_CHROOT passed", "confirm SYS_CHROOT passed", "remove none failed"},
		},
		{
			// Most programs go on well without what fails in silence.
			name: "what fails first, what is silent later", verdict: profile.Proven, want: []capability.Cap{kill},
			program: does(needs(setuid).as(quiet).that(survives), needs(kill)),
			runs:    []string{"explore none failed", "explore KILL passed", referencePassed, "confirm KILL passed", "remove none failed"},
		},
		{
			name: "what is silent, when nothing else is left", verdict: profile.Proven, want: []capability.Cap{kill, setuid},
			program: does(needs(kill), needs(setuid).as(quiet)),
			runs: []string{
				"explore none failed", "explore KILL failed", "explore KILL+SETUID passed", "confirm KILL+SETUID passed",
				"remove SETUID failed", "remove KILL failed",
			},
		},
		{
			name: "the least dangerous alternative", program: does(needs(readSearch, override)), verdict: profile.Proven,
			change: func(o *Options) { o.Allowed = o.Allowed.With(readSearch) }, want: []capability.Cap{override},
		},
		{
			name: "the allowed alternative", program: does(needs(readSearch, override)), verdict: profile.Proven, want: []capability.Cap{readSearch},
			change: func(o *Options) { o.Allowed = o.Allowed.With(readSearch).Without(override) },
		},
		{
			name: "an alternative that another need makes superfluous", program: does(needs(readSearch, override), needs(readSearch)), verdict: profile.Proven,
			change: func(o *Options) { o.Allowed = o.Allowed.With(readSearch) }, want: []capability.Cap{readSearch},
			runs: []string{
				"explore none failed", "explore DAC_OVERRIDE failed", "explore DAC_READ_SEARCH passed", "confirm DAC_READ_SEARCH passed", "remove none failed",
			},
		},
		{
			name: "what an exec or a health check is denied is no need", program: does(needs(chown).that(survives).fromOutside(), needs(kill)),
			verdict: profile.Proven, want: []capability.Cap{kill},
			runs: []string{"explore none failed", "explore KILL passed", referencePassed, "confirm KILL passed", "remove none failed"},
		},
		{
			name: "unless the workload waits for it", program: does(needs(kill), needs(chown).that(failsLater).fromOutside()),
			verdict: profile.Proven, want: []capability.Cap{chown, kill},
			runs: []string{
				"explore none failed", "explore KILL failed", "explore CHOWN+KILL passed", "confirm CHOWN+KILL passed", "remove CHOWN failed", "remove KILL failed",
			},
		},
		{
			// The wider clause must not vanish behind the narrower one that nobody can
			// meet.
			name: "an alternative to what is not allowed", verdict: profile.Proven, want: []capability.Cap{override},
			program: does(needs(readSearch).that(survives), needs(readSearch, override)),
		},
		{
			name: "both stand in for each other", program: program{steps: func(_ int, set capability.Set) []step {
				if set.Has(chown) || set.Has(kill) {
					return []step{needs(chown, kill)}
				}
				return []step{needs(chown).that(failsLater), needs(kill).that(failsLater)}
			}}, verdict: profile.Proven, want: []capability.Cap{kill},
			runs: []string{
				"explore none failed", "explore CHOWN+KILL passed", "confirm CHOWN+KILL passed", "remove CHOWN passed", "remove KILL passed",
				"remove none failed", "explore KILL passed",
			},
		},
		{
			name: "does more with more", program: program{steps: func(_ int, set capability.Set) []step {
				if set.Has(setuid) {
					return []step{needs(kill)}
				}
				return []step{needs(setuid)}
			}}, verdict: profile.Proven, want: []capability.Cap{kill, setuid},
		},
		{
			name: "not proven", program: does(needs(chown)), change: func(o *Options) { o.Prove = false },
			verdict: profile.Confirmed, want: []capability.Cap{chown}, reasons: []string{"--no-prove"},
			runs: []string{"explore none failed", "explore CHOWN passed", "confirm CHOWN passed"},
		},
		{
			name: "found by removal, not proven", program: does(needs(kill).that(survives), needs(chown).as(hidden)), verdict: profile.Confirmed,
			change: func(o *Options) { o.Prove, o.Allowed = false, capability.Of(chown, kill, setuid) }, want: []capability.Cap{chown, kill},
		},
		{
			name: "another exit code", program: program{steps: does(needs(chown)).steps, exit: 3},
			change: func(o *Options) { o.Success = trial.ExitCode(3) }, verdict: profile.Proven, want: []capability.Cap{chown},
		},
		{
			name: "file capabilities", program: program{steps: does().steps, fileCaps: capability.Of(netRaw, kill)},
			verdict: profile.Proven, want: []capability.Cap{kill, netRaw},
			runs: []string{"explore none failed", "explore KILL+NET_RAW passed", "confirm KILL+NET_RAW passed", "remove NET_RAW failed", "remove KILL failed"},
		},
		{
			name: "file capabilities without a trace", program: program{steps: does().steps, fileCaps: capability.Of(netRaw)},
			change: untraced, verdict: profile.Proven, want: []capability.Cap{netRaw},
		},
		{
			name: "by removal alone", program: does(needs(setgid), needs(setuid), needs(chown).that(survives)),
			change: untraced, verdict: profile.Proven, want: []capability.Cap{setgid, setuid},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newEngine(t, c.program)
			e.info.Seccomp = dockerSeccomp
			a := try(t, e, c.change)
			a.gives(t, c.verdict, c.want...)
			a.says(t, c.reasons...)
			if c.runs != nil {
				a.made(t, c.runs...)
			}
			// Several jobs change nothing but the time.
			e = newEngine(t, c.program)
			e.info.Seccomp = dockerSeccomp
			many := try(t, e, both(func(o *Options) { o.Jobs = 4 }, func(o *Options) {
				if c.change != nil {
					c.change(o)
				}
			}))
			many.gives(t, c.verdict, c.want...)
			if many.runs() != a.runs() {
				t.Errorf("with 4 jobs:\n%s\nwith 1:\n%s", many.runs(), a.runs())
			}
		})
	}
}
