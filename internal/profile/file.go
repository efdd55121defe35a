package profile

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Load reads the document in a file.
func Load(path string) (*Document, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading profile: %w", err)
	}
	defer file.Close()
	d, err := Decode(file)
	if err != nil {
		return nil, fmt.Errorf("reading profile %s: %w", path, err)
	}
	return d, nil
}

// Save writes the document to a file, all of it or nothing: it is written and
// synced next to the target and renamed over it, so that a crash, a full disk or
// a reader at the wrong moment never sees half a profile. A target that is not a
// regular file (/dev/stdout, a pipe) is written to as it is, and waited for until
// ctx ends. The path "-" is the caller's business.
func Save(ctx context.Context, path string, d *Document) error {
	data, err := marshal(d)
	if err != nil {
		return err
	}
	target, mode, err := resolve(path)
	if err != nil {
		return fmt.Errorf("writing profile: %w", err)
	}
	if mode&fs.ModeType != 0 {
		err = writeInto(ctx, target, data)
	} else {
		err = replace(target, mode.Perm(), data)
	}
	if err != nil {
		return fmt.Errorf("writing profile: %w", err)
	}
	return nil
}

// Writable finds out before a long run whether Save will be able to write. It
// leaves nothing behind and changes no existing file.
func Writable(path string) error {
	target, mode, err := resolve(path)
	if err != nil {
		return fmt.Errorf("the profile cannot be written: %w", err)
	}
	if mode&fs.ModeType != 0 {
		// Opening would block on a pipe that nobody reads yet.
		if err := unix.Access(target, unix.W_OK); err != nil {
			return fmt.Errorf("the profile cannot be written: %w", &fs.PathError{Op: "access", Path: target, Err: err})
		}
		return nil
	}
	probe, err := createBeside(target, 0o600)
	if err != nil {
		return fmt.Errorf("the profile cannot be written: %w", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("the profile cannot be written: %w", err)
	}
	return nil
}

// resolve follows symbolic links, so that the file behind one is replaced and
// not the link, and returns the mode of what is there, 0 when nothing is.
func resolve(path string) (string, fs.FileMode, error) {
	if path == "" {
		return "", 0, errors.New("the path is empty")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return path, 0, nil
	case err != nil:
		return "", 0, err
	case info.IsDir():
		return "", 0, fmt.Errorf("%s is a directory", path)
	case plantedLink(path):
		return "", 0, fmt.Errorf("%s is another user's symbolic link in a directory that everybody may write to", path)
	case !info.Mode().IsRegular():
		return path, info.Mode(), nil
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", 0, err
	}
	return target, info.Mode(), nil
}

// plantedLink applies the rule of fs.protected_symlinks (proc_sys_fs(5)), which may
// be off: in a sticky directory that everybody may write to, such as /tmp, a link is
// good only when we made it or the directory's owner did.
func plantedLink(path string) bool {
	link, err := os.Lstat(path)
	if err != nil || link.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil || dir.Mode()&fs.ModeSticky == 0 || dir.Mode().Perm()&0o002 == 0 {
		return false
	}
	owner := link.Sys().(*syscall.Stat_t).Uid
	return owner != uint32(os.Geteuid()) && owner != dir.Sys().(*syscall.Stat_t).Uid
}

// writeInto writes to what is no regular file. The opening of a pipe waits for its
// reader (fifo(7)), and a write for the reader to make room; neither may ever come.
func writeInto(ctx context.Context, target string, data []byte) error {
	written := make(chan error, 1)
	go func() {
		file, err := os.OpenFile(target, os.O_WRONLY, 0)
		if err == nil {
			_, err = file.Write(data)
			err = errors.Join(err, file.Close())
		}
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		// open(2) cannot be taken back. It ends with the process, or with a reader.
		return fmt.Errorf("%s has no reader: %w", target, context.Cause(ctx))
	}
}

func replace(target string, mode fs.FileMode, data []byte) error {
	temporary, err := createBeside(target, 0o666)
	if err != nil {
		return err
	}
	// A new file gets what the umask leaves; an existing one keeps its mode.
	if mode != 0 {
		err = temporary.Chmod(mode)
	}
	if err == nil {
		_, err = temporary.Write(data)
	}
	if err == nil {
		err = temporary.Sync()
	}
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), target)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

// createBeside makes a new file in the target's directory. os.CreateTemp would
// do, were it not that it forces mode 0600 past the umask, and a profile is
// meant to be read by others.
func createBeside(target string, mode fs.FileMode) (*os.File, error) {
	name := filepath.Join(filepath.Dir(target), ".capprof-"+rand.Text()+".tmp")
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		// The name of the temporary file would only puzzle.
		return nil, fmt.Errorf("creating a file in %s: %w", filepath.Dir(target), pathError.Err)
	}
	return file, err
}
