package machines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// The kinds of lock: of those who use a file, and of the one who changes it.
const (
	shared    = unix.LOCK_SH
	exclusive = unix.LOCK_EX
)

// fileLock is held by an open file, so that the kernel drops it when the process ends.
type fileLock struct{ file *os.File }

// lock waits until the lock of the kind can be had.
func lock(ctx context.Context, path string, kind int) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	taken := make(chan error, 1)
	go func() {
		for {
			// No file system tells when a lock comes free, but by waiting for it.
			if err := unix.Flock(int(file.Fd()), kind); !errors.Is(err, unix.EINTR) {
				taken <- err
				return
			}
		}
	}()
	select {
	case err := <-taken:
		if err != nil {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
		}
		return &fileLock{file}, nil
	case <-ctx.Done():
		go func() { <-taken; _ = file.Close() }() // a lock that came too late
		return nil, fmt.Errorf("waiting for %s: %w", path, context.Cause(ctx))
	}
}

// tryLock takes the exclusive lock where nobody holds it.
func tryLock(path string) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), exclusive|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &fileLock{file}, nil
}

// unlock gives it back. Closing a file that was only locked cannot fail in a way that
// matters.
func (l *fileLock) unlock() { _ = l.file.Close() }

// olderThan tells whether a file was written longer ago than that, or never.
func olderThan(path string, age time.Duration) bool {
	info, err := os.Stat(path)
	return err != nil || time.Since(info.ModTime()) > age
}
