package main

import (
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/kernels/plan"
)

// machine is a kernel under a userland, and what is done there.
type machine struct {
	// name is the kernel's version, as far as it matters.
	name string
	// kernel and userland are Debian's, as package machines takes them. The userland says
	// which versions of the engines there are.
	kernel, userland string
	setups           []setup
}

// setup is an engine and a way to trace on a machine, with what is to be expected.
type setup struct {
	engine plan.Engine
	hook   hook
	// refused are words of the reason for which tracing is refused: the missing feature,
	// and that --no-trace works. Then only that is tried.
	refused []string
	// cases are which of the cases are run.
	cases selection
}

// selection is some of the cases: emulation is slow.
type selection string

// The selections. The first setup of a machine has everything.
const (
	everything selection = "everything"
	// byHook are those in which hooks may differ, byEngine those in which engines may.
	byHook   selection = "by hook"
	byEngine selection = "by engine"
)

// hook is a way to see capability checks.
type hook struct {
	// name is how the table calls it, recorded what a profile has.
	name, recorded string
	// flags make capprof take it.
	flags []string
}

// What a kernel offers. The first that works is taken by itself; the others are forced.
var (
	tracepoint   = hook{name: "tracepoint", recorded: "tp_btf/cap_capable"}
	fexit        = hook{name: "fexit", recorded: "fexit/cap_capable"}
	forcedFexit  = fexit.forced()
	forcedKprobe = hook{name: "kprobe", recorded: "kprobe/cap_capable"}.forced()
	noHook       = hook{name: "none"}
)

func (h hook) forced() hook {
	h.flags = []string{"--hook", h.name}
	return h
}

// The engines. Docker's versions are those of the userlands: 20.10 in bookworm, 26.1 in
// trixie, 28.5 in forky. Podman's are 4.3, 5.4 and 5.8.
var (
	docker           = plan.Engine{Kind: "docker"}
	dockerContainerd = plan.Engine{Kind: "docker", ContainerdStore: true}
	podmanCrun       = plan.Engine{Kind: "podman", Runtime: "crun"}
	podmanRunc       = plan.Engine{Kind: "podman", Runtime: "runc"}
	podmanRootless   = plan.Engine{Kind: "podman", Runtime: "crun", Rootless: true}
)

// matrix is what is tested.
//
// The kernels are those between which something changed that tracing rests on: 5.10 lacks a
// BPF helper; in 6.1 and 6.12, which have no tracepoint, gcc inlines cap_capable() into its own
// file; 6.18 has the tracepoint and task work; 7.x skips programs that are entered while a run
// of theirs is preempted.
var matrix = []machine{
	{name: "5.10", kernel: "bullseye", userland: "bookworm", setups: []setup{
		{engine: docker, hook: noHook, refused: []string{"bpf_task_pt_regs", "--no-trace"}},
	}},
	{name: "6.1", kernel: "bookworm", userland: "bookworm", setups: []setup{
		{engine: docker, hook: fexit, cases: everything},
		{engine: docker, hook: forcedKprobe, cases: byHook},
		{engine: podmanCrun, hook: fexit, cases: byEngine},
	}},
	{name: "6.12", kernel: "trixie", userland: "trixie", setups: []setup{
		{engine: docker, hook: fexit, cases: everything},
		{engine: docker, hook: forcedKprobe, cases: byHook},
		{engine: podmanCrun, hook: fexit, cases: byEngine},
	}},
	{name: "6.18", kernel: "trixie:6.18", userland: "trixie", setups: []setup{
		{engine: docker, hook: tracepoint, cases: everything},
		{engine: docker, hook: forcedFexit, cases: byHook},
		{engine: docker, hook: forcedKprobe, cases: byHook},
		{engine: dockerContainerd, hook: tracepoint, cases: byEngine},
		{engine: podmanRunc, hook: tracepoint, cases: byEngine},
	}},
	{name: "7.x", kernel: "forky", userland: "forky", setups: []setup{
		{engine: docker, hook: tracepoint, cases: everything},
		{engine: docker, hook: forcedFexit, cases: byHook},
		{engine: docker, hook: forcedKprobe, cases: byHook},
		{engine: podmanCrun, hook: tracepoint, cases: byEngine},
		{engine: podmanRootless, hook: tracepoint, cases: byEngine},
	}},
}

// traced says that the tracer works on the machine.
func (m machine) traced() bool { return len(m.setups) > 0 && m.setups[0].refused == nil }

