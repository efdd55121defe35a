package runner

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/observation"
)

// reaction is what a program does about a refusal.
type reaction int

const (
	dies       reaction = iota // exits at once
	failsLater                 // goes on, and exits with an error in the end
	survives
	hangs // until it is killed
)

// sight is what a trace sees of a refusal.
type sight int

const (
	checked    sight = iota // a refused check in a failed call
	hidden                  // nothing
	bySeccomp               // a call that seccomp refused: chroot(2), which SYS_CHROOT opens
	outOfReach              // a refused check, whatever the container was granted: the process is not root's
	hopeless                // a failed call without any check
	quiet                   // a refused check in a call that has no error to return: setfsuid(2)
)

// step is one thing that a program does, for which it takes one of some
// capabilities, or none at all.
type step struct {
	anyOf capability.Set
	then  reaction
	sight sight
	// entered says that a process from outside does it.
	entered bool
	// shown is what the trace shows of a refusal, nil for what sight says.
	shown []observation.Operation
	// closed is a sysctl that lets it pass by itself unless it has the kernel's
	// default.
	closed string
	// relaxation is the option that lets it pass by itself.
	relaxation string
}

// program is a workload of the tests' own kernel.
type program struct {
	// steps are those of the program's run with that number (from 1) and set.
	steps func(run int, set capability.Set) []step
	// takes is how long a run lasts that neither dies early nor hangs, dying how
	// long one does that dies.
	takes, dying time.Duration
	// fileCaps are those of its executable, without which execve(2) refuses it.
	fileCaps capability.Set
	// start, when it is not nil, is why it cannot be started with a set.
	start func(set capability.Set) *engine.StartError
	// reads says that it reads its standard input to the end before its steps, and
	// fails when it is not this.
	reads string
	// output is what it writes on stderr before it ends.
	output string
	// exit is the code of a run that did all its steps.
	exit int
	// serves says that a run that did all its steps goes on until it is stopped, ends
	// says that one that does not get that far ends like a job that is done.
	serves, ends bool
}

// does is a program that always does the same.
func does(steps ...step) program {
	return program{steps: func(int, capability.Set) []step { return steps }, takes: time.Second, dying: time.Second / 10}
}

func needs(caps ...capability.Cap) step { return step{anyOf: capability.Of(caps...)} }

func (s step) that(then reaction) step { s.then = then; return s }

func (s step) fromOutside() step { s.entered = true; return s }

func (s step) unless(sysctl string) step { s.closed = sysctl; return s }

// opens is a step that passes with an option of docker run, and fails as shown.
func opens(option string, shown observation.Operation) step {
	shown.Executable, shown.Comm, shown.Arch, shown.Number, shown.Count, shown.Returned = "/bin/program", "program", "amd64", unix.SYS_OPENAT, 1, true
	return step{relaxation: option, sight: hopeless, shown: []observation.Operation{shown}}
}

func (s step) as(how sight) step { s.sight = how; return s }

// fate is the end of a program's run, before time is taken into account.
type fate struct {
	code  int
	hangs bool
	// serves says that it goes on until it is stopped.
	serves bool
	takes  time.Duration
	ops    []observation.Operation
	uses   map[string]uint64
}

func defaultOf(sysctl string) string {
	for _, d := range kernelDefaults {
		if d.Name == sysctl {
			return d.Value
		}
	}
	return ""
}

// run does the program's steps with a set, in a container with those sysctls.
func (p program) run(number int, set capability.Set, sysctls map[string]string, options []string) fate {
	e := fate{code: p.exit, takes: p.takes, uses: map[string]uint64{}}
	late := false
	for i, s := range p.steps(number, set) {
		if s.closed != "" {
			e.uses[s.closed]++
			if sysctls[s.closed] != defaultOf(s.closed) {
				continue
			}
		}
		if s.relaxation != "" && (slices.Contains(options, s.relaxation) || strings.HasPrefix(s.relaxation, "--device ") && slices.Contains(options, "--device /dev")) {
			continue
		}
		if s.sight != outOfReach && s.sight != hopeless && (s.anyOf.Empty() || !s.anyOf.Intersect(set).Empty()) {
			continue
		}
		if s.shown != nil {
			e.ops = append(e.ops, s.shown...)
		} else if s.sight != hidden {
			e.ops = append(e.ops, s.refusal(i, set))
		}
		switch s.then {
		case dies:
			e.code, e.takes = 1, p.dying
			if p.ends {
				e.code = 0
			}
			return e
		case hangs:
			e.hangs = true
			return e
		case failsLater:
			late = true
		}
	}
	if late {
		e.code = 1
	}
	e.serves = p.serves && !late
	return e
}

// refusal is what the tracer shows of a refused step.
func (s step) refusal(i int, set capability.Set) observation.Operation {
	op := observation.Operation{
		Executable: "/bin/program", Comm: "program", PID: 1000 + i, Bounding: set, Permitted: set, Effective: set,
		Arch: "amd64", Number: unix.SYS_OPENAT, Syscall: "openat", Errno: syscall.EPERM, Entered: true, Returned: true,
		Object: observation.Object{Path: fmt.Sprintf("/step/%d", i)}, Count: 1, Joined: s.entered,
	}
	switch s.sight {
	case bySeccomp:
		op.Number, op.Syscall, op.Entered = unix.SYS_CHROOT, "chroot", false
		return op
	case hopeless:
		return op
	case quiet:
		op.Number, op.Syscall, op.Errno = unix.SYS_SETFSUID, "setfsuid", 0
	case outOfReach:
		op.UID, op.Permitted, op.Effective = 1000, 0, 0
	}
	for _, c := range s.anyOf.ByDanger() {
		check := observation.Check{Capability: c, Count: 1}
		if s.sight == quiet {
			check.Stack = []string{"ns_capable_setid", "__sys_setfsuid"}
		}
		op.Checks = append(op.Checks, check)
	}
	return op
}

// refusedExec is what the tracer shows of an execve(2) that file capabilities
// forbid.
func refusedExec(set capability.Set) observation.Operation {
	return observation.Operation{
		Comm: "runc:[2:INIT]", PID: 999, Bounding: set, Permitted: set, Effective: set, Starting: true, Arch: "amd64",
		Number: unix.SYS_EXECVE, Syscall: "execve", Errno: syscall.EPERM, Entered: true, Returned: true,
		Object: observation.Object{Path: "/bin/program"}, Count: 1,
	}
}
