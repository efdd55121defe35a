package live

import (
	"fmt"

	"github.com/prometheus/procfs"

	"github.com/capprof/capprof/internal/engine"
)

// Busy reports whether a thread of the container runs or would run: one that waits for a
// processor runs as well to the kernel, and one that waits for a disk is in the
// uninterruptible sleep of proc_pid_stat(5). Its errors are those of Processes.
func (c Container) Busy() (bool, error) {
	members, err := c.members()
	if err != nil {
		return false, err
	}
	for _, pid := range members {
		threads, err := procfs.AllThreads(pid)
		switch {
		case Gone(err):
			continue
		case err != nil:
			return false, fmt.Errorf("%w: %w", engine.ErrUnseen, err)
		}
		for _, thread := range threads {
			stat, err := thread.Stat()
			if err == nil && (stat.State == "R" || stat.State == "D") {
				return true, nil
			}
		}
	}
	return false, nil
}
