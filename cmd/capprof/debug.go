package main

import (
	"io"
	"log/slog"
	"math"
	"sync"

	"github.com/spf13/pflag"
)

// debugLog is the log of what capprof does, for bug reports: what was attached and
// created, what was decided and why. It is silent unless --debug is given.
type debugLog struct {
	*slog.Logger
	level slog.LevelVar

	mu sync.Mutex
	to io.Writer
}

// silent is above every level.
const silent = slog.Level(math.MaxInt)

func newDebugLog(w io.Writer) *debugLog {
	l := &debugLog{to: w}
	l.level.Set(silent)
	l.Logger = slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: &l.level}))
	return l
}

// addFlag defines --debug.
func (l *debugLog) addFlag(flags *pflag.FlagSet) {
	flags.BoolFunc("debug", "log what capprof does and why to standard error, for a bug report", func(string) error {
		l.level.Set(slog.LevelDebug)
		return nil
	})
}

// Write writes one record.
func (l *debugLog) Write(record []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Write(record)
}

// through sends the records through w from now on, so that they do not run into a
// status line.
func (l *debugLog) through(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = w
}
