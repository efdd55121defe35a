package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/live"
	"github.com/capprof/capprof/internal/owner"
)

// RemoveLeftovers kills and removes what is left of containers whose capprof is dead: their
// cgroups, and the directories of their volumes. All else has ended with it.
func (e *Engine) RemoveLeftovers(ctx context.Context) ([]string, error) {
	at, err := findUnified()
	if err != nil {
		return nil, err
	}
	var names []string
	var failures []error
	remove := func(path, maker string, running bool, remove func(string) error) {
		who, err := owner.Parse(strings.TrimSpace(maker))
		switch {
		case err != nil:
			failures = append(failures, fmt.Errorf("%s: %w", path, err))
		case who.Gone(e.owner, running):
			if err := remove(path); err != nil {
				failures = append(failures, err)
				return
			}
			e.log.Debug("removed a leftover", "path", path, "owner", maker)
			names = append(names, filepath.Base(path))
		}
	}
	// Wherever it ran, in whose session.
	err = filepath.WalkDir(at.mount, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case live.Gone(err) || err == nil && !entry.IsDir():
			return nil
		case err != nil:
			return err
		case !strings.HasPrefix(entry.Name(), namePrefix):
			return nil
		}
		if maker, marked := ownerOf(path); marked {
			// Without its capprof nothing of it is of use, running or not.
			remove(path, maker, false, removeCgroup)
			return fs.SkipDir
		}
		return nil
	})
	failures = append(failures, err)
	left, err := filepath.Glob(filepath.Join(os.TempDir(), dataPrefix+"*", ownerFile))
	failures = append(failures, err)
	for _, file := range left {
		if maker, err := os.ReadFile(file); err == nil && isOurs(file) {
			remove(filepath.Dir(file), string(maker), false, os.RemoveAll)
		}
	}
	return names, errors.Join(failures...)
}

// ownerOf reads who made a cgroup; false for one of somebody else's.
func ownerOf(dir string) (string, bool) {
	value := make([]byte, 1024)
	n, err := unix.Getxattr(dir, ownerAttribute, value)
	if err != nil {
		return "", false
	}
	return string(value[:n]), true
}

// isOurs reports whether a file in a directory that everybody can write to is root's, and
// no link.
func isOurs(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid == 0
}
