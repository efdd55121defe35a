package copytree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// chunk is how much is copied before it is asked whether to go on.
	chunk = 4 << 20
	// block is the smallest hole.
	block = 4 << 10
)

// file copies a regular file.
func (c *copier) file(p pair, rel string) error {
	// Without O_NONBLOCK a pipe that takes the file's place would be waited for.
	source, err := openAt(int(p.source.Fd()), p.name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK)
	if err != nil {
		return c.gone(rel, "opening", err)
	}
	defer source.Close()
	before, err := stat(source)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", rel, err)
	}
	if before.Mode&unix.S_IFMT != unix.S_IFREG {
		c.changed(rel)
		return nil
	}
	fd, err := unix.Openat(int(p.target.Fd()), p.as, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("making %s: %w", rel, err)
	}
	target := os.NewFile(uintptr(fd), p.as)
	defer target.Close()
	if err := c.contents(source, target, before); err != nil {
		return fmt.Errorf("copying %s: %w", rel, err)
	}
	after, err := stat(source)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", rel, err)
	}
	if after.Mtim != before.Mtim || after.Size != before.Size {
		c.changed(rel)
	}
	return keep(open(source), open(target), before, rel)
}

// contents copies the data of a file, and no holes.
func (c *copier) contents(source, target *os.File, st unix.Stat_t) error {
	if st.Size == 0 {
		return nil
	}
	if !c.uncloned[st.Dev] {
		if err := unix.IoctlFileClone(int(target.Fd()), int(source.Fd())); err == nil {
			return c.copied(data(st))
		}
		c.uncloned[st.Dev] = true
	}
	if err := unix.Ftruncate(int(target.Fd()), st.Size); err != nil {
		return err
	}
	for at := int64(0); at < st.Size; {
		from, to, err := extent(source, at, st.Size)
		if errors.Is(err, unix.ENXIO) {
			break // nothing but a hole
		}
		if err != nil {
			return err
		}
		// A file system that knows of no holes says that all is data.
		hidden := from == 0 && to == st.Size && st.Blocks*512 < st.Size
		if err := c.span(source, target, from, to, hidden); err != nil {
			return err
		}
		at = to
	}
	return nil
}

// extent is the next data at or after an offset, at most up to an end.
func extent(f *os.File, at, end int64) (from, to int64, err error) {
	from, err = unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
	if errors.Is(err, unix.EINVAL) {
		return at, end, nil // holes are not told
	}
	if err != nil {
		return 0, 0, err
	}
	if to, err = unix.Seek(int(f.Fd()), from, unix.SEEK_HOLE); err != nil {
		return 0, 0, err
	}
	if from >= end {
		return 0, 0, unix.ENXIO // it grew
	}
	return from, min(to, end), nil
}

// span copies a range, within the kernel where that can be had.
func (c *copier) span(source, target *os.File, from, to int64, hidden bool) error {
	if hidden {
		return c.readAndWrite(source, target, from, to, true)
	}
	for at := from; at < to; {
		in, out := at, at
		n, err := unix.CopyFileRange(int(source.Fd()), &in, int(target.Fd()), &out, int(min(to-at, chunk)), 0)
		if err != nil || n == 0 {
			// Not between these file systems, or it has shrunk: reading tells.
			return c.readAndWrite(source, target, at, to, false)
		}
		at += int64(n)
		if err := c.copied(int64(n)); err != nil {
			return err
		}
	}
	return nil
}

// readAndWrite copies a range; holes are made where the source has zeros.
func (c *copier) readAndWrite(source, target *os.File, from, to int64, holes bool) error {
	if c.buffer == nil {
		c.buffer = make([]byte, chunk)
	}
	for at := from; at < to; {
		n, err := source.ReadAt(c.buffer[:min(to-at, chunk)], at)
		if n == 0 && errors.Is(err, io.EOF) {
			return nil // it has shrunk
		}
		if n == 0 {
			return err
		}
		written := int64(0)
		for part := c.buffer[:n]; len(part) > 0; {
			length := len(part)
			if holes {
				length = min(block, len(part))
			}
			if !holes || !bytes.Equal(part[:length], zeros[:length]) {
				if _, err := target.WriteAt(part[:length], at+int64(n-len(part))); err != nil {
					return err
				}
				written += int64(length)
			}
			part = part[length:]
		}
		at += int64(n)
		if err := c.copied(written); err != nil {
			return err
		}
	}
	return nil
}

var zeros = make([]byte, block)
