package mapper

import (
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/capprof/capprof/internal/advice"
	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/observation"
)

// What a mount refuses is told by the mount, as far as it is known: the words are
// those of the option that made it.
func TestMountsTellTheCause(t *testing.T) {
	env := Environment{Mounts: []Mount{
		{Target: "/", Kind: RootFS, ReadOnly: true},
		{Target: "/data", Kind: Volume, ReadOnly: true},
		{Target: "/data/cache", Kind: Tmpfs, NoExec: true, NoDev: true},
		{Target: "/ro", Kind: Tmpfs, ReadOnly: true, NoExec: true},
	}}
	for _, c := range []struct {
		call, path    string
		errno         syscall.Errno
		cause, better string
	}{
		{"openat", "/etc/x", unix.EROFS, "the root file system is mounted read-only", "--tmpfs /etc or a volume; or run without --read-only"},
		{"openat", "/data/x", unix.EROFS, "the volume at /data is mounted read-only", "without :ro"},
		{"openat", "/data/../ro/x", unix.EROFS, "the tmpfs at /ro is mounted read-only", "without the option ro: --tmpfs /ro"},
		{"openat", "/database/x", unix.EROFS, "the root file system", "--tmpfs /database"},
		{"openat", "data/x", unix.EROFS, "the file system is read-only", "volume"},
		{"openat", "/data/cache/x", unix.EROFS, "the file system is read-only", "volume"},
		{"openat", "/proc/sys/net/core/somaxconn", unix.EROFS, "/proc/sys is mounted read-only", "--sysctl net.core.somaxconn=VALUE"},
		{"openat", "/proc/sys/kernel/sem", unix.EROFS, "/proc/sys is mounted read-only", "--sysctl kernel.sem=VALUE"},
		{"openat", "/proc/sys/vm/swappiness", unix.EROFS, "/proc/sys is mounted read-only", "set vm.swappiness on the host"},
		{"openat", "/proc/irq/1/smp_affinity", unix.EROFS, "/proc/irq is mounted read-only", "systempaths=unconfined"},
		{"mkdir", "/sys/fs/cgroup/x", unix.EROFS, "/sys/fs/cgroup is mounted read-only", "--cgroupns=host"},
		{"openat", "/sys/kernel/x", unix.EROFS, "/sys is mounted read-only", "--volume /sys/kernel/x:/sys/kernel/x"},
		{"execve", "/data/cache/x", unix.EACCES, "the tmpfs at /data/cache is mounted noexec", "--tmpfs /data/cache:exec"},
		{"execve", "/dev/shm/x", unix.EACCES, "/dev/shm is mounted noexec", "--tmpfs /dev/shm:exec"},
		{"execve", "/bin/x", unix.EACCES, "no execute bit", "chmod +x"},
		{"execve", "/data/x", unix.EACCES, "not executable", "chmod +x in the volume"},
		{"execve", "bin/x", unix.EACCES, "noexec", "chmod +x"},
		{"openat", "/data/cache/node", unix.EACCES, "the tmpfs at /data/cache is mounted nodev", "--device"},
		{"write", "/data/cache/x", unix.ENOSPC, "the tmpfs at /data/cache is full", "--tmpfs /data/cache:size=SIZE"},
		{"write", "/dev/shm/x", unix.ENOSPC, "/dev/shm is full", "--shm-size"},
		{"write", "/var/x", unix.ENOSPC, "the file system is full", "volume"},
	} {
		op := observation.Operation{Syscall: c.call, Errno: c.errno, Entered: true, Returned: true, Object: observation.Object{Path: c.path}}
		r := Map(observation.Observation{Operations: []observation.Operation{op}}, onDocker(env))
		if len(r.Failures) != 1 || len(r.Denials) != 0 {
			t.Errorf("%s(%s): %+v", c.call, c.path, r)
			continue
		}
		if f := r.Failures[0]; !strings.Contains(f.Cause, c.cause) || !strings.Contains(advice.Sentence(f.Remedies, advice.Docker), c.better) {
			t.Errorf("%s(%s): %s; %s", c.call, c.path, f.Cause, advice.Sentence(f.Remedies, advice.Docker))
		}
	}
}

// Causes that are known not to hold here are not offered.
func TestWhatCannotBeTheCauseIsNotSaid(t *testing.T) {
	file := func(flags uint64, checks ...observation.Check) observation.Operation {
		return observation.Operation{
			Syscall: "openat", Errno: unix.EACCES, Entered: true, Returned: true, Args: [6]uint64{0, 0, flags},
			Object: observation.Object{Path: "/srv/x"}, Checks: checks,
		}
	}
	root := []Mount{{Target: "/", Kind: RootFS}}
	off := map[string]string{"fs.protected_regular": "0", "fs.protected_fifos": "0", "fs.protected_symlinks": "0"}
	on := map[string]string{"fs.protected_regular": "2", "fs.protected_fifos": "0", "fs.protected_symlinks": "1"}
	read := granted(capability.DACReadSearch, "capable_wrt_inode_uidgid", "generic_permission")
	for name, c := range map[string]struct {
		op         observation.Operation
		env        Environment
		says, lack []string
	}{
		"all is off": {file(0), Environment{Settings: off, Mounts: root}, []string{"a security module"}, []string{"one of these", "sticky", "nodev", "NFS"}},
		"all is on": {
			file(unix.O_CREAT),
			Environment{Settings: on, Mounts: root},
			[]string{"one of these", "fs.protected_regular", "fs.protected_symlinks", "a security module"},
			[]string{"NFS"},
		},
		"not for creation": {file(0), Environment{Settings: on, Mounts: root}, []string{"fs.protected_symlinks"}, []string{"fs.protected_regular"}},
		"nothing is known": {file(unix.O_CREAT), Environment{}, []string{"fs.protected_regular", "fs.protected_symlinks"}, nil},
		"a volume":         {file(0), Environment{Settings: off, Mounts: append(root, Mount{Target: "/srv", Kind: Volume})}, []string{"root_squash", "a security module"}, []string{"sticky"}},
		"AppArmor, after the capability": {
			file(0, read),
			Environment{Settings: off, Mounts: root, Modules: []Module{{Name: appArmor, Label: "docker-default"}}},
			[]string{grantedYet, "AppArmor's profile docker-default", "apparmor=PROFILE"},
			[]string{"SELinux", "sticky"},
		},
		"SELinux, after the capability": {
			file(0, read),
			Environment{Settings: off, Mounts: root, Modules: []Module{{Name: selinux, Label: "container_t"}}},
			[]string{grantedYet, "SELinux's domain container_t", ":z on the volume"},
			[]string{"AppArmor"},
		},
	} {
		r := Map(observation.Observation{Operations: []observation.Operation{c.op}}, onDocker(c.env))
		if len(r.Failures) != 1 {
			t.Errorf("%s: %+v", name, r)
			continue
		}
		words := r.Failures[0].Cause + "; " + advice.Sentence(r.Failures[0].Remedies, advice.Docker)
		for _, part := range c.says {
			if !strings.Contains(words, part) {
				t.Errorf("%s: lacks %q: %s", name, part, words)
			}
		}
		for _, part := range c.lack {
			if strings.Contains(words, part) {
				t.Errorf("%s: %q cannot be: %s", name, part, words)
			}
		}
	}
}
