package main

import (
	"errors"
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// credentialOperations act on the capability sets themselves, and on what guards
// them.
var credentialOperations = map[string]operation{
	"drop-bounding":         dropBounding,
	"drop-bounding-ignored": dropBoundingIgnored,
	"securebits":            securebits,
	"inherit-chown":         inheritChown,
	"capset-net-admin":      capsetNetAdmin,
	"ambient-net-raw":       ambientNetRaw,
	"give-up":               giveUp,
	"filter-without-nnp":    filterWithoutNNP,
	"filter-with-nnp":       filterWithNNP,
	"landlock-without-nnp":  landlockWithoutNNP,
}

// readCapabilities is capget(2) for the calling thread.
func readCapabilities() (*unix.CapUserHeader, *[2]unix.CapUserData, error) {
	header := &unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := new([2]unix.CapUserData)
	return header, data, unix.Capget(header, &data[0])
}

// capabilityData has the capabilities permitted and effective.
func capabilityData(mask uint64) *[2]unix.CapUserData {
	data := new([2]unix.CapUserData)
	for i := range data {
		part := uint32(mask >> (32 * i))
		data[i].Permitted, data[i].Effective = part, part
	}
	return data
}

// dropBounding takes a capability out of the bounding set: CAP_SETPCAP.
func dropBounding([]string) error {
	return onThread(func() error {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_WAKE_ALARM, 0, 0, 0); err != nil {
			return err
		}
		held, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, unix.CAP_WAKE_ALARM, 0, 0, 0)
		if err == nil && held != 0 {
			return errors.New("it is still in the bounding set")
		}
		return err
	})
}

// dropBoundingIgnored does so as most daemons do: all of it, whatever comes.
func dropBoundingIgnored([]string) error {
	return onThread(func() error {
		for c := range uintptr(unix.CAP_LAST_CAP + 1) {
			_, _, _ = unix.RawSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c, 0)
		}
		return nil
	})
}

// securebits sets a flag of the thread that ties root to capabilities no longer.
func securebits([]string) error {
	return onThread(func() error {
		const noSetuidFixup = 1 << 2 // SECBIT_NO_SETUID_FIXUP, linux/securebits.h
		if err := unix.Prctl(unix.PR_SET_SECUREBITS, noSetuidFixup, 0, 0, 0); err != nil {
			return err
		}
		bits, err := unix.PrctlRetInt(unix.PR_GET_SECUREBITS, 0, 0, 0, 0)
		if err == nil && bits != noSetuidFixup {
			return fmt.Errorf("the bits are %#x", bits)
		}
		return err
	})
}

// inheritChown makes CAP_CHOWN inheritable. Where it is not permitted, the kernel
// asks for CAP_SETPCAP, which alone would be of no use: what is inheritable must
// be in the bounding set too, and there it isn't (cap_capset).
func inheritChown([]string) error {
	return onThread(func() error {
		header, data, err := readCapabilities()
		if err != nil {
			return err
		}
		data[0].Inheritable |= 1 << unix.CAP_CHOWN
		if err := unix.Capset(header, &data[0]); err != nil {
			return err
		}
		_, now, err := readCapabilities()
		if err == nil && now[0].Inheritable&(1<<unix.CAP_CHOWN) == 0 {
			return fmt.Errorf("the inheritable set is %#x", now[0].Inheritable)
		}
		return err
	})
}

// capsetNetAdmin asks for CAP_NET_ADMIN and nothing else. Above the permitted
// set that is refused without any check.
func capsetNetAdmin([]string) error {
	return onThread(func() error {
		header, _, err := readCapabilities()
		if err != nil {
			return err
		}
		data := capabilityData(1 << unix.CAP_NET_ADMIN)
		return unix.Capset(header, &data[0])
	})
}

// ambientNetRaw raises CAP_NET_RAW in the ambient set, refused without a check
// where it is not permitted.
func ambientNetRaw([]string) error {
	return onThread(func() error {
		header, data, err := readCapabilities()
		if err != nil {
			return err
		}
		for i := range data {
			data[i].Inheritable = data[i].Permitted
		}
		if err := unix.Capset(header, &data[0]); err != nil {
			return fmt.Errorf("making all inheritable: %w", err)
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_RAW, 0, 0); err != nil {
			return err
		}
		text, err := statusField("CapAmb")
		if err != nil {
			return err
		}
		mask, err := strconv.ParseUint(text, 16, 64)
		if err == nil && mask&(1<<unix.CAP_NET_RAW) == 0 {
			return fmt.Errorf("the ambient set is %s", text)
		}
		return err
	})
}

// giveUp gives everything up, for which nothing is needed.
func giveUp([]string) error {
	return onThread(func() error {
		header, _, err := readCapabilities()
		if err != nil {
			return err
		}
		return unix.Capset(header, &capabilityData(0)[0])
	})
}

// setFilter installs a seccomp filter that allows everything.
func setFilter() error {
	allow := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
	program := unix.SockFprog{Len: 1, Filter: &allow}
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return errno
	}
	return nil
}

// filterWithoutNNP needs CAP_SYS_ADMIN, asked for quietly (seccomp(2)).
func filterWithoutNNP([]string) error { return onThread(setFilter) }

// filterWithNNP is how it goes without one.
func filterWithNNP([]string) error {
	return onThread(func() error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
		return setFilter()
	})
}

// landlockWithoutNNP restricts itself by Landlock without no_new_privs.
func landlockWithoutNNP([]string) error {
	return onThread(func() error {
		attribute := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_EXECUTE}
		fd, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, pointer(&attribute), unsafe.Sizeof(attribute.Handled_access_fs), 0)
		if errno != 0 {
			return fmt.Errorf("making the rules: %w", errno)
		}
		defer unix.Close(int(fd))
		if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
			return errno
		}
		return nil
	})
}
