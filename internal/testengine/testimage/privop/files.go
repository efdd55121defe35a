package main

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The files that the image is made with.
const (
	// othersFile belongs to user and group 1000, mode 0600.
	othersFile = "/data/other"
	// otherID is that user and group.
	otherID = 1000
)

// fileOperations act on files and file systems.
var fileOperations = map[string]operation{
	"chown":       chown,
	"chmod-other": chmodOther,
	"setgid-bit":  setgidBit,
	"read-other":  readOther,
	"write-other": writeOther,
	"mknod":       mknod,
	"chroot":      chroot,
	"mount":       mount,
	"setfcap":     setfcap,
	"needs-file":  needsFile,
}

// chown gives a file of its own away: CAP_CHOWN.
func chown([]string, streams) error {
	const path = "/tmp/chown"
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	if err := os.Chown(path, otherID, otherID); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Uid != otherID {
		return fmt.Errorf("the owner is %d", st.Uid)
	}
	return nil
}

// chmodOther changes the mode of another user's file: CAP_FOWNER.
func chmodOther([]string, streams) error {
	if err := os.Chmod(othersFile, 0o640); err != nil {
		return err
	}
	info, err := os.Stat(othersFile)
	if err == nil && info.Mode().Perm() != 0o640 {
		return fmt.Errorf("the mode is %v", info.Mode())
	}
	return err
}

// setgidBit sets the setgid bit on a file of a group it is not in: CAP_FSETID.
// Without it chmod(2) succeeds and drops the bit, so the effect is checked.
func setgidBit([]string, streams) error {
	const path = "/data/group"
	if err := unix.Chmod(path, 0o2755); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_ISGID == 0 {
		return fmt.Errorf("the setgid bit was dropped: mode %o", st.Mode)
	}
	return nil
}

// readOther reads another user's private file: CAP_DAC_READ_SEARCH or
// CAP_DAC_OVERRIDE.
func readOther([]string, streams) error {
	_, err := os.ReadFile(othersFile)
	return err
}

// writeOther writes another user's private file: CAP_DAC_OVERRIDE.
func writeOther([]string, streams) error {
	const text = "privop\n"
	if err := os.WriteFile(othersFile, []byte(text), 0); err != nil {
		return err
	}
	info, err := os.Stat(othersFile)
	if err == nil && info.Size() != int64(len(text)) {
		return fmt.Errorf("the size is %d", info.Size())
	}
	return err
}

// mknod makes a device node: CAP_MKNOD.
func mknod([]string, streams) error {
	const path = "/tmp/null"
	device := unix.Mkdev(1, 3)
	if err := unix.Mknod(path, unix.S_IFCHR|0o666, int(device)); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || st.Rdev != device {
		return fmt.Errorf("mode %o, device %#x", st.Mode, st.Rdev)
	}
	return nil
}

// chroot changes the root directory: CAP_SYS_CHROOT.
func chroot([]string, streams) error {
	if err := unix.Chroot("/data"); err != nil {
		return err
	}
	_, err := os.Stat("/other")
	return err
}

// mount mounts a tmpfs and takes it away again: CAP_SYS_ADMIN.
func mount([]string, streams) error {
	if err := unix.Mount("none", "/mnt", "tmpfs", 0, ""); err != nil {
		return err
	}
	var st unix.Statfs_t
	if err := unix.Statfs("/mnt", &st); err != nil {
		return err
	}
	if st.Type != unix.TMPFS_MAGIC {
		return fmt.Errorf("the file system is %#x", st.Type)
	}
	return unix.Unmount("/mnt", 0)
}

// setfcap gives a file capabilities: CAP_SETFCAP.
func setfcap([]string, streams) error {
	const path = "/tmp/setfcap"
	if err := os.WriteFile(path, nil, 0o700); err != nil {
		return err
	}
	// vfs_cap_data, revision 2: permitted CAP_NET_RAW and the effective bit.
	value := []byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Setxattr(path, "security.capability", value, 0); err != nil {
		return err
	}
	got := make([]byte, len(value))
	n, err := unix.Getxattr(path, "security.capability", got)
	if err == nil && !bytes.Equal(got[:n], value) {
		return fmt.Errorf("the attribute is %x", got[:n])
	}
	return err
}

// needsFile fails for want of a file, which no capability fixes.
func needsFile([]string, streams) error {
	_, err := os.ReadFile("/etc/missing.conf")
	return err
}
