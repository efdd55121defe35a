package docker

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/capprof/capprof/internal/workload"
)

// mounted is one mount of a workload, as the create request or the image asks for it.
type mounted struct {
	kind   mount.Type
	target string
	// source is a volume's name, "" for an anonymous one, or a path of the engine's
	// machine.
	source   string
	readOnly bool
	// driver and options are those with which a volume is made that does not exist, and
	// subpath is the part of it that is mounted.
	driver  string
	options map[string]string
	subpath string
	// makesSource says that the engine makes a directory where the source is missing.
	makesSource bool
	// bind is what stands for it in HostConfig.Binds where the request has nothing that
	// could be changed: for what the image or another container brings. It lacks the
	// source.
	bind string
	// from is the container from which it comes (--volumes-from); "" otherwise.
	from string
}

// String names it for people.
func (m mounted) String() string {
	switch {
	case m.kind == mount.TypeBind:
		return m.source
	case m.source == "":
		return "the anonymous volume at " + m.target
	}
	return "the volume " + m.source
}

// mountsOf are the volumes and binds of a create request, and the volumes of the image
// that nothing covers (moby daemon/volumes.go, registerMountPoints, and
// daemon/create_unix.go). What comes from another container is not in it.
func mountsOf(config *container.Config, host *container.HostConfig, ofImage []string) []mounted {
	var all []mounted
	for _, bind := range host.Binds {
		v, err := workload.ParseVolume(bind)
		if err != nil {
			continue // for the engine to refuse
		}
		m := mounted{kind: mount.TypeBind, target: path.Clean(v.Target), source: v.Source, readOnly: v.ReadOnly(), makesSource: true}
		if v.Named() {
			m.kind, m.driver = mount.TypeVolume, host.VolumeDriver
		}
		all = append(all, m)
	}
	for _, given := range host.Mounts {
		m := mounted{kind: given.Type, target: path.Clean(given.Target), source: given.Source, readOnly: given.ReadOnly}
		switch given.Type {
		case mount.TypeVolume:
			if o := given.VolumeOptions; o != nil {
				m.subpath = o.Subpath
				if o.DriverConfig != nil {
					m.driver, m.options = o.DriverConfig.Name, o.DriverConfig.Options
				}
			}
		case mount.TypeBind:
			m.makesSource = given.BindOptions != nil && given.BindOptions.CreateMountpoint
		default:
			continue // a tmpfs, an image: each container has its own
		}
		all = append(all, m)
	}
	for _, target := range slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Keys(config.Volumes)), ofImage))) {
		if !covered(all, host, target) {
			all = append(all, mounted{kind: mount.TypeVolume, target: path.Clean(target), driver: host.VolumeDriver, bind: path.Clean(target)})
		}
	}
	return all
}

// covered reports whether something is mounted at a target.
func covered(all []mounted, host *container.HostConfig, target string) bool {
	target = path.Clean(target)
	for at := range host.Tmpfs {
		if path.Clean(at) == target {
			return true
		}
	}
	return slices.ContainsFunc(all, func(m mounted) bool { return m.target == target }) ||
		slices.ContainsFunc(host.Mounts, func(m mount.Mount) bool { return path.Clean(m.Target) == target })
}

// donated are the mounts that a container hands on with --volumes-from CONTAINER[:MODE].
// As for docker, what the workload mounts itself goes over them.
func donated(donor string, mounts []container.MountPoint) []mounted {
	_, mode, _ := strings.Cut(donor, ":")
	var all []mounted
	for _, point := range mounts {
		m := mounted{kind: point.Type, target: path.Clean(point.Destination), from: donorName(donor), readOnly: !point.RW || mode == "ro"}
		switch point.Type {
		case mount.TypeVolume:
			m.source, m.driver = point.Name, point.Driver
		case mount.TypeBind:
			m.source = point.Source
		default:
			continue
		}
		m.bind = m.target
		if m.readOnly {
			m.bind += ":ro"
		}
		all = append(all, m)
	}
	return all
}

// donorName is the container of a --volumes-from.
func donorName(donor string) string { name, _, _ := strings.Cut(donor, ":"); return name }

// replacement is what the containers of a run mount in place of what the request says.
type replacement struct {
	mounted
	// instead is the source: a volume's name or a path of the engine's machine.
	instead string
}

// apply puts replacements into a create request. donors are the containers whose mounts
// are all among them.
func apply(replacements []replacement, donors []string, config *container.Config, host *container.HostConfig) {
	at := map[string]replacement{}
	for _, r := range replacements {
		at[r.target] = r
		if r.bind != "" {
			// The image's own come without being asked for.
			maps.DeleteFunc(config.Volumes, func(target string, _ struct{}) bool { return path.Clean(target) == r.target })
			host.Binds = append(host.Binds, r.instead+":"+r.bind)
		}
	}
	for i, bind := range host.Binds {
		v, err := workload.ParseVolume(bind)
		if err != nil {
			continue
		}
		if r, ok := at[path.Clean(v.Target)]; ok && r.bind == "" {
			host.Binds[i] = r.instead + strings.TrimPrefix(bind, v.Source)
		}
	}
	for i := range host.Mounts {
		given := &host.Mounts[i]
		r, ok := at[path.Clean(given.Target)]
		if !ok || r.bind != "" {
			continue
		}
		given.Source = r.instead
		if given.VolumeOptions != nil {
			// It is made by now, and a driver would have to be the one that made it.
			options := *given.VolumeOptions
			options.DriverConfig, options.Labels = nil, nil
			given.VolumeOptions = &options
		}
	}
	host.VolumesFrom = slices.DeleteFunc(host.VolumesFrom, func(from string) bool { return slices.Contains(donors, from) })
}
