// Package copytree copies a directory tree as it is: owners, modes, access control lists,
// extended attributes, times, hard links, holes and special files. Whoever can change
// the tree meanwhile cannot lead the copy out of it. What it does not keep are the
// inode's flags (chattr(1)) and the time of its birth.
package copytree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Options bound a copy and tell of it.
type Options struct {
	// Limit bounds the bytes of data in files, holes left out; 0 is for no limit.
	Limit int64
	// Progress is told how many of the bytes are done, at most a hundred times; nil for
	// nobody.
	Progress func(done, total int64)
}

// Result is what was copied.
type Result struct {
	// Bytes are those of data in files, holes left out.
	Bytes int64
	// Changed is the first path, relative to the tree, that changed while it was copied,
	// so that the copy may be one that never was; "" for none.
	Changed string
}

// LimitError says that a tree is larger than the limit.
type LimitError struct {
	// Bytes are what there is, or what was copied where it grew meanwhile.
	Bytes, Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("it holds %d bytes, and %d are the limit", e.Bytes, e.Limit)
}

// ErrKernelFiles says that a directory is on a file system such as proc and sysfs, whose
// files are the kernel's, and what a copy holds means nothing.
var ErrKernelFiles = errors.New("its files are made by the kernel, and a copy of them is something else")

// Copy copies a directory or a file. A directory's copy is an empty directory that
// exists, a file's one that does not. After an error, part of the copy is there.
func Copy(ctx context.Context, from, to string, o Options) (Result, error) {
	total, err := size(ctx, from)
	if err != nil {
		return Result{}, err
	}
	if o.Limit > 0 && total > o.Limit {
		return Result{}, &LimitError{Bytes: total, Limit: o.Limit}
	}
	c := &copier{ctx: ctx, options: o, total: total, links: map[inode]string{}, uncloned: map[uint64]bool{}}
	err = c.run(from, to)
	return c.result, err
}

// inode identifies a file on this machine.
type inode struct{ dev, ino uint64 }

// copier makes one copy.
type copier struct {
	ctx     context.Context
	options Options
	total   int64
	result  Result
	// told is the last hundredth that was told.
	told int64
	// root is where the copy begins, and links are the places in it of files that have
	// more names than one.
	root  *os.File
	links map[inode]string
	// uncloned are the file systems of which no extents can be shared.
	uncloned map[uint64]bool
	buffer   []byte
}

func (c *copier) run(from, to string) error {
	source, err := openAt(unix.AT_FDCWD, filepath.Dir(from), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return fmt.Errorf("opening the parent of %s: %w", from, err)
	}
	defer source.Close()
	target, err := openAt(unix.AT_FDCWD, filepath.Dir(to), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return fmt.Errorf("opening the parent of %s: %w", to, err)
	}
	defer target.Close()
	var st unix.Stat_t
	if err := unix.Fstatat(int(source.Fd()), filepath.Base(from), &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("looking at %s: %w", from, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		c.root = target
		return c.entry(pair{source, target, filepath.Base(from), filepath.Base(to)}, ".")
	}
	tree, err := openAt(int(source.Fd()), filepath.Base(from), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return fmt.Errorf("opening %s: %w", from, err)
	}
	defer tree.Close()
	if c.root, err = openAt(int(target.Fd()), filepath.Base(to), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW); err != nil {
		return fmt.Errorf("opening %s: %w", to, err)
	}
	defer c.root.Close()
	if _, err := c.root.Readdirnames(1); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s is not empty: %w", to, errors.Join(err, unix.ENOTEMPTY))
	}
	return c.directory(tree, c.root, ".")
}

// pair is an entry of a directory and where its copy goes.
type pair struct {
	source, target *os.File
	name, as       string
}

