package mapper

import "slices"

// onDocker is an environment with the mounts that Docker makes by itself (moby
// daemon/pkg/oci/defaults.go). The user's lie over them.
func onDocker(env Environment) Environment {
	env.Mounts = slices.Concat([]Mount{
		{Target: "/proc", NoExec: true, NoDev: true},
		{Target: "/proc/bus", ReadOnly: true},
		{Target: "/proc/fs", ReadOnly: true},
		{Target: "/proc/irq", ReadOnly: true},
		{Target: "/proc/sys", ReadOnly: true},
		{Target: "/proc/sysrq-trigger", ReadOnly: true},
		{Target: "/sys", ReadOnly: true, NoExec: true, NoDev: true},
		{Target: "/sys/fs/cgroup", ReadOnly: true, NoExec: true, NoDev: true},
		{Target: "/dev"},
		{Target: "/dev/shm", NoExec: true, NoDev: true},
		{Target: "/dev/mqueue", NoExec: true, NoDev: true},
	}, env.Mounts)
	return env
}
