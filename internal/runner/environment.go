package runner

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/capprof/capprof/internal/engine"
	"github.com/capprof/capprof/internal/grant"
	"github.com/capprof/capprof/internal/mapper"
	"github.com/capprof/capprof/internal/observation"
	"github.com/capprof/capprof/internal/runner/relax"
	"github.com/capprof/capprof/internal/runner/trial"
	"github.com/capprof/capprof/internal/workload"
)

// environmentOf is what the mapper has to know of a workload's runs.
func environmentOf(facts engine.Facts, id engine.Identity, w workload.Spec) mapper.Environment {
	env := mapper.Environment{
		NoNewPrivileges: w.Options.NoNewPrivileges(),
		RootUID:         facts.RootUID,
		Ambient:         facts.Ambient && !id.StartsAsRoot(),
		Mounts:          mountsOf(facts, w),
		Settings:        hostSettings(facts),
		SharedNetwork:   w.Options.SharesNetwork(),
		HasDevice:       facts.HasDevice,
	}
	if filter := id.Seccomp.Filter; filter != nil {
		env.Seccomp = filter
	}
	return env
}

// under is the environment of one run.
func under(env mapper.Environment, grants grant.Set, held []engine.Confinement) mapper.Environment {
	env.Granted = grants.Capabilities
	for _, o := range grants.Options() {
		if relax.LiftsSeccomp(o) {
			env.Seccomp = nil
		}
	}
	env.ModulesKnown = env.ModulesKnown || len(held) > 0
	for _, c := range held {
		if !c.Permissive {
			env.Modules = append(env.Modules, mapper.Module{Name: string(c.Module), Label: c.Label})
		}
	}
	return env
}

// Modules are the security modules of the kernel that the containers run on.
type Modules interface {
	trial.Modules
	// Ruling asks the policy that a module has loaded; the zero value is no answer.
	Ruling(module, label string, a observation.Access) observation.Ruling
	// Log is where a user finds what they refused.
	Log() string
}

// asking lets the mapper ask them; nil is a kernel in which none is in force.
func asking(env mapper.Environment, modules Modules) mapper.Environment {
	if modules == nil {
		env.ModulesKnown = true
		return env
	}
	env.ModuleLog = modules.Log()
	env.Ruling = func(m mapper.Module, a observation.Access) observation.Ruling {
		return modules.Ruling(m.Name, m.Label, a)
	}
	return env
}

// mountsOf are the mounts of a container: the engine's own, and over them those that
// its options make.
func mountsOf(facts engine.Facts, w workload.Spec) []mapper.Mount {
	root := mapper.Mount{Target: "/", Kind: mapper.RootFS, ReadOnly: w.Options.Bool("read-only"), NoDev: facts.RootNoDev}
	mounts := []mapper.Mount{root}
	for _, m := range facts.Mounts {
		mounts = append(mounts, mapper.Mount{Target: m.Target, Kind: mapper.EngineMount, ReadOnly: m.ReadOnly, NoExec: m.NoExec, NoDev: m.NoDev})
	}
	for _, v := range w.Options.Volumes() {
		kind := mapper.Volume
		if v.Source != "" && !v.Named() {
			kind = mapper.Bind
		}
		mounts = append(mounts, mapper.Mount{Target: path.Clean(v.Target), Kind: kind, ReadOnly: v.ReadOnly()})
	}
	for _, t := range w.Options.Tmpfs() {
		// Without other options noexec, nosuid and nodev hold (moby pkg/mount,
		// daemon/oci_linux.go).
		mounts = append(mounts, mapper.Mount{
			Target: path.Clean(t.Target), Kind: mapper.Tmpfs, ReadOnly: t.ReadOnly(), NoExec: !t.Has("exec"), NoDev: !t.Has("dev"),
		})
	}
	return mounts
}

// hostSettings reads the host's settings on which the words of a cause depend;
// none where the containers run on another kernel.
func hostSettings(facts engine.Facts) map[string]string {
	if !facts.SameKernel {
		return nil
	}
	settings := map[string]string{}
	for _, name := range mapper.Settings {
		text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
		switch {
		case err == nil:
			settings[name] = strings.TrimSpace(string(text))
		case errors.Is(err, fs.ErrNotExist):
			// A kernel without the rule does not enforce it.
			settings[name] = "0"
		}
	}
	return settings
}
