package progress

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/profile"
)

func TestLogs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "logs")
	p, _ := start(t, Options{LogDir: dir})
	out, errs := "\x00\xff\r\n\x1b[1m no newline", strings.Repeat("y", 1<<20)
	stdout, stderr, done := p.Started(run(3, profile.PurposeSearch))
	io.WriteString(stdout, out[:4])
	io.WriteString(stdout, out[4:])
	io.WriteString(stderr, errs)
	done()
	for name, want := range map[string]string{"run-03-search.stdout": out, "run-03-search.stderr": errs} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
			t.Errorf("%s: %d bytes, want %d: %v", name, len(got), len(want), err)
		}
	}
	if entries, err := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestLogsThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{LogDir: file}); err == nil || !strings.Contains(err.Error(), "making the directory for logs") {
		t.Errorf("%v", err)
	}
	dir := t.TempDir()
	p, _ := start(t, Options{LogDir: dir})
	if err := os.Mkdir(filepath.Join(dir, "run-01-explore.stdout"), 0o700); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, done := p.Started(run(1, profile.PurposeExplore))
	defer done()
	if _, err := io.WriteString(stdout, "x"); err == nil {
		t.Error("output that cannot be kept is lost without a word")
	} else if perr := new(os.PathError); !errors.As(err, &perr) {
		t.Errorf("%v", err)
	}
	if _, err := io.WriteString(stderr, "x"); err != nil {
		t.Error(err)
	}
}

// TestLogsWriteToNothingThatWasThere: whoever owns the directory may have put a link
// to a file of ours there, or a pipe.
func TestLogsWriteToNothingThatWasThere(t *testing.T) {
	dir, precious := t.TempDir(), filepath.Join(t.TempDir(), "precious")
	stdout, stderr := filepath.Join(dir, "run-01-explore.stdout"), filepath.Join(dir, "run-01-explore.stderr")
	if err := os.WriteFile(precious, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, plant := range map[string]func() error{
		"symbolic links": func() error { return errors.Join(os.Symlink(precious, stdout), os.Symlink(precious, stderr)) },
		"hard links":     func() error { return errors.Join(os.Link(precious, stdout), os.Link(precious, stderr)) },
		"pipes":          func() error { return errors.Join(syscall.Mkfifo(stdout, 0o666), syscall.Mkfifo(stderr, 0o666)) },
	} {
		t.Run(name, func(t *testing.T) {
			if err := plant(); err != nil {
				t.Fatal(err)
			}
			p, _ := start(t, Options{LogDir: dir})
			out, _, done := p.Started(run(1, profile.PurposeExplore))
			_, err := io.WriteString(out, "output")
			done()
			if got, readErr := os.ReadFile(precious); string(got) != "precious" || readErr != nil {
				t.Errorf("the file is %q now, %v", got, readErr)
			}
			if got, readErr := os.ReadFile(stdout); string(got) != "output" || err != nil {
				t.Errorf("the log is %q, %v, %v", got, readErr, err)
			}
			info, err := os.Lstat(stdout)
			if err != nil || info.Mode() != 0o600 {
				t.Errorf("its mode is %v, %v", info.Mode(), err)
			}
			if err := errors.Join(os.Remove(stdout), os.Remove(stderr)); err != nil {
				t.Fatal(err)
			}
		})
	}
}
