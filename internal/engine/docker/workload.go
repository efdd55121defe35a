package docker

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/capprof/capprof/internal/capability"
	"github.com/capprof/capprof/internal/workload"
)

// settings translates a workload into what docker run sends for the same flags
// (docker/cli, cli/command/container/opts.go), with the capabilities of grant
// and no others.
func settings(w workload.Spec, grant capability.Set, env environment, read func(path string) (string, error)) (*container.Config, *container.HostConfig, error) {
	variables, err := environmentVariables(w.Env, env)
	if err != nil {
		return nil, nil, err
	}
	binds, anonymous, err := volumes(w.Volumes)
	if err != nil {
		return nil, nil, err
	}
	devices, requests, err := devices(w.Devices)
	if err != nil {
		return nil, nil, err
	}
	config := &container.Config{
		Image:        w.Image,
		Cmd:          w.Command,
		Entrypoint:   w.Entrypoint,
		Env:          variables,
		WorkingDir:   w.WorkingDir,
		User:         w.User,
		Volumes:      anonymous,
		Tty:          w.TTY,
		OpenStdin:    w.Interactive,
		AttachStdin:  w.Interactive,
		AttachStdout: true,
		AttachStderr: true,
		// The end of our stdin is the end of the workload's.
		StdinOnce: w.Interactive,
	}
	network := w.Network
	if network == "" {
		network = "default"
	}
	host := &container.HostConfig{
		Binds:          binds,
		CapDrop:        []string{"ALL"},
		CapAdd:         grant.ShortNames(),
		NetworkMode:    container.NetworkMode(network),
		ReadonlyRootfs: w.ReadOnly,
		Sysctls:        w.Sysctls,
		Tmpfs:          tmpfs(w.Tmpfs),
		CgroupnsMode:   container.CgroupnsMode(w.CgroupNS),
		Resources:      container.Resources{Devices: devices, DeviceRequests: requests, DeviceCgroupRules: w.DeviceCgroupRules},
	}
	if err := applySecurityOptions(host, w.SecurityOpt, read); err != nil {
		return nil, nil, err
	}
	return config, host, nil
}

// environmentVariables fills in the values of names that stand alone. One that
// is not set here stays a bare name, by which the engine takes the variable
// away from the image's.
func environmentVariables(entries []string, env environment) ([]string, error) {
	out := make([]string, 0, len(entries))
	for _, entry := range entries {
		name, _, hasValue := strings.Cut(entry, "=")
		if name == "" {
			return nil, fmt.Errorf("invalid environment variable %q: it has no name", entry)
		}
		if value, set := env(name); !hasValue && set {
			entry = name + "=" + value
		}
		out = append(out, entry)
	}
	return out, nil
}

// volumes sorts --volume arguments into binds, which hold host paths and named
// volumes alike, and anonymous volumes. What follows the target (ro, z, nocopy,
// rshared) is the engine's to understand.
func volumes(specs []string) (binds []string, anonymous map[string]struct{}, err error) {
	for _, spec := range specs {
		source, rest, isBind := strings.Cut(spec, ":")
		switch {
		case spec == "" || source == "" || isBind && rest == "":
			return nil, nil, fmt.Errorf("invalid volume %q: empty section between colons", spec)
		case strings.Count(rest, ":") > 1:
			return nil, nil, fmt.Errorf("invalid volume %q: too many colons", spec)
		case !isBind:
			if anonymous == nil {
				anonymous = make(map[string]struct{})
			}
			anonymous[spec] = struct{}{}
			continue
		}
		// docker takes what starts with a dot as a path relative to here, and any
		// other relative name as a named volume.
		if strings.HasPrefix(source, ".") {
			absolute, err := filepath.Abs(source)
			if err != nil {
				return nil, nil, fmt.Errorf("volume %q: %w", spec, err)
			}
			source = absolute
		}
		binds = append(binds, source+":"+rest)
	}
	return binds, anonymous, nil
}

// tmpfs splits PATH[:OPTIONS]; the options are the engine's to understand.
func tmpfs(specs []string) map[string]string {
	mounts := make(map[string]string, len(specs))
	for _, spec := range specs {
		target, options, _ := strings.Cut(spec, ":")
		mounts[target] = options
	}
	return mounts
}

var (
	// A device of the Container Device Interface, vendor/class=name.
	cdiDevice = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*/[\w.-]+=[\w.:-]+$`)
	// Any of read, write and mknod, each at most once (checked apart).
	devicePermissions = regexp.MustCompile(`^[rwm]{1,3}$`)
)

// devices reads HOST[:CONTAINER][:PERMISSIONS] and CDI names.
func devices(specs []string) ([]container.DeviceMapping, []container.DeviceRequest, error) {
	var mappings []container.DeviceMapping
	var cdi []string
	for _, spec := range specs {
		if cdiDevice.MatchString(spec) {
			cdi = append(cdi, spec)
			continue
		}
		mapping, err := device(spec)
		if err != nil {
			return nil, nil, fmt.Errorf("invalid device %q: %w", spec, err)
		}
		mappings = append(mappings, mapping)
	}
	if cdi == nil {
		return mappings, nil, nil
	}
	return mappings, []container.DeviceRequest{{Driver: "cdi", DeviceIDs: cdi}}, nil
}

// device reads one HOST[:CONTAINER][:PERMISSIONS].
func device(spec string) (container.DeviceMapping, error) {
	parts := strings.Split(spec, ":")
	out := container.DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
	switch len(parts) {
	case 1:
	case 2:
		if isPermissions(parts[1]) {
			out.CgroupPermissions = parts[1]
		} else {
			out.PathInContainer = parts[1]
		}
	case 3:
		if !isPermissions(parts[2]) {
			return out, fmt.Errorf("bad permissions %q (any of r, w and m)", parts[2])
		}
		out.PathInContainer, out.CgroupPermissions = parts[1], parts[2]
	default:
		return out, errors.New("too many colons")
	}
	if out.PathOnHost == "" || !path.IsAbs(out.PathInContainer) {
		return out, errors.New("the path is not absolute")
	}
	return out, nil
}

// isPermissions reports whether s is a device cgroup access such as rw.
func isPermissions(s string) bool {
	return devicePermissions.MatchString(s) &&
		strings.Count(s, "r") < 2 && strings.Count(s, "w") < 2 && strings.Count(s, "m") < 2
}
