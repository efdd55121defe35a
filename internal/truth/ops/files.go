package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// What the image is made with: a tree of the user and group other, on the root
// file system.
const (
	other        = 1000
	otherFile    = "/other/file"      // mode 0600
	otherDir     = "/other/directory" // mode 0755, with nothing in it
	otherPrivate = "/other/private"   // mode 0700, with one file in it
	sticky       = "/other/sticky"    // mode 1777, with the file below in it
	stickyFile   = "/other/sticky/file"
	// memory is a tmpfs, which every engine mounts and which does what a FUSE root
	// cannot: leases, flags, handles.
	memory = "/dev/shm"
)

// fileOperations are those that owners and modes decide on.
var fileOperations = map[string]operation{
	"chown-group":         chownGroup,
	"create-in-other-dir": func([]string) error { return writeAndLook(otherDir+"/new", 4) },
	"list-private-dir":    listPrivateDir,
	"truncate-other":      truncateOther,
	"unlink-sticky":       unlinkSticky,
	"rename-sticky":       renameSticky,
	"set-times-other":     setTimesOther,
	"touch-other":         touchOther,
	"open-noatime":        openNoATime,
	"hard-link-other":     hardLinkOther,
	"write-setuid-file":   writeSetuidFile,
	// The kernel drops the bit where the group is not the caller's, and says nothing.
	"set-group-bit":         func([]string) error { return os.Chmod("/data/group", 0o755|os.ModeSetgid) },
	"open-by-handle":        openByHandle,
	"link-by-descriptor":    linkByDescriptor,
	"whiteout":              whiteout,
	"chown-to-itself":       func([]string) error { return os.Chown("/tmp", 0, 0) },
	"chown-setuid-itself":   chownSetuidItself,
	"chmod-own":             chmodOwn,
	"physical-block":        physicalBlock,
	"chown-without-change":  func([]string) error { return os.Chown(otherFile, -1, -1) },
	"write-read-only-root":  func([]string) error { return os.WriteFile("/tmp/x", nil, 0o600) },
	"write-proc-sys":        func([]string) error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) },
	"open-device":           openDevice,
	"copy-up":               copyUp,
	"execute-not-marked":    executeNotMarked,
	"access-other":          func([]string) error { return unix.Access(otherFile, unix.R_OK) },
	"read-other-or-default": readOtherOrDefault,
}

// hasSize fails unless the file is of that size.
func hasSize(path string, want int64) error {
	info, err := os.Stat(path)
	if err == nil && info.Size() != want {
		return fmt.Errorf("the size is %d", info.Size())
	}
	return err
}

// writeAndLook makes a file and looks at what became of it.
func writeAndLook(path string, size int) error {
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		return err
	}
	return hasSize(path, int64(size))
}

func truncateOther([]string) error {
	if err := unix.Truncate(otherFile, 0); err != nil {
		return err
	}
	return hasSize(otherFile, 0)
}

// isGone fails while the name is there.
func isGone(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%s is still there", path)
	}
	return nil
}

func unlinkSticky([]string) error {
	if err := unix.Unlink(stickyFile); err != nil {
		return err
	}
	return isGone(stickyFile)
}

func renameSticky([]string) error {
	if err := unix.Rename(stickyFile, sticky+"/renamed"); err != nil {
		return err
	}
	return isGone(stickyFile)
}

// touchOther asks for the present, which whoever may write the file may set.
func touchOther([]string) error {
	start := time.Now().Add(-time.Minute)
	present := []unix.Timespec{{Nsec: unix.UTIME_NOW}, {Nsec: unix.UTIME_NOW}}
	if err := unix.UtimesNano(otherFile, present); err != nil {
		return err
	}
	info, err := os.Stat(otherFile)
	if err == nil && info.ModTime().Before(start) {
		return fmt.Errorf("the time is %v", info.ModTime())
	}
	return err
}

func hardLinkOther([]string) error {
	const link = "/tmp/linked"
	if err := unix.Link(otherFile, link); err != nil {
		return err
	}
	old, err := os.Stat(otherFile)
	if err != nil {
		return err
	}
	linked, err := os.Stat(link)
	if err == nil && !os.SameFile(old, linked) {
		return errors.New("the link is another file")
	}
	return err
}

// chmodOwn changes the mode of a file of its own, for which nothing is needed.
func chmodOwn([]string) error {
	if err := os.Chmod("/own/file", 0o640); err != nil {
		return err
	}
	info, err := os.Stat("/own/file")
	if err == nil && info.Mode().Perm() != 0o640 {
		return fmt.Errorf("the mode is %v", info.Mode())
	}
	return err
}

// chownSetuidItself gives a setuid file to the owner that it has. The kernel
// drops the bit, whoever asks: no capability keeps it (chown(2)).
func chownSetuidItself([]string) error {
	const path = memory + "/setuid-itself"
	if err := os.WriteFile(path, nil, 0o700); err != nil {
		return err
	}
	if err := unix.Chmod(path, 0o4755); err != nil {
		return err
	}
	if err := unix.Chown(path, 0, 0); err != nil {
		return err
	}
	return keptSetuid(path)
}

