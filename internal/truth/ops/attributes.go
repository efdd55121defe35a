package main

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// attributeOperations act on flags, extended attributes and leases.
var attributeOperations = map[string]operation{
	"append-only":     appendOnly,
	"flags-other":     flagsOther,
	"trusted-xattr":   trustedXattr,
	"smack-label":     smackLabel,
	"acl-other":       aclOther,
	"file-caps":       fileCaps,
	"lease-own":       func([]string) error { return lease(memory + "/lease") },
	"lease-other":     leaseOther,
	"setuid-becomes":  becomesBySetuid,
	"exec-file-caps":  execFileCaps,
	"child-file-caps": childFileCaps,
}

// appendOnly sets the append-only flag of a file of its own.
func appendOnly([]string) error {
	file, err := os.Create(memory + "/append")
	if err != nil {
		return err
	}
	defer file.Close()
	return setFlag(file, 0x20) // FS_APPEND_FL
}

// flagsOther sets a harmless flag of a file that it gave away: CAP_CHOWN,
// CAP_FOWNER.
func flagsOther([]string) error {
	file, err := os.Create(memory + "/flags")
	if err != nil {
		return err
	}
	defer file.Close()
	if err := file.Chown(other, other); err != nil {
		return err
	}
	return setFlag(file, 0x40) // FS_NODUMP_FL
}

// setFlag sets a flag of linux/fs.h: ioctl_iflags(2).
func setFlag(file *os.File, flag int) error {
	if err := unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, flag); err != nil {
		return err
	}
	flags, err := unix.IoctlGetInt(int(file.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil && flags&flag == 0 {
		return fmt.Errorf("the flags are %#x", flags)
	}
	return err
}

// xattr sets an attribute and reads it back.
func xattr(path, name string, value []byte) error {
	if err := os.WriteFile(path, nil, 0o700); err != nil {
		return err
	}
	if err := unix.Setxattr(path, name, value, 0); err != nil {
		return err
	}
	got := make([]byte, 64)
	n, err := unix.Getxattr(path, name, got)
	if err == nil && string(got[:n]) != string(value) {
		return fmt.Errorf("the attribute is %q", got[:n])
	}
	return err
}

func trustedXattr([]string) error { return xattr(memory+"/trusted", "trusted.note", []byte("x")) }

// smackLabel writes the label of a Linux security module. Only where Smack runs
// does the kernel ask for CAP_MAC_ADMIN.
func smackLabel([]string) error { return xattr(memory+"/label", "security.SMACK64", []byte("_")) }

// fileCaps gives a file cap_net_raw+ep, on the root file system, because the
// tmpfs is mounted nosuid.
func fileCaps([]string) error {
	return xattr("/tmp/capable", "security.capability",
		[]byte{1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
}

// aclOther sets an access control list on another user's file: acl(5), in the
// kernel's form, version 2 with the three entries that the mode has.
func aclOther([]string) error {
	var acl []byte
	acl = append(acl, 2, 0, 0, 0)
	for _, entry := range [][2]byte{{0x01, 6}, {0x04, 4}, {0x20, 0}} {
		acl = append(acl, entry[0], 0, entry[1], 0, 0xff, 0xff, 0xff, 0xff)
	}
	if err := unix.Setxattr(otherFile, "system.posix_acl_access", acl, 0); err != nil {
		return err
	}
	// A list of these three is kept as the mode.
	info, err := os.Stat(otherFile)
	if err == nil && info.Mode().Perm() != 0o640 {
		return fmt.Errorf("the mode is %v", info.Mode())
	}
	return err
}

// lease takes a lease on a file: fcntl(2), F_SETLEASE.
func lease(path string) error {
	file, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	return setLease(file)
}

func setLease(file *os.File) error {
	if _, err := unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_RDLCK); err != nil {
		return err
	}
	kind, err := unix.FcntlInt(file.Fd(), unix.F_GETLEASE, 0)
	if err == nil && kind != unix.F_RDLCK {
		return fmt.Errorf("the lease is %d", kind)
	}
	return err
}

// leaseOther takes a lease on a file that it gave away: CAP_CHOWN, CAP_LEASE.
func leaseOther([]string) error {
	const path = memory + "/lease-other"
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	if err := os.Chown(path, other, other); err != nil {
		return err
	}
	return lease(path)
}

// becomesBySetuid runs a file that is setuid to another user. The kernel needs no
// capability for that; no-new-privileges makes it ineffective without an error.
func becomesBySetuid([]string) error {
	output, err := child("/other/setuid-ops", "print-user").Output()
	if err != nil {
		return err
	}
	if got := string(output); got != "1000\n" {
		return fmt.Errorf("the effective user is %q", got)
	}
	return nil
}

// execFileCaps becomes a program with file capabilities: cap_net_raw+ep.
func execFileCaps(args []string) error {
	return unix.Exec("/capable-ops", append([]string{"ops"}, args...), os.Environ())
}

// childFileCaps runs the same as a child, whose failure it passes on.
func childFileCaps(args []string) error {
	if err := child("/capable-ops", args...).Run(); err != nil {
		return fmt.Errorf("the child with file capabilities: %w", err)
	}
	return nil
}

// pointer is an address for a system call that no wrapper makes.
func pointer[T any](v *T) uintptr { return uintptr(unsafe.Pointer(v)) }

// refusal is nil for any error but those of a refusal: for calls that can't
// succeed here and whose effect is to be let through as far as their arguments.
func refusal(errno unix.Errno) error {
	if errors.Is(errno, unix.EPERM) || errors.Is(errno, unix.EACCES) {
		return errno
	}
	return nil
}
