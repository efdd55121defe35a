package tracer

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cilium/ebpf/btf"
	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// lowAddress is one that takes a capability to map.
const lowAddress = 0

// refuseAll makes a call of each kind in which a check can be made: by way of the security
// modules, in commoncap.c itself, with another credential, and none at all.
func refuseAll() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	inheritable := [2]unix.CapUserData{{Inheritable: 1 << capability.Chown}}
	_, _, mmap := unix.RawSyscall6(unix.SYS_MMAP, lowAddress, 4096, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED, ^uintptr(0), 0)
	for i, call := range []struct{ got, want error }{
		{unix.Fchownat(unix.AT_FDCWD, "/", 1000, 1000, 0), unix.EPERM},
		{syscall.Setpriority(syscall.PRIO_PROCESS, 0, -5), unix.EACCES},
		{unix.Prctl(unix.PR_SET_SECUREBITS, 1, 0, 0, 0), unix.EPERM},
		{unix.Prctl(unix.PR_SET_SECUREBITS, 1<<20, 0, 0, 0), unix.EPERM}, // no such bit: nothing is asked
		{unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(capability.Chown), 0, 0, 0), unix.EPERM},
		{unix.Capset(&header, &inheritable[0]), unix.EPERM},
		{mmap, unix.EPERM},
		{unix.Chroot("/"), unix.EPERM},
		{unix.Sethostname([]byte("capprof")), unix.EPERM},
		{unix.Faccessat(unix.AT_FDCWD, "/", 0, 0), nil},
	} {
		if !errors.Is(call.got, call.want) && (call.want != nil || call.got != nil) {
			return fmt.Errorf("call %d: %w, want %w", i, call.got, call.want)
		}
	}
	return nil
}

// offered are the hooks that this kernel has.
func offered(t *testing.T) []string {
	t.Helper()
	kernel, err := btf.LoadKernelSpec()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range hooks {
		if err := h.available(kernel); err != nil {
			t.Logf("%s: %v", h.option, err)
			continue
		}
		names = append(names, h.option)
	}
	if len(names) == 0 {
		t.Fatal("this kernel has no hook")
	}
	return names
}

func tracerOn(t *testing.T, hook string) *Tracer {
	t.Helper()
	tracer, err := NewOn(hook)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(tracer.Hook(), "/"+checkFunction) {
		t.Errorf("the hook is called %q", tracer.Hook())
	}
	return tracer
}

// refusals describes what refuseAll was refused, in order, with the checks and where they
// were made.
func refusals(obs observation.Observation) []string {
	var all []string
	for _, op := range obs.Operations {
		if op.Errno != unix.EPERM && op.Errno != unix.EACCES || op.Syscall == "mmap" && op.Args[0] != lowAddress || !slices.Contains([]string{
			"fchownat", "setpriority", "prctl", "capset", "mmap", "chroot", "sethostname",
		}, op.Syscall) {
			continue
		}
		line := fmt.Sprint(op.Syscall, " ", op.Errno, " ", op.Object.Path, " init ", op.Init, " entered ", op.Entered, " returned ", op.Returned, " ", op.Count)
		for _, c := range op.Checks {
			line += fmt.Sprint("; ", c.Capability, " granted ", c.Granted, " overridden ", c.Overridden, " namespace ", c.Namespace, " ", c.Count, " in ", strings.Join(c.Stack, " < "))
		}
		all = append(all, line)
	}
	return all
}

func TestEachHookShowsTheSame(t *testing.T) {
	var first []string
	for _, hook := range offered(t) {
		t.Run(hook, func(t *testing.T) {
			tracer := tracerOn(t, hook)
			cgroup := newCgroup(t, hook)
			target := Target{filepath.Base(cgroup)}
			w, err := tracer.Watch(target)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			session, err := tracer.Attach(target)
			if err != nil {
				t.Fatal(err)
			}
			defer session.Close()
			actIn(t, cgroup, "all refused")
			obs := finished(t, session)
			noLosses(t, obs)
			got := refusals(obs)
			t.Log(strings.Join(got, "\n"))
			if len(got) != 9 {
				t.Errorf("%d refusals, want 9", len(got))
			}
			for i, want := range []string{
				"SYS_RAWIO granted false overridden false namespace 0 1 in cap_mmap_addr < ", "CHOWN granted false overridden false namespace 0 1 in ", "SYS_NICE granted false", "SETPCAP granted false overridden false namespace 0 1 in cap_task_prctl < security_task_prctl", "",
				"SETPCAP granted false", "SETPCAP granted false overridden false namespace 0 1 in cap_capset < security_capset",
				"SYS_CHROOT granted false", "SYS_ADMIN granted false",
			} {
				if i < len(got) && (!strings.Contains(got[i], want) || want == "" && strings.Contains(got[i], "granted")) {
					t.Errorf("refusal %d is %s, want %q in it", i, got[i], want)
				}
			}
			denied := capability.Of(capability.Chown, capability.SysNice, capability.SetPCap, capability.SysRawIO, capability.SysChroot, capability.SysAdmin)
			if seen, err := w.Seen(); err != nil || seen != (observation.Watched{Denied: denied}) {
				t.Errorf("watched %+v, %v", seen, err)
			}
			if first == nil {
				first = got
			}
			if !slices.Equal(got, first) {
				t.Errorf("another hook showed\n%s", strings.Join(first, "\n"))
			}
		})
	}
}

// Under each hook, repeats are counted and nothing is lost of several threads at a time.
func TestEachHookCountsAStorm(t *testing.T) {
	for _, hook := range offered(t) {
		t.Run(hook, func(t *testing.T) {
			obs := tracedBy(t, tracerOn(t, hook), "setpriority")
			noLosses(t, obs)
			ops := find(obs, "setpriority", unix.EACCES)
			if len(ops) != 1 || ops[0].Count != 100000 || len(ops[0].Checks) != 1 || len(ops[0].Checks[0].Stack) == 0 {
				t.Errorf("%+v", ops)
			}
		})
	}
}

func TestAHookThatIsNotOfferedIsRefused(t *testing.T) {
	has := offered(t)
	for _, name := range append(Hooks(), "lsm") {
		if slices.Contains(has, name) {
			continue
		}
		tracer, err := NewOn(name)
		if err == nil {
			t.Errorf("%s: %s", name, tracer.Hook())
			continue
		}
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
