package docker

import (
	"strings"

	"github.com/capprof/capprof/internal/engine"
)

// securityOptions are what an engine confines containers by, as docker info lists
// it: by name, with settings such as profile=builtin. Engines write
// name=seccomp,profile=default; very old ones the bare name.
type securityOptions map[string]map[string]string

func parseSecurityOptions(list []string) securityOptions {
	out := securityOptions{}
	for _, entry := range list {
		name, settings := "", map[string]string{}
		for field := range strings.SplitSeq(entry, ",") {
			key, value, ok := strings.Cut(field, "=")
			switch {
			case !ok:
				name = key
			case key == "name":
				name = value
			default:
				settings[key] = value
			}
		}
		if name != "" {
			out[name] = settings
		}
	}
	return out
}

func (o securityOptions) has(name string) bool { _, ok := o[name]; return ok }

// modules are the security modules, in the order of their names.
func (o securityOptions) modules() []engine.SecurityModule {
	var all []engine.SecurityModule
	for _, module := range []engine.SecurityModule{engine.AppArmor, engine.SELinux} {
		if o.has(string(module)) {
			all = append(all, module)
		}
	}
	return all
}

// seccompProfile is "default" for the built-in profile, "" without seccomp, or a
// file. The built-in one is called default up to dockerd 20.10 and builtin since.
func (o securityOptions) seccompProfile() string {
	settings, ok := o["seccomp"]
	if !ok {
		return ""
	}
	switch profile := settings["profile"]; profile {
	case "", "builtin":
		return "default"
	case "unconfined":
		return ""
	default:
		return profile
	}
}
