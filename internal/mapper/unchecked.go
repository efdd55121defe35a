package mapper

import (
	"fmt"
	"path"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/callwords"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
	"github.com/capprof/capprof/internal/seccomp"
)

// Values of prctl(2), from linux/prctl.h.
const (
	prCapBSetDrop     = 24
	prCapAmbient      = 47
	prCapAmbientRaise = 2
)

const setPCap = capability.SetPCap

// refusedWithoutCheck explains the refusals in which the kernel compares sets
// and asks cap_capable() nothing, or nothing that matters. It reports whether
// the operation is one of them.
func (e *explanation) refusedWithoutCheck() bool {
	if e.op.Errno != syscall.EPERM {
		return false
	}
	switch {
	case e.op.Syscall == "execve" || e.op.Syscall == "execveat":
		// security/commoncap.c:bprm_caps_from_vfs_caps
		missing := e.op.Object.Capabilities.Minus(e.op.Bounding)
		return e.denyEach(missing, Denial{
			Mechanism: FileCapabilities,
			Meaning:   fmt.Sprintf("the file carries capabilities (%s) that the container may not hold", e.op.Object.Capabilities),
			Remedies:  try(remedy.NoFileCapabilities),
		})
	case e.op.Syscall == "capset":
		// security/commoncap.c:cap_capset
		held := e.op.Object.Capabilities.Minus(e.op.Permitted)
		// CAP_SETPCAP, which is asked for, gives up to the bounding set and no more.
		passed := e.op.Object.Inheritable.Minus(e.op.Inheritable.Union(e.op.Bounding))
		one := e.denyEach(held, Denial{
			Mechanism: Capset,
			Meaning:   fmt.Sprintf("the process asked to keep or raise capabilities (%s) of which it does not hold all", e.op.Object.Capabilities),
		})
		return e.denyEach(passed, Denial{
			Mechanism: Capset,
			Meaning:   fmt.Sprintf("the process asked to pass capabilities (%s) on to what it executes, of which its bounding set lacks some", e.op.Object.Inheritable),
		}) || one
	case e.op.Syscall == "prctl" && e.op.Args[0] == prCapAmbient && e.op.Args[1] == prCapAmbientRaise:
		// security/commoncap.c:cap_task_prctl
		if wanted := e.op.Args[2]; wanted <= uint64(capability.Max) {
			missing := capability.Of(capability.Cap(wanted)).Minus(e.op.Permitted)
			return e.denyEach(missing, Denial{
				Mechanism: Ambient,
				Meaning:   "the process asked to pass on to its children, as an ambient capability, what it does not hold",
			})
		}
	}
	return false
}

// denyEach adds one denial for each capability, all of which were needed, and
// reports whether there was any.
func (e *explanation) denyEach(missing capability.Set, d Denial) bool {
	for _, c := range missing.ByDanger() {
		d.AnyOf = []capability.Cap{c}
		d.Effect = Decisive
		e.deny(d)
	}
	return !missing.Empty()
}

// refusedUIDMap explains a write to uid_map that maps the parent's root: the
// kernel looks at CAP_SETFCAP as it was at unshare(2)
// (kernel/user_namespace.c:verify_root_map, since 5.12).
func (e *explanation) refusedUIDMap() bool {
	if e.op.Errno != syscall.EPERM || path.Base(e.op.Object.Path) != "uid_map" || e.env.Granted.Has(capability.SetFCap) {
		return false
	}
	return e.denyEach(capability.Of(capability.SetFCap), Denial{
		Mechanism: UserNamespaceMap,
		CallSite:  "verify_root_map",
		Meaning:   "mapping the container's root into a user namespace",
		Remedies:  try(remedy.MapOtherUser),
	})
}

// beyondClone says what a clone3(2) asks for that the C library, on its way to
// clone(2), has to leave out; "" for nothing.
func beyondClone(o observation.Object) string {
	switch {
	case o.ChosenIDs > 0:
		return "a process with an ID of the caller's choice"
	case o.CloneFlags&unix.CLONE_INTO_CGROUP != 0:
		return "a process in another control group"
	case o.CloneFlags&unix.CLONE_NEWTIME != 0:
		return "a process in a new time namespace"
	}
	return ""
}

