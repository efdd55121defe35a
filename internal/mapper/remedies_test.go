package mapper

import (
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/remedy"
)

var refusedMode = []observation.Check{
	denied(capability.DACReadSearch, "capable_wrt_inode_uidgid", "generic_permission"),
	denied(capability.DACOverride, "capable_wrt_inode_uidgid", "generic_permission"),
}

// TestRemediesSuitTheCall: what helps depends on where the file is, and on what was
// asked for.
func TestRemediesSuitTheCall(t *testing.T) {
	mounts := []Mount{
		{Target: "/", Kind: RootFS},
		{Target: "/var/cache/nginx", Kind: Tmpfs},
		{Target: "/data", Kind: Bind},
		{Target: "/db", Kind: Volume},
	}
	open := func(path string) observation.Operation {
		return observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Checks: refusedMode, Object: observation.Object{Path: path}}
	}
	chown := func(path string, uid int32) observation.Operation {
		return observation.Operation{
			Syscall: "fchownat", Errno: syscall.EPERM, Args: [6]uint64{0, 0, uint64(uint32(uid)), 33}, Object: observation.Object{Path: path},
			Checks: []observation.Check{denied(capability.Chown, "capable_wrt_inode_uidgid", "chown_ok")},
		}
	}
	raw := func(family, protocol uint64) observation.Operation {
		return observation.Operation{
			Syscall: "socket", Errno: syscall.EPERM, Args: [6]uint64{family, unix.SOCK_RAW, protocol},
			Checks: []observation.Check{denied(capability.NetRaw, "ns_capable", "inet_create")},
		}
	}
	everybody := map[string]string{observation.PingGroupRange: "0\t2147483647"}
	for name, c := range map[string]struct {
		op      observation.Operation
		sysctls map[string]string
		env     Environment
		want    []remedy.Remedy
	}{
		"a file of the image":  {op: open("/srv/x"), want: []remedy.Remedy{{Kind: remedy.OwnFile, Path: "/srv/x", User: "0"}, {Kind: remedy.RunAsOwner, Path: "/srv/x"}}},
		"a file on a tmpfs":    {op: open("/var/cache/nginx/a/b"), want: []remedy.Remedy{{Kind: remedy.MountOwner, Mount: "tmpfs", Path: "/var/cache/nginx", User: "0"}, {Kind: remedy.RunAsOwner, Path: "/var/cache/nginx/a/b"}}},
		"a file of the host's": {op: open("/data/x"), want: []remedy.Remedy{{Kind: remedy.MountOwner, Mount: "bind", Path: "/data", User: "0"}, {Kind: remedy.RunAsOwner, Path: "/data/x"}}},
		"a file in a volume":   {op: open("/db/x"), want: []remedy.Remedy{{Kind: remedy.MountOwner, Mount: "volume", Path: "/db", User: "0"}, {Kind: remedy.RunAsOwner, Path: "/db/x"}}},
		"a file next to the mount": {
			op: open("/database"), want: []remedy.Remedy{{Kind: remedy.OwnFile, Path: "/database", User: "0"}, {Kind: remedy.RunAsOwner, Path: "/database"}},
		},
		"a file where users are mapped": {
			op: open("/srv/x"), env: Environment{RootUID: 100000}, want: []remedy.Remedy{{Kind: remedy.OwnFile, Path: "/srv/x"}, {Kind: remedy.RunAsOwner, Path: "/srv/x"}},
		},
		"another process":      {op: open("/proc/17/mem"), want: []remedy.Remedy{{Kind: remedy.Dumpable}}},
		"a device":             {op: open("/dev/kmsg"), want: []remedy.Remedy{{Kind: remedy.DeviceOwner, Path: "/dev/kmsg"}}},
		"an owner":             {op: chown("/srv/x", 33), want: []remedy.Remedy{{Kind: remedy.SetOwner, Path: "/srv/x", User: "33"}}},
		"a group":              {op: chown("/srv/x", -1), want: []remedy.Remedy{{Kind: remedy.SetOwner, Path: "/srv/x"}}},
		"an owner on a tmpfs":  {op: chown("/var/cache/nginx", 33), want: []remedy.Remedy{{Kind: remedy.MountOwner, Mount: "tmpfs", Path: "/var/cache/nginx", User: "33"}}},
		"an owner on a volume": {op: chown("/db/x", 999), want: []remedy.Remedy{{Kind: remedy.MountOwner, Mount: "volume", Path: "/db", User: "999"}}},
		"a mode on a tmpfs": {
			op: observation.Operation{Syscall: "fchmodat", Errno: syscall.EPERM, Object: observation.Object{Path: "/var/cache/nginx"}, Checks: []observation.Check{
				denied(capability.FOwner, "capable_wrt_inode_uidgid", "setattr_prepare"),
			}},
			want: []remedy.Remedy{{Kind: remedy.ActAsOwner, Path: "/var/cache/nginx"}, {Kind: remedy.MountOwner, Mount: "tmpfs", Path: "/var/cache/nginx", User: "0"}},
		},

		"a raw socket for ping": {op: raw(unix.AF_INET, unix.IPPROTO_ICMP), sysctls: map[string]string{observation.PingGroupRange: "1\t0"}, want: []remedy.Remedy{
			{Kind: remedy.DatagramPing, Name: observation.PingGroupRange, Value: everyGroup},
		}},
		"a raw socket for ping6":         {op: raw(unix.AF_INET6, unix.IPPROTO_ICMPV6), sysctls: everybody, want: []remedy.Remedy{{Kind: remedy.DatagramPing}}},
		"ICMP is another protocol there": {op: raw(unix.AF_INET6, unix.IPPROTO_ICMP)},
		"a raw socket for VRRP":          {op: raw(unix.AF_INET, 112)},

		"a user": {
			op:   observation.Operation{Syscall: "setresuid", Errno: syscall.EPERM, Args: [6]uint64{^uint64(0), 33, 33}, Checks: []observation.Check{denied(capability.SetUID, "ns_capable_setid", "__sys_setresuid")}},
			want: []remedy.Remedy{{Kind: remedy.StartAsUser, User: "33"}},
		},
		"a limit": {
			op:   observation.Operation{Syscall: "prlimit64", Errno: syscall.EPERM, Args: [6]uint64{0, unix.RLIMIT_NOFILE}, Checks: []observation.Check{denied(capability.SysResource, "capable", "do_prlimit")}},
			want: []remedy.Remedy{{Kind: remedy.Limit, Name: "nofile"}},
		},
		"a network sysctl": {
			op:   observation.Operation{Syscall: "openat", Errno: syscall.EACCES, Object: observation.Object{Path: "/proc/sys/net/ipv4/ip_forward"}, Checks: []observation.Check{denied(capability.NetAdmin, "ns_capable_noaudit", "net_ctl_permissions")}},
			want: []remedy.Remedy{{Kind: remedy.Sysctl, Name: "net.ipv4.ip_forward"}},
		},
	} {
		c.op.Entered, c.op.Returned, c.op.Arch = true, true, "amd64"
		c.env.Mounts = mounts
		r := Map(observation.Observation{Operations: []observation.Operation{c.op}, Sysctls: c.sysctls}, onDocker(c.env))
		if len(r.Denials) != 1 || !slices.Equal(r.Denials[0].Remedies, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, r.Denials, c.want)
		}
		for _, d := range r.Denials {
			for _, way := range d.Remedies {
				if err := way.Check(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

// A sysctl of the container's own is set by the engine; only the host's take an
// unmasked /proc, or the host.
func TestReadOnlySysctls(t *testing.T) {
	for path, c := range map[string]struct {
		env  Environment
		want remedy.Remedy
	}{
		"/proc/sys/net/ipv4/conf/all/src_valid_mark": {want: remedy.Remedy{Kind: remedy.Sysctl, Name: "net.ipv4.conf.all.src_valid_mark"}},
		"/proc/sys/kernel/shm_rmid_forced":           {want: remedy.Remedy{Kind: remedy.Sysctl, Name: "kernel.shm_rmid_forced"}},
		"/proc/sys/kernel/msgmax":                    {want: remedy.Remedy{Kind: remedy.Sysctl, Name: "kernel.msgmax"}},
		"/proc/sys/kernel/sem":                       {want: remedy.Remedy{Kind: remedy.Sysctl, Name: "kernel.sem"}},
		"/proc/sys/fs/mqueue/msg_max":                {want: remedy.Remedy{Kind: remedy.Sysctl, Name: "fs.mqueue.msg_max"}},
		"/proc/sys/kernel/domainname":                {want: remedy.Remedy{Kind: remedy.Domainname}},
		"/proc/sys/kernel/hostname":                  {want: remedy.Remedy{Kind: remedy.Hostname}},
		"/proc/sys/kernel/core_pattern":              {want: remedy.Remedy{Kind: remedy.HostSysctl, Name: "kernel.core_pattern"}},
		"/proc/sys/net/core/somaxconn":               {env: Environment{SharedNetwork: true}, want: remedy.Remedy{Kind: remedy.HostSysctl, Name: "net.core.somaxconn"}},
	} {
		op := observation.Operation{Syscall: "openat", Errno: unix.EROFS, Entered: true, Returned: true, Object: observation.Object{Path: path}}
		r := Map(observation.Observation{Operations: []observation.Operation{op}}, onDocker(c.env))
		if len(r.Failures) != 1 || !slices.Equal(r.Failures[0].Remedies, []remedy.Remedy{c.want}) {
			t.Errorf("%s: %+v, want %+v", path, r.Failures, c.want)
		}
	}
}

// A script that waits for a server with kill -0 asks for CAP_KILL; the server does
// not.
func TestProbesOfTheWorkloadsOwn(t *testing.T) {
	kill := func(executable string, signal uint64) observation.Operation {
		return observation.Operation{
			Executable: executable, Syscall: "kill", Errno: syscall.EPERM, Entered: true, Returned: true, Args: [6]uint64{17, signal},
			Object: observation.Object{Signal: syscall.Signal(signal), Target: 17}, Checks: []observation.Check{denied(capability.Kill, "ns_capable", "check_kill_permission")},
		}
	}
	for name, c := range map[string]struct {
		op      observation.Operation
		probe   bool
		meaning string
	}{
		"the script's own": {kill("/usr/bin/bash", 0), true, "the workload's own script asks whether another user's process is there: kill(pid, 0)"},
		"a program's":      {kill("/usr/bin/kill", 0), true, "the program asks whether another user's process is there: kill(pid, 0)"},
		"a signal":         {kill("/usr/bin/bash", uint64(unix.SIGTERM)), false, "sending a signal to another user's process"},
	} {
		r := Map(observation.Observation{Operations: []observation.Operation{c.op}}, onDocker(Environment{}))
		if len(r.Denials) != 1 || r.Denials[0].Probe != c.probe || r.Denials[0].Meaning != c.meaning {
			t.Errorf("%s: %+v", name, r.Denials)
			continue
		}
		if asks := slices.Equal(r.Denials[0].Remedies, try(remedy.AskOtherwise)); asks != c.probe {
			t.Errorf("%s: %+v", name, r.Denials[0].Remedies)
		}
	}
}

// Under no-new-privileges nothing that the container is given reaches a process of a
// user without capabilities, so that what it is denied nothing of the container's would have prevented.
func TestNoNewPrivilegesKeepsCapabilitiesOut(t *testing.T) {
	setuid := observation.Operation{
		Executable: "/usr/bin/helper", UID: 1000, NoNewPrivs: true, Syscall: "setuid", Errno: syscall.EPERM, Entered: true, Returned: true,
		Checks: []observation.Check{denied(capability.SetUID, "ns_capable_setid", "__sys_setuid")},
	}
	without := setuid
	without.NoNewPrivs = false
	holding := setuid
	holding.Permitted = capability.Of(capability.Kill)
	root := setuid
	root.UID = 0
	privileges := remedy.Remedy{Kind: remedy.NewPrivileges, Path: "/usr/bin/helper", Capabilities: capability.Of(capability.SetUID)}
	for name, c := range map[string]struct {
		op          observation.Operation
		env         Environment
		unreachable bool
	}{
		"of the process":        {op: setuid, unreachable: true},
		"of the container":      {op: without, env: Environment{NoNewPrivileges: true}, unreachable: true},
		"without it":            {op: without},
		"with a set of its own": {op: holding},
		"as root":               {op: root},
		// Where an engine makes ambient what it adds, execve(2) keeps it.
		"ambient":             {op: setuid, env: Environment{Ambient: true}},
		"ambient, given away": {op: without, env: Environment{Ambient: true, Granted: capability.Of(capability.SetUID)}, unreachable: true},
	} {
		r := Map(observation.Observation{Operations: []observation.Operation{c.op}}, onDocker(c.env))
		if len(r.Denials) != 1 || r.Denials[0].Unreachable != c.unreachable || c.env.Ambient && strings.Contains(r.Denials[0].Why, "root") {
			t.Errorf("%s: %+v", name, r.Denials)
			continue
		}
		if d := r.Denials[0]; c.unreachable && !c.env.Ambient && !slices.Equal(d.Remedies, []remedy.Remedy{privileges, {Kind: remedy.AsRoot}}) {
			t.Errorf("%s: %+v", name, d.Remedies)
		}
	}
	t.Run("what the container has already comes last", func(t *testing.T) {
		op := setuid
		op.Syscall, op.Args = "socket", [6]uint64{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP}
		op.Checks = []observation.Check{denied(capability.NetRaw, "ns_capable", "inet_create")}
		r := Map(observation.Observation{Operations: []observation.Operation{op}, Sysctls: map[string]string{observation.PingGroupRange: everyGroup}}, onDocker(Environment{}))
		if len(r.Denials) != 1 || len(r.Denials[0].Remedies) != 3 || r.Denials[0].Remedies[0].Kind != remedy.NewPrivileges || r.Denials[0].Remedies[1].Value != "" {
			t.Errorf("%+v", r.Denials)
		}
	})
	t.Run("a file's capabilities beyond the bounding set are the container's", func(t *testing.T) {
		op := setuid
		op.Syscall, op.Checks, op.Object.Capabilities = "execve", nil, capability.Of(capability.NetRaw)
		r := Map(observation.Observation{Operations: []observation.Operation{op}}, onDocker(Environment{}))
		if len(r.Denials) != 1 || r.Denials[0].Unreachable {
			t.Errorf("%+v", r.Denials)
		}
	})
}