// entry copies what stands under a name; rel is its path in the tree, for people and for
// links.
func (c *copier) entry(p pair, rel string) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstatat(int(p.source.Fd()), p.name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return c.gone(rel, "looking at", err)
	}
	isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if first, known := c.links[inode{st.Dev, st.Ino}]; known && !isDir {
		switch err := unix.Linkat(int(c.root.Fd()), first, int(p.target.Fd()), p.as, 0); {
		case err == nil:
			return nil
		case !errors.Is(err, unix.ENOENT): // gone before it was copied
			return fmt.Errorf("linking %s to %s: %w", rel, first, err)
		}
	}
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		err = c.subdirectory(p, rel)
	case unix.S_IFREG:
		err = c.file(p, rel)
	case unix.S_IFLNK:
		err = c.symlink(p, rel, st)
	default:
		err = c.node(p, rel, st)
	}
	if err == nil && !isDir && st.Nlink > 1 {
		c.links[inode{st.Dev, st.Ino}] = rel
	}
	return err
}

// subdirectory copies a directory and all below it.
func (c *copier) subdirectory(p pair, rel string) error {
	source, err := openAt(int(p.source.Fd()), p.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return c.gone(rel, "opening", err)
	}
	defer source.Close()
	if err := unix.Mkdirat(int(p.target.Fd()), p.as, 0o700); err != nil {
		return fmt.Errorf("making the directory %s: %w", rel, err)
	}
	target, err := openAt(int(p.target.Fd()), p.as, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return fmt.Errorf("opening the copy of %s: %w", rel, err)
	}
	defer target.Close()
	return c.directory(source, target, rel)
}

// directory copies what is in a directory, and then its attributes: a default access
// control list would be inherited, and each entry changes the times.
func (c *copier) directory(source, target *os.File, rel string) error {
	before, err := stat(source)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", rel, err)
	}
	if err := holdsFiles(source); err != nil {
		return fmt.Errorf("%s: %w", rel, err)
	}
	err = eachName(source, func(name string) error {
		return c.entry(pair{source, target, name, name}, path.Join(rel, name))
	})
	if err != nil {
		return err
	}
	after, err := stat(source)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", rel, err)
	}
	if after.Mtim != before.Mtim {
		c.changed(rel)
	}
	return keep(open(source), open(target), before, rel)
}

// symlink copies a symbolic link.
func (c *copier) symlink(p pair, rel string, st unix.Stat_t) error {
	text := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(p.source.Fd()), p.name, text)
	if err != nil {
		return c.gone(rel, "reading the link", err)
	}
	if err := unix.Symlinkat(string(text[:n]), int(p.target.Fd()), p.as); err != nil {
		return fmt.Errorf("making the link %s: %w", rel, err)
	}
	return keep(named(p.source, p.name), named(p.target, p.as), st, rel)
}

// node copies a device, a named pipe or a socket.
func (c *copier) node(p pair, rel string, st unix.Stat_t) error {
	if err := unix.Mknodat(int(p.target.Fd()), p.as, st.Mode&unix.S_IFMT|0o600, int(st.Rdev)); err != nil {
		return fmt.Errorf("making the node %s: %w", rel, err)
	}
	return keep(named(p.source, p.name), named(p.target, p.as), st, rel)
}

// gone is the error of an entry that was there a moment ago; nil where it is not any
// more, which a copy of what is in use has to live with.
func (c *copier) gone(rel, doing string, err error) error {
	for _, is := range []error{unix.ENOENT, unix.ELOOP, unix.ENOTDIR} {
		if errors.Is(err, is) {
			c.changed(rel)
			return nil
		}
	}
	return fmt.Errorf("%s %s: %w", doing, rel, err)
}

// changed notes what changed while it was copied.
func (c *copier) changed(rel string) {
	if c.result.Changed == "" {
		c.result.Changed = rel
	}
}

// copied counts bytes.
func (c *copier) copied(n int64) error {
	c.result.Bytes += n
	if limit := c.options.Limit; limit > 0 && c.result.Bytes > limit {
		return &LimitError{Bytes: c.result.Bytes, Limit: limit}
	}
	if now := c.result.Bytes * 100 / max(1, c.total); c.options.Progress != nil && now > c.told {
		c.told = now
		c.options.Progress(c.result.Bytes, c.total)
	}
	return c.ctx.Err()
}
