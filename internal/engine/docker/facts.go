package docker

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/seccomp"
)

// about is what an engine says of itself, and what is known of its kind.
type about struct {
	info    system.Info
	version types.Version
	// remote is why its containers cannot be shown to run on this kernel, "" when they
	// do.
	remote string
	// rootless says that it runs without privileges on the machine.
	rootless bool
	dialect
}

// isPodman reports whether it is Podman, which answers Docker's API too and says who
// it is among its components.
func isPodman(version types.Version) bool {
	return slices.ContainsFunc(version.Components, func(c types.ComponentVersion) bool { return strings.HasPrefix(c.Name, "Podman") })
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
	a := about{info: info, version: version, remote: whyRemote(e.endpoint, info)}
	a.rootless = parseSecurityOptions(info.SecurityOptions).has("rootless")
	if isPodman(version) {
		of, err := look(ctx, e, "what it gives to containers", func(ctx context.Context) (of libpodInfo, err error) {
			return of, libpod{e}.ask(ctx, "info", &of)
		})
		if err != nil {
			return about{}, e.failed("asking Podman what it gives to containers", err)
		}
		a.rootless = of.Host.Security.Rootless
		a.dialect = podmans(a, of)
	} else {
		a.dialect = dockers(a)
		a.rootUID = rootUID(e.endpoint, info, parseSecurityOptions(info.SecurityOptions))
	}
	if e.wanted != Any && e.wanted != a.kind {
		return about{}, fmt.Errorf("%w: --engine %s was asked for, and the engine at %s is %s: leave --engine out, or name another address (DOCKER_HOST, %s)",
			engine.ErrNoEngine, e.wanted, e.endpoint, a.kind.Name(), containerHost)
	}
	e.about = &a
	return a, nil
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
		Name:                a.kind.Name(),
		Version:             a.version.Version,
		Runtime:             a.info.DefaultRuntime,
		RuntimeVersion:      a.runtime,
		StorageDriver:       a.info.Driver,
		CgroupVersion:       a.info.CgroupVersion,
		CgroupDriver:        a.info.CgroupDriver,
		KernelRelease:       a.info.KernelVersion,
		Architecture:        a.version.Arch,
		Endpoint:            e.endpoint.String(),
		Rootless:            a.rootless,
		SecurityModules:     options.modules(),
		RootUID:             a.rootUID,
		DefaultCapabilities: a.capabilities,
		Ambient:             a.ambient,
		Sysctls:             a.sysctls,
		Mounts:              a.mounts,
		RootNoDev:           a.rootNoDev,
	}
	if e.endpoint.beside != Any {
		out.Beside = e.endpoint.beside.Name()
	}
	out.WhyRemote = a.remote
	if out.SameKernel = out.WhyRemote == ""; out.SameKernel {
		out.Devices = devicesOf("/dev")
	}
	out.Seccomp = seccompDefault(a, options)
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
func seccompDefault(a about, options securityOptions) engine.Seccomp {
	switch name := options.seccompProfile(); name {
	case "":
		return engine.Seccomp{Name: engine.Unconfined}
	case "default":
		return engine.Seccomp{Name: name, Filter: a.builtin}
	default:
		out := engine.Seccomp{Name: name}
		if a.remote == "" {
			if text, err := os.ReadFile(name); err == nil {
				// One that cannot be read is unknown, which the search can do with.
				out.Filter, _ = seccomp.Parse(text)
			}
		}
		return out
	}
}
