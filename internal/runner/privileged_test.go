package runner

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/profile"
)

const (
	fuse     = "--device /dev/fuse"
	ksm      = "--volume /sys/kernel/mm/ksm:/sys/kernel/mm/ksm"
	unmasked = "--security-opt systempaths=unconfined"
	noFilter = "--security-opt seccomp=unconfined"
	mark     = "--sysctl net.ipv4.conf.all.src_valid_mark=1"
)

func fails(path string, errno unix.Errno) observation.Operation {
	return observation.Operation{Syscall: "openat", Errno: errno, Entered: true, Object: observation.Object{Path: path}}
}

func privileged(o *Options) { given("privileged", "true")(o); o.Allowed = capability.Known() }

func privilegedEngine(t testing.TB, p program) *fakeEngine {
	e := newEngine(t, p)
	e.info.Seccomp = dockerSeccomp
	e.info.Devices = []string{"/dev/fuse", "/dev/kvm", "/dev/net/tun", "/dev/vda"}
	return e
}

func TestPrivilegedIsReplaced(t *testing.T) {
	missing, readOnly := opens(fuse, fails("/dev/fuse", unix.ENOENT)), opens(ksm, fails("/sys/kernel/mm/ksm/run", unix.EROFS))
	filtered := opens(noFilter, observation.Operation{Syscall: "keyctl", Errno: unix.EPERM})
	filtered.shown[0].Number = unix.SYS_KEYCTL
	setting := opens(mark, fails("/proc/sys/net/ipv4/conf/all/src_valid_mark", unix.EROFS))
	orOpenProc := opens(unmasked, fails("/proc/sys/net/ipv4/conf/all/src_valid_mark", unix.EROFS))
	masked, anyDevice := hide(opens(unmasked, observation.Operation{})), hide(opens("--device /dev", observation.Operation{}))
	for _, c := range []struct {
		name    string
		program program
		change  func(*Options)
		refuses string
		verdict profile.Verdict
		want    []capability.Cap
		open    []string
		byTrace bool
		reasons []string
	}{
		{name: "nothing is needed", program: does(), verdict: profile.Proven},
		{name: "a device", program: does(missing), verdict: profile.Proven, open: []string{fuse}, byTrace: true},
		{name: "a device and a capability behind it", program: does(missing, needs(chown)), verdict: profile.Proven, want: []capability.Cap{chown}, open: []string{fuse}, byTrace: true},
		{name: "a capability and two relaxations behind it", program: does(needs(chown), readOnly, missing), verdict: profile.Proven, want: []capability.Cap{chown}, open: []string{fuse, ksm}, byTrace: true},
		{name: "what the workload survives goes again", program: does(readOnly.that(survives), missing), verdict: profile.Proven, open: []string{fuse}, byTrace: true},
		{name: "two that go together", program: does(readOnly.that(survives), filtered.that(survives), missing), verdict: profile.Proven, open: []string{fuse}, byTrace: true},
		{name: "seccomp whatever the capabilities", program: does(filtered), verdict: profile.Proven, open: []string{noFilter}, byTrace: true},
		{name: "a sysctl rather than an open /proc", program: does(setting), verdict: profile.Proven, open: []string{mark}, byTrace: true},
		{name: "a sysctl that the engine does not take", program: does(orOpenProc), refuses: mark, verdict: profile.Proven, open: []string{unmasked}, byTrace: true},
		{name: "a capability rather than seccomp", program: does(needs(chroot).as(bySeccomp)), verdict: profile.Proven, want: []capability.Cap{chroot}},
		{name: "a masked path is not seen", program: does(masked, needs(chown)), verdict: profile.Proven, want: []capability.Cap{chown}, open: []string{unmasked}},
		{name: "devices that cannot be told apart", program: does(anyDevice), verdict: profile.Proven, open: []string{"--device /dev"}},
		{name: "one of the devices, which is not seen", program: does(hide(opens("--device /dev/net", observation.Operation{}))), verdict: profile.Proven, open: []string{"--device /dev/net"}},
		{name: "nothing helps", program: does(step{sight: hopeless}), verdict: profile.Failed, reasons: []string{"with everything that is allowed", "nearest to --privileged", "--device /dev"}},
		{
			name: "refused by the engine, with a wider one", program: does(missing), refuses: fuse, verdict: profile.Proven,
			open: []string{"--device /dev"},
		},
		{
			name: "refused by the engine", program: does(filtered), refuses: noFilter, verdict: profile.Failed,
			reasons: []string{"the engine refuses " + noFilter},
		},
		{
			name: "one of all is refused", program: does(masked), refuses: "--volume /sys:/sys", verdict: profile.Proven,
			open: []string{unmasked},
		},
		{
			name: "one of two is refused, and not needed", program: does(readOnly.that(survives), missing), refuses: ksm,
			verdict: profile.Proven, open: []string{fuse}, byTrace: true,
		},
		{name: "untraced", program: does(masked, needs(chown)), change: untraced, verdict: profile.Proven, want: []capability.Cap{chown}, open: []string{unmasked}},
		{name: "not proven", program: does(missing), change: func(o *Options) { o.Prove = false }, verdict: profile.Confirmed, open: []string{fuse}, byTrace: true},
		{name: "the workload's own options stay", program: does(filtered), change: given("security-opt", "seccomp=builtin"), verdict: profile.Failed},
		{name: "without --privileged nothing is opened", program: does(missing), change: given("privileged"), verdict: profile.Failed},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := privilegedEngine(t, c.program)
			e.untakable = c.refuses
			change := privileged
			if c.change != nil {
				change = both(privileged, c.change)
			}
			a := try(t, e, change)
			if a.err != nil {
				t.Fatal(a.err)
			}
			if a.Document.Verdict != c.verdict || a.Document.Capabilities.Required != capability.Of(c.want...) {
				t.Errorf("%s with %s: %q", a.Document.Verdict, a.Document.Capabilities.Required, a.Document.Reasons)
			}
			var open []string
			for _, o := range a.Document.ForRelaxations() {
				open = append(open, o.Grant.String())
				if (o.FoundBy == profile.FoundByTrace) != c.byTrace || o.Allows == "" || o.Danger == "" {
					t.Errorf("%+v", o)
				}
			}
			if !slices.Equal(open, c.open) {
				t.Errorf("relaxations %q, want %q", open, c.open)
			}
			all := strings.Join(a.Document.Reasons, "\n")
			for _, reason := range c.reasons {
				if !strings.Contains(all, reason) {
					t.Errorf("no %q in the reasons:\n%s", reason, all)
				}
			}
			if t.Failed() {
				t.Log(a.runs())
			}
		})
	}
}

