package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/profile/profiletest"
	"github.com/capprof/capprof/internal/workload"
)

// openTerminal makes a terminal of 70 columns and returns its user's end and ours
// (pty(7)).
func openTerminal(t *testing.T) (user, ours *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { user.Close() })
	fd := int(user.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 70}); err != nil {
		t.Fatal(err)
	}
	ours, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return user, ours
}

// TestADumbTerminalGetsText: TERM decides on escape sequences, in all that is written
// to a terminal; NO_COLOR on colours alone.
func TestADumbTerminalGetsText(t *testing.T) {
	for _, c := range []struct {
		term, noColor string
		escapes       bool
		color         bool
	}{
		{term: "xterm", escapes: true, color: true},
		{term: "xterm", noColor: "1", escapes: true},
		{term: "dumb"},
		{term: ""},
	} {
		t.Run(c.term+c.noColor, func(t *testing.T) {
			t.Setenv("TERM", c.term)
			t.Setenv("NO_COLOR", c.noColor)
			_, terminal := openTerminal(t)
			if got, want := screenOf(terminal), (screen{terminal: true, width: 70, escapes: c.escapes}); got != want || got.color() != c.color {
				t.Errorf("%+v, want %+v, coloured %v", got, want, c.color)
			}
			options := progressOptions(workload.Spec{}, &searchFlags{}, stdio{err: terminal}, false)
			if options.Live != c.escapes || options.Width != 70 {
				t.Errorf("progress has %+v", options)
			}
		})
	}
	if got := screenOf(&bytes.Buffer{}); got != (screen{}) {
		t.Errorf("a buffer is %+v", got)
	}
}

// TestADumbTerminalShowsNoEscapes: the commands themselves.
func TestADumbTerminalShowsNoEscapes(t *testing.T) {
	t.Setenv("TERM", "dumb")
	t.Chdir(t.TempDir())
	if err := profile.Save(t.Context(), "profile.json", profiletest.Proven()); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(std stdio){
		"report":  func(std stdio) { _ = writeResult(std, textFormat, profiletest.Proven(), true) },
		"explain": func(std stdio) { dispatch(context.Background(), []string{"explain", "profile.json"}, std) },
		"diff":    func(std stdio) { dispatch(context.Background(), []string{"diff", "profile.json", "profile.json"}, std) },
		"help":    func(std stdio) { dispatch(context.Background(), []string{"run", "--help"}, std) },
	} {
		t.Run(name, func(t *testing.T) {
			user, terminal := openTerminal(t)
			// A terminal's buffer is small: it is read while it is written to.
			shown := make(chan string)
			go func() {
				var all []byte
				for buffer := make([]byte, 4096); ; {
					n, err := user.Read(buffer)
					all = append(all, buffer[:n]...)
					if err != nil || bytes.Contains(all, []byte("the end")) {
						shown <- string(all)
						return
					}
				}
			}()
			write(stdio{in: strings.NewReader(""), out: terminal, err: terminal})
			fmt.Fprintln(terminal, "the end")
			if got := <-shown; strings.Contains(got, "\x1b") || len(got) < 20 {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestSameTerminal(t *testing.T) {
	_, one := openTerminal(t)
	_, other := openTerminal(t)
	again, err := os.OpenFile(one.Name(), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if !sameTerminal(one, again) || sameTerminal(one, other) || sameTerminal(one, &bytes.Buffer{}) {
		t.Error("terminals are not told apart by what they are")
	}
}

// TestRunsAreListedOnce: whoever has just seen them one by one on the same terminal
// is not shown them again.
func TestRunsAreListedOnce(t *testing.T) {
	t.Setenv("TERM", "xterm")
	_, one := openTerminal(t)
	_, other := openTerminal(t)
	for _, c := range []struct {
		name     string
		search   searchFlags
		out, err *os.File
		want     bool
	}{
		{"shown live above", searchFlags{}, one, one, true},
		{"asked for", searchFlags{verbose: true}, one, one, false},
		{"not shown live", searchFlags{quiet: true}, one, one, false},
		{"another terminal", searchFlags{}, one, other, false},
	} {
		if got := c.search.runsWereShown(stdio{out: c.out, err: c.err}); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	if (&searchFlags{}).runsWereShown(stdio{out: &bytes.Buffer{}, err: one}) {
		t.Error("the runs are missing from a report in a file")
	}
}
