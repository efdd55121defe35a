package tracer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"
)

// Feature is one thing that tracing needs of the machine.
type Feature struct {
	Name string
	// Detail describes what was found.
	Detail string
	// Err is nil when the feature is there; otherwise Fix says what to do.
	Err error
	Fix string
}

// Diagnose looks at everything that tracing needs, each by itself, so that all
// that is missing shows at once. The last step really loads and attaches the
// programs.
func Diagnose() []Feature {
	features := []Feature{privileges(), typeInformation()}
	kernel, err := btf.LoadKernelSpec()
	if err == nil {
		features = append(features, helperFeature(kernel), hookFeature(kernel))
	}
	features = append(features, cgroupFeature(), lockdown(), symbolFeature())
	for _, f := range features {
		if f.Err != nil {
			return features
		}
	}
	return append(features, attachFeature())
}

func fromError(name, detail string, err error) Feature {
	f := Feature{Name: name, Detail: detail, Err: err}
	var unavailable *UnavailableError
	if errors.As(err, &unavailable) {
		f.Err, f.Fix = unavailable.Err, unavailable.Fix
	}
	return f
}

func privileges() Feature {
	missing, err := missingPrivileges()
	if err == nil && !missing.Empty() {
		err = &UnavailableError{
			Fix: howToGrant(),
			Err: fmt.Errorf("capprof is missing %s", strings.Join(missing.Names(), ", ")),
		}
	}
	return fromError("privileges", strings.Join(Privileges.Names(), ", "), err)
}

func typeInformation() Feature { return fromError("BTF", btfPath, checkBTF()) }

func helperFeature(kernel *btf.Spec) Feature {
	return fromError("BPF helpers", newestHelper+" (since "+newestHelperSince+")", checkHelpers(kernel))
}

// hookFeature names the hooks that work, the one that is used first.
func hookFeature(kernel *btf.Spec) Feature {
	if _, err := chooseHook(hooks, kernel, ""); err != nil {
		return fromError("hook", "", err)
	}
	var works []string
	for _, h := range hooks {
		if h.available(kernel) == nil {
			works = append(works, h.option)
		}
	}
	return Feature{Name: "hook", Detail: strings.Join(works, ", ")}
}

// cgroupFeature: containers are told apart by their cgroup in the unified
// hierarchy (cgroup v2, or both versions side by side).
func cgroupFeature() Feature {
	f := Feature{Name: "cgroups"}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		f.Err, f.Fix = err, "mount /proc"
		return f
	}
	var v1, v2 bool
	for line := range bytes.Lines(mounts) {
		if fields := bytes.Fields(line); len(fields) > 2 {
			v1 = v1 || string(fields[2]) == "cgroup"
			v2 = v2 || string(fields[2]) == "cgroup2"
		}
	}
	switch {
	case v2 && v1:
		f.Detail = "hybrid (v1 and v2)"
	case v2:
		f.Detail = "v2"
	default:
		f.Err = errors.New("the unified hierarchy (cgroup v2) is not mounted")
		f.Fix = "boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup2"
	}
	return f
}

// lockdown in its confidentiality mode forbids BPF to read kernel memory.
func lockdown() Feature {
	f := Feature{Name: "lockdown", Detail: "none"}
	mode, err := os.ReadFile("/sys/kernel/security/lockdown")
	if err != nil {
		f.Detail = "not visible (securityfs is not mounted)"
		return f
	}
	if _, rest, ok := strings.Cut(string(mode), "["); ok {
		f.Detail, _, _ = strings.Cut(rest, "]")
	}
	if f.Detail == "confidentiality" {
		f.Err = errors.New("kernel lockdown is in confidentiality mode")
		f.Fix = "boot with lockdown=integrity or none"
	}
	return f
}

func symbolFeature() Feature {
	f := Feature{Name: "kernel symbols", Detail: "/proc/kallsyms"}
	if _, err := readSymbols(); err != nil {
		f.Err, f.Fix = err, "run as root or with CAP_SYSLOG, and set kernel.kptr_restrict to 0 or 1"
	}
	return f
}

// attachFeature attaches to a container that does not exist.
func attachFeature() Feature {
	f := Feature{Name: "BPF programs", Detail: "load and attach"}
	t, err := New()
	if err == nil {
		var session *Session
		if session, err = t.Attach(Target{CgroupName: "capprof-doctor-attaches-to-nothing"}); err == nil {
			session.Close()
			return f
		}
	}
	if errors.Is(err, unix.EPERM) {
		f.Fix = "a security module or lockdown forbids it; see the kernel's log"
	}
	return fromError(f.Name, f.Detail, err)
}