// remediesOfCall do without calls that seccomp keeps from a container and the kernel
// guards by a capability too.
var remediesOfCall = func() map[string][]remedy.Remedy {
	all := map[string][]remedy.Remedy{}
	for kind, calls := range map[remedy.Kind]string{
		remedy.EngineMount: "mount umount umount2 fsopen fsmount move_mount open_tree mount_setattr",
		remedy.Hostname:    "sethostname",
		remedy.Domainname:  "setdomainname",
		remedy.HostClock:   "settimeofday clock_settime clock_settime64 adjtimex clock_adjtime stime",
	} {
		for call := range nameSet(calls) {
			all[call] = try(kind)
		}
	}
	return all
}()

// remediesOf do without a call that seccomp refuses, or are what the table advises at
// the place where the kernel asks as well. Another seccomp profile alone would not
// help there.
func remediesOf(call string, caps []capability.Cap) []remedy.Remedy {
	if remedies := remediesOfCall[call]; remedies != nil {
		return remedies
	}
	for _, entry := range sites["sys_"+call] {
		if len(entry.remedies) > 0 && slices.ContainsFunc(caps, func(c capability.Cap) bool { return entry.covers(c, call) }) {
			return entry.remedies
		}
	}
	return nil
}

// judge is what the known seccomp filter does with the call.
func (e *explanation) judge() (v seccomp.Verdict) {
	if e.env.Seccomp != nil {
		v = e.env.Seccomp.Judge(seccomp.Call{Arch: e.op.Arch, Name: e.op.Syscall, Args: e.op.Args}, e.env.Granted)
	}
	return v
}

// refusedEarly explains a call that was refused before the kernel looked at it, by the
// verdict of the known filter.
func (e *explanation) refusedEarly(v seccomp.Verdict) {
	switch {
	case e.op.Syscall == "clone3" && len(v.AllowedWith) > 0 && beyondClone(e.op.Object) != "":
		e.deny(Denial{
			AnyOf: v.AllowedWith, Mechanism: Seccomp, Effect: Silent,
			Meaning: "the engine's seccomp profile makes clone3 look like a call that the kernel lacks, unless the container has the capability; " +
				"here it was to start " + beyondClone(e.op.Object) + ", which clone cannot do",
		})
	case e.op.Errno == syscall.ENOSYS:
		// Programs take it for a kernel without the call, and go on.
	case v.Fallback:
		e.fail(fmt.Sprintf("%s was refused before the kernel looked at it, and not in the way of the engine's seccomp profile: programs can install filters of their own", e.op.Syscall), nil)
	case v.Refused && len(v.AllowedWith) > 0:
		d := Denial{
			AnyOf: v.AllowedWith, Mechanism: Seccomp, Effect: Decisive,
			Meaning:  fmt.Sprintf("the engine's seccomp profile lets %s pass only with the capability", e.op.Syscall),
			Remedies: remediesOf(e.op.Syscall, v.AllowedWith),
		}
		if need, ok := needsNone(e.op); ok {
			d.Meaning += "; the kernel itself " + need
			d.Remedies = allowCall(e.op)
		} else if isUser(e.op, e.env) && e.op.Effective.Empty() {
			// The profile goes by the container's set, and then the kernel asks the process.
			d.Meaning += fmt.Sprintf("; what the kernel asks for then, it asks a process of %s, which an added capability does not reach", userWords(e.op.UID, e.env))
			if len(d.Remedies) == 0 {
				d.Operation = e.op
				d.Remedies = whereUnreachable(d, true, e.op.NoNewPrivs || e.env.NoNewPrivileges)
			}
		}
		e.deny(d)
	case v.Refused:
		e.failBy(Obstacle{Kind: SeccompProfile, Call: e.op.Syscall}, fmt.Sprintf("the seccomp profile refuses %s whatever the capabilities", callwords.Call(e.op)), allowCall(e.op))
	case e.env.Seccomp == nil:
		e.fail(fmt.Sprintf("%s was refused before the kernel looked at it, by a seccomp filter that is not the engine's: the container has none that is known, and programs can install their own", e.op.Syscall), nil)
	default:
		e.fail(fmt.Sprintf("%s was refused before the kernel looked at it, although the engine's seccomp profile allows it: the program installed a filter of its own, or the engine's profile is another one", e.op.Syscall), nil)
	}
}

func allowCall(op observation.Operation) []remedy.Remedy {
	return []remedy.Remedy{{Kind: remedy.AllowCall, Call: op.Syscall}}
}
