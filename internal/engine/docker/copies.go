package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/docker/docker/api/types/volume"
	"github.com/docker/go-units"

	"github.com/capprof/capprof/internal/copytree"
	"github.com/capprof/capprof/internal/engine"
)

// tree is the file tree of the machine that an engine runs on.
type tree struct{ *Engine }

// elsewhere says why a path of the engine's machine is not the same file here; "" where
// it is, or where it is in neither place. What is compared is what the engine's process
// sees, which may be in a mount namespace of its own.
func (e tree) elsewhere(ctx context.Context, path string) (string, error) {
	facts, err := e.Facts(ctx)
	if err != nil {
		return "", err
	}
	if !facts.SameKernel {
		return facts.WhyRemote, nil
	}
	pid := e.process()
	if pid == 0 {
		return fmt.Sprintf("the process of the engine at %s cannot be told", e.endpoint), nil
	}
	there, err := os.Lstat(filepath.Join("/proc", strconv.Itoa(pid), "root") + path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("what the engine sees cannot be looked at (run capprof as root): %v", err), nil
	}
	here, hereErr := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && errors.Is(hereErr, fs.ErrNotExist):
		return "", nil
	case err != nil || hereErr != nil || !os.SameFile(there, here):
		return fmt.Sprintf("the engine's %s is another one than capprof's: they have different mounts", path), nil
	}
	return "", nil
}

// process is that of the engine, 0 where it cannot be told.
func (e tree) process() int {
	socket := e.endpoint.socket()
	if socket == "" {
		return 0
	}
	return engineProcess(socket)
}

// missing reports whether a path of the engine's machine is known not to exist.
func (e tree) missing(ctx context.Context, path string) (bool, error) {
	why, err := e.elsewhere(ctx, path)
	if why != "" || err != nil {
		return false, err
	}
	_, err = os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist), nil
}

// copyInto copies what a mount shows into a volume of capprof's; the name is that of the
// copy in it, "" for the volume itself.
func (s *substitution) copyInto(ctx context.Context, m mounted, from string, to volume.Volume, name string) error {
	for _, path := range []string{from, to.Mountpoint} {
		if why, err := (tree{s.engine}).elsewhere(ctx, path); err != nil {
			return err
		} else if why != "" {
			return refused(m, "cannot be copied: "+why)
		}
	}
	var left int64
	if s.options.Limit > 0 {
		if left = s.options.Limit - s.copied; left <= 0 {
			return s.tooLarge(m, 0)
		}
	}
	told := int64(0)
	copied, err := copytree.Copy(ctx, from, filepath.Join(to.Mountpoint, name), copytree.Options{Limit: left, Progress: func(done, total int64) {
		switch tenth := done * 10 / max(1, total); {
		case total < worthTelling:
		case told == 0:
			told = 1
			fmt.Fprintf(s.options.Progress, "copying %s for a run: %s\n", m, bytesOf(total))
		case tenth >= told && tenth < 10:
			told = tenth + 1
			fmt.Fprintf(s.options.Progress, "copied %s of %s\n", bytesOf(done), bytesOf(total))
		}
	}})
	s.copied += copied.Bytes
	var limit *copytree.LimitError
	switch {
	case errors.As(err, &limit):
		return s.tooLarge(m, limit.Bytes)
	case errors.Is(err, copytree.ErrKernelFiles):
		return refused(m, fmt.Sprintf("cannot be copied: %v", err))
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrPermission):
		return refused(m, fmt.Sprintf("cannot be copied (run capprof as root): %v", err))
	case err != nil:
		return fmt.Errorf("copying %s: %w", m, err)
	}
	s.engine.log.Debug("copied", "what", m.String(), "to", to.Name, "bytes", copied.Bytes, "changed", copied.Changed)
	if copied.Changed != "" {
		fmt.Fprintf(s.options.Progress, "%s changed while it was copied (%s): what a run finds may be inconsistent; stop what uses it\n", m, copied.Changed)
	}
	return nil
}

// worthTelling is the size of a copy that takes time.
const worthTelling = 64 << 20

// tooLarge says that a limit is exceeded.
func (s *substitution) tooLarge(m mounted, bytes int64) error {
	more := "what is to be copied for one run"
	if bytes > 0 {
		more = fmt.Sprintf("%s, with %s,", m, bytesOf(bytes))
	}
	return fmt.Errorf("%w: %s exceeds the limit of %s: raise it (--volumes-limit), or take new volumes (--volumes fresh) or your own (--volumes own)",
		engine.ErrBadWorkload, more, bytesOf(s.options.Limit))
}

func bytesOf(n int64) string { return units.BytesSize(float64(n)) }
