package trial

import (
	"bytes"
	"strings"
	"sync"
)

// tailLines is how many lines of a run's output are kept for the report.
const tailLines = 20

// tail keeps the last lines of what is written to it, both streams together as
// they arrive.
type tail struct {
	mu    sync.Mutex
	lines []string
	open  []byte // the line that has not ended yet
}

// longestLine bounds what is kept of one line.
const longestLine = 1 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	for {
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		if room := longestLine - len(t.open); room > 0 {
			t.open = append(t.open, line[:min(room, len(line))]...)
		}
		if !ended {
			return n, nil
		}
		t.lines = append(t.lines, strings.TrimSuffix(string(t.open), "\r"))
		t.open = t.open[:0]
		if len(t.lines) > tailLines {
			t.lines = t.lines[1:]
		}
		p = rest
	}
}

// last returns the lines, the one that has not ended included.
func (t *tail) last() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := append([]string(nil), t.lines...)
	if len(t.open) > 0 {
		lines = append(lines, string(t.open))
	}
	return lines[max(0, len(lines)-tailLines):]
}
