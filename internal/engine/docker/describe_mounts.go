package docker

import (
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/mount"

	"github.com/capprof/capprof/internal/workload"
)

// anonymousName is the name that engines give to a volume without one (moby
// pkg/stringid, Podman's stringid).
var anonymousName = regexp.MustCompile(`^[0-9a-f]{64}$`)

// readVolumes are the --volume: binds and named volumes, and anonymous ones that are not the
// image's. docker-compose 1 names the anonymous volumes of the container before.
func readVolumes(o original) []string {
	var all, anonymous []string
	covered := map[string]bool{}
	for target := range o.image.Volumes {
		covered[path.Clean(target)] = true
	}
	for _, m := range o.HostConfig.Mounts {
		covered[path.Clean(m.Target)] = true
	}
	for target := range o.HostConfig.Tmpfs {
		covered[path.Clean(target)] = true
	}
	for _, bind := range o.HostConfig.Binds {
		v, err := workload.ParseVolume(bind)
		if err != nil {
			all = append(all, bind) // to be refused with its reason
			continue
		}
		if anonymousName.MatchString(v.Source) {
			anonymous = append(anonymous, v.Target)
			continue
		}
		covered[path.Clean(v.Target)] = true
		options := slices.DeleteFunc(v.Options, func(option string) bool { return option == "rw" })
		all = append(all, strings.TrimSuffix(v.Source+":"+v.Target+":"+strings.Join(options, ","), ":"))
	}
	for target := range o.Config.Volumes {
		anonymous = append(anonymous, target)
	}
	slices.Sort(anonymous)
	for _, target := range slices.Compact(anonymous) {
		if !covered[path.Clean(target)] {
			all = append(all, target)
		}
	}
	return all
}

// anonymous mounts the container's anonymous volumes by their names.
func (o original) anonymous() []workload.Setting {
	var all []workload.Setting
	for _, m := range o.Mounts {
		if m.Type == mount.TypeVolume && anonymousName.MatchString(m.Name) {
			all = append(all, workload.Setting{Name: "volume", Value: m.Name + ":" + m.Destination})
		}
	}
	return all
}

// writes are the host's directories that a running container can write to: two of the
// same program there may destroy what they keep. Sockets, devices and what the kernel
// shows are made to be shared.
func (o original) writes() []string {
	if o.State == nil || !o.State.Running {
		return nil
	}
	var all []string
	for _, m := range o.Mounts {
		if m.Type != mount.TypeBind || !m.RW || slices.ContainsFunc(madeToBeShared, func(dir string) bool { return m.Source == dir || strings.HasPrefix(m.Source, dir+"/") }) {
			continue
		}
		if o.here {
			if about, err := os.Stat(m.Source); err == nil && !about.IsDir() {
				continue
			}
		}
		all = append(all, m.Source)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

var madeToBeShared = []string{"/dev", "/proc", "/run", "/sys", "/var/run"}

// readVolumesFrom names the containers whose volumes it has.
func readVolumesFrom(o original) []string {
	var all []string
	for _, from := range o.HostConfig.VolumesFrom {
		id, mode, _ := strings.Cut(from, ":")
		value := o.nameOf(id)
		if mode != "" && mode != "rw" {
			value += ":" + mode
		}
		all = append(all, value)
	}
	return all
}

// readMounts are the --mount (docker/cli opts/mount.go).
func readMounts(o original) []string {
	var all []string
	for _, m := range o.HostConfig.Mounts {
		fields := [][2]string{{"type", string(m.Type)}}
		add := func(name, value string) {
			if value != "" {
				fields = append(fields, [2]string{name, value})
			}
		}
		add("source", m.Source)
		add("target", m.Target)
		if m.ReadOnly {
			fields = append(fields, [2]string{"readonly", ""})
		}
		if b := m.BindOptions; b != nil {
			add("bind-propagation", string(b.Propagation))
			switch {
			case b.NonRecursive:
				add("bind-recursive", "disabled")
			case b.ReadOnlyNonRecursive:
				add("bind-recursive", "writable")
			case b.ReadOnlyForceRecursive:
				add("bind-recursive", "readonly")
			}
		}
		if v := m.VolumeOptions; v != nil {
			if v.NoCopy {
				add("volume-nocopy", "true")
			}
			add("volume-subpath", v.Subpath)
			if v.DriverConfig != nil {
				add("volume-driver", v.DriverConfig.Name)
				for _, option := range joined(v.DriverConfig.Options, "=") {
					add("volume-opt", option)
				}
			}
		}
		if i := m.ImageOptions; i != nil {
			add("image-subpath", i.Subpath)
		}
		if t := m.TmpfsOptions; t != nil {
			if t.SizeBytes > 0 {
				add("tmpfs-size", strconv.FormatInt(t.SizeBytes, 10))
			}
			if t.Mode != 0 {
				add("tmpfs-mode", strconv.FormatUint(uint64(t.Mode), 8))
			}
		}
		all = append(all, record(fields))
	}
	return all
}
