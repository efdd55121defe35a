package mapper

import (
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/seccomp"
)

func TestObstacles(t *testing.T) {
	open := func(path string, errno syscall.Errno) observation.Operation {
		return observation.Operation{Syscall: "openat", Arch: "amd64", Number: 257, Errno: errno, Entered: true, Returned: true, Object: observation.Object{Path: path}}
	}
	plain := Environment{Seccomp: seccomp.Default("20.10.24"), HasDevice: func(p string) bool { return slices.Contains([]string{"/dev/fuse", "/dev/dri"}, p) }}
	confined := plain
	confined.Modules = []Module{{Name: appArmor, Label: "docker-default"}}
	node := func(syscall string, args ...uint64) observation.Operation {
		op := observation.Operation{Syscall: syscall, Entered: true, Returned: true, Object: observation.Object{Path: "/tmp/node"}}
		copy(op.Args[:], args)
		return op
	}
	refusedEarly := observation.Operation{Syscall: "keyctl", Arch: "amd64", Number: 250, Errno: unix.EPERM, Returned: true}
	for _, c := range []struct {
		name string
		env  Environment
		ops  []observation.Operation
		want Obstacle
		none bool // no failure at all
	}{
		{name: "a device that the container has not", env: plain, ops: []observation.Operation{open("/dev/fuse", unix.ENOENT)}, want: Obstacle{Kind: NoDevice, Path: "/dev/fuse"}},
		{name: "a directory of devices", env: plain, ops: []observation.Operation{open("/dev/dri/", unix.ENOENT)}, want: Obstacle{Kind: NoDevice, Path: "/dev/dri"}},
		{name: "a device that the machine has not either", env: plain, ops: []observation.Operation{open("/dev/kvm", unix.ENOENT)}, none: true},
		{name: "a missing device on a machine that cannot be seen", env: Environment{}, ops: []observation.Operation{open("/dev/fuse", unix.ENOENT)}, none: true},
		{name: "device rules", env: plain, ops: []observation.Operation{open("/dev/fuse", unix.EPERM)}, want: Obstacle{Kind: NoDevice, Path: "/dev/fuse"}},
		{name: "a node made by the workload", env: plain, ops: []observation.Operation{node("mknodat", 0, 0, unix.S_IFCHR|0o600, 10<<8|229), open("/tmp/node", unix.EPERM)}, want: Obstacle{Kind: NoDeviceRule, Path: "/tmp/node", Rule: "c 10:229"}},
		{name: "a block device of a large number", env: plain, ops: []observation.Operation{node("mknod", 0, unix.S_IFBLK, 259<<8|0x34|0x12<<20), open("/tmp/node", unix.EPERM)}, want: Obstacle{Kind: NoDeviceRule, Path: "/tmp/node", Rule: "b 259:4660"}},
		{name: "a pipe made by the workload", env: plain, ops: []observation.Operation{node("mknod", 0, unix.S_IFIFO, 0), open("/tmp/node", unix.EPERM)}},
		{name: "read-only /sys", env: plain, ops: []observation.Operation{open("/sys/kernel/mm/ksm/run", unix.EROFS)}, want: Obstacle{Kind: ReadOnlySys, Path: "/sys/kernel/mm/ksm/run"}},
		{name: "read-only /proc/sys", env: plain, ops: []observation.Operation{open("/proc/sys/vm/swappiness", unix.EROFS)}, want: Obstacle{Kind: SystemPath, Path: "/proc/sys/vm/swappiness"}},
		{name: "a sysctl of the network namespace", env: plain, ops: []observation.Operation{open("/proc/sys/net/ipv4/conf/all/src_valid_mark", unix.EROFS)}, want: Obstacle{Kind: NamespacedSysctl, Path: "/proc/sys/net/ipv4/conf/all/src_valid_mark", Sysctl: "net.ipv4.conf.all.src_valid_mark"}},
		{name: "the same of another's network namespace", env: Environment{SharedNetwork: true}, ops: []observation.Operation{open("/proc/sys/net/core/somaxconn", unix.EROFS)}, want: Obstacle{Kind: SystemPath, Path: "/proc/sys/net/core/somaxconn"}},
		{name: "a sysctl of the IPC namespace", env: plain, ops: []observation.Operation{open("/proc/sys/fs/mqueue/msg_max", unix.EROFS)}, want: Obstacle{Kind: NamespacedSysctl, Path: "/proc/sys/fs/mqueue/msg_max", Sysctl: "fs.mqueue.msg_max"}},
		{name: "a read-only root", env: confined, ops: []observation.Operation{open("/system/file", unix.EROFS)}},
		{name: "seccomp", env: plain, ops: []observation.Operation{refusedEarly}, want: Obstacle{Kind: SeccompProfile, Call: "keyctl"}},
		{name: "a file's own rules", env: plain, ops: []observation.Operation{open("/data/immutable", unix.EPERM)}},
		{name: "the same under AppArmor", env: confined, ops: []observation.Operation{open("/data/immutable", unix.EPERM)}},
		{name: "what AppArmor may have refused", env: confined, ops: []observation.Operation{open("/data/file", unix.EACCES)}, want: Obstacle{Kind: SecurityModule, Module: appArmor}},
	} {
		t.Run(c.name, func(t *testing.T) {
			failures := Map(observation.Observation{Operations: c.ops}, onDocker(c.env)).Failures
			if c.none {
				if len(failures) > 0 {
					t.Errorf("%+v", failures)
				}
				return
			}
			if len(failures) != 1 || failures[0].Obstacle != c.want || failures[0].Cause == "" {
				t.Errorf("%+v, want %+v", failures, c.want)
			}
		})
	}
}
