package copytree

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"
)

// openAt opens a file relative to a directory.
func openAt(dir int, name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(dir, name, flags|unix.O_CLOEXEC|unix.O_NOATIME, 0)
	if errors.Is(err, unix.EPERM) {
		// Not ours, and without CAP_FOWNER (open(2)).
		fd, err = unix.Openat(dir, name, flags|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

func stat(f *os.File) (st unix.Stat_t, err error) {
	err = unix.Fstat(int(f.Fd()), &st)
	return st, err
}

// eachName calls a function with each name in a directory.
func eachName(dir *os.File, do func(name string) error) error {
	for {
		names, err := dir.Readdirnames(1000)
		for _, name := range names {
			if err := do(name); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the directory %s: %w", dir.Name(), err)
		}
	}
}

// kernelFiles are the file systems whose files are the kernel's (statfs(2)).
var kernelFiles = []int64{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC,
	unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC, unix.DEVPTS_SUPER_MAGIC, unix.PSTOREFS_MAGIC, unix.EFIVARFS_MAGIC, unix.NSFS_MAGIC,
	unix.SELINUX_MAGIC, unix.SMACK_MAGIC, unix.BINFMTFS_MAGIC, fusectl, configfs, mqueue,
}

// Those that golang.org/x/sys does not name: FUSE_CTL_SUPER_MAGIC (fs/fuse/control.c),
// CONFIGFS_MAGIC (fs/configfs/mount.c) and MQUEUE_MAGIC (ipc/mqueue.c).
const (
	fusectl  = 0x65735543
	configfs = 0x62656570
	mqueue   = 0x19800202
)

// holdsFiles says that a directory's file system is one to copy from.
func holdsFiles(dir *os.File) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &fs); err != nil {
		return fmt.Errorf("looking at the file system: %w", err)
	}
	if slices.Contains(kernelFiles, int64(fs.Type)) {
		return ErrKernelFiles
	}
	return nil
}

// size is the bytes of data in the files of a tree, each counted once.
func size(ctx context.Context, from string) (int64, error) {
	var st unix.Stat_t
	if err := unix.Lstat(from, &st); err != nil {
		return 0, fmt.Errorf("looking at %s: %w", from, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return data(st), nil
	}
	root, err := openAt(unix.AT_FDCWD, from, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return 0, fmt.Errorf("opening %s: %w", from, err)
	}
	defer root.Close()
	m := &measure{ctx: ctx, seen: map[inode]bool{}}
	err = m.directory(root, ".")
	return m.bytes, err
}

// data is what a file takes where holes and extents beyond its end are left out.
func data(st unix.Stat_t) int64 {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return 0
	}
	return min(st.Size, st.Blocks*512)
}

// measure adds a tree up.
type measure struct {
	ctx   context.Context
	seen  map[inode]bool
	bytes int64
}

func (m *measure) directory(dir *os.File, rel string) error {
	if err := holdsFiles(dir); err != nil {
		return fmt.Errorf("%s: %w", rel, err)
	}
	return eachName(dir, func(name string) error {
		var st unix.Stat_t
		if err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil || m.ctx.Err() != nil {
			return m.ctx.Err() // what is gone takes nothing
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			if id := (inode{st.Dev, st.Ino}); !m.seen[id] {
				m.bytes += data(st)
				if st.Nlink > 1 {
					m.seen[id] = true
				}
			}
			return nil
		}
		below, err := openAt(int(dir.Fd()), name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("opening %s: %w", path.Join(rel, name), err)
		}
		defer below.Close()
		return m.directory(below, path.Join(rel, name))
	})
}
