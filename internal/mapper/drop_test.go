package mapper

import (
	"slices"
	"syscall"
	"testing"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/seccomp"
)

// refused is a call of root's that fails with EPERM for want of a capability, after which
// its process goes on.
func refused(call string, c capability.Cap, at string, args ...uint64) observation.Operation {
	op := observation.Operation{
		Executable: "/usr/sbin/daemon", Syscall: call, Arch: "amd64", Errno: syscall.EPERM, Entered: true, Returned: true, WentOn: true,
		Checks: []observation.Check{denied(c, "ns_capable", at)},
	}
	copy(op.Args[:], args)
	return op
}

func TestPrivilegesThatAProcessKeeps(t *testing.T) {
	const uid, gid, groups, chroot, pcap = capability.SetUID, capability.SetGID, capability.SetGID, capability.SysChroot, capability.SetPCap
	const same, same16 = 1<<32 - 1, 1<<16 - 1
	with := func(op observation.Operation, change func(*observation.Operation)) observation.Operation {
		change(&op)
		return op
	}
	ended := func(op *observation.Operation) { op.WentOn = false }
	user := func(op *observation.Operation) { op.UID = 33 }
	names := func(path string) func(*observation.Operation) {
		return func(op *observation.Operation) { op.Object.Path = path }
	}
	// asks for the capabilities of a capset(2), with those that the process has.
	asks := func(asked, permitted capability.Set) observation.Operation {
		return observation.Operation{
			Executable: "/usr/sbin/daemon", Syscall: "capset", Errno: syscall.EPERM, Entered: true, Returned: true, WentOn: true,
			Permitted: permitted, Effective: permitted, Bounding: capability.DockerDefault, Object: observation.Object{Capabilities: asked},
		}
	}
	bounds := func(program string, bounding capability.Set) observation.Operation {
		op := refused("prctl", pcap, "cap_task_prctl", prCapBSetDrop, uint64(capability.NetRaw))
		op.Executable, op.Bounding, op.Object.Capabilities = program, bounding, capability.Of(capability.NetRaw)
		return op
	}
	for _, c := range []struct {
		name string
		op   observation.Operation
		// next is another call of the same run.
		next observation.Operation
		env  Environment
		want string
	}{
		{name: "setuid", op: refused("setuid", uid, "__sys_setuid", 33), want: "it stays root"},
		{name: "setuid of a 32-bit program", op: refused("setuid32", uid, "__sys_setuid", 33), want: "it stays root"},
		{name: "setuid of a process that ended", op: with(refused("setuid", uid, "__sys_setuid", 33), ended)},
		{name: "setuid to root", op: refused("setuid", uid, "__sys_setuid", 0)},
		{name: "setuid of another user", op: with(refused("setuid", uid, "__sys_setuid", 34), user)},
		{name: "setuid by docker exec", op: with(refused("setuid", uid, "__sys_setuid", 33), func(op *observation.Operation) { op.Joined = true })},
		{name: "setuid of a process that gave the capability up", op: refused("setuid", uid, "__sys_setuid", 33), env: Environment{Granted: capability.Of(uid)}},
		{name: "setuid under userns-remap", op: with(refused("setuid", uid, "__sys_setuid", 33), func(op *observation.Operation) { op.UID = 100000 }), env: Environment{RootUID: 100000}, want: "it stays root"},
		{name: "seteuid", op: refused("setresuid", uid, "__sys_setresuid", same, 33, same), want: "it stays root"},
		{name: "the real user alone", op: refused("setreuid", uid, "__sys_setreuid", 33, same)},
		{name: "the real user alone, 16 bits", op: refused("setreuid", uid, "__sys_setreuid", 33, same16)},
		{name: "setreuid", op: refused("setreuid", uid, "__sys_setreuid", 33, 33), want: "it stays root"},
		{name: "setfsuid, which has no error", op: with(refused("setfsuid", uid, "__sys_setfsuid", 33), func(op *observation.Operation) { op.Errno = 0 }), want: "it acts on files as root"},
		{name: "setgid to its own group, which succeeds", op: with(refused("setgid", gid, "__sys_setgid", 33), func(op *observation.Operation) { op.Errno = 0 })},
		{name: "setresgid", op: refused("setresgid", gid, "__sys_setresgid", 33, 33, 33), want: "it stays in the group that it has"},
		{name: "setgroups of none", op: refused("setgroups", groups, "may_setgroups", 0), want: "it keeps its supplementary groups"},
		{name: "setgroups of root's own, as in a job of cron", op: refused("setgroups", groups, "may_setgroups", 1)},
		{name: "setgroups before setuid", op: refused("setgroups", groups, "may_setgroups", 1), next: refused("setuid", uid, "__sys_setuid", 33), want: "it keeps its supplementary groups"},
		{
			name: "setgroups before a setuid that succeeds", op: refused("setgroups", groups, "may_setgroups", 1), want: "it keeps its supplementary groups",
			next: observation.Operation{Executable: "/usr/sbin/daemon", Syscall: "setuid", Args: [6]uint64{33}, Entered: true, Returned: true, Checks: []observation.Check{granted(uid, "__sys_setuid")}},
		},
		{name: "capset that lowers and raises", op: asks(capability.Of(capability.SysTime), capability.Of(capability.Chown, capability.Kill)), want: "it keeps CHOWN, KILL"},
		{name: "capset that keeps all", op: asks(capability.Of(capability.SysTime, capability.Chown), capability.Of(capability.Chown))},
		{name: "capset of a process that has none", op: asks(capability.Of(capability.SysTime), 0)},
		{name: "chroot", op: with(refused("chroot", chroot, "__do_sys_chroot"), names("/var/empty")), want: "it sees all files of the container"},
		{name: "chroot that seccomp refuses", op: with(refused("chroot", chroot, ""), func(op *observation.Operation) { op.Entered, op.Checks, op.Object.Path = false, nil, "." }), env: Environment{Seccomp: seccomp.Default("20.10.24")}, want: "it sees all files of the container"},
		{name: "chroot to where it is", op: with(refused("chroot", chroot, "__do_sys_chroot"), names("/"))},
		{name: "bounding set of a login", op: bounds("/usr/bin/su", capability.DockerDefault), want: "the programs of the login may get NET_RAW"},
		{name: "bounding set of a login that lacks it", op: bounds("/usr/bin/su", 0)},
		{name: "bounding set of a daemon", op: bounds("/usr/sbin/daemon", capability.DockerDefault)},
		{name: "secure bits of a login", op: with(refused("prctl", pcap, "cap_task_prctl", syscall.PR_SET_SECUREBITS), func(op *observation.Operation) { op.Executable = "/usr/bin/su" })},
		{name: "chown", op: refused("fchownat", capability.Chown, "chown_common")},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.op.Number, c.op.Arch = 1, "amd64"
			r := Map(observation.Observation{Operations: []observation.Operation{c.op, c.next}}, onDocker(c.env))
			if len(r.Denials) == 0 && c.want == "" {
				return
			}
			if len(r.Denials) == 0 || r.Denials[0].Keeps != c.want {
				t.Errorf("%+v, want %q", r.Denials, c.want)
			}
		})
	}
}

func TestWhatALoginDropsIsWorded(t *testing.T) {
	op := refused("prctl", capability.SetPCap, "cap_task_prctl", prCapBSetDrop, uint64(capability.NetRaw))
	op.Bounding, op.Object.Capabilities = capability.DockerDefault, capability.Of(capability.NetRaw)
	var meanings []string
	for _, program := range []string{"/usr/sbin/cron", "/usr/sbin/ntpd"} {
		op.Executable = program
		meanings = append(meanings, Map(observation.Observation{Operations: []observation.Operation{op}}, onDocker(Environment{})).Denials[0].Meaning)
	}
	want := []string{"dropping a capability from the bounding set of a login", "dropping a capability from the bounding set, which most daemons can do without"}
	if !slices.Equal(meanings, want) {
		t.Errorf("%q", meanings)
	}
}
