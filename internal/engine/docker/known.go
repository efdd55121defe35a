package docker

import (
	"slices"
	"strconv"
	"strings"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
)

// What engines give to a container by themselves, and their API does not tell.

// dockerMounts are what Docker mounts by itself (moby daemon/pkg/oci/defaults.go), with
// the parts of /proc that cannot be written. Masked paths lie in them.
var dockerMounts = []engine.Mount{
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
}

// podmanMounts are what Podman mounts by itself (runtime-tools generate, podman
// pkg/specgen/generate/oci_linux.go): as Docker, but for /dev, which is noexec.
var podmanMounts = func() []engine.Mount {
	mounts := slices.Clone(dockerMounts)
	for i := range mounts {
		mounts[i].NoExec = mounts[i].NoExec || mounts[i].Target == "/dev"
	}
	return mounts
}()

// The sysctls with which low ports and ping need no capability.
const (
	unprivilegedPortStart = "net.ipv4.ip_unprivileged_port_start"
	pingGroupRange        = "net.ipv4.ping_group_range"
)

// dockerSysctls are what dockerd sets since 20.10 (moby daemon/oci_linux.go,
// WithSysctls), ping's not where containers have a user namespace.
func dockerSysctls(version string, userNamespace bool) map[string]string {
	if major := majorOf(version); major != 0 && major < 20 {
		return nil
	}
	sysctls := map[string]string{unprivilegedPortStart: "0"}
	if !userNamespace {
		sysctls[pingGroupRange] = "0 2147483647"
	}
	return sysctls
}

// podmanSysctls are default_sysctls of containers.conf (containers/common
// pkg/config/default.go).
func podmanSysctls() map[string]string { return map[string]string{pingGroupRange: "0 0"} }

// podmanCapabilities are default_capabilities of containers.conf where nothing is said of
// them and Podman does not tell: 11 since Podman
// 4.5, 10 in 4.4, and Docker's before (containers/common pkg/config/default.go,
// v0.50.1, v0.51.0 and v0.52.0).
func podmanCapabilities(version string) capability.Set {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	first, err := strconv.Atoi(major)
	if err != nil {
		return capability.PodmanDefault
	}
	switch second, _ := strconv.Atoi(minor); {
	case first < 4 || first == 4 && second < 4:
		return capability.DockerDefault
	case first == 4 && second == 4:
		return capability.PodmanDefault.Without(capability.SysChroot)
	}
	return capability.PodmanDefault
}

// majorOf is the first number of a version, 0 for a version without one.
func majorOf(version string) int {
	first, _, _ := strings.Cut(version, ".")
	major, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return major
}
