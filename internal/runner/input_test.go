package runner

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/runner/trial"
)

// slowly delivers a text bit by bit, as a pipe or a person does.
type slowly struct {
	parts []string
	pause time.Duration
}

func (s *slowly) Read(p []byte) (int, error) {
	<-time.After(s.pause)
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.parts[0])
	s.parts = s.parts[1:]
	return n, nil
}

func interactive(source io.Reader) func(*Options) {
	return both(given("interactive", "true"), func(o *Options) { o.Input = trial.NewInput(source) })
}

func TestEveryRunReadsTheSame(t *testing.T) {
	for name, change := range map[string]func(*Options){"traced": jobs(1), "many jobs": jobs(4), "untraced": untraced} {
		t.Run(name, func(t *testing.T) {
			p := does(needs(chown), needs(kill).as(hidden))
			p.reads = "one\ntwo\nthree\n"
			a := try(t, newEngine(t, p), both(change, func(o *Options) {
				interactive(&slowly{[]string{"one\n", "two\n", "three\n"}, time.Second})(o)
			}))
			a.gives(t, profile.Proven, chown, kill)
			for _, r := range a.Document.Runs {
				if r.ExitCode != nil && *r.ExitCode == 9 {
					t.Errorf("run %d got another input", r.Number)
				}
			}
		})
	}
}

// A first run that fails without reading must not cut off what is still being
// written.
func TestInputIsNotCutOffBeforeARunPasses(t *testing.T) {
	for name, change := range map[string]func(*Options){"traced": nil, "untraced": untraced} {
		t.Run(name, func(t *testing.T) {
			// Run 1 ends at once, as a program does that dies before it reads.
			e := newEngine(t, does(needs(chown)))
			e.onRun = func(n int) error {
				if n > 1 {
					e.program.reads = "late\n"
				}
				return nil
			}
			a := try(t, e, func(o *Options) {
				interactive(&slowly{[]string{"late\n"}, 3 * time.Second})(o)
				if change != nil {
					change(o)
				}
			})
			a.gives(t, profile.Proven, chown)
		})
	}
}

func TestInputOfAWorkloadThatIsNotInteractive(t *testing.T) {
	a := try(t, newEngine(t, does()), func(o *Options) { o.Input = trial.NewInput(strings.NewReader("x")) })
	a.gives(t, profile.Proven) // the engine of the tests objects to a standard input
}

// An interruption ends a run that waits for input that does not come.
func TestInterruptedWhileWaitingForInput(t *testing.T) {
	p := does()
	p.reads = "x"
	var writer *io.PipeWriter
	a := tryContext(t, newEngine(t, p), func(o *Options) {
		var source io.Reader
		source, writer = io.Pipe()
		interactive(source)(o)
	}, func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, func() { cancel(); writer.Close() })
		return ctx
	})
	if !errors.Is(a.err, context.Canceled) {
		t.Errorf("%v", a.err)
	}
}
