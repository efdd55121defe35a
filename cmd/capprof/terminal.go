package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	mobyterm "github.com/moby/term"
	"golang.org/x/term"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/runner"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/workload"
)

// rawTerminal is the caller's terminal while it belongs to the workload.
type rawTerminal struct {
	isRaw   bool
	restore func()
}

// prepareTerminal connects standard input and, with -t, the terminal.
func prepareTerminal(opts *runner.Options, std stdio) (rawTerminal, error) {
	t := rawTerminal{restore: func() {}}
	reads, tty := workload.ReadsInput(opts.Workload.Options), opts.Workload.Options.Bool("tty")
	fd, ok := terminal(std.in)
	switch {
	case reads && tty && !ok:
		// As in CI: the workload has a terminal, and we have none.
		opts.Input = trial.NewInput(io.MultiReader(std.in, strings.NewReader(endOfTransmission)))
	case reads:
		opts.Input = trial.NewInput(std.in)
	}
	if !tty || !ok {
		return t, nil
	}
	opts.Resize = func() (<-chan engine.Size, func()) { return followSize(fd) }
	if reads {
		opts.Input = trial.NewInput(&escapable{mobyterm.NewEscapeProxy(std.in, detachKeys)})
		state, err := term.MakeRaw(fd)
		if err != nil {
			return t, fmt.Errorf("setting the terminal to raw mode: %w", err)
		}
		t.isRaw = true
		t.restore = sync.OnceFunc(func() {
			_ = term.Restore(fd, state) // nothing is left to try
		})
	}
	return t, nil
}

// endOfTransmission is Ctrl-D, by which a terminal says that the input has ended: closing
// a terminal's input is no such sign. util-linux's script(1) writes it too.
const endOfTransmission = "\x04"

// followSize sends the terminal's size now and whenever it changes.
func followSize(fd int) (<-chan engine.Size, func()) {
	sizes := make(chan engine.Size, 1)
	changes := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(changes, syscall.SIGWINCH)
	go func() {
		for {
			if width, height, err := term.GetSize(fd); err == nil {
				select {
				case sizes <- engine.Size{Width: uint(width), Height: uint(height)}:
				case <-done:
					return
				}
			}
			select {
			case <-changes:
			case <-done:
				return
			}
		}
	}()
	return sizes, func() {
		signal.Stop(changes)
		close(done)
	}
}

// detachKeys are docker's: Ctrl-P, Ctrl-Q.
var detachKeys = []byte{16, 17}

// escapable is a raw terminal that interrupts capprof at docker's detach keys.
// Ctrl-C does not: it belongs to the workload, as with docker run -it.
type escapable struct{ io.Reader }

func (e *escapable) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	var escape mobyterm.EscapeError
	if errors.As(err, &escape) {
		// The way of every interruption: through the signal handler.
		if killErr := syscall.Kill(os.Getpid(), syscall.SIGINT); killErr != nil {
			return n, killErr
		}
		return n, io.EOF
	}
	return n, err
}
