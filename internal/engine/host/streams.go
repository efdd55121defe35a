package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/engine"
)

// streams are the standard streams of a program.
type streams struct {
	// theirs are the program's ends.
	theirs [3]*os.File
	// input is our end of its input, nil where nothing is fed.
	input  *os.File
	output []copying
	stdio  engine.Stdio
	tty    bool
	// feeds says that our input is copied.
	feeds bool

	once   sync.Once
	closed chan struct{}
	// broken is closed when an output cannot be written, done when all have ended, from when
	// on err is valid.
	broken, done chan struct{}
	err          error
}

// copying is an output on its way to a writer.
type copying struct {
	from *os.File
	to   io.Writer
}

// openStreams makes pipes, or a terminal.
func openStreams(s *settings, stdio engine.Stdio) (_ *streams, err error) {
	all := &streams{stdio: stdio, tty: s.program.TTY, feeds: s.interactive, closed: make(chan struct{}), broken: make(chan struct{}), done: make(chan struct{})}
	defer func() {
		if err != nil {
			all.closeTheirs()
			all.close()
		}
	}()
	if s.program.TTY {
		ours, theirs, err := pty.Open()
		if err != nil {
			return all, fmt.Errorf("making a terminal: %w", err)
		}
		all.theirs = [3]*os.File{theirs, theirs, theirs}
		all.input = ours
		all.output = []copying{{ours, stdio.Stdout}}
		return all, nil
	}
	if s.open {
		all.theirs[0], all.input, err = os.Pipe()
	} else {
		all.theirs[0], err = os.Open(os.DevNull)
	}
	if err != nil {
		return all, err
	}
	for i, to := range []io.Writer{stdio.Stdout, stdio.Stderr} {
		ours, theirs, err := os.Pipe()
		if err != nil {
			return all, err
		}
		all.theirs[i+1] = theirs
		all.output = append(all.output, copying{ours, to})
	}
	return all, nil
}

// closeTheirs closes the ends that the program has by now.
func (s *streams) closeTheirs() {
	for i, file := range s.theirs {
		if file != nil {
			_ = file.Close() // three times the same one of a terminal
		}
		s.theirs[i] = nil
	}
}

// close ends the copying.
func (s *streams) close() {
	s.once.Do(func() {
		close(s.closed)
		if s.input != nil {
			_ = s.input.Close() // nobody reads it any more
		}
		for _, c := range s.output {
			_ = c.from.Close()
		}
	})
}

// begin begins to copy.
func (s *streams) begin() {
	if s.feeds && s.input != nil {
		go s.feed()
	}
	if s.tty && s.stdio.Resize != nil {
		go resize(s.input, s.stdio.Resize, s.closed)
	}
	failures := make(chan error, len(s.output))
	for _, c := range s.output {
		go func() { failures <- c.run() }()
	}
	go func() {
		for range s.output {
			if err := <-failures; err != nil && s.err == nil {
				s.err = err
				close(s.broken)
			}
		}
		close(s.done)
	}()
}

// run copies to the end. That of a terminal whose other end has gone is an EIO.
func (c copying) run() error {
	buffer := make([]byte, 32<<10)
	for {
		n, err := c.from.Read(buffer)
		if n > 0 && c.to != nil {
			if _, err := c.to.Write(buffer[:n]); err != nil {
				return &engine.WriteError{Err: err}
			}
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF), errors.Is(err, unix.EIO), errors.Is(err, os.ErrClosed):
			return nil
		default:
			return fmt.Errorf("reading the workload's output: %w", err)
		}
	}
}

// wait waits for the end of the output.
func (s *streams) wait() error {
	<-s.done
	return s.err
}

// waitOr is wait, until ctx ends.
func (s *streams) waitOr(ctx context.Context) error {
	select {
	case <-s.done:
		s.close()
		return s.err
	case <-ctx.Done():
		s.close()
		return ctx.Err()
	}
}

// feed passes our input on and then its end. Errors mean that the program ended first.
func (s *streams) feed() {
	last := byte('\n')
	if s.stdio.Stdin != nil {
		buffer := make([]byte, 32<<10)
		for {
			n, err := s.stdio.Stdin.Read(buffer)
			if n > 0 {
				last = buffer[n-1]
				if _, err := s.input.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				break
			}
		}
	}
	if !s.tty {
		_ = s.input.Close() // its end, which nobody may be there to see
		return
	}
	// A terminal's end of file is a Control-D on an empty line, and a first one to end a line
	// that is not (termios(3), VEOF).
	end := "\x04"
	if last != '\n' {
		end += end
	}
	_, _ = io.WriteString(s.input, end)
}
