package testengine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where the hierarchies are mounted: the unified one itself, or a
// directory each (version 1 and hybrid).
const cgroupRoot = "/sys/fs/cgroup"

// cgroupDirs lists the directories of the control group in all hierarchies,
// those below before those above.
func cgroupDirs(parent string) ([]string, error) {
	candidates, err := filepath.Glob(filepath.Join(cgroupRoot, "*", parent))
	if err != nil {
		return nil, fmt.Errorf("looking for the control group %s: %w", parent, err)
	}
	candidates = append(candidates, filepath.Join(cgroupRoot, parent))
	var dirs []string
	for _, top := range candidates {
		var below []string
		err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && entry.IsDir() {
				below = append(below, path)
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("walking the control group %s: %w", top, err)
		}
		for i := len(below) - 1; i >= 0; i-- {
			dirs = append(dirs, below[i])
		}
	}
	return dirs, nil
}

// killCgroup kills every process of the control group and those below it.
func killCgroup(parent string) error {
	dirs, err := cgroupDirs(parent)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		members, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			continue // removed meanwhile, or a thread group's without processes
		}
		for member := range strings.FieldsSeq(string(members)) {
			pid, err := strconv.Atoi(member)
			if err != nil || pid <= 1 {
				continue // 0 stands for a process outside our PID namespace
			}
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("killing process %d of %s: %w", pid, dir, err)
			}
		}
	}
	return nil
}

// removeCgroup removes the control group once its last process is gone.
func removeCgroup(ctx context.Context, parent string) error {
	dirs, err := cgroupDirs(parent)
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		err := until(ctx, func() (bool, error) {
			err := unix.Rmdir(dir)
			if errors.Is(err, unix.EBUSY) {
				return false, nil
			}
			return true, err
		})
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("removing the control group %s: %w", dir, err)
		}
	}
	return nil
}

// killMentioning kills every process whose command line names something in the
// directory, which only this test made, and waits until none is left.
func killMentioning(ctx context.Context, dir string) error {
	err := until(ctx, func() (bool, error) {
		pids, err := mentioning(dir + "/")
		if err != nil || len(pids) == 0 {
			return true, err
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return true, fmt.Errorf("killing process %d: %w", pid, err)
			}
		}
		return false, nil
	})
	if err != nil {
		return fmt.Errorf("ending the processes of %s: %w", dir, err)
	}
	return nil
}

// endOf waits until no command line holds the words.
func endOf(ctx context.Context, words string) error {
	err := until(ctx, func() (bool, error) {
		pids, err := mentioning(words)
		return len(pids) == 0, err
	})
	if err != nil {
		return fmt.Errorf("waiting for the end of %s: %w", words, err)
	}
	return nil
}

// mentioning lists the processes whose command line holds the words.
func mentioning(words string) ([]int, error) {
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, path := range lines {
		line, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(line, []byte(words)) {
			continue // gone meanwhile, or not ours
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// until asks again and again, with growing pauses, until done or ctx ends. It is
// for the end of processes that are not our children: nothing tells of it.
func until(ctx context.Context, done func() (bool, error)) error {
	for delay := 2 * time.Millisecond; ; delay = min(2*delay, 100*time.Millisecond) {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(delay):
		}
	}
}
