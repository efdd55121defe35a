package progress

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/scenario"
	"github.com/capprof/capprof/internal/workload"
)

// screen is a terminal's end of the stream.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// take returns what was written since the last time.
func (s *screen) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.text.Reset()
	return s.text.String()
}

func start(t *testing.T, opts Options) (*Progress, *screen) {
	t.Helper()
	s := &screen{}
	opts.Writer = s
	p, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p, s
}

func run(number int, purpose profile.Purpose, caps ...capability.Cap) profile.Run {
	return profile.Run{Number: number, Purpose: purpose, Capabilities: capability.Of(caps...), Outcome: profile.OutcomePassed}
}

func TestALineARun(t *testing.T) {
	p, s := start(t, Options{})
	without := grant.Capability(capability.Chown)
	failed := run(3, profile.PurposeRemove, capability.Kill)
	failed.Without, failed.Outcome = &without, profile.OutcomeFailed
	failed.Exited(7)
	stuck := run(12, profile.PurposeSearch, capability.Kill, capability.Chown, capability.SetUID, capability.SetGID, capability.NetRaw)
	stuck.Outcome = profile.OutcomeStuck
	unready := run(13, profile.PurposeExplore)
	unready.Outcome, unready.FailedIn, unready.Detail = profile.OutcomeFailed, profiletest.Phase(scenario.FirstBoot, scenario.Start), "it did not listen on 80/tcp"
	unready.Options = []workload.Setting{{Name: "sysctl", Value: "a=1"}}
	for _, c := range []struct {
		run  profile.Run
		took time.Duration
		want string
	}{
		{run(1, profile.PurposeExplore), 1234 * time.Millisecond, "run 1  explore   no capability                      passed     1.23 s\n"},
		{run(2, profile.PurposeConfirm, capability.Kill, capability.Chown), time.Minute, "run 2  confirm   CHOWN, KILL                        passed    60.00 s\n"},
		{failed, 0, "run 3  remove    without CHOWN                      exit 7     0.00 s\n"},
		{stuck, time.Second, "run 12 search    5 capabilities                     stuck      1.00 s\n"},
		{unready, time.Second, "run 13 explore   no capability                      failed     1.00 s  --sysctl a=1  at the start of the first boot: it did not listen on 80/tcp\n"},
	} {
		stdout, stderr, done := p.Started(c.run)
		fmt.Fprintln(stdout, "not shown")
		fmt.Fprintln(stderr, "nor this")
		done()
		p.Ended(c.run, c.took)
		if got := s.take(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	p.Note("a note")
	fmt.Fprint(p.Pull(), "layer 1\nlayer 2\n")
	if got := s.take(); got != "a note\nlayer 1\nlayer 2\n" {
		t.Errorf("%q", got)
	}
}

func TestQuietLeavesNotes(t *testing.T) {
	p, s := start(t, Options{Quiet: true})
	p.Ended(run(1, profile.PurposeExplore), time.Second)
	p.Note("left behind")
	if got := s.take(); got != "left behind\n" {
		t.Errorf("%q", got)
	}
}

const erased = "\r\x1b[K"

func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := start(t, Options{Live: true, Width: 80})
		stdout, stderr, done := p.Started(run(1, profile.PurposeExplore))
		next := func() string {
			<-time.After(redraw)
			synctest.Wait()
			return s.take()
		}
		if got := next(); got != "run 1: trying without capabilities, 0 s" {
			t.Errorf("%q", got)
		}
		fmt.Fprint(stdout, "one\ntwo\npart of a")
		if got := next(); got != erased+"run 1: trying without capabilities, 0 s | two" {
			t.Errorf("%q", got)
		}
		fmt.Fprint(stderr, "three\n")
		_, _, second := p.Started(run(2, profile.PurposeReference))
		if got := next(); got != erased+"run 1: trying without capabilities, 1 s (1 more run in parallel) | three" {
			t.Errorf("%q", got)
		}
		// A line of its own takes the place of the status line.
		second()
		p.Ended(run(2, profile.PurposeReference), time.Second)
		if got := s.take(); !strings.HasPrefix(got, erased+"run 2  reference") || !strings.HasSuffix(got, "s\n") {
			t.Errorf("%q", got)
		}
		fmt.Fprintln(stdout, strings.Repeat("long ", 50))
		if got := next(); len(got) != 79 || strings.Contains(got, erased) {
			t.Errorf("%q is %d wide", got, len(got))
		}
		// East Asian characters take two columns, combining ones none.
		fmt.Fprintln(stdout, strings.Repeat("資", 50))
		if got := strings.TrimPrefix(next(), erased); !strings.Contains(got, "資") || strings.Count(got, "資")*2+strings.IndexRune(got, '資') > 79 {
			t.Errorf("%q is too wide", got)
		}
		done()
		if got := next(); got != erased {
			t.Errorf("%q", got)
		}
		p.Close()
		p.Close()
		if got := next(); got != "" {
			t.Errorf("%q after the end", got)
		}
	})
}