// workload is a case of the matrix and what is right for it, wherever it is run.
type workload struct {
	name string
	// flags are options of docker run, command is what runs in the image.
	flags, command []string
	// needs is the set that is right, and elsewhere the one that is right where the sysctls
	// of the network have the kernel's defaults, if it is another one.
	needs, elsewhere capability.Set
	// initial says that what it does belongs to the initial user namespace, so that no
	// capability helps in another.
	initial bool
	// refuser is the security module that refuses it whatever the capabilities, "" for none.
	refuser string
	// hooks and engines say that it is in the selections byHook and byEngine.
	hooks, engines bool
}

// workloads are the cases. Each is a way in which a need shows, or does not.
var workloads = []workload{
	{name: "nothing", command: []string{"/privop", "nothing"}},
	// A check that is refused.
	{name: "chown", command: []string{"/privop", "chown"}, needs: capability.Of(capability.Chown), hooks: true},
	// Another set for the kernel's defaults.
	{name: "low-port", command: []string{"/privop", "bind-80"}, elsewhere: capability.Of(capability.NetBindService), engines: true},
	// What not every engine grants.
	{name: "mknod", command: []string{"/privop", "mknod"}, needs: capability.Of(capability.MkNod), initial: true, engines: true},
	// The seccomp profile refuses the call, and no check is made.
	{name: "syslog", command: []string{"/privop", "syslog"}, needs: capability.Of(capability.Syslog), initial: true, engines: true},
	// A check that gcc inlined up to 6.12.
	{name: "securebits", command: []string{"/ops", "securebits"}, needs: capability.Of(capability.SetPCap), hooks: true},
	// No check: the set is in the call's argument.
	{name: "capset", command: []string{"/ops", "capset-net-admin"}, needs: capability.Of(capability.NetAdmin)},
	// An inlined check of SETPCAP, which does not help.
	{name: "capset-inheritable", command: []string{"/ops", "inherit-chown"}, needs: capability.Of(capability.Chown), hooks: true},
	// execve is refused without a check.
	{name: "file-capabilities", command: []string{"/ops", "child-file-caps", "print-user"}, needs: capability.Of(capability.NetRaw), hooks: true},
	// One need behind another.
	{name: "drop", command: []string{"/privop", "drop"}, needs: capability.Of(capability.SetGID, capability.SetUID), engines: true},
	// The refusal is in a message.
	{name: "netlink", command: []string{"/privop", "link-down"}, needs: capability.Of(capability.NetAdmin)},
	// The call succeeds and leaves something out.
	{name: "setgid-bit", command: []string{"/privop", "setgid-bit"}, needs: capability.Of(capability.FSetID)},
	// AppArmor, which forbids mounting whatever the capabilities, is on in these machines.
	{
		name: "mount", flags: []string{"--security-opt", "apparmor=unconfined"}, command: []string{"/privop", "mount"},
		needs: capability.Of(capability.SysAdmin),
	},
	{name: "mount-confined", command: []string{"/privop", "mount"}, refuser: "apparmor"},
	// Either of two would do.
	{name: "read", command: []string{"/privop", "read-other"}, needs: capability.Of(capability.DACOverride)},
}

// The cases of a kernel on which tracing is refused: once as it is, and once by removal.
const (
	refusedCase  = "refused"
	untracedCase = "untraced"
)

func (w workload) asked(name string, flags ...string) plan.Case {
	args := append(flags, "--allow", "ALL")
	args = append(append(args, w.flags...), plan.Reference, "--")
	return plan.Case{Name: name, Args: append(args, w.command...)}
}

// asked are the cases that the setup runs.
func (s setup) asked() []plan.Case {
	if s.refused != nil {
		w := workloadOf(refusedCase)
		return []plan.Case{w.asked(refusedCase), w.asked(untracedCase, "--no-trace")}
	}
	var all []plan.Case
	for _, w := range workloads {
		if s.cases == everything || w.hooks && s.cases == byHook || w.engines && s.cases == byEngine {
			all = append(all, w.asked(w.name))
		}
	}
	return all
}

// workloadOf is the workload of a case.
func workloadOf(name string) workload {
	if name == refusedCase || name == untracedCase {
		name = "chown"
	}
	for _, w := range workloads {
		if w.name == name {
			return w
		}
	}
	panic("there is no case " + name)
}

// tooSlow are tests of the tracer whose point is a load that emulation does not bear.
const tooSlow = "TestMillionsOfChecksLoseNothing|TestActivityLosesNothingInAFlood"
