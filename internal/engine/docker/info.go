package docker

import (
	"context"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"

	"github.com/capprof/capprof/internal/engine"
)

// Info asks the engine for its versions and settings and decides whether its
// containers run on this machine's kernel.
func (e *Engine) Info(ctx context.Context) (engine.Info, error) {
	info, err := e.api.Info(ctx)
	if err != nil {
		return engine.Info{}, e.failed("asking the engine for its settings", err)
	}
	version, err := e.api.ServerVersion(ctx)
	if err != nil {
		return engine.Info{}, e.failed("asking the engine for its version", err)
	}
	e.driverLock.Lock()
	e.driver = info.CgroupDriver
	e.driverLock.Unlock()

	out := engine.Info{
		Name:            "Docker",
		Version:         version.Version,
		APIVersion:      e.api.ClientVersion(),
		Runtime:         info.DefaultRuntime,
		RuntimeVersion:  runtimeVersion(version, info),
		StorageDriver:   info.Driver,
		CgroupVersion:   info.CgroupVersion,
		CgroupDriver:    info.CgroupDriver,
		KernelRelease:   info.KernelVersion,
		Architecture:    version.Arch,
		SecurityOptions: info.SecurityOptions,
		Endpoint:        e.endpoint.String(),
		Seccomp:         seccompProfile(info.SecurityOptions),
		RootUID:         rootUID(e.endpoint, info),
	}
	for _, component := range version.Components {
		// Podman answers Docker's API and says so here.
		if strings.HasPrefix(component.Name, "Podman") {
			out.Name = "Podman"
		}
	}
	out.WhyRemote = whyRemote(e.endpoint, info)
	if out.SameKernel = out.WhyRemote == ""; out.SameKernel {
		out.Devices = devicesOf("/dev")
	}
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

// seccompProfile is the profile in an entry such as name=seccomp,profile=builtin.
// The built-in one is called default up to dockerd 20.10 and builtin since.
func seccompProfile(securityOptions []string) string {
	for _, option := range securityOptions {
		fields := strings.Split(option, ",")
		if fields[0] != "name=seccomp" {
			continue
		}
		profile := "default"
		for _, field := range fields[1:] {
			if value, ok := strings.CutPrefix(field, "profile="); ok {
				profile = value
			}
		}
		switch profile {
		case "builtin":
			return "default"
		case "unconfined":
			return ""
		}
		return profile
	}
	return ""
}

// cgroupDriver asks once how the engine names the cgroups of its containers.
func (e *Engine) cgroupDriver(ctx context.Context) (string, error) {
	e.driverLock.Lock()
	defer e.driverLock.Unlock()
	if e.driver == "" {
		info, err := e.api.Info(ctx)
		if err != nil {
			return "", e.failed("asking the engine for its cgroup driver", err)
		}
		e.driver = info.CgroupDriver
	}
	return e.driver, nil
}

// cgroupName is the last component of the container's cgroup path, as runc
// names it from the engine's cgroupsPath (moby daemon/oci_linux.go,
// withCgroups). Without cgroups (rootless on v1, driver "none") there is none.
func cgroupName(driver, id string) string {
	switch driver {
	case "systemd":
		return "docker-" + id + ".scope"
	case "none":
		return ""
	}
	return id
}
