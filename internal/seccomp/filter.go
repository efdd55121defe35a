package seccomp

import (
	"fmt"
	"runtime"
	"slices"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// filter is a profile expanded for one set, indexed by system call. Its zero
// value lets everything pass.
type filter struct {
	rules  map[string][]specs.LinuxSyscall
	other  action
	arches []specs.Arch
}

// action is what a filter does with a call.
type action struct {
	allowed bool
	errno   syscall.Errno
}

// archOf maps the names of GOARCH to libseccomp's, for the conventions that a
// traced machine can have.
var archOf = map[string]specs.Arch{
	"386": specs.ArchX86, "amd64": specs.ArchX86_64,
	"arm": specs.ArchARM, "arm64": specs.ArchAARCH64,
	"ppc64le": specs.ArchPPC64LE, "riscv64": specs.ArchRISCV64,
	"s390x": specs.ArchS390X, "loong64": specs.ArchLOONGARCH64,
}

// newFilter indexes the rules of the calls that keep selects. A nil profile is
// one that switches seccomp off.
func newFilter(p *specs.LinuxSeccomp, keep func(name string) bool) (filter, error) {
	if p == nil {
		return filter{other: action{allowed: true}}, nil
	}
	other, err := actionOf(p.DefaultAction, p.DefaultErrnoRet)
	if err != nil {
		return filter{}, err
	}
	f := filter{rules: map[string][]specs.LinuxSyscall{}, other: other, arches: p.Architectures}
	for _, rule := range p.Syscalls {
		if _, err := actionOf(rule.Action, rule.ErrnoRet); err != nil {
			return filter{}, err
		}
		for _, arg := range rule.Args {
			if arg.Index > 5 || compare(arg.Op) == nil {
				return filter{}, fmt.Errorf("rule for %v: bad condition on argument %d, %q", rule.Names, arg.Index, arg.Op)
			}
		}
		for _, name := range rule.Names {
			if keep(name) {
				f.rules[name] = append(f.rules[name], rule)
			}
		}
	}
	return f, nil
}

// action decides as libseccomp does: a rule without conditions on arguments
// supersedes the others of the same call (db.c:_db_rule_gen), and a foreign
// calling convention ends the process.
func (f filter) action(call Call) action {
	if arch, known := archOf[call.Arch]; known && call.Arch != runtime.GOARCH && !slices.Contains(f.arches, arch) && f.rules != nil {
		return action{}
	}
	rules, ok := f.rules[call.Name]
	if !ok {
		if f.rules == nil {
			return action{allowed: true}
		}
		return f.other
	}
	if i := slices.IndexFunc(rules, func(r specs.LinuxSyscall) bool { return len(r.Args) == 0 }); i >= 0 {
		return mustAction(rules[i])
	}
	for _, r := range rules {
		if matches(r.Args, call.Args) {
			return mustAction(r)
		}
	}
	return f.other
}

// mustAction is the action of a rule that newFilter has seen already.
func mustAction(r specs.LinuxSyscall) action {
	a, _ := actionOf(r.Action, r.ErrnoRet)
	return a
}

func actionOf(a specs.LinuxSeccompAction, errno *uint) (action, error) {
	switch a {
	case specs.ActAllow, specs.ActLog:
		return action{allowed: true}, nil
	case specs.ActErrno:
		if errno == nil {
			return action{errno: syscall.EPERM}, nil
		}
		return action{errno: syscall.Errno(*errno)}, nil
	case specs.ActTrace, specs.ActNotify:
		// Without a tracer or an agent that answers, the call fails with ENOSYS
		// (seccomp(2), SECCOMP_RET_TRACE and SECCOMP_RET_USER_NOTIF).
		return action{errno: syscall.ENOSYS}, nil
	case specs.ActKill, specs.ActKillProcess, specs.ActKillThread, specs.ActTrap:
		return action{}, nil
	default:
		return action{}, fmt.Errorf("unknown action %q", a)
	}
}

// matches evaluates a rule's conditions. All must hold, except that runc takes
// several conditions on one argument as alternatives
// (libcontainer/seccomp:matchCall).
func matches(conditions []specs.LinuxSeccompArg, args [6]uint64) bool {
	perArg := map[uint]int{}
	alternatives := false
	for _, c := range conditions {
		perArg[c.Index]++
		alternatives = alternatives || perArg[c.Index] > 1
	}
	for _, c := range conditions {
		if holds := compare(c.Op)(args[c.Index], c.Value, c.ValueTwo); holds == alternatives {
			return holds
		}
	}
	return !alternatives
}

// compare is nil for an unknown operator.
func compare(op specs.LinuxSeccompOperator) func(arg, value, second uint64) bool {
	switch op {
	case specs.OpEqualTo:
		return func(a, v, _ uint64) bool { return a == v }
	case specs.OpNotEqual:
		return func(a, v, _ uint64) bool { return a != v }
	case specs.OpLessThan:
		return func(a, v, _ uint64) bool { return a < v }
	case specs.OpLessEqual:
		return func(a, v, _ uint64) bool { return a <= v }
	case specs.OpGreaterThan:
		return func(a, v, _ uint64) bool { return a > v }
	case specs.OpGreaterEqual:
		return func(a, v, _ uint64) bool { return a >= v }
	case specs.OpMaskedEqual:
		return func(a, mask, v uint64) bool { return a&mask == v }
	default:
		return nil
	}
}
