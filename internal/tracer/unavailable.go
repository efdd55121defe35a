package tracer

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
)

// UnavailableError says why tracing cannot be had here.
type UnavailableError struct {
	// Feature is what is missing, Fix what to do about it.
	Feature, Fix string
	Err          error
}

func (e *UnavailableError) Error() string {
	return fmt.Sprintf("tracing needs %s: %v (%s)", e.Feature, e.Err, e.Fix)
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// Privileges are the capabilities that tracing needs: CAP_BPF to load programs
// and make maps, CAP_PERFMON to trace and read kernel memory, CAP_SYSLOG to see
// kernel addresses in /proc/kallsyms.
var Privileges = capability.Of(capability.BPF, capability.Perfmon, capability.Syslog)

// missingPrivileges returns those of Privileges that the process lacks.
// CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON, as in the kernel.
func missingPrivileges() (capability.Set, error) {
	effective, err := effectiveSet()
	if err != nil {
		return 0, err
	}
	missing := Privileges.Minus(effective)
	if effective.Has(capability.SysAdmin) {
		missing = missing.Without(capability.BPF).Without(capability.Perfmon)
	}
	return missing, nil
}

// howToGrant says how to give capprof Privileges (setcap(8)).
func howToGrant() string {
	return "run it with sudo, or: sudo setcap " + strings.ToLower(strings.Join(Privileges.Names(), ",")) + `+ep "$(command -v capprof)"`
}

func effectiveSet() (capability.Set, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, fmt.Errorf("reading the process's own capabilities: %w", err)
	}
	return capability.Set(uint64(data[1].Effective)<<32 | uint64(data[0].Effective)), nil
}

// explainLoad turns an error of the bpf(2) calls into one that says what to do.
func explainLoad(err error) error {
	missing, missingErr := missingPrivileges()
	if missingErr == nil && !missing.Empty() && errors.Is(err, unix.EPERM) {
		return &UnavailableError{
			Feature: strings.Join(missing.Names(), ", "),
			Fix:     howToGrant(),
			Err:     errors.New("not granted to capprof"),
		}
	}
	return &UnavailableError{
		Feature: "BPF programs",
		Fix:     "see capprof doctor; a kernel of " + newestHelperSince + " or later, with BTF and without lockdown=confidentiality, is needed",
		Err:     err,
	}
}

// btfPath is where the kernel describes its types.
const btfPath = "/sys/kernel/btf/vmlinux"

func checkBTF() error {
	if _, err := os.Stat(btfPath); err != nil {
		return &UnavailableError{
			Feature: "the kernel's BTF type information",
			Fix:     "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions' kernels since 2020 are",
			Err:     err,
		}
	}
	return nil
}
