package mapper

import (
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

// Module is a security module that confines the container.
type Module struct {
	// Name is "apparmor" or "selinux".
	Name string
	// Label is AppArmor's profile or SELinux's domain, "" where that is not known.
	Label string
}

// The modules whose refusals are told from others.
const (
	appArmor = "apparmor"
	selinux  = "selinux"
)

// words name the module: "AppArmor's profile docker-default".
func (m Module) words() string {
	name, label := m.Name, "policy"
	switch m.Name {
	case appArmor:
		name, label = "AppArmor", "profile"
	case selinux:
		name, label = "SELinux", "domain"
	}
	if m.Label == "" {
		return name
	}
	return name + "'s " + label + " " + m.Label
}

// remedy is a policy that has a rule, "" for one that is not known.
func (m Module) remedy(rule string) remedy.Remedy {
	return remedy.Remedy{Kind: remedy.SecurityModule, Name: m.Name, Value: rule}
}

// under reports whether a module confines the container.
func (env Environment) under(name string) bool {
	return slices.ContainsFunc(env.Modules, func(m Module) bool { return m.Name == name })
}

// Refuser is the security module that refused a call.
type Refuser struct {
	Module
	// ShownBy is how that is known; "" where it is not, and it may have been.
	ShownBy Evidence
	// Record is the kernel's own, without what is another each time, and Rule what the
	// policy would have to have; "" where there is none.
	Record, Rule string
}

// Evidence is how the refusal of a security module is known.
type Evidence string

// The kinds of evidence.
const (
	// ByLog: the kernel has logged it.
	ByLog Evidence = "log"
	// ByPolicy: the policy says so, asked afterwards.
	ByPolicy Evidence = "policy"
)

// likeness is how well a record has to fit an operation.
type likeness int

const (
	// exactly: it is about the operation's file, or what it is about has no name.
	exactly likeness = iota
	// loosely: the names may be others, as those on both ends of a symbolic link are.
	loosely
)

// refusedByModule explains an operation by the record of its refusal.
func (e *explanation) refusedByModule(how likeness) bool {
	i := slices.IndexFunc(e.refusals, func(r observation.Refusal) bool { return e.fits(r, how) })
	if i < 0 {
		return false
	}
	r := e.refusals[i]
	m := Module{Name: r.Module, Label: r.Label}
	why := m.words() + " refuses it"
	if r.Capability != "" {
		why = m.words() + " refuses the capability (" + r.Capability + "), which the container has"
	}
	if e.env.ModuleLog != "" {
		why += "; " + e.env.ModuleLog + " has the record"
	}
	e.failByModule(Refuser{Module: m, ShownBy: ByLog, Record: r.Record, Rule: r.Rule}, why+": "+r.Record)
	return true
}

// ruledOut explains an operation by the policy, where that says that it is refused: much
// of what a policy forbids in so many words is not logged.
func (e *explanation) ruledOut() bool {
	for _, m := range e.env.Modules {
		ruling := e.env.ruling(m, e.op)
		if !ruling.Known || ruling.Allowed {
			continue
		}
		why := m.words() + " refuses it whatever the capabilities"
		if ruling.Silent {
			why += ", and by a deny rule, so that nothing is logged"
		}
		e.failByModule(Refuser{Module: m, ShownBy: ByPolicy}, why)
		return true
	}
	return false
}

func (e *explanation) failByModule(by Refuser, cause string) {
	if function, agreed := agreement(e.op); agreed && !common[function] {
		cause = grantedYet + ": " + cause
	}
	e.failBy(Obstacle{Kind: SecurityModule, Module: by.Name, Certain: true}, cause, []remedy.Remedy{by.remedy(by.Rule)})
	e.failures[len(e.failures)-1].Refuser = &by
}

// narrow leaves those modules that may have refused the operation.
func (e *explanation) narrow() {
	if len(e.env.Modules) == 0 || !e.op.Failed() {
		return
	}
	e.env.ModulesKnown = true
	e.env.Modules = slices.DeleteFunc(slices.Clone(e.env.Modules), func(m Module) bool {
		ruling := e.env.ruling(m, e.op)
		return !mayRefuse(m.Name, e.op) || ruling.Known && ruling.Allowed
	})
}

// mayBeModule is the module that may have refused an operation of which nothing else is
// known that did.
func (e *explanation) mayBeModule() (Module, bool) {
	if len(e.env.Modules) == 0 || !mayRefuse(e.env.Modules[0].Name, e.op) {
		return Module{}, false
	}
	return e.env.Modules[0], true
}

// perhaps adds to a cause that a module may be it, and what speaks for or against that.
func (e *explanation) perhaps(cause string, m Module) string {
	if !strings.Contains(cause, m.words()) {
		cause += "; or " + m.words() + " refuses it"
	}
	switch {
	case e.allRefusals:
		return cause + " (the kernel has logged no refusal of the module's, and it logs not all)"
	case e.env.ModuleLog != "":
		return cause + " (" + e.env.ModuleLog + " may tell)"
	}
	return cause
}

// ruling is what a module's policy says of an operation.
func (env Environment) ruling(m Module, op observation.Operation) observation.Ruling {
	access, ok := accessOf(op)
	if env.Ruling == nil || !ok || m.Label == "" {
		return observation.Ruling{}
	}
	return env.Ruling(m, access)
}

// accessOf is what a policy can be asked about an operation: that takes the whole of
// its path.
func accessOf(op observation.Operation) (observation.Access, bool) {
	a := observation.Access{Path: path.Clean(op.Object.Path)}
	switch {
	case op.Syscall == "mount":
		a = observation.Access{Kind: observation.MountAccess, Path: path.Clean(op.Object.SecondPath), Source: op.Object.Path, Flags: op.Args[3]}
		if a.Flags&unix.MS_BIND != 0 && !path.IsAbs(a.Source) {
			return a, false
		}
	case op.Syscall == "umount" || op.Syscall == "umount2":
		a.Kind = observation.UnmountAccess
	case op.Syscall == "execve":
		a.Kind, a.Execute = observation.FileAccess, true
	case openCalls[op.Syscall]:
		flags, known := openFlags(op)
		if !known || flags&unix.O_PATH != 0 {
			return a, false
		}
		a.Kind = observation.FileAccess
		mode := flags & unix.O_ACCMODE
		a.Read, a.Write = mode != unix.O_WRONLY, mode != unix.O_RDONLY || flags&unix.O_TRUNC != 0
	default:
		return a, false
	}
	return a, path.IsAbs(a.Path)
}

// Calls by what AppArmor mediates them as (security/apparmor/lsm.c).
var (
	mountCalls  = nameSet("mount umount umount2 pivot_root move_mount open_tree fsmount mount_setattr")
	accessCalls = nameSet("ptrace process_vm_readv process_vm_writev process_madvise process_mrelease kcmp pidfd_getfd get_robust_list move_pages migrate_pages setns")
	socketCalls = nameSet("socket socketpair bind connect listen accept accept4 sendto sendmsg sendmmsg recvfrom recvmsg recvmmsg getsockname getpeername getsockopt setsockopt shutdown")
	mapCalls    = nameSet("mmap mmap2 mprotect pkey_mprotect")
	execCalls   = nameSet("execve execveat")
	limitCalls  = nameSet("setrlimit prlimit64")
	spaceCalls  = nameSet("unshare clone clone3")
	lockCalls   = nameSet("flock fcntl fcntl64")
	nodeCalls   = nameSet("mknod mknodat")
	// appArmorFiles are about files, and ask for the access that a rule gives. It has no
	// say in attributes and times.
	appArmorFiles = union(openCalls, lookCalls, writeCalls, nameCalls, nodeCalls, execCalls, mapCalls, lockCalls,
		nameSet("chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat chown32 fchown32 lchown32 read readv pread64 preadv preadv2 sendfile mq_open mq_unlink"))
	appArmorCalls = union(appArmorFiles, mountCalls, accessCalls, socketCalls, limitCalls, spaceCalls, nameSet("io_uring_setup io_uring_enter"))
)

// mayRefuse reports whether a module may have refused an operation in this way. Both say
// EACCES. It is the caller who makes EPERM of it where they refuse a capability, after the
// kernel's own check has agreed, and where they refuse access to a process
// (mm/process_vm_access.c, kernel/kcmp.c).
func mayRefuse(module string, op observation.Operation) bool {
	switch op.Errno {
	case syscall.EPERM:
		return accessCalls[op.Syscall] || hasAgreed(op)
	case syscall.EACCES:
		_, signals := signalCalls[op.Syscall]
		return module != appArmor || appArmorCalls[op.Syscall] || signals || hasAgreed(op)
	}
	return false
}

// fits reports whether a record is about an operation.
func (e *explanation) fits(r observation.Refusal, how likeness) bool {
	op := e.op
	switch {
	case r.PID != op.PID || !mayRefuse(r.Module, op):
		return false
	case r.Capability != "":
		return asked(op, r.Capability)
	case op.Errno != syscall.EACCES && !accessCalls[op.Syscall] || !mediated(r, op):
		return false
	}
	about := op.Object.Path
	if op.Syscall == "mount" || op.Syscall == "move_mount" || op.Syscall == "pivot_root" && r.Module == selinux {
		about = op.Object.SecondPath
	}
	if r.Path == "" || about == "" {
		return true
	}
	whole := path.IsAbs(about) && path.IsAbs(r.Path)
	return how == loosely || path.Clean(about) == r.Path || !whole && path.Base(about) == path.Base(r.Path)
}

// asked reports whether the kernel's own check agreed to a capability, by the name that
// it has in records.
func asked(op observation.Operation, name string) bool {
	return slices.ContainsFunc(op.Checks, func(c observation.Check) bool {
		return c.Granted && strings.EqualFold(c.Capability.Short(), name)
	})
}

// mediated reports whether a record's operation is one that a call makes.
func mediated(r observation.Refusal, op observation.Operation) bool {
	call := op.Syscall
	_, signals := signalCalls[call]
	if r.Module == selinux {
		return mediatedBySELinux(r, call, signals)
	}
	switch r.Operation {
	case "mount", "umount", "pivotroot":
		return mountCalls[call]
	case "ptrace":
		// The files of a process ask too.
		return accessCalls[call] || limitCalls[call] || openCalls[call] || lookCalls[call] || call == "read" || call == "perf_event_open"
	case "signal":
		return signals
	case "setrlimit":
		return limitCalls[call]
	case "userns_create":
		return spaceCalls[call]
	case "change_profile", "change_onexec", "change_hat", "setprocattr", "stack", "stack_onexec":
		return writeCalls[call]
	case "uring_override", "uring_sqpoll":
		return strings.HasPrefix(call, "io_uring_")
	case "exec":
		return execCalls[call]
	}
	switch r.Class {
	case "net", "unix":
		return socketCalls[call]
	}
	return appArmorFiles[call] || socketCalls[call]
}

// mediatedBySELinux is mediated for its classes and permissions
// (security/selinux/include/classmap.h).
func mediatedBySELinux(r observation.Refusal, call string, signals bool) bool {
	first, _, _ := strings.Cut(r.Operation, " ")
	switch {
	case r.Class == "process" || r.Class == "process2":
		switch first {
		case "signal", "sigkill", "sigstop", "signull", "sigchld":
			return signals
		case "ptrace":
			// The files of a process ask too.
			return accessCalls[call] || openCalls[call] || lookCalls[call] || call == "read"
		case "setrlimit", "getrlimit":
			return limitCalls[call]
		case "execmem", "execheap", "execstack":
			return mapCalls[call] || execCalls[call]
		case "transition", "dyntransition", "setexec", "setcurrent", "setfscreate", "setkeycreate", "setsockcreate":
			return execCalls[call] || writeCalls[call]
		}
		return !signals && !appArmorFiles[call] && !mountCalls[call]
	case strings.HasSuffix(r.Class, "socket"):
		return socketCalls[call] || writeCalls[call] || call == "ioctl" || call == "read"
	case first == "mounton" || r.Class == "filesystem":
		return mountCalls[call] || call == "statfs" || call == "fstatfs"
	}
	return !signals && !accessCalls[call] && !limitCalls[call] && !mountCalls[call]
}
