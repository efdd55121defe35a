package docker

import (
	"os"
	"strings"

	"github.com/docker/docker/api/types/events"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/seccomp"
)

// dialect is in what the engines differ that answer Docker's API.
type dialect struct {
	kind Kind
	// capabilities are granted when no option says otherwise.
	capabilities capability.Set
	// ambient says that what is added is raised in the ambient set of a user other than
	// root.
	ambient bool
	sysctls map[string]string
	mounts  []engine.Mount
	// rootNoDev says that device nodes do not work on the containers' root file system.
	rootNoDev bool
	rootUID   uint32
	runtime   string
	// builtin is the seccomp profile of a container that says nothing of it.
	builtin *seccomp.Profile
	// scope is what stands before a container's ID in the name of its cgroup: with
	// the cgroupfs driver, and with systemd's, which puts .scope behind it.
	scope, systemdScope string
	// variables are those that the engine puts into every container's environment.
	variables []string

	// attachPrepares says that attaching to a container that does not run has the runtime
	// make it, so that what a start fails with may come before the start.
	attachPrepares bool
	// execDied and died are the events of the end of a further command and of a container.
	execDied, died string
	// namesSignals says that the event of a signal tells which it was.
	namesSignals bool
	// checksHealth says that the engine makes health checks by itself. Podman has timers of
	// systemd make them, where that runs.
	checksHealth bool
}

// dockers is Docker's.
func dockers(a about) dialect {
	options := parseSecurityOptions(a.info.SecurityOptions)
	return dialect{
		kind:         Docker,
		capabilities: capability.DockerDefault,
		sysctls:      dockerSysctls(a.version.Version, options.has("userns") || options.has("rootless")),
		mounts:       dockerMounts,
		// A file system in user space, which the daemon mounts without devices.
		rootNoDev:    a.info.Driver == "fuse-overlayfs",
		runtime:      runtimeVersion(a.version, a.info),
		builtin:      seccomp.Default(a.version.Version),
		systemdScope: "docker-",
		execDied:     string(events.ActionExecDie), died: string(events.ActionDie),
		namesSignals: true, checksHealth: true,
	}
}

// podmans is Podman's, which says in its own API what it gives to containers.
func podmans(a about, info libpodInfo) dialect {
	d := dialect{
		kind:      Podman,
		ambient:   true,
		sysctls:   podmanSysctls(),
		mounts:    podmanMounts,
		rootNoDev: info.noDevices(),
		rootUID:   info.rootUID(),
		scope:     "libpod-", systemdScope: "libpod-",
		variables:      []string{"TERM=xterm", "container=podman", "container=oci"},
		attachPrepares: true,
		execDied:       "exec_died", died: "died",
	}
	var known bool
	if d.capabilities, known = info.capabilities(); !known {
		d.capabilities = podmanCapabilities(a.version.Version)
	}
	// "crun version 1.8.1", and lines on how it was built.
	first, _, _ := strings.Cut(info.Host.OCIRuntime.Version, "\n")
	if words := strings.Fields(first); len(words) > 0 {
		d.runtime = words[len(words)-1]
	}
	// Its built-in profile comes with its package as a file, and differs from version to
	// version.
	if file := info.Host.Security.SeccompProfilePath; a.remote == "" && file != "" {
		if text, err := os.ReadFile(file); err == nil {
			// One that cannot be read is unknown, which the search can do with.
			d.builtin, _ = seccomp.Parse(text)
		}
	}
	return d
}

// cgroupName is the last component of the container's cgroup path, as the runtime names
// it from the engine's cgroupsPath (moby daemon/oci_linux.go, withCgroups; Podman
// libpod/container_internal_linux.go, getOCICgroupPath). crun puts the processes into a
// cgroup "container" below it. Without cgroups (rootless on v1, driver "none") there is
// none.
func (a about) cgroupName(id string) string {
	switch {
	case a.info.CgroupDriver == "none", a.kind == Podman && a.rootless && a.info.CgroupVersion == "1":
		return ""
	case a.info.CgroupDriver == "systemd":
		return a.systemdScope + id + ".scope"
	}
	return a.scope + id
}
