package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/live"
)

// ownerAttribute is where a cgroup says who made it.
const ownerAttribute = "trusted.capprof.owner"

// namePrefix is what the names of our cgroups begin with.
const namePrefix = "capprof-plain-"

// unified is where the version 2 hierarchy is mounted, and the cgroup in it below which
// ours are made: that of this process.
type unified struct {
	mount, parent string
}

// findUnified looks for the hierarchy of version 2, which there may be next to version 1.
func findUnified() (unified, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup2"))
	if err != nil {
		return unified{}, fmt.Errorf("looking for cgroups: %w", err)
	}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return unified{}, fmt.Errorf("looking for cgroups: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		own, ok := strings.CutPrefix(strings.TrimSpace(line), "0::")
		if !ok {
			continue
		}
		for _, m := range mounts {
			if inside, err := filepath.Rel(m.Root, own); err == nil && filepath.IsLocal(inside) {
				return unified{m.Mountpoint, filepath.Join(m.Mountpoint, inside)}, nil
			}
		}
	}
	return unified{}, errors.New("no cgroup of version 2 is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")
}

// makeCgroup makes an empty cgroup, in place of one that is there.
func makeCgroup(dir, owner string) error {
	if err := removeCgroup(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return fmt.Errorf("making a cgroup: %w", err)
	}
	if err := unix.Setxattr(dir, ownerAttribute, []byte(owner), 0); err != nil {
		return errors.Join(fmt.Errorf("marking the cgroup %s: %w", dir, err), os.Remove(dir))
	}
	return nil
}

// killTime is how long killed processes may take to end.
const killTime = 20 * time.Second

// removeCgroup kills what is in a cgroup and removes it, with those below. One that is
// gone is no error.
func removeCgroup(dir string) error {
	below, err := cgroupsBelow(dir)
	if err != nil {
		return fmt.Errorf("removing the cgroup %s: %w", dir, err)
	}
	if len(below) == 0 {
		return nil
	}
	if err := killCgroup(dir, below); err != nil && !live.Gone(err) {
		return fmt.Errorf("killing what is in the cgroup %s: %w", dir, err)
	}
	for _, dir := range slices.Backward(below) {
		if err := os.Remove(dir); err != nil && !live.Gone(err) {
			return fmt.Errorf("removing a cgroup: %w", err)
		}
	}
	return nil
}

// cgroupsBelow are a cgroup and those in it, outer ones first; none where it is gone.
func cgroupsBelow(dir string) ([]string, error) {
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case live.Gone(err):
			return nil
		case err != nil:
			return err
		case entry.IsDir():
			all = append(all, path)
		}
		return nil
	})
	return all, err
}

// killCgroup kills all and waits until nothing is left.
func killCgroup(dir string, below []string) error {
	return untilEmpty(dir, func() error { return killAll(dir, below) })
}

// untilEmpty waits until a cgroup has no processes, and does something each time that it
// has some.
func untilEmpty(dir string, hurry func() error) error {
	events, err := os.Open(filepath.Join(dir, "cgroup.events"))
	if err != nil {
		return err
	}
	defer events.Close()
	for deadline := time.Now().Add(killTime); ; {
		// Reading it makes the next change be told.
		text := make([]byte, 256)
		n, err := events.ReadAt(text, 0)
		if n == 0 && err != nil {
			return err
		}
		if strings.Contains(string(text[:n]), "populated 0") {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("its processes have not ended in %v", killTime)
		}
		if err := hurry(); err != nil {
			return err
		}
		// Without cgroup.kill a process that was just forked may have been missed.
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}}, int(min(left, time.Second).Milliseconds())); err != nil && !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// killAll kills all at once where the kernel can (5.14), and one after the other elsewhere.
func killAll(dir string, below []string) error {
	err := os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, dir := range below {
		text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			continue // it has gone
		}
		for _, word := range strings.Fields(string(text)) {
			if pid, err := number(word, 10); err == nil && *pid > 0 {
				_ = unix.Kill(*pid, unix.SIGKILL)
			}
		}
	}
	return nil
}
