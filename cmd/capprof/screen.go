package main

import (
	"os"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// screen is what a stream is to the one who reads it.
type screen struct {
	// terminal is false for a file or a pipe.
	terminal bool
	// width is the number of columns, 0 when it is not known.
	width int
	// escapes says that the terminal understands escape sequences: colours, and
	// erasing a line.
	escapes bool
}

// screenOf looks at a stream. TERM=dumb is a terminal that shows escape sequences as
// text, such as a shell in Emacs; so is one that does not say what it is.
func screenOf(stream any) screen {
	fd, ok := terminal(stream)
	if !ok {
		return screen{}
	}
	s := screen{terminal: true}
	if width, _, err := term.GetSize(fd); err == nil {
		s.width = width
	}
	kind := os.Getenv("TERM")
	s.escapes = kind != "" && kind != "dumb"
	return s
}

// color reports whether text may be coloured (https://no-color.org).
func (s screen) color() bool { return s.escapes && os.Getenv("NO_COLOR") == "" }

// terminal returns the descriptor of a stream that is a terminal.
func terminal(stream any) (fd int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile {
		return 0, false
	}
	return int(f.Fd()), term.IsTerminal(int(f.Fd()))
}

// sameTerminal reports whether two streams are shown on one terminal.
func sameTerminal(a, b any) bool {
	var devices [2]uint64
	for i, stream := range []any{a, b} {
		fd, ok := terminal(stream)
		if !ok {
			return false
		}
		var stat unix.Stat_t
		if err := unix.Fstat(fd, &stat); err != nil {
			return false
		}
		devices[i] = stat.Rdev
	}
	return devices[0] == devices[1]
}