// physicalBlock asks for the disk's block under a file: FIBMAP, which file
// systems without a disk do not have, but ask first for.
func physicalBlock([]string) error {
	file, err := os.Open("/own/file")
	if err != nil {
		return err
	}
	defer file.Close()
	const fibmap = 1 // _IO(0, 1), linux/fs.h
	block := int32(0)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, file.Fd(), fibmap, pointer(&block))
	return refusal(errno)
}

// keptSetuid fails unless the file is setuid.
func keptSetuid(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_ISUID == 0 {
		return fmt.Errorf("the setuid bit was dropped: mode %o", st.Mode)
	}
	return nil
}

// chownGroup gives a file of its own to a group that it is not in.
func chownGroup([]string) error {
	const path = "/tmp/grouped"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	if err := os.Chown(path, -1, other); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Gid != other {
		return fmt.Errorf("the group is %d", st.Gid)
	}
	return nil
}

func listPrivateDir([]string) error {
	entries, err := os.ReadDir(otherPrivate)
	if err == nil && len(entries) == 0 {
		return errors.New("nothing in it")
	}
	return err
}

// setTimesOther sets a time of its choice, which only the owner may.
func setTimesOther([]string) error {
	want := time.Unix(1_000_000_000, 0)
	if err := os.Chtimes(otherFile, want, want); err != nil {
		return err
	}
	info, err := os.Stat(otherFile)
	if err == nil && !info.ModTime().Equal(want) {
		return fmt.Errorf("the time is %v", info.ModTime())
	}
	return err
}

// openNoATime opens what anybody may read in a way that only the owner may.
func openNoATime([]string) error {
	fd, err := unix.Open("/other/readable", unix.O_RDONLY|unix.O_NOATIME|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_NOATIME == 0 {
		return fmt.Errorf("the flags are %#x", flags)
	}
	return err
}

// writeSetuidFile writes into a file and expects it to stay setuid: CAP_FSETID.
// Without it the write succeeds and the bit is gone (file_remove_privs).
func writeSetuidFile([]string) error {
	const path = memory + "/setuid"
	if err := os.WriteFile(path, []byte("before"), 0o700); err != nil {
		return err
	}
	if err := unix.Chmod(path, 0o4755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte("after"), 0); err != nil {
		return err
	}
	return keptSetuid(path)
}

// openByHandle opens a file without a path, past the modes of all directories.
func openByHandle([]string) error {
	const path = memory + "/by-handle"
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		return err
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
	if err != nil {
		return fmt.Errorf("naming the handle: %w", err)
	}
	mount, err := unix.Open(memory, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	fd, err := unix.OpenByHandleAt(mount, handle, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	text := make([]byte, 2)
	n, err := unix.Read(fd, text)
	if err == nil && string(text[:n]) != "x" {
		return fmt.Errorf("it holds %q", text[:n])
	}
	return err
}

// linkByDescriptor names a file that it has open but that was opened under other
// credentials: linkat(2) then says ENOENT, not EPERM, without
// CAP_DAC_READ_SEARCH.
func linkByDescriptor([]string) error {
	fd, err := unix.Open(memory, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return onThread(func() error {
		// New credentials that equal the old ones are others to the kernel, which
		// compares pointers since Linux 6.10.
		header, data, err := readCapabilities()
		if err != nil {
			return err
		}
		if err := unix.Capset(header, &data[0]); err != nil {
			return err
		}
		if err := unix.Linkat(fd, "", unix.AT_FDCWD, memory+"/linked", unix.AT_EMPTY_PATH); err != nil {
			return err
		}
		return hasSize(memory+"/linked", 0)
	})
}

// whiteout makes the one device node that needs no capability: 0, 0.
func whiteout([]string) error {
	const path = memory + "/whiteout"
	if err := unix.Mknod(path, unix.S_IFCHR, 0); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != 0 {
		return fmt.Errorf("mode %o, device %d", st.Mode, st.Rdev)
	}
	return nil
}

// openDevice reads a device node that the container's device group lacks.
func openDevice([]string) error {
	const path = memory + "/kmsg"
	if err := unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 11))); err != nil {
		return fmt.Errorf("making the node: %w", err)
	}
	// The node of a tmpfs without nodev, so that nothing but the group refuses.
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// copyUp changes a file of a lower layer, which the storage driver does with
// privileges of its own.
func copyUp([]string) error {
	for _, step := range []error{
		os.Chmod("/own/file", 0o640),
		os.WriteFile("/own/directory/new", nil, 0o600),
		os.Remove("/own/removed"),
	} {
		if step != nil {
			return step
		}
	}
	return nil
}

// executeNotMarked executes a file that nobody may: not even CAP_DAC_OVERRIDE
// helps where no execute bit is set.
func executeNotMarked([]string) error {
	return unix.Exec("/other/program", []string{"program", "give-up"}, nil)
}

// readOtherOrDefault prefers a file that it cannot read and does well without.
func readOtherOrDefault([]string) error {
	if _, err := os.ReadFile(otherFile); err == nil || !errors.Is(err, unix.EACCES) {
		return err
	}
	_, err := os.ReadFile("/other/readable")
	return err
}
