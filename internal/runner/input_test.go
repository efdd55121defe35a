package runner

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capprof/capprof/internal/profile"
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
	return both(given("interactive", "true"), func(o *Options) { o.Input = NewInput(source) })
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
	a := try(t, newEngine(t, does()), func(o *Options) { o.Input = NewInput(strings.NewReader("x")) })
	a.gives(t, profile.Proven) // the engine of the tests objects to a standard input
}

func TestInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, writer := io.Pipe()
		in := NewInput(source)
		first, second := in.Reader(), in.Reader()
		go io.WriteString(writer, "typed")
		synctest.Wait()
		buffer := make([]byte, 3)
		if n, err := first.Read(buffer); string(buffer[:n]) != "typ" || err != nil {
			t.Fatalf("%q, %v", buffer[:n], err)
		}
		// A reader that waits ends with its own Close, and with that alone.
		waits := make(chan error, 1)
		go func() { _, err := io.Copy(io.Discard, first); waits <- err }()
		synctest.Wait()
		first.Close()
		if err := <-waits; !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%v", err)
		}
		all := make(chan string, 1)
		go func() { data, _ := io.ReadAll(second); all <- string(data) }()
		synctest.Wait()
		in.Seal()
		if got := <-all; got != "typed" {
			t.Errorf("%q", got)
		}
		// What is typed after the seal is nobody's.
		go io.WriteString(writer, "more")
		synctest.Wait()
		if data, err := io.ReadAll(in.Reader()); string(data) != "typed" || err != nil {
			t.Errorf("%q, %v", data, err)
		}
		writer.Close()
	})
}

func TestInputThatBreaks(t *testing.T) {
	broken := errors.New("input/output error")
	in := NewInput(io.MultiReader(strings.NewReader("ab"), readerFunc(func([]byte) (int, error) { return 0, broken })))
	for range 2 {
		if data, err := io.ReadAll(in.Reader()); string(data) != "ab" || !errors.Is(err, broken) {
			t.Errorf("%q, %v", data, err)
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

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

func TestSealingTellsOnceAndEndsTheInput(t *testing.T) {
	source, typing := io.Pipe()
	defer typing.Close()
	in := NewInput(source)
	told := 0
	in.OnSeal(func() { told++ })
	first := in.Reader()
	go io.WriteString(typing, "hello")
	got := make([]byte, 5)
	if _, err := io.ReadFull(first, got); err != nil || string(got) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
	in.Seal()
	in.Seal()
	if told != 1 {
		t.Errorf("told %d times", told)
	}
	for _, reader := range []io.Reader{first, in.Reader()} {
		rest, err := io.ReadAll(reader)
		if err != nil || !strings.HasSuffix("hello", string(rest)) {
			t.Errorf("%q, %v", rest, err)
		}
	}
	again, err := io.ReadAll(in.Reader())
	if err != nil || string(again) != "hello" {
		t.Errorf("a later reader got %q, %v", again, err)
	}
}
