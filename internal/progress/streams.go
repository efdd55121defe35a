package progress

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/capprof/capprof/internal/text"
)

// lines cuts what is written into lines.
type lines struct {
	emit func(string)
	mu   sync.Mutex
	open []byte
}

// longest bounds a line that never ends.
const longest = 4 << 10

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(b)
	for {
		line, rest, ended := bytes.Cut(b, []byte("\n"))
		l.open = append(l.open, line...)
		if !ended && len(l.open) < longest {
			return n, nil
		}
		l.emit(strings.TrimRight(string(l.open), "\r"))
		l.open = l.open[:0]
		if !ended {
			return n, nil
		}
		b = rest
	}
}

func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) > 0 {
		l.emit(strings.TrimRight(string(l.open), "\r"))
		l.open = nil
	}
}

// lastLine remembers a run's last line for the status line.
type lastLine struct {
	p *Progress
	a *active
	l *lines
}

func (w *lastLine) Write(b []byte) (int, error) {
	if !w.p.opts.Live {
		return len(b), nil
	}
	if w.l == nil {
		w.l = &lines{emit: func(line string) {
			w.p.mu.Lock()
			defer w.p.mu.Unlock()
			w.a.last = text.Printable(line)
		}}
	}
	return w.l.Write(b)
}

// prefixed shows lines behind the run's number.
type prefixed struct {
	p      *Progress
	number int
	l      *lines
}

func (w *prefixed) Write(b []byte) (int, error) {
	if w.l == nil {
		w.l = &lines{emit: func(line string) { w.p.line(fmt.Sprintf("run %d | %s", w.number, line)) }}
	}
	return w.l.Write(b)
}

func (w *prefixed) end() {
	if w.l != nil {
		w.l.end()
	}
}

// raw passes bytes through.
type raw struct{ p *Progress }

func (w raw) Write(b []byte) (int, error) {
	w.p.mu.Lock()
	defer w.p.mu.Unlock()
	return w.p.opts.Writer.Write(b)
}
