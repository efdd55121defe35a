// Package progress shows people what capprof is doing: one line per run, and on a
// terminal a live line for the current run with the workload's last line of output.
// It also saves the workload's output to files, or shows it as it comes.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/capprof/capprof/internal/profile"
	"github.com/capprof/capprof/internal/sentence"
	"github.com/capprof/capprof/internal/text"
)

// Options say where and how.
type Options struct {
	// Writer receives everything: standard error.
	Writer io.Writer
	// Live redraws a status line; for terminals of Width characters.
	Live  bool
	Width int
	// Quiet leaves out all but notes.
	Quiet bool
	// Verbose shows the workload's output, each line after its run's number.
	Verbose bool
	// Raw passes the workload's output through as it is, for -i and -t.
	Raw bool
	// RawTerminal says that the terminal needs a carriage return at the end of a line.
	RawTerminal bool
	// LogDir, when not empty, receives each run's output as files.
	LogDir string
}

// Progress implements runner.Observer.
type Progress struct {
	opts Options
	logs *logDir // nil without Options.LogDir

	mu     sync.Mutex
	active []*active
	drawn  bool
	ticker *time.Ticker
	stop   chan struct{}
}

// active is a run under way.
type active struct {
	run   profile.Run
	began time.Time
	last  string
}

// redraw is how often the status line changes.
const redraw = 200 * time.Millisecond

// New makes the log directory, where one is wanted. The caller ends with Close.
func New(opts Options) (*Progress, error) {
	p := &Progress{opts: opts, stop: make(chan struct{})}
	if opts.LogDir != "" {
		var err error
		if p.logs, err = openLogDir(opts.LogDir); err != nil {
			return nil, err
		}
	}
	if opts.Live {
		p.ticker = time.NewTicker(redraw)
		go p.tick(p.ticker.C)
	}
	return p, nil
}

// Close takes the status line away.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ticker != nil {
		p.ticker.Stop()
		p.ticker = nil
		close(p.stop)
	}
	p.erase()
	if p.logs != nil {
		// Its files were closed, and told, one by one.
		_ = p.logs.root.Close()
	}
}

// Cooked says that the terminal is no longer raw.
func (p *Progress) Cooked() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opts.RawTerminal = false
}

func (p *Progress) tick(ticks <-chan time.Time) {
	for {
		select {
		case <-ticks:
			p.mu.Lock()
			// A tick may be on its way when Close has taken the line away.
			if p.ticker != nil {
				p.draw()
			}
			p.mu.Unlock()
		case <-p.stop:
			return
		}
	}
}

// Started implements runner.Observer.
func (p *Progress) Started(run profile.Run) (stdout, stderr io.Writer, done func()) {
	a := &active{run: run, began: time.Now()}
	p.mu.Lock()
	p.active = append(p.active, a)
	p.mu.Unlock()

	outs, errs := []io.Writer{&lastLine{p: p, a: a}}, []io.Writer{&lastLine{p: p, a: a}}
	var files []*os.File
	if p.logs != nil {
		for stream, writers := range map[string]*[]io.Writer{"stdout": &outs, "stderr": &errs} {
			f, err := p.logs.create(run, stream)
			if err != nil {
				*writers = append(*writers, failing{err})
				continue
			}
			files = append(files, f)
			*writers = append(*writers, f)
		}
	}
	switch {
	case p.opts.Raw:
		outs, errs = append(outs, raw{p}), append(errs, raw{p})
	case p.opts.Verbose:
		outs, errs = append(outs, &prefixed{p: p, number: run.Number}), append(errs, &prefixed{p: p, number: run.Number})
	}
	return io.MultiWriter(outs...), io.MultiWriter(errs...), func() {
		for _, w := range append(outs, errs...) {
			if ender, ok := w.(interface{ end() }); ok {
				ender.end()
			}
		}
		for _, f := range files {
			if err := f.Close(); err != nil {
				p.Note("log of run " + fmt.Sprint(run.Number) + ": " + err.Error())
			}
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		for i := range p.active {
			if p.active[i] == a {
				p.active = append(p.active[:i], p.active[i+1:]...)
				break
			}
		}
	}
}

// Ended implements runner.Observer.
func (p *Progress) Ended(run profile.Run, took time.Duration) {
	if p.opts.Quiet {
		return
	}
	line := "run " + sentence.RunLine(run, took)
	for _, more := range []string{sentence.Options(run.Options), sentence.Failed(run)} {
		if more != "" {
			line += "  " + more
		}
	}
	p.line(line)
}

// Note implements runner.Observer.
func (p *Progress) Note(note string) { p.line(note) }

// Pull implements runner.Observer.
func (p *Progress) Pull() io.Writer { return &lines{emit: p.line} }

// Log receives whole lines that are to stand by themselves: the debug log.
func (p *Progress) Log() io.Writer { return &lines{emit: p.line} }

// line writes a line of its own.
func (p *Progress) line(s string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.erase()
	p.write(text.Printable(s) + "\n")
}

func (p *Progress) write(s string) {
	if p.opts.RawTerminal {
		s = strings.ReplaceAll(s, "\n", "\r\n")
	}
	// Nobody is left to tell when standard error is gone.
	_, _ = io.WriteString(p.opts.Writer, s)
}

func (p *Progress) erase() {
	if p.drawn {
		p.write("\r\x1b[K")
		p.drawn = false
	}
}

// draw shows the oldest run under way.
func (p *Progress) draw() {
	p.erase()
	if len(p.active) == 0 || p.opts.Raw {
		return
	}
	a := p.active[0]
	status := fmt.Sprintf("run %d: %s, %.0f s", a.run.Number, sentence.Trying(a.run), time.Since(a.began).Seconds())
	switch more := len(p.active) - 1; {
	case more == 1:
		status += " (1 more run in parallel)"
	case more > 1:
		status += fmt.Sprintf(" (%d more runs in parallel)", more)
	}
	if a.last != "" {
		status += " | " + a.last
	}
	if p.opts.Width > 1 {
		status = text.Fit(status, p.opts.Width-1)
	}
	p.write(status)
	p.drawn = true
}