func TestCloseErases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := start(t, Options{Live: true, Width: 80})
		p.Started(run(1, profile.PurposeExplore))
		<-time.After(redraw)
		synctest.Wait()
		p.Close()
		if got := s.take(); !strings.HasSuffix(got, erased) {
			t.Errorf("%q", got)
		}
	})
}

func TestVerbosePrefixesLines(t *testing.T) {
	p, s := start(t, Options{Verbose: true})
	stdout, stderr, done := p.Started(run(4, profile.PurposeConfirm))
	fmt.Fprint(stdout, "one\r\ntw")
	fmt.Fprint(stderr, "error\n")
	fmt.Fprint(stdout, "o\n\nthe end")
	done()
	if got := s.take(); got != "run 4 | one\nrun 4 | error\nrun 4 | two\nrun 4 | \nrun 4 | the end\n" {
		t.Errorf("%q", got)
	}
	// A line that never ends is shown in pieces, not kept.
	stdout, _, done = p.Started(run(5, profile.PurposeConfirm))
	for range 100 {
		fmt.Fprint(stdout, strings.Repeat("x", 1000))
	}
	if got := s.take(); len(got) < 90_000 {
		t.Errorf("%d bytes shown", len(got))
	}
	done()
}

func TestRawPassesEverything(t *testing.T) {
	hostile := "\x1b[2J\x1b]0;title\a\xff\x00\n"
	p, s := start(t, Options{Raw: true, RawTerminal: true, Live: false})
	stdout, stderr, done := p.Started(run(1, profile.PurposeExplore))
	io.WriteString(stdout, hostile)
	io.WriteString(stderr, hostile)
	done()
	if got := s.take(); got != hostile+hostile {
		t.Errorf("%q", got)
	}
	p.Note("a note")
	p.Cooked()
	p.Note("another")
	if got := s.take(); got != "a note\r\nanother\n" {
		t.Errorf("%q", got)
	}
}

// What a workload or an engine writes must not reach the terminal as more than
// text.
func TestHostileOutput(t *testing.T) {
	hostile := "\x1b[2J\x1b]0;title\a\r\x9b31m\u202eevil\x00\x7f"
	harmless := func(where, text string) {
		t.Helper()
		for _, line := range strings.Split(strings.ReplaceAll(text, erased, ""), "\n") {
			if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x202e || 0x80 <= r && r < 0xa0 }) {
				t.Errorf("%s: %q", where, line)
			}
		}
		if !strings.Contains(text, "evil") {
			t.Errorf("%s does not show the text: %q", where, text)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		p, s := start(t, Options{Live: true, Verbose: true, Width: 400})
		stdout, stderr, done := p.Started(run(1, profile.PurposeExplore))
		fmt.Fprintln(stdout, hostile)
		harmless("verbose", s.take())
		fmt.Fprint(stderr, hostile)
		<-time.After(redraw)
		synctest.Wait()
		harmless("live", s.take())
		done()
		harmless("the rest", s.take())
		p.Note(hostile)
		harmless("note", s.take())
		fmt.Fprintln(p.Pull(), hostile)
		harmless("pull", s.take())
	})
}

// Two runs at one time write, start and end while the status line is drawn.
func TestConcurrentRuns(t *testing.T) {
	p, s := start(t, Options{Live: true, Verbose: true, Width: 80})
	var all sync.WaitGroup
	for n := range 4 {
		all.Go(func() {
			for i := range 50 {
				stdout, stderr, done := p.Started(run(n*50+i+1, profile.PurposeRemove))
				var streams sync.WaitGroup
				streams.Go(func() { fmt.Fprintln(stdout, "out") })
				streams.Go(func() { fmt.Fprintln(stderr, "err") })
				streams.Wait()
				done()
				p.Ended(run(n*50+i+1, profile.PurposeRemove), time.Second)
			}
		})
	}
	all.Wait()
	p.Close()
	if got := strings.Count(s.take(), "\n"); got != 4*50*3 {
		t.Errorf("%d lines", got)
	}
}
