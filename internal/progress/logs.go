package progress

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/capprof/capprof/internal/profile"
)

// logDir is the directory that keeps the output of runs, a file for each run and
// stream. It may belong to another user, as /tmp does: nothing that was put there is
// written to.
type logDir struct{ root *os.Root }

func openLogDir(path string) (*logDir, error) {
	err := os.MkdirAll(path, 0o755)
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(path)
	}
	if err != nil {
		return nil, fmt.Errorf("making the directory for logs: %w", err)
	}
	return &logDir{root}, nil
}

// create makes the file of a run's stream. A file of an earlier search gives way to
// it; O_EXCL (open(2)) refuses a link or a pipe that comes in its place meanwhile.
func (d *logDir) create(run profile.Run, stream string) (*os.File, error) {
	name := fmt.Sprintf("run-%02d-%s.%s", run.Number, run.Purpose, stream)
	old, err := d.root.Lstat(name)
	switch {
	case err == nil && !old.IsDir():
		err = d.root.Remove(name)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err != nil {
		return nil, err
	}
	return d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// failing reports, at the first write, a log that could not be opened.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