// hide takes away what the trace would show of a step.
func hide(s step) step { s.shown = []observation.Operation{}; return s }

func TestPrivilegedAndTheRunLimit(t *testing.T) {
	p := does(needs(chown), opens(ksm, fails("/sys/kernel/mm/ksm/run", unix.EROFS)), opens(fuse, fails("/dev/fuse", unix.ENOENT)))
	whole := try(t, privilegedEngine(t, p), privileged)
	for limit := 1; limit < len(whole.Document.Runs); limit++ {
		a := try(t, privilegedEngine(t, p), both(privileged, func(o *Options) { o.MaxRuns = limit }))
		if a.err != nil || a.Document.Verdict != profile.Incomplete || len(a.Document.Runs) > limit || len(a.Document.Reasons) < 2 {
			t.Errorf("%d runs: %v, %+v", limit, a.err, a.Document)
		}
	}
}

func TestPrivilegedInterrupted(t *testing.T) {
	for run := 1; run <= 4; run++ {
		e := privilegedEngine(t, does(opens(fuse, fails("/dev/fuse", unix.ENOENT))))
		var stop context.CancelFunc
		e.onRun = func(number int) error {
			if number == run {
				stop()
			}
			return nil
		}
		a := tryContext(t, e, privileged, func(ctx context.Context) context.Context {
			ctx, stop = context.WithCancel(ctx)
			return ctx
		})
		if !errors.Is(a.err, context.Canceled) {
			t.Errorf("run %d: %v", run, a.err)
		}
	}
}
