package copytree

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// place is a file as the system calls that take a path and no file descriptor reach it,
// without a directory's being exchanged on the way. direct says that the path is that of
// the open file itself, a link that is to be followed.
type place struct {
	path   string
	direct bool
}

// open is the place of an open file.
func open(f *os.File) place { return place{"/proc/self/fd/" + strconv.Itoa(int(f.Fd())), true} }

// named is the place of an entry of an open directory.
func named(dir *os.File, name string) place { return place{open(dir).path + "/" + name, false} }

// keep gives a copy the owner, the extended attributes, the mode and the times of what it
// is a copy of, in this order: a new owner takes away file capabilities and set-ID bits
// (chown(2)).
func keep(source, target place, st unix.Stat_t, rel string) error {
	failed := func(doing string, err error) error { return fmt.Errorf("%s of %s: %w", doing, rel, err) }
	follow := unix.AT_SYMLINK_NOFOLLOW
	if target.direct {
		follow = 0
	}
	if err := unix.Fchownat(unix.AT_FDCWD, target.path, int(st.Uid), int(st.Gid), follow); err != nil {
		return failed("setting the owner", err)
	}
	if err := keepAttributes(source, target, rel); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Fchmodat(unix.AT_FDCWD, target.path, st.Mode&0o7777, 0); err != nil {
			return failed("setting the mode", err)
		}
	}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, target.path, []unix.Timespec{st.Atim, st.Mtim}, follow); err != nil {
		return failed("setting the times", err)
	}
	return nil
}

// accessControl begins the names of the attributes that are inherited from a directory.
const accessControl = "system.posix_acl_"

// keepAttributes makes the extended attributes the same; access control lists are some.
func keepAttributes(source, target place, rel string) error {
	names, err := source.attributes()
	if err != nil {
		return fmt.Errorf("reading the extended attributes of %s: %w", rel, err)
	}
	for _, name := range names {
		value, err := source.attribute(name)
		if err == nil {
			err = target.setAttribute(name, value)
		}
		if err != nil {
			return fmt.Errorf("copying the extended attribute %s of %s: %w", name, rel, err)
		}
	}
	inherited, err := target.attributes()
	if err != nil {
		return fmt.Errorf("reading the extended attributes of the copy of %s: %w", rel, err)
	}
	for _, name := range inherited {
		if strings.HasPrefix(name, accessControl) && !slices.Contains(names, name) {
			if err := target.removeAttribute(name); err != nil {
				return fmt.Errorf("removing the inherited %s from the copy of %s: %w", name, rel, err)
			}
		}
	}
	return nil
}

// attributes lists the names of extended attributes; none where the file system has none.
func (p place) attributes() ([]string, error) {
	call := unix.Llistxattr
	if p.direct {
		call = unix.Listxattr
	}
	list, err := grow(func(buffer []byte) (int, error) { return call(p.path, buffer) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	return strings.FieldsFunc(string(list), func(r rune) bool { return r == 0 }), err
}

func (p place) attribute(name string) ([]byte, error) {
	call := unix.Lgetxattr
	if p.direct {
		call = unix.Getxattr
	}
	return grow(func(buffer []byte) (int, error) { return call(p.path, name, buffer) })
}

func (p place) setAttribute(name string, value []byte) error {
	if p.direct {
		return unix.Setxattr(p.path, name, value, 0)
	}
	return unix.Lsetxattr(p.path, name, value, 0)
}

func (p place) removeAttribute(name string) error {
	if p.direct {
		return unix.Removexattr(p.path, name)
	}
	return unix.Lremovexattr(p.path, name)
}

// grow calls with a buffer that is large enough in the end.
func grow(call func(buffer []byte) (int, error)) ([]byte, error) {
	for length := 1 << 10; ; length *= 4 {
		buffer := make([]byte, length)
		n, err := call(buffer)
		switch {
		case errors.Is(err, unix.ERANGE) && length <= 1<<20: // XATTR_SIZE_MAX and XATTR_LIST_MAX are 64 KiB
		case err != nil:
			return nil, err
		default:
			return buffer[:n], nil
		}
	}
}
