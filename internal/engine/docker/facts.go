package docker

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/seccomp"
)

// about is what an engine says of itself.
type about struct {
	info    system.Info
	version types.Version
	// remote is why its containers cannot be shown to run on this kernel, "" when they
	// do.
	remote string
}

// podman reports whether it is Podman, which answers Docker's API too and says who
// it is among its components.
func (a about) podman() bool {
	return slices.ContainsFunc(a.version.Components, func(c types.ComponentVersion) bool { return strings.HasPrefix(c.Name, "Podman") })
}

// whoIsIt asks the engine once for its settings and its version.
func (e *Engine) whoIsIt(ctx context.Context) (about, error) {
	e.aboutLock.Lock()
	defer e.aboutLock.Unlock()
	if e.about != nil {
		return *e.about, nil
	}
	info, err := look(ctx, e, "its settings", e.api.Info)
	if err != nil {
		return about{}, e.failed("asking the engine for its settings", err)
	}
	version, err := look(ctx, e, "its version", e.api.ServerVersion)
	if err != nil {
		return about{}, e.failed("asking the engine for its version", err)
	}
	e.about = &about{info, version, whyRemote(e.endpoint, info)}
	return *e.about, nil
}

// Facts asks the engine for its versions and settings, decides whether its
// containers run on this machine's kernel, and adds what it is known to give to every
// container.
func (e *Engine) Facts(ctx context.Context) (engine.Facts, error) {
	a, err := e.whoIsIt(ctx)
	if err != nil {
		return engine.Facts{}, err
	}
	options := parseSecurityOptions(a.info.SecurityOptions)
	out := engine.Facts{
		Name:            "Docker",
		Version:         a.version.Version,
		Runtime:         a.info.DefaultRuntime,
		RuntimeVersion:  runtimeVersion(a.version, a.info),
		StorageDriver:   a.info.Driver,
		CgroupVersion:   a.info.CgroupVersion,
		CgroupDriver:    a.info.CgroupDriver,
		KernelRelease:   a.info.KernelVersion,
		Architecture:    a.version.Arch,
		Endpoint:        e.endpoint.String(),
		SecurityModules: options.modules(),
		RootUID:         rootUID(e.endpoint, a.info, options),
		Mounts:          ownMounts,
		// A file system in user space, which the daemon mounts without devices.
		RootNoDev: a.info.Driver == "fuse-overlayfs",
	}
	if a.podman() {
		out.Name = "Podman"
	}
	remapped := options.has("userns") || options.has("rootless")
	if out.Name == "Podman" {
		out.DefaultCapabilities, out.Sysctls = podmanCapabilities(out.Version), podmanSysctls()
	} else {
		out.DefaultCapabilities, out.Sysctls = capability.DockerDefault, dockerSysctls(out.Version, remapped)
	}
	out.WhyRemote = a.remote
	if out.SameKernel = out.WhyRemote == ""; out.SameKernel {
		out.Devices = devicesOf("/dev")
	}
	out.Seccomp = seccompDefault(out, options)
	return out, nil
}

// runtimeVersion is the default runtime's version where the engine tells it:
// engines report runc's alone, whichever runtime is the default.
func runtimeVersion(version types.Version, info system.Info) string {
	if !isRunc(info.DefaultRuntime) {
		return ""
	}
	for _, component := range version.Components {
		if component.Name == "runc" {
			return component.Version
		}
	}
	return info.RuncCommit.ID
}

// isRunc reports whether a runtime's name stands for runc.
func isRunc(runtime string) bool {
	return runtime == "runc" || runtime == "io.containerd.runc.v2"
}

// seccompDefault is the profile that applies when no option says otherwise. One of
// the administrator's is a file on the engine's machine.
func seccompDefault(f engine.Facts, options securityOptions) engine.Seccomp {
	switch name := options.seccompProfile(); name {
	case "":
		return engine.Seccomp{Name: engine.Unconfined}
	case "default":
		return engine.Seccomp{Name: name, Filter: builtinFilter(f.Name, f.Version)}
	default:
		out := engine.Seccomp{Name: name}
		if f.SameKernel {
			if text, err := os.ReadFile(name); err == nil {
				// One that cannot be read is unknown, which the search can do with.
				out.Filter, _ = seccomp.Parse(text)
			}
		}
		return out
	}
}

// builtinFilter is an engine's built-in profile; nil for one whose profile is not
// known. Podman's (containers/common pkg/seccomp) came from moby's and has gone its
// own way since: neither moby's newest nor its history explains it.
func builtinFilter(name, version string) *seccomp.Profile {
	if name != "Docker" {
		return nil
	}
	return seccomp.Default(version)
}

// cgroupName is the last component of the container's cgroup path, as runc
// names it from the engine's cgroupsPath (moby daemon/oci_linux.go, withCgroups;
// Podman: libpod/container_internal_linux.go, getOCICgroupPath). Without cgroups
// (rootless on v1, driver "none") there is none.
func cgroupName(a about, id string) string {
	switch podman := a.podman(); {
	case a.info.CgroupDriver == "none":
		return ""
	case a.info.CgroupDriver == "systemd" && podman:
		return "libpod-" + id + ".scope"
	case a.info.CgroupDriver == "systemd":
		return "docker-" + id + ".scope"
	case podman:
		return "libpod-" + id
	}
	return id
}
